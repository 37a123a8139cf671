// The view: hears of frames, plays them, and draws whatever is to be shown.
import type { ToView } from "../messages";
import { extend, faster, go, rest, start, tick, toggle, type Player } from "../player";
import { ramp } from "./colour";
import { drawMap, rowAt } from "./map";
import { stir } from "./noise";
import { Stage } from "./stage";

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

const PLAY = "M7 4.5v15L20 12z";
const PAUSE = "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z";

function element<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

const stage = new Stage(element("code", HTMLElement));
const map = element("map", HTMLCanvasElement);
const slider = element("slider", HTMLInputElement);
let player: Player | undefined;
let timer = 0;

function show(next: Player, jumped = false): void {
  const { film, at } = next;
  const begins = jumped || player?.film.scene !== film.scene;
  if (begins) stage.begin(film.scene);
  const frame = film.frames[at];
  if (frame && (begins || player?.at !== at)) stage.show(frame);
  player = next;
  describe(next);
  schedule(next);
}

/** A frame that comes while another is waited for does not make the wait longer. */
function schedule(shown: Player): void {
  if (!shown.playing) {
    clearTimeout(timer);
    timer = 0;
  }
  if (!shown.playing || timer) return;
  timer = window.setTimeout(() => {
    timer = 0;
    if (player) show(tick(player));
  }, rest(shown));
}

function describe({ film, at, playing, speed }: Player): void {
  const frame = film.frames[at];
  for (const id of ["controls", "rows"]) element(id, HTMLElement).hidden = false;
  element("title", HTMLElement).textContent = film.scene.title;
  element("where", HTMLElement).textContent = `step ${frame?.step ?? 0} of ${film.frames.at(-1)?.step ?? 0}`;
  element("event", HTMLElement).textContent = [frame?.event, frame?.ms && `${frame.ms.toFixed(1)} ms`].filter(Boolean).join("  ·  ");
  element("speed", HTMLElement).textContent = `${speed}×`;
  document.getElementById("glyph")?.setAttribute("d", playing ? PAUSE : PLAY);
  slider.max = String(film.frames.length - 1);
  slider.value = String(at);
  drawMap(map, film.frames, at);
}

const act = (change: (it: Player) => Player) => () => {
  if (!player) return;
  const next = change(player);
  show(next, next.at < player.at);
};
const step = (by: number) => act((it) => go(it, it.at + by));
const keys: Record<string, () => void> = {
  " ": act(toggle), ArrowLeft: step(-1), ArrowRight: step(1), Home: step(-Infinity), End: step(Infinity), s: act(faster),
};

addEventListener("message", ({ data }: MessageEvent<ToView>) => {
  if (data.kind === "film") show(start(data, player?.speed));
  else if (player) show(extend(player, data.frame));
});
addEventListener("keydown", (event) => {
  const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
addEventListener("resize", () => { if (player) describe(player); });
element("play", HTMLElement).onclick = act(toggle);
element("speed", HTMLElement).onclick = act(faster);
slider.oninput = () => { act((it) => go(it, Number(slider.value)))(); };
map.onclick = (event) => { act((it) => go(it, rowAt(event.offsetY, it.film.frames.length)))(); };

element("ramp", HTMLElement).style.background = ramp();
stir(element("code", HTMLElement));
if ("acquireVsCodeApi" in globalThis) acquireVsCodeApi().postMessage("listening");
