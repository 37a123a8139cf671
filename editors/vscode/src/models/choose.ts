// Lets a model be chosen: the embedded one, another that is on this machine, or a folder.
import { env, QuickPickItemKind, window, type QuickPickItem } from "vscode";
import { run } from "../server/run";
import type { Session } from "../session";
import * as settings from "../settings";
import { download, facts, listed, type Model } from "./listing";

interface Choice extends QuickPickItem {
  readonly model?: Model;
}

const FOLDER: Choice = { label: "$(folder-opened) A folder...", detail: "with config.json, tokenizer.json and model.safetensors" };
const COPY = "Copy the Command";

/** Asks which model, and sets it; says how to get one that is not here. */
export async function chooseModel(session: Session): Promise<void> {
  const chosen = await window.showQuickPick(choices(session), {
    title: `The model, now ${settings.model()}`, matchOnDescription: true, matchOnDetail: true,
  });
  if (chosen === FOLDER) await chooseFolder();
  if (!chosen?.model) return;
  if (chosen.model.folder) await settings.update("model", chosen.model.folder);
  else await tellHow(chosen.model);
}

async function choices(session: Session): Promise<Choice[]> {
  const models = await known(session);
  const here = models.filter(({ folder }) => folder !== null);
  const elsewhere = models.filter(({ folder }) => folder === null);
  return [
    ...here.map((model) => choice(model, model.folder === settings.model() ? "$(check)" : "$(symbol-misc)")),
    FOLDER,
    { label: "not on this machine", kind: QuickPickItemKind.Separator },
    ...elsewhere.map((model) => choice(model, "$(cloud)")),
  ];
}

async function known({ command }: Session): Promise<readonly Model[]> {
  if (!command) return [];
  return listed((await run(command.executable, [...command.args, "models", "--json"])).stdout);
}

function choice(model: Model, icon: string): Choice {
  return { label: `${icon} ${model.name}`, detail: facts(model), model };
}

async function chooseFolder(): Promise<void> {
  const [picked] = (await window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: "Use this model" })) ?? [];
  if (picked) await settings.update("model", picked.fsPath);
}

async function tellHow(model: Model): Promise<void> {
  const answer = await window.showInformationMessage(
    `${model.name} is not on this machine. Run "${download(model)}" (${model.gigabytes.toFixed(1)} GB), then choose it here. Nothing is downloaded before you say so.`,
    COPY,
  );
  if (answer === COPY) await env.clipboard.writeText(download(model));
}
