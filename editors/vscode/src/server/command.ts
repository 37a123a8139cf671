// Which command lines may start the server, in the order in which they are tried. Knows no editor and starts nothing.
import { basename, join } from "node:path";

/** How to run `infill-lsp`; flags and sub-commands go behind its arguments. */
export interface Command {
  readonly executable: string;
  readonly args: readonly string[];
  /** Where it comes from, for the log. */
  readonly source: string;
}

/** Where the server may be; empty where there is no such place. */
export interface Places {
  readonly setting: string;
  readonly activePython: string;
  readonly privatePython: string;
}

/** Runs the server as a module; `-P`, or a folder that happens to be open could bring its own. */
const MODULE = ["-P", "-m", "infill_lsp.cli"] as const;
/** The same in isolation: an environment of our own needs nothing of the user's variables and packages. */
const ISOLATED = ["-I", "-m", "infill_lsp.cli"] as const;

/** A command for a path that a person gave: an `infill-lsp`, or a Python that has it installed. */
export function asCommand(path: string, source: string): Command {
  const isPython = /^(python|pypy)[\d.]*w?(\.exe)?$/i.test(basename(path.replaceAll("\\", "/")));
  return { executable: path, args: isPython ? MODULE : [], source };
}

/** Commands to try, the best first. A path that was set is the only one: a wrong one must not be passed over in silence. */
export function candidates(places: Places): readonly Command[] {
  if (places.setting) return [asCommand(places.setting, "the setting infill.path")];
  return [
    ...(places.activePython ? [asCommand(places.activePython, "the active Python environment")] : []),
    { executable: "infill-lsp", args: [], source: "the PATH" },
    ...(places.privatePython ? [{ executable: places.privatePython, args: ISOLATED, source: "the private environment" }] : []),
  ];
}

/** The Python of an environment in a folder. */
export function pythonIn(folder: string, platform: NodeJS.Platform): string {
  return platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

/** A line for the log. */
export function shown(command: Command): string {
  return [command.executable, ...command.args].join(" ");
}
