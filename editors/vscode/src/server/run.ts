// Runs a program to its end. No shell is used, so no argument can be taken for a command.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How a program ended: its exit code, null if it could not be started or was stopped, and all it wrote, errors between. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly stdout: string;
}

/** What may be told to a program and heard from it while it runs. */
export interface Options {
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** Starts a program and waits for its end; never rejects. */
export function run(executable: string, args: readonly string[], { signal, onLine }: Options = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(executable, args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true, ...(signal && { signal }) });
    const lines: string[] = [];
    const plain: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        lines.push(line);
        if (stream === child.stdout) plain.push(line);
        onLine?.(line);
      });
    }
    child.on("error", (error) => {
      resolve({ code: null, output: [...lines, error.message].join("\n"), stdout: plain.join("\n") });
    });
    child.on("close", (code) => {
      resolve({ code, output: lines.join("\n"), stdout: plain.join("\n") });
    });
  });
}
