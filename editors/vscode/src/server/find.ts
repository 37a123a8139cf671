// Finds a server that works: asks each candidate for its version, and says of each what became of it.
import { candidates, shown, type Command, type Places } from "./command";
import { run } from "./run";

/** Longest time that a candidate may take to say its version, in milliseconds; a cold disk is slow. */
const PATIENCE = 30_000;

/** The first candidate that says its version, or undefined. */
export async function find(places: Places, log: (line: string) => void): Promise<Command | undefined> {
  for (const command of candidates(places)) {
    const { code, output } = await run(command.executable, [...command.args, "--version"], {
      signal: AbortSignal.timeout(PATIENCE),
    });
    const said = output.trim().split("\n").at(-1) ?? "";
    if (code === 0) {
      log(`Found ${said} in ${command.source}: ${shown(command)}`);
      return command;
    }
    log(`No server in ${command.source} (${shown(command)}): ${said}`);
  }
  return undefined;
}
