// One server at a time: finds it, starts it, follows its state, and starts another when asked to.
import { commands, workspace, type Disposable, type LogOutputChannel, type Uri } from "vscode";
import { State, type LanguageClient } from "vscode-languageclient/node";
import { createClient, type Ask } from "./client";
import type { Partial } from "./denoising/film";
import type { NextEdits } from "./nextEdits/nextEdits";
import type { Offer } from "./nextEdits/offer";
import { refresh, type Refreshed } from "./refresh";
import type { Command } from "./server/command";
import { privatePython } from "./server/environment";
import { find } from "./server/find";
import { activePython } from "./server/python";
import * as settings from "./settings";
import type { StatusItem } from "./status/item";
import type { Status } from "./status/words";

const STOPPED = { state: "stopped", reason: "the log says why" } as const;

export class Session implements Disposable {
  #client: LanguageClient | undefined;
  #command: Command | undefined;
  #watcher: ((partial: Partial) => void) | undefined;
  /** Starts and stops follow one another; they never overlap. */
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly status: StatusItem,
    private readonly log: LogOutputChannel,
    private readonly storage: Uri,
    private readonly ask: Ask,
    private readonly nextEdits: NextEdits,
  ) {}

  /** How the server was started, if one was found. */
  get command(): Command | undefined {
    return this.#command;
  }

  /** Where the private environment is or would be. */
  get environment(): string {
    return `${this.storage.fsPath}/environment`;
  }

  /** Starts the server, or another in its place. Whether it runs then is in the status. */
  restart(): Promise<void> {
    this.#last = this.#last.then(() => this.#stop()).then(() => this.#start()).catch((error: unknown) => {
      this.log.error(error instanceof Error ? error : String(error));
      this.status.show(STOPPED);
    });
    return this.#last;
  }

  /** Stops the server for good. */
  stop(): Promise<void> {
    this.#last = this.#last.then(() => this.#stop());
    return this.#last;
  }

  /** Calls back for every step of a fill from now on; undefined to hear no more. */
  async watch(watcher: ((partial: Partial) => void) | undefined): Promise<void> {
    this.#watcher = watcher;
    await this.#tellWatching();
  }

  /** Sends a notification, if the server runs. */
  async tell(method: string, params: object): Promise<void> {
    if (this.#client?.isRunning()) await this.#client.sendNotification(method, params);
  }

  dispose(): void {
    void this.stop();
  }

  async #start(): Promise<void> {
    this.status.show({ state: "starting" });
    const places = {
      setting: settings.path(),
      activePython: await activePython(),
      privatePython: await privatePython(this.environment, process.platform),
    };
    this.#command = await find(places, (line) => { this.log.info(line); });
    if (!this.#command) {
      this.status.show(places.setting
        ? { state: "stopped", reason: `there is none at ${places.setting} (setting infill.path); the log says more` }
        : { state: "missing" });
      return;
    }
    await this.#run(createClient(this.#command, this.log, this.ask));
  }

  async #run(client: LanguageClient): Promise<void> {
    this.#client = client;
    client.onDidChangeState(({ newState }) => { this.#follow(newState); });
    client.onNotification("infill/status", (status: Status) => { this.status.show(status); });
    client.onNotification("infill/partial", (partial: Partial) => { this.#watcher?.(partial); });
    client.onNotification("infill/nextEdit", (offer: Offer) => { this.nextEdits.offered(offer); });
    client.onNotification("infill/refresh", (refreshed: Refreshed) => { void refresh(refreshed); });
    await client.start();
  }

  /** The client starts a server that died again by itself; the status says so meanwhile. */
  #follow(state: State): void {
    void commands.executeCommand("setContext", "infill.running", state === State.Running);
    this.nextEdits.clear();
    if (state === State.Running) void this.#tellWatching();
    else this.status.show(state === State.Starting ? { state: "starting" } : STOPPED);
  }

  async #tellWatching(): Promise<void> {
    await this.tell("infill/watch", { enable: this.#watcher !== undefined });
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.dispose();
  }
}

/** Whether a change of settings calls for another server. */
export function callsForRestart(event: Parameters<Parameters<typeof workspace.onDidChangeConfiguration>[0]>[0]): boolean {
  return event.affectsConfiguration("infill.path");
}
