// Shows the edits that the user's last one calls for, and makes or dismisses them. Which they are is the server's choice.
import { commands, Selection, TextEditorRevealType, window, workspace, type Disposable, type TextDocumentChangeEvent, type TextEditor } from "vscode";
import * as settings from "../settings";
import { asRange, Decorations, firstChange } from "./decorations";
import { after, current, dismissed, isAt, without, type NextEdit, type Offer } from "./offer";
import { endOf, type Position } from "./place";

/** Tells the server that an edit is not wanted. */
export type Dismiss = (dismissal: { readonly uri: string; readonly id: string }) => Promise<void>;

/** The keys' conditions look at it. */
const CONTEXT = "infill.nextEditVisible";

export class NextEdits implements Disposable {
  readonly #offers = new Map<string, Offer>();
  readonly #decorations = new Decorations();
  readonly #registered: readonly Disposable[];
  /** The offer that holds once the edit that is being made has been made. */
  #coming: Offer | undefined;
  /** What was dismissed last, of one version of a document. */
  #refused: Offer | undefined;

  constructor(private readonly dismissal: Dismiss) {
    this.#registered = [
      workspace.onDidChangeTextDocument((event) => { this.#changed(event); }),
      workspace.onDidCloseTextDocument(({ uri }) => { this.#drop(uri.toString()); }),
      workspace.onDidChangeConfiguration(() => { if (!isOn()) this.clear(); }),
      window.onDidChangeActiveTextEditor(() => { this.#draw(); }),
      window.onDidChangeVisibleTextEditors(() => { this.#draw(); }),
      window.onDidChangeTextEditorSelection(({ textEditor }) => { if (this.#offerIn(textEditor)) this.#point(textEditor); }),
    ];
  }

  /** Shows what the server offers instead of what it offered before; what is for another version is ignored. */
  offered(offer: Offer): void {
    const document = workspace.textDocuments.find(({ uri }) => uri.toString() === offer.uri);
    if (document?.version !== offer.version || !isOn()) return;
    const { uri, version, edits } = withPlainLineEnds(offer);
    this.#keep({ uri, version, edits: without(edits, this.#refusedOf(offer)) });
  }

  /** Drops everything, as when the server has stopped. */
  clear(): void {
    this.#offers.clear();
    this.#draw();
  }

  /** Goes to the next edit; makes it if the cursor is there. If none waits, the key does what it does `otherwise`. */
  async next({ otherwise }: { readonly otherwise?: string } = {}): Promise<void> {
    if (this.#coming) return; // The key is held down, or another one came before the edit was made.
    const editor = window.activeTextEditor;
    const offer = editor && this.#offerIn(editor);
    const edit = offer && current(offer.edits, editor.selection.active.line);
    if (edit && isSeen(editor, edit)) await this.#make(editor, offer, edit);
    else if (edit) show(editor, edit);
    else if (otherwise) await commands.executeCommand(otherwise);
  }

  /** Dismisses the edit on the cursor's line; if there is none, all of the document. */
  dismiss(): void {
    const editor = window.activeTextEditor;
    const offer = editor && this.#offerIn(editor);
    if (!offer) return;
    const unwanted = dismissed(offer.edits, editor.selection.active.line);
    this.#refused = { ...offer, edits: [...this.#refusedOf(offer), ...unwanted] };
    this.#keep({ ...offer, edits: without(offer.edits, unwanted) });
    for (const { id } of unwanted) void this.dismissal({ uri: offer.uri, id });
  }

  dispose(): void {
    for (const it of [this.#decorations, ...this.#registered]) it.dispose();
  }

  /** Makes an edit as one step of undo. The others stay where they are now until the server offers anew. */
  async #make(editor: TextEditor, { uri, version, edits }: Offer, edit: NextEdit): Promise<void> {
    this.#coming = { uri, version: version + 1, edits: after(edit, edits) };
    const made = await editor.edit((builder) => { builder.replace(asRange(edit.range), edit.newText); }).then((it) => it, () => false);
    this.#coming = undefined;
    if (made) place(editor, endOf(edit.range.start, edit.newText));
    else this.#drop(uri);
  }

  #changed({ document, contentChanges }: TextDocumentChangeEvent): void {
    const uri = document.uri.toString();
    if (contentChanges.length === 0) return;
    const coming = this.#coming?.uri === uri && this.#coming.version === document.version ? this.#coming : undefined;
    this.#keep(coming ?? { uri, version: document.version, edits: [] });
  }

  #offerIn({ document: { uri, version } }: TextEditor): Offer | undefined {
    const offer = this.#offers.get(uri.toString());
    return offer?.version === version ? offer : undefined;
  }

  #refusedOf({ uri, version }: Offer): readonly NextEdit[] {
    return this.#refused?.uri === uri && this.#refused.version === version ? this.#refused.edits : [];
  }

  #drop(uri: string): void {
    if (this.#offers.delete(uri)) this.#draw();
  }

  #keep(offer: Offer): void {
    if (offer.edits.length === 0) {
      this.#drop(offer.uri);
      return;
    }
    this.#offers.set(offer.uri, offer);
    this.#draw();
  }

  #draw(): void {
    for (const editor of window.visibleTextEditors) {
      this.#decorations.draw(editor, this.#offerIn(editor)?.edits ?? []);
      this.#point(editor);
    }
    const editor = window.activeTextEditor;
    void commands.executeCommand("setContext", CONTEXT, editor !== undefined && this.#offerIn(editor) !== undefined);
  }

  #point(editor: TextEditor): void {
    const edits = editor === window.activeTextEditor ? this.#offerIn(editor)?.edits : undefined;
    this.#decorations.point(editor, edits ?? []);
  }
}

function isOn(): boolean {
  return settings.enabled() && settings.nextEdits();
}

/** The editor writes the document's own line ends, whatever those of a text are. */
function withPlainLineEnds(offer: Offer): Offer {
  return { ...offer, edits: offer.edits.map((edit) => ({ ...edit, newText: edit.newText.replaceAll("\r\n", "\n") })) };
}

/** Whether an edit is on the cursor's line and on the screen. */
function isSeen({ selection, visibleRanges }: TextEditor, edit: NextEdit): boolean {
  return isAt(edit, selection.active.line) && visibleRanges.some((range) => range.intersection(asRange(edit.range)));
}

function show(editor: TextEditor, edit: NextEdit): void {
  place(editor, firstChange(editor.document, edit));
  editor.revealRange(asRange(edit.range), TextEditorRevealType.InCenterIfOutsideViewport);
}

function place(editor: TextEditor, { line, character }: Position): void {
  editor.selection = new Selection(line, character, line, character);
}
