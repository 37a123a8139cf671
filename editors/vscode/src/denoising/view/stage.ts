// The code with the canvas in its place. A token keeps its element from frame to frame, so that its change can be seen.
import { follow, type Cell } from "../follow";
import type { Frame, Scene } from "../film";
import { colour } from "./colour";
import { glyphs } from "./noise";
import { pieces } from "./syntax";

/** How long a token that left the canvas takes to vanish, in milliseconds; as in the style. */
const VANISHING = 420;

export class Stage {
  readonly #elements = new Map<number, HTMLElement>();
  #canvas = document.createElement("span");
  #cells: readonly Cell[] = [];
  #last = 0;

  constructor(private readonly root: HTMLElement) {}

  /** Shows another scene, with nothing on its canvas. */
  begin(scene: Scene): void {
    this.#elements.clear();
    this.#cells = [];
    this.#canvas = make("span", "canvas");
    const code = make("div", "text");
    code.append(...backdrop(scene.above), this.#canvas, ...backdrop(scene.below));
    this.root.replaceChildren(code);
  }

  /** Shows a frame as what became of the one before it. */
  show(frame: Frame): void {
    const cells = follow(this.#cells, frame.tokens, () => ++this.#last);
    const kept = new Set(cells.map(({ id }) => id));
    for (const { id } of this.#cells) if (!kept.has(id)) this.#remove(id);
    const before = new Map(this.#cells.map((cell) => [cell.id, cell]));
    let previous: HTMLElement | undefined;
    for (const [at, cell] of cells.entries()) {
      const element = this.#element(cell.id, previous);
      draw(element, cell, before.get(cell.id), at);
      previous = element;
    }
    this.#cells = cells;
    this.#canvas.scrollIntoView({ block: "center" });
  }

  #element(id: number, previous: HTMLElement | undefined): HTMLElement {
    const known = this.#elements.get(id);
    if (known) return known;
    const made = make("span", "token");
    if (previous) previous.after(made);
    else this.#canvas.prepend(made);
    this.#elements.set(id, made);
    return made;
  }

  #remove(id: number): void {
    const element = this.#elements.get(id);
    this.#elements.delete(id);
    if (!element) return;
    element.className = "token deleted";
    setTimeout(() => { element.remove(); }, VANISHING);
  }
}

function draw(element: HTMLElement, cell: Cell, before: Cell | undefined, at: number): void {
  const same = before?.state === cell.state && before.text === cell.text;
  element.style.setProperty("--sure", colour(cell.confidence));
  element.style.setProperty("--at", String(at));
  element.title = meaning(cell);
  if (same) {
    element.classList.remove("arriving", "changing", "leaving");
    return;
  }
  element.className = `token ${cell.state} ${passage(cell, before)}`;
  if (cell.state === "masked") element.replaceChildren(make("span", "glyphs", glyphs(3)));
  else if (cell.state === "deleted") element.replaceChildren();
  else element.replaceChildren(...lines(cell.text));
}

/** How a token came to be what it is. */
function passage(cell: Cell, before: Cell | undefined): string {
  if (cell.state === "committed") return before?.state === "committed" ? "changing" : before ? "arriving" : "";
  return cell.state === "masked" && before?.state === "committed" ? "leaving" : "";
}

/** A text whose line ends can be seen; only what is not indentation is coloured. */
function lines(text: string): HTMLElement[] {
  return text.split("\n").flatMap((part, n) => {
    if (n === 0) return part ? [make("span", "ink", part)] : [];
    const indentation = /^\s*/.exec(part)?.[0] ?? "";
    return [make("span", "break", "↵"), make("span", "", `\n${indentation}`), make("span", "ink", part.slice(indentation.length))];
  });
}

function meaning({ state, text, confidence }: Cell): string {
  if (state === "pinned") return `${JSON.stringify(text)}, pinned: your own code`;
  if (state === "committed") return `${JSON.stringify(text)}, ${(confidence * 100).toFixed(1)}% sure`;
  return state === "masked" ? "still to be written" : "not needed";
}

function backdrop(code: string): HTMLElement[] {
  return Array.from(pieces(code), ({ text, kind }) => make("span", `own ${kind}`, text));
}

function make(tag: "div" | "span", className: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
