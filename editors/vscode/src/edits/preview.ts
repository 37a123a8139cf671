// Shows an edit as a difference before it is made, to be applied or discarded as a whole with one key.
import {
  commands, languages, Position, TabInputTextDiff, Uri, window, workspace,
  type Disposable, type Tab, type TextDocument, type TextDocumentContentProvider,
} from "vscode";
import type { ApplyWorkspaceEditParams, TextEdit } from "vscode-languageclient";
import { changed, description, only, texts, type Change } from "./changed";

/** Documents of this scheme are what files would be; the commands of the editor's title look at it. */
const SCHEME = "infill-preview";

const HINT = "Ctrl+Enter (⌘Enter) applies the edit, Escape discards it";

interface Pending {
  readonly uri: Uri;
  readonly text: string;
  readonly answer: (apply: boolean) => void;
}

export class Preview implements TextDocumentContentProvider, Disposable {
  readonly #registered: readonly Disposable[];
  #pending: Pending | undefined;
  #count = 0;

  constructor() {
    this.#registered = [
      workspace.registerTextDocumentContentProvider(SCHEME, this),
      window.tabGroups.onDidChangeTabs(({ closed }) => { if (closed.some((tab) => this.#shows(tab))) void this.answer(false); }),
    ];
  }

  provideTextDocumentContent(uri: Uri): string {
    return uri.toString() === this.#pending?.uri.toString() ? this.#pending.text : "";
  }

  /** Shows an edit and waits for what is said to it; an edit that cannot be shown needs no answer. */
  async ask({ edit, label = "Infill" }: ApplyWorkspaceEditParams): Promise<boolean> {
    const own = only(edit);
    const document = workspace.textDocuments.find((it) => it.uri.toString() === own?.textDocument.uri);
    if (!own || !document) return true;
    await this.answer(false);
    const after = changed(document.getText(), texts(own).map((it) => at(document, it)));
    const answered = new Promise<boolean>((answer) => {
      this.#pending = { uri: this.#next(document), text: after, answer };
    });
    await this.#open(document, [label, description(edit)].filter(Boolean).join(": "));
    window.setStatusBarMessage(HINT, answered);
    return answered;
  }

  /** Says whether the edit that is shown is to be made, and closes it. */
  async answer(apply: boolean): Promise<void> {
    const pending = this.#pending;
    if (!pending) return;
    const tabs = window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) => this.#shows(tab));
    this.#pending = undefined;
    await window.tabGroups.close(tabs);
    pending.answer(apply);
  }

  dispose(): void {
    void this.answer(false);
    for (const it of this.#registered) it.dispose();
  }

  async #open(document: TextDocument, title: string): Promise<void> {
    const uri = this.#pending?.uri;
    if (!uri) return;
    // A name need not say what language a text is in: a cell of a notebook has that of its notebook.
    await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), document.languageId);
    await commands.executeCommand("vscode.diff", document.uri, uri, title);
  }

  #next({ uri }: TextDocument): Uri {
    this.#count += 1;
    return Uri.from({ scheme: SCHEME, path: uri.path, query: `${this.#count}` });
  }

  #shows({ input }: Tab): boolean {
    return input instanceof TabInputTextDiff && input.modified.toString() === this.#pending?.uri.toString();
  }
}

function at(document: TextDocument, { range: { start, end }, newText: text }: TextEdit): Change {
  const offset = ({ line, character }: TextEdit["range"]["start"]) => document.offsetAt(new Position(line, character));
  return { from: offset(start), to: offset(end), text };
}
