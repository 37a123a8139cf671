import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, confirmed, description, isShown, only } from "../src/edits/changed";

const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const document = { textDocument: { uri: "file:///a.py", version: 3 }, edits: [{ range, newText: "x", annotationId: "infill" }] };
const edit = (needsConfirmation: boolean) => ({
  documentChanges: [document],
  changeAnnotations: { infill: { label: "Repair syntax here", needsConfirmation, description: "Changes line 1." } },
});

test("changes count from the text as it was, in whatever order they come", () => {
  const changes = [{ from: 4, to: 7, text: "two" }, { from: 0, to: 3, text: "first" }, { from: 7, to: 7, text: "!" }];
  assert.equal(changed("one 222", changes), "first two!");
  assert.equal(changed("one 222", changes.toReversed()), "first two!");
});

test("only an edit of one document can be shown", () => {
  assert.equal(only(edit(true)), document);
  assert.equal(only({ documentChanges: [document, document] }), undefined);
  assert.equal(only({ documentChanges: [{ kind: "delete", uri: "file:///a.py" }] }), undefined);
  assert.equal(only({}), undefined);
});

test("which edits are shown is for the user to say, and for the server to advise", () => {
  assert.deepEqual((["always", "changes", "never"] as const).map((when) => isShown(edit(true), when)), [true, true, false]);
  assert.deepEqual((["always", "changes", "never"] as const).map((when) => isShown(edit(false), when)), [true, false, false]);
});

test("an edit that was shown raises no question again, and keeps all else", () => {
  const after = confirmed({ label: "l", edit: edit(true) });
  assert.deepEqual(after, { label: "l", edit: edit(false) });
  assert.equal(description(after.edit), "Changes line 1.");
});
