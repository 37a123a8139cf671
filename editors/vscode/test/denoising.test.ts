import assert from "node:assert/strict";
import { test } from "node:test";
import { begins, cut, opening, scene, type Token } from "../src/denoising/film";
import { follow } from "../src/denoising/follow";
import { extend, faster, go, rest, start, tick, toggle } from "../src/denoising/player";
import { film } from "./film";

const token = (text: string, state: Token["state"] = "committed"): Token => ({ text, state, confidence: 0.5 });
const mask = token("", "masked");
const partial = { step: 1, event: "", frame: [] };

/** Follows frames from nothing and returns the numbers of the last one's tokens. */
function numbers(...frames: Token[][]): number[] {
  let last = 0;
  return frames.reduce<readonly (Token & { id: number })[]>((cells, tokens) => follow(cells, tokens, () => ++last), []).map(({ id }) => id);
}

test("positions keep their numbers while the canvas keeps its length", () => {
  assert.deepEqual(numbers([mask, mask, token(")", "pinned")], [token("a"), mask, token(")", "pinned")]), [1, 2, 3]);
});

test("a canvas that shrinks in the middle keeps the numbers on both sides", () => {
  const before = [token("a"), token("b"), mask, mask, token(")", "pinned")];
  assert.deepEqual(numbers(before, [token("a"), token("b"), token(")", "pinned")]), [1, 2, 5]);
});

test("a canvas that grows gets new numbers for what is new", () => {
  assert.deepEqual(numbers([token("a"), token(")", "pinned")], [token("a"), mask, mask, token(")", "pinned")]), [1, 3, 4, 2]);
});

test("another fill begins with another number, or without numbers when steps go back", () => {
  assert.equal(begins(partial, undefined), true);
  assert.equal(begins({ ...partial, step: 2 }, partial), false);
  assert.equal(begins({ ...partial, step: 1 }, { ...partial, step: 4 }), true);
  assert.equal(begins({ ...partial, id: 2, step: 9 }, { ...partial, id: 1 }), true);
});

test("a scene is the code around the gap, without the gap", () => {
  const { above, below, first } = scene("t", "a\nb = (old)\nc", { start: { line: 1, character: 5 }, end: { line: 1, character: 8 } });
  assert.deepEqual([above, below, first], ["a\nb = (", ")\nc", 1]);
});

test("what is pinned at the canvas's end is not shown twice", () => {
  const around = scene("t", "b = ()\nc", { start: { line: 0, character: 5 }, end: { line: 0, character: 5 } });
  assert.equal(cut(around, { step: 1, event: "", tokens: [mask, token(")", "pinned")] }).below, "\nc");
  assert.equal(cut(around, { step: 1, event: "", tokens: [mask, token("]", "pinned")] }).below, ")\nc");
});

test("before the first step there are masks, and pins", () => {
  const { tokens, event } = opening({ step: 1, event: "", tokens: [token("a"), token("", "deleted"), token(")", "pinned")] });
  assert.deepEqual(tokens.map(({ state }) => state), ["masked", "masked", "pinned"]);
  assert.equal(event, "2 masks");
});

test("a film plays to its last frame and stops there", () => {
  let player = start(film);
  for (let n = 1; n < film.frames.length; n += 1) {
    assert.equal(player.playing, true);
    player = tick(player);
  }
  assert.deepEqual([player.at, player.playing], [film.frames.length - 1, false]);
  assert.deepEqual([toggle(player).at, toggle(player).playing], [0, true]);
});

test("a frame that comes late sets a film in motion that had been seen to its end, and no other", () => {
  const [last] = film.frames.slice(-1);
  assert.ok(last);
  assert.equal(extend(go(start(film), 99), last).playing, true);
  assert.equal(extend(go(start(film), 2), last).playing, false);
});

test("speeds go round, and a faster one waits less", () => {
  const player = start(film);
  assert.ok(rest(faster(player)) < rest(player));
  assert.equal(faster(faster(faster(faster(player)))).speed, 1);
});
