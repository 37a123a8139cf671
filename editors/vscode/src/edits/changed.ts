// What an edit would make of a document. Knows the protocol's values, and no editor.
import type { ApplyWorkspaceEditParams, TextDocumentEdit, TextEdit, WorkspaceEdit } from "vscode-languageclient";

/** When an edit is shown before it is made: each, only those that change what somebody wrote, or none. */
export type When = "always" | "changes" | "never";

/** A text with a stretch of it to be replaced, in the text's own offsets. */
export interface Change {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The edit of one document that an edit consists of, or undefined if it is anything else. */
export function only({ documentChanges }: WorkspaceEdit): TextDocumentEdit | undefined {
  const [first, ...others] = documentChanges ?? [];
  return first && others.length === 0 && "edits" in first ? first : undefined;
}

/** The plain text edits among a document's; the server makes no snippets. */
export function texts({ edits }: TextDocumentEdit): readonly TextEdit[] {
  return edits.filter((it): it is TextEdit => "newText" in it);
}

/** A text after changes that do not overlap. */
export function changed(text: string, changes: readonly Change[]): string {
  return changes.toSorted((a, b) => b.from - a.from || b.to - a.to).reduce((left, { from, to, text: put }) => left.slice(0, from) + put + left.slice(to), text);
}

/** Whether an edit is to be shown before it is made. */
export function isShown({ changeAnnotations }: WorkspaceEdit, when: When): boolean {
  if (when !== "changes") return when === "always";
  return Object.values(changeAnnotations ?? {}).some(({ needsConfirmation }) => needsConfirmation);
}

/** What an edit does, as its server says it. */
export function description({ changeAnnotations }: WorkspaceEdit): string {
  return Object.values(changeAnnotations ?? {}).map(({ description }) => description ?? "").join(" ").trim();
}

/** The same, with no more questions: whoever was shown it has answered them. */
export function confirmed(params: ApplyWorkspaceEditParams): ApplyWorkspaceEditParams {
  const notes = Object.entries(params.edit.changeAnnotations ?? {}).map(([name, note]) => [name, { ...note, needsConfirmation: false }]);
  return { ...params, edit: { ...params.edit, changeAnnotations: Object.fromEntries(notes) as NonNullable<WorkspaceEdit["changeAnnotations"]> } };
}
