import assert from "node:assert/strict";
import { test } from "node:test";
import { difference, hint, oneLine, unified } from "../src/nextEdits/difference";
import { after, current, dismissed, isAt, without, type NextEdit } from "../src/nextEdits/offer";
import { endOf } from "../src/nextEdits/place";

type Place = readonly [line: number, character: number];

const range = (start: Place, end: Place) => ({
  start: { line: start[0], character: start[1] }, end: { line: end[0], character: end[1] },
});
const edit = (id: string, start: Place, end: Place, newText: string): NextEdit => ({ id, range: range(start, end), newText, label: id });
const start = { line: 3, character: 4 };
const drawn = (before: string, text: string) => difference(start, before, text);

test("only what differs is drawn, in whole words and whole characters", () => {
  assert.deepEqual(drawn("total", "amount"), [{ range: range([3, 4], [3, 9]), text: "amount" }]);
  assert.deepEqual(drawn("add(total)", "add(amount)"), [{ range: range([3, 8], [3, 13]), text: "amount" }]);
  assert.deepEqual(drawn("f(a)", "f(a, b)"), [{ range: range([3, 7], [3, 7]), text: ", b" }]);
  assert.deepEqual(drawn("f(a, b)", "f(a)"), [{ range: range([3, 7], [3, 10]), text: "" }]);
  assert.deepEqual(drawn("'😀', total", "'😁', total"), [{ range: range([3, 5], [3, 7]), text: "😁" }]);
});

test("as many lines are drawn line by line, other numbers as one piece", () => {
  assert.deepEqual(drawn("f(\n    total,\n)", "f(\n    amount,\n)"), [{ range: range([4, 4], [4, 9]), text: "amount" }]);
  assert.deepEqual(drawn("a = 1\nb = 2\n", "a = 1\n"), [{ range: range([4, 0], [5, 0]), text: "" }]);
  assert.deepEqual(drawn("", "import os\n"), [{ range: range([3, 4], [3, 4]), text: "import os\n" }]);
  assert.deepEqual(drawn("x = 1\ny = 2", "x = 3\ny = 4").map(({ text }) => text), ["3", "4"]);
});

test("what needs lines of its own is shown in one, and not without end", () => {
  assert.equal(oneLine("import os\n"), "import os↵");
  assert.equal(oneLine("😀".repeat(500)), `${"😀".repeat(120)}…`);
});

test("a hint says which line, as people count, and what is there", () => {
  assert.equal(hint("Rename `total` to `amount`", 11), "Tab → line 12: rename `total` to `amount`");
  assert.equal(hint("URL is spelled out", 0), "Tab → line 1: URL is spelled out");
  assert.equal(hint("Übernimm `x`", 0), "Tab → line 1: übernimm `x`");
});

test("a hover shows the lines that differ", () => {
  assert.equal(unified("    add(total)", "    add(amount)"), "-    add(total)\n+    add(amount)");
  assert.equal(unified("def f():", "import os\ndef f():"), "+import os");
  assert.equal(unified("a\nb\nc", "a\nc"), "-b");
});

test("the edit on the cursor's line goes first, then the nearest one", () => {
  const [near, far] = [edit("near", [2, 0], [4, 0], ""), edit("far", [9, 1], [9, 2], "x")];
  assert.deepEqual([1, 2, 3, 4].map((line) => isAt(near, line)), [false, true, true, false]);
  assert.equal(current([near, far], 9), far);
  assert.equal(current([near, far], 6), near);
  assert.equal(current([], 6), undefined);
  assert.deepEqual(dismissed([near, far], 9), [far]);
  assert.deepEqual(dismissed([near, far], 6), [near, far]);
});

test("what was dismissed is not taken from an offer that comes after", () => {
  const edits = [edit("a", [2, 0], [2, 3], "x"), edit("b", [2, 0], [2, 3], "y"), edit("c", [3, 0], [3, 3], "x")];
  assert.deepEqual(without(edits, [edit("old", [2, 0], [2, 3], "x")]).map(({ id }) => id), ["b", "c"]);
  assert.deepEqual(without(edits, []), edits);
});

test("where a text ends is counted in units of the protocol", () => {
  assert.deepEqual(endOf(start, "😀"), { line: 3, character: 6 });
  assert.deepEqual(endOf(start, "a\nbc"), { line: 4, character: 2 });
});

test("edits behind one that was made move with their text", () => {
  const made = edit("made", [3, 4], [3, 9], "😀 amount");
  const edits = [edit("before", [3, 0], [3, 4], "x"), made, edit("behind", [3, 12], [3, 17], "y"), edit("below", [5, 1], [6, 2], "z")];
  assert.deepEqual(after(made, edits).map((it) => it.range), [range([3, 0], [3, 4]), range([3, 16], [3, 21]), range([5, 1], [6, 2])]);
});

test("edits below one that changes the number of lines move down or up", () => {
  const longer = edit("longer", [3, 4], [3, 4], "a,\n    b, ");
  assert.deepEqual(after(longer, [edit("same", [3, 6], [3, 7], ""), edit("below", [4, 1], [4, 2], "")]).map((it) => it.range), [range([4, 9], [4, 10]), range([5, 1], [5, 2])]);
  const shorter = edit("shorter", [3, 0], [5, 0], "");
  assert.deepEqual(after(shorter, [edit("next", [5, 2], [5, 3], "")]).map((it) => it.range), [range([3, 2], [3, 3])]);
});

test("edits that overlap one that was made are gone", () => {
  assert.deepEqual(after(edit("made", [3, 4], [3, 9], "x"), [edit("within", [3, 5], [3, 6], "y"), edit("around", [3, 0], [4, 0], "z")]), []);
});
