// The noise that stands where nothing is written yet: a few glyphs that never come to rest.

const GLYPHS = "abcdefghijklmnopqrstuvwxyz_()[]{}=+-*/.,:<>|&%!?0123456789";
/** Milliseconds between two looks of a mask. */
const BEAT = 110;

/** Some glyphs, as many as asked for. */
export function glyphs(count: number): string {
  return Array.from({ length: count }, () => GLYPHS[Math.floor(Math.random() * GLYPHS.length)]).join("");
}

/** Keeps the masks under an element in motion; stands still for those who asked for less motion. */
export function stir(within: HTMLElement): void {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches || document.body.classList.contains("vscode-reduce-motion");
  if (still) return;
  setInterval(() => {
    for (const mask of within.querySelectorAll(".masked .glyphs")) {
      if (Math.random() < 0.6) mask.textContent = glyphs(mask.textContent.length);
    }
  }, BEAT);
}
