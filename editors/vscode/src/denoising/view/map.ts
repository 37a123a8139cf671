// The map: a row for each step, a column for each position of the canvas; rows that are still to come are empty.
import type { Frame } from "../film";
import { colour } from "./colour";

/** Height of a row at most and at least, and of the whole map at most, in CSS pixels. */
const [ROW, THIN, ALL] = [16, 3, 260];

/** Draws the frames up to and with the one that is shown, and the others faintly. */
export function drawMap(canvas: HTMLCanvasElement, frames: readonly Frame[], shown: number): void {
  const columns = Math.max(1, ...frames.map(({ tokens }) => tokens.length));
  const row = Math.max(THIN, Math.min(ROW, ALL / frames.length));
  const [width, height] = [canvas.clientWidth, row * frames.length];
  const pen = prepared(canvas, width, height);
  if (!pen) return;
  const cell = { width: Math.min(width / columns, 3 * ROW), height: row };
  for (const [y, { tokens }] of frames.entries()) {
    pen.globalAlpha = y > shown ? 0.18 : 1;
    for (const [x, token] of tokens.entries()) {
      pen.fillStyle = token.state === "committed" ? colour(token.confidence) : ink(canvas, token.state === "pinned" ? "--faint" : "--mask");
      box(pen, x * cell.width, y * cell.height, cell, token.state);
    }
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = ink(canvas, "--accent");
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.roundRect(0.75, shown * row + 0.75, cell.width * columns - 1.5, Math.max(row - 1.5, 1), 4);
  pen.stroke();
}

/** Which row is at a height, in CSS pixels from the map's top. */
export function rowAt(y: number, frames: number): number {
  return Math.floor(y / Math.max(THIN, Math.min(ROW, ALL / frames)));
}

function box(pen: CanvasRenderingContext2D, x: number, y: number, cell: { width: number; height: number }, state: string): void {
  const gap = Math.min(2, cell.height * 0.2);
  let [left, top, width, height] = [x + gap / 2, y + gap / 2, cell.width - gap, cell.height - gap];
  if (state === "deleted") [left, top, width, height] = [left + width / 2 - 1, top + height * 0.3, 2, height * 0.4];
  if (state === "pinned") [top, height] = [top + height - 2, 2];
  pen.beginPath();
  pen.roundRect(left, top, width, height, Math.min(3, width / 2, height / 2));
  pen.fill();
}

function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const scale = devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen?.scale(scale, scale);
  return pen;
}

function ink(canvas: HTMLCanvasElement, name: string): string {
  return getComputedStyle(canvas).getPropertyValue(name);
}
