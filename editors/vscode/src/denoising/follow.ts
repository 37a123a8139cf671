// Which token of one frame is which of the next, so that each can be seen to change. Knows no DOM.
import type { Token } from "./film";

/** A token that is followed through the frames by its number. */
export interface Cell extends Token {
  readonly id: number;
}

/** The tokens of a frame with the numbers of those of the frame before that they came from; new ones get new numbers. */
export function follow(before: readonly Cell[], tokens: readonly Token[], next: () => number): readonly Cell[] {
  if (before.length === tokens.length) return tokens.map((token, at) => ({ ...token, id: before[at]?.id ?? next() }));
  const most = Math.min(before.length, tokens.length);
  const front = run(most, (n) => alike(before[n], tokens[n]));
  const back = run(most - front, (n) => alike(before.at(-1 - n), tokens.at(-1 - n)));
  return tokens.map((token, at) => {
    const from = at < front ? at : at >= tokens.length - back ? before.length - tokens.length + at : -1;
    return { ...token, id: before[from]?.id ?? next() };
  });
}

/** How many of the first numbers hold, up to a limit. */
function run(limit: number, holds: (n: number) => boolean): number {
  let n = 0;
  while (n < limit && holds(n)) n += 1;
  return n;
}

function alike(before: Token | undefined, after: Token | undefined): boolean {
  if (!before || !after) return false;
  if ((before.state === "pinned") !== (after.state === "pinned")) return false;
  return before.state !== "committed" || after.state !== "committed" || before.text === after.text;
}
