// A recorded fill for tests and for the page: written by hand, so that everything that can happen to a token happens.
import type { Film, Frame, Token } from "../src/denoising/film";

/** A token of the finished fill: its text, how sure the model is in the end, and from which step on; "" is deleted. */
type Row = readonly [text: string, confidence: number, step: number];

const ROWS: readonly Row[] = [
  ["if", 0.97, 1], [" name", 0.93, 1], [" not", 0.71, 3], [" in", 0.98, 2], [" self", 0.99, 1], [".", 0.99, 1], ["counts", 0.66, 4], [":", 0.99, 1],
  ["\n            ", 0.96, 2], ["raise", 0.58, 5], [" KeyError", 0.83, 6], ["(", 0.97, 6], ["name", 0.9, 6], [")", 0.98, 5],
  ["\n        ", 0.94, 3], ["del", 0.52, 8], [" self", 0.97, 7], [".", 0.99, 7], ["prices", 0.88, 8], ["[", 0.96, 7], ["name", 0.95, 7], ["]", 0.98, 7],
  ["\n        ", 0.9, 6], ["self", 0.86, 8], [".", 0.99, 8], ["counts", 0.92, 9], [".", 0.81, 9], ["pop", 0.44, 10], ["(", 0.97, 9], ["name", 0.95, 9], [")", 0.96, 9],
  ["", 0.9, 4], ["", 0.9, 4], ["", 0.9, 5], ["", 0.9, 5], ["", 0.9, 7], ["", 0.9, 9], ["", 0.9, 9], ["", 0.9, 10],
];
/** Drafts that were taken back: which token said what, from which step on, until it was masked again. */
const DRAFTS: readonly (readonly [at: number, text: string, confidence: number, from: number, until: number])[] = [
  [6, "prices", 0.47, 2, 4], [9, "return", 0.41, 3, 5], [27, "get", 0.35, 8, 10], [15, "self", 0.38, 5, 7],
];
const STEPS = 10;

function token(at: number, [text, confidence, from]: Row, step: number): Token {
  const draft = DRAFTS.find((it) => it[0] === at && it[3] <= step && step < it[4]);
  if (draft && step < draft[4] - 1) return { text: draft[1], state: "committed", confidence: draft[2] };
  if (step < from) return { text: "", state: "masked", confidence: 0 };
  return { text, state: text ? "committed" : "deleted", confidence };
}

function frame(step: number): Frame {
  const tokens = ROWS.map((row, at) => token(at, row, step));
  const written = tokens.filter(({ state }) => state === "committed").length;
  const event = step === 0 ? `${ROWS.length} masks` : step === STEPS ? "ended: complete" : `${written} written, ${DRAFTS.filter((it) => it[4] - 1 === step).length} taken back`;
  return { step, event, ...(step > 0 && { ms: 14 + ((step * 7) % 5) }), tokens };
}

export const film: Film = {
  scene: {
    title: "basket.py:13",
    first: 1,
    above: `class Basket:
    """What a customer is about to buy."""

    def __init__(self) -> None:
        self.prices: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def add(self, name: str, price: float, count: int = 1) -> None:
        self.prices[name] = price
        self.counts[name] = self.counts.get(name, 0) + count

    def remove(self, name: str) -> None:
        `,
    below: `

    def total(self) -> float:
        return sum(self.prices[name] * count for name, count in self.counts.items())

    def cheapest(self) -> str:
        return min(self.prices, key=lambda name: self.prices[name])
`,
  },
  frames: Array.from({ length: STEPS + 1 }, (_, step) => frame(step)),
};
