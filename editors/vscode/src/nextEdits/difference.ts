// How an edit is shown: what is struck through, what is shown as new, and the words beside it. Knows no editor.
import { endOf, type Position, type Range } from "./place";

/** A part of a text that goes, and what comes in its place; either may be empty. */
export interface Piece {
  readonly range: Range;
  readonly text: string;
}

/** Characters of new text that are shown in a line. */
const LONGEST = 120;
/** Stands for a line end in text that is shown within a line. */
const LINE_END = "↵";
/** Words are not cut, and neither are characters that take two units. */
const TOKENS = /[\p{L}\p{N}_]+|[^]/gu;

/** What differs between a text that begins at `start` and another: line by line if they have as many lines, else as one piece. */
export function difference(start: Position, before: string, after: string): readonly Piece[] {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  if (old.length !== fresh.length) return [trimmed(start, before, after)];
  const pieces = old.map((line, at) => trimmed(lineStart(start, at), line, fresh[at] ?? ""));
  return pieces.filter(({ range, text }) => text || range.end.character > range.start.character);
}

/** New text as it is shown within a line. */
export function oneLine(text: string): string {
  const characters = Array.from(text.replaceAll("\n", LINE_END));
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST).join("")}…` : characters.join("");
}

/** What Tab does, for the end of the cursor's line; lines count from 0. */
export function hint(label: string, line: number): string {
  const begun = /^\p{Lu}\p{Ll}/u.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;
  return `Tab → line ${line + 1}: ${begun}`;
}

/** The lines that differ, each with a minus or a plus before it. */
export function unified(before: string, after: string): string {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  const [front, back] = ends(old, fresh);
  const marked = (mark: string, lines: readonly string[]) => lines.slice(front, lines.length - back).map((line) => mark + line);
  return [...marked("-", old), ...marked("+", fresh)].join("\n");
}

function lineStart(start: Position, at: number): Position {
  return at === 0 ? start : { line: start.line + at, character: 0 };
}

function trimmed(start: Position, before: string, after: string): Piece {
  const [old, fresh] = [before.match(TOKENS) ?? [], after.match(TOKENS) ?? []];
  const [front, back] = ends(old, fresh);
  const from = endOf(start, old.slice(0, front).join(""));
  const to = endOf(start, old.slice(0, old.length - back).join(""));
  return { range: { start: from, end: to }, text: fresh.slice(front, fresh.length - back).join("") };
}

/** How many items two lists have in common at their beginnings, and then at their ends. */
function ends(one: readonly string[], other: readonly string[]): readonly [number, number] {
  const front = common(one, other);
  return [front, common(one.slice(front).toReversed(), other.slice(front).toReversed())];
}

function common(one: readonly string[], other: readonly string[]): number {
  const differs = one.findIndex((item, at) => item !== other[at]);
  return differs < 0 ? one.length : differs;
}
