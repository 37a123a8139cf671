// The edits that wait in a document: which one is next, and where the others are once one has been made. Knows no editor.
import { isBefore, isSame, moved, type Range } from "./place";

/** An edit that the user's last one calls for elsewhere. Its text's lines end in \n. */
export interface NextEdit {
  readonly id: string;
  readonly range: Range;
  readonly newText: string;
  readonly label: string;
}

/** The edits for one version of a document, nearest first, as `infill/nextEdit` brings them; none to take back earlier ones. */
export interface Offer {
  readonly uri: string;
  readonly version: number;
  readonly edits: readonly NextEdit[];
}

/** Whether a line is one of those that an edit changes. */
export function isAt({ range: { start, end } }: NextEdit, line: number): boolean {
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  return start.line <= line && line <= last;
}

/** The edit that a key is about: the one on the cursor's line, else the nearest. */
export function current(edits: readonly NextEdit[], line: number): NextEdit | undefined {
  return edits.find((edit) => isAt(edit, line)) ?? edits[0];
}

/** The edits that one dismissal is about: the one on the cursor's line, else all. */
export function dismissed(edits: readonly NextEdit[], line: number): readonly NextEdit[] {
  const here = edits.find((edit) => isAt(edit, line));
  return here ? [here] : edits;
}

/** The edits without those that were dismissed: an offer may be on its way while the server is told. */
export function without(edits: readonly NextEdit[], refused: readonly NextEdit[]): readonly NextEdit[] {
  return edits.filter((edit) => !refused.some((it) => it.newText === edit.newText && isSame(it.range, edit.range)));
}

/** The other edits as they are once one has been made; those that overlap it are gone. */
export function after({ range, newText, id }: NextEdit, edits: readonly NextEdit[]): readonly NextEdit[] {
  return edits.filter((edit) => edit.id !== id).flatMap((edit) => {
    if (isBefore(edit.range, range)) return [edit];
    if (!isBefore(range, edit.range)) return [];
    const { start, end } = edit.range;
    return [{ ...edit, range: { start: moved(start, range, newText), end: moved(end, range, newText) } }];
  });
}
