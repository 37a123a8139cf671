// A fill under way as a film: where it happens and what each step left on the canvas. Knows no editor and no DOM.

/** A position of the canvas after a step. */
export interface Token {
  readonly text: string;
  readonly state: "pinned" | "masked" | "committed" | "deleted";
  readonly confidence: number;
}

/** The canvas after a step; `ms` is what the step took. */
export interface Frame {
  readonly step: number;
  readonly event: string;
  readonly ms?: number;
  readonly tokens: readonly Token[];
}

/** A step as the server tells of it in `infill/partial`. */
export interface Partial extends Omit<Frame, "tokens"> {
  readonly frame: readonly Token[];
  /** Tells fills apart; without it a step that does not come later than the last one begins another. */
  readonly id?: string | number;
  readonly uri?: string;
  readonly range?: Range;
}

/** A place in a document, as the protocol counts. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** The code around a gap. `first` is the number of the first line that is shown, from 1. */
export interface Scene {
  readonly title: string;
  readonly first: number;
  readonly above: string;
  readonly below: string;
}

/** All there is to show of a fill. */
export interface Film {
  readonly scene: Scene;
  readonly frames: readonly Frame[];
}

/** Lines of code shown above and below the gap. */
const AROUND = 12;

/** Whether a step belongs to another fill than the one before it. */
export function begins(partial: Partial, before: Partial | undefined): boolean {
  if (!before || partial.id !== before.id) return true;
  return partial.id === undefined && partial.step <= before.step;
}

/** A step as a frame of a film. */
export function asFrame({ step, event, ms, frame }: Partial): Frame {
  return { step, event, tokens: frame, ...(ms !== undefined && { ms }) };
}

/** The scene of a gap in a text whose lines end in \n. */
export function scene(title: string, text: string, { start, end }: Range): Scene {
  const lines = text.split("\n");
  const first = Math.max(0, start.line - AROUND);
  const above = [...lines.slice(first, start.line), (lines[start.line] ?? "").slice(0, start.character)];
  const below = [(lines[end.line] ?? "").slice(end.character), ...lines.slice(end.line + 1, end.line + 1 + AROUND)];
  return { title, first: first + 1, above: above.join("\n"), below: below.join("\n") };
}

/** The scene without what stands on the canvas anyway: the rest of the gap's line is pinned at its end. */
export function cut(scene: Scene, { tokens }: Frame): Scene {
  const last = tokens.findLastIndex(({ state }) => state !== "pinned");
  const tail = tokens.slice(last + 1).map(({ text }) => text).join("");
  return scene.below.startsWith(tail) ? { ...scene, below: scene.below.slice(tail.length) } : scene;
}

/** The canvas before anything was written, which the server need not tell. */
export function opening({ tokens }: Frame): Frame {
  const masked = tokens.map((token): Token => (token.state === "pinned" ? token : { text: "", state: "masked", confidence: 0 }));
  const masks = masked.filter(({ state }) => state === "masked").length;
  return { step: 0, event: `${masks} masks`, tokens: masked };
}
