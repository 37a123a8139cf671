// Draws edits at their places, and the hint at the end of the cursor's line. Knows nothing of where they come from.
import { DecorationRangeBehavior, MarkdownString, Range, ThemeColor, window, type DecorationOptions, type Disposable, type TextDocument, type TextEditor } from "vscode";
import { difference, hint, oneLine, unified } from "./difference";
import { isAt, type NextEdit } from "./offer";
import type { Position, Range as Place } from "./place";

/** Spaces at the ends of a decoration's text would not be shown. */
const NO_BREAK_SPACE = "\u00a0";

export class Decorations implements Disposable {
  readonly #gone = window.createTextEditorDecorationType({
    backgroundColor: new ThemeColor("diffEditor.removedTextBackground"),
    textDecoration: "line-through",
    rangeBehavior: DecorationRangeBehavior.ClosedClosed,
  });
  readonly #added = window.createTextEditorDecorationType({
    after: { backgroundColor: new ThemeColor("diffEditor.insertedTextBackground"), color: new ThemeColor("editor.foreground") },
  });
  readonly #hint = window.createTextEditorDecorationType({
    after: { color: new ThemeColor("editorGhostText.foreground"), fontStyle: "italic", margin: "0 0 0 2em" },
  });

  /** Draws edits in an editor instead of those drawn before. */
  draw(editor: TextEditor, edits: readonly NextEdit[]): void {
    const { document } = editor;
    const pieces = edits.flatMap((edit) => piecesOf(document, edit).map((piece) => ({ ...piece, hoverMessage: explained(document, edit) })));
    editor.setDecorations(this.#gone, pieces.filter(({ range }) => !range.isEmpty));
    editor.setDecorations(this.#added, pieces.filter(({ text }) => text).map(added));
  }

  /** Says in an editor where the next edit is, unless the cursor's line has one. */
  point(editor: TextEditor, edits: readonly NextEdit[]): void {
    const { line } = editor.selection.active;
    const [next] = edits.some((edit) => isAt(edit, line)) ? [] : edits;
    editor.setDecorations(this.#hint, next ? [pointer(editor, next)] : []);
  }

  dispose(): void {
    for (const it of [this.#gone, this.#added, this.#hint]) it.dispose();
  }
}

/** A range of the protocol as one of the editor. */
export function asRange({ start, end }: Place): Range {
  return new Range(start.line, start.character, end.line, end.character);
}

/** Where the cursor goes to see an edit: the first character that it changes. */
export function firstChange(document: TextDocument, edit: NextEdit): Position {
  return piecesOf(document, edit)[0]?.range.start ?? edit.range.start;
}

function piecesOf(document: TextDocument, { range, newText }: NextEdit) {
  const pieces = difference(range.start, textOf(document, asRange(range)), newText);
  return pieces.map((piece) => ({ range: asRange(piece.range), text: piece.text }));
}

function added({ range: { end }, text, hoverMessage }: { range: Range; text: string; hoverMessage: MarkdownString }): DecorationOptions {
  const contentText = oneLine(text).replaceAll(" ", NO_BREAK_SPACE);
  return { range: new Range(end, end), hoverMessage, renderOptions: { after: { contentText } } };
}

function pointer({ document, selection: { active } }: TextEditor, { label, range }: NextEdit): DecorationOptions {
  const { end } = document.lineAt(active.line).range;
  return { range: new Range(end, end), renderOptions: { after: { contentText: hint(label, range.start.line) } } };
}

/** What a hover shows: the label, and the whole lines before and after. */
function explained(document: TextDocument, { range: { start, end }, newText, label }: NextEdit): MarkdownString {
  const [head, tail] = [textOf(document, new Range(start.line, 0, start.line, start.character)), document.lineAt(end.line).text.slice(end.character)];
  const before = textOf(document, new Range(start.line, 0, end.line + 1, 0)).replace(/\n$/, "");
  const text = new MarkdownString().appendText(`${label}\nTab applies it, Escape dismisses it.`);
  return text.appendCodeblock(unified(before, head + newText + tail), "diff");
}

function textOf(document: TextDocument, range: Range): string {
  return document.getText(range).replaceAll("\r\n", "\n");
}
