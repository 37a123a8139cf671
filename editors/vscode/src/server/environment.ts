// The private environment: a Python environment in the extension's own folder with the server in it.
import { access, rename, rm } from "node:fs/promises";
import { pythonIn } from "./command";
import { complaint, doing } from "./pip";
import { run, type Options } from "./run";

/** The oldest Python that can run the server. */
const OLDEST = "3.11";
/** Ends with 0 only where an environment with pip can be made. */
const SUITS = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${OLDEST.replace(".", ", ")}))`;

/** In isolation (`-I`), so that neither the folder that is open nor the user's variables take part. */
const PIP = ["-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"] as const;

/** Why no environment could be made, in words for the person who asked for it. */
export class InstallError extends Error {}

/** What is needed to make one. */
export interface Plan {
  readonly folder: string;
  readonly package: string;
  readonly activePython: string;
  readonly platform: NodeJS.Platform;
}

/** Listens to the steps; `log` gets everything, `tell` what is worth a person's attention. */
export interface Listener {
  readonly tell: (what: string) => void;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The environment's Python if there is one, else an empty text. */
export async function privatePython(folder: string, platform: NodeJS.Platform): Promise<string> {
  const python = pythonIn(folder, platform);
  return access(python).then(() => python, () => "");
}

/**
 * Makes the environment anew and installs the server. It takes its place only when it is whole: nobody finds half of
 * one, and what was there before stays when this fails or is cancelled. Only its Python is used, which may be moved.
 */
export async function install(plan: Plan, listener: Listener): Promise<void> {
  const part = `${plan.folder}.part`;
  try {
    await makeAndFill({ ...plan, folder: part }, listener);
    await rm(plan.folder, { recursive: true, force: true });
    await rename(part, plan.folder);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

async function makeAndFill(plan: Plan, { tell, log, signal }: Listener): Promise<void> {
  const options: Options = {
    signal,
    onLine: (line) => {
      log(line);
      const what = doing(line);
      if (what) tell(what);
    },
  };
  tell("looking for a Python");
  const base = await basePython(plan);
  if (!base) throw new InstallError(`Python ${OLDEST} or newer with the modules venv and pip was not found; install one and try again.`);
  tell("making an environment");
  await step([...base, "-I", "-m", "venv", "--clear", plan.folder], options);
  const python = pythonIn(plan.folder, plan.platform);
  await step([python, ...PIP, plan.package], options);
}

async function step([executable = "", ...args]: readonly string[], options: Options): Promise<void> {
  options.onLine?.(`$ ${[executable, ...args].join(" ")}`);
  const { code, output } = await run(executable, args, options);
  if (options.signal?.aborted) throw new InstallError("The installation was cancelled.");
  if (code !== 0) throw new InstallError(complaint(output));
}

/** A Python that is new enough, as the start of a command line. */
async function basePython({ activePython, platform }: Plan): Promise<readonly string[] | undefined> {
  const tries = [
    ...(activePython ? [[activePython]] : []),
    ...(platform === "win32" ? [["py", "-3"]] : []),
    ...["python3", "python", "python3.13", "python3.12", "python3.11"].map((name) => [name]),
  ];
  for (const [executable = "", ...args] of tries) {
    if ((await run(executable, [...args, "-I", "-c", SUITS])).code === 0) return [executable, ...args];
  }
  return undefined;
}
