// Colour by confidence: the same marks as in the terminal and on the trace page, blended between them.

const MARKS: readonly (readonly [at: number, rgb: readonly [number, number, number]])[] = [
  [0.2, [217, 72, 90]], [0.5, [216, 116, 44]], [0.7, [196, 152, 31]], [0.875, [127, 163, 46]], [1, [47, 158, 98]],
];

/** The colour of a confidence from 0 to 1. */
export function colour(confidence: number): string {
  const up = Math.max(0, MARKS.findIndex(([at]) => at >= confidence));
  const [high, to] = MARKS[up] ?? [1, [0, 0, 0]];
  const [low, from] = MARKS[Math.max(0, up - 1)] ?? [high, to];
  const share = high > low ? Math.min(1, Math.max(0, (confidence - low) / (high - low))) : 0;
  return `rgb(${from.map((part, n) => Math.round(part + ((to[n] ?? part) - part) * share)).join(" ")})`;
}

/** All colours from unsure to sure, as a CSS image. */
export function ramp(): string {
  return `linear-gradient(90deg, ${Array.from({ length: 11 }, (_, n) => colour(n / 10)).join(", ")})`;
}
