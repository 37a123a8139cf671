// Which frame is shown when: follows a fill as it comes, but no faster than eyes can. Knows no DOM; time comes from outside.
import type { Film, Frame } from "./film";

/** Milliseconds between frames at speed 1: a film of few frames is shown slowly enough to be seen. */
const [SLOWEST, FASTEST, WHOLE] = [700, 130, 6000];
const SPEEDS = [1, 2, 4, 0.5] as const;

/** What is shown, and whether it moves on. */
export interface Player {
  readonly film: Film;
  readonly at: number;
  readonly playing: boolean;
  readonly speed: (typeof SPEEDS)[number];
}

/** A film from its first frame on. */
export function start(film: Film, speed: Player["speed"] = 1): Player {
  return { film, at: 0, playing: true, speed };
}

/** The same, with a frame that has just come; who had seen all goes on to it. */
export function extend(player: Player, frame: Frame): Player {
  const sawAll = player.at === player.film.frames.length - 1;
  return { ...player, film: { ...player.film, frames: [...player.film.frames, frame] }, playing: player.playing || sawAll };
}

/** One frame on; stops playing at the last. */
export function tick(player: Player): Player {
  const at = Math.min(player.at + 1, player.film.frames.length - 1);
  return { ...player, at, playing: player.playing && at < player.film.frames.length - 1 };
}

/** Shows a frame and stays there. */
export function go(player: Player, at: number): Player {
  return { ...player, at: Math.max(0, Math.min(at, player.film.frames.length - 1)), playing: false };
}

/** Plays or pauses; after the last frame, plays from the first. */
export function toggle(player: Player): Player {
  const ended = player.at >= player.film.frames.length - 1;
  return { ...player, playing: !player.playing, at: !player.playing && ended ? 0 : player.at };
}

/** The next of the speeds, round and round. */
export function faster(player: Player): Player {
  return { ...player, speed: SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % SPEEDS.length] ?? 1 };
}

/** Milliseconds until the next frame. */
export function rest({ film, speed }: Player): number {
  return Math.max(FASTEST, Math.min(SLOWEST, WHOLE / film.frames.length)) / speed;
}
