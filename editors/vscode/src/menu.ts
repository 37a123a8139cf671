// The menu behind the status item, and what may be chosen in it.
import { commands, QuickPickItemKind, Task, TaskScope, ProcessExecution, tasks, window, type QuickPickItem } from "vscode";
import type { Session } from "./session";
import * as settings from "./settings";
import type { StatusItem } from "./status/item";
import { words } from "./status/words";

interface Choice extends QuickPickItem {
  readonly command?: string;
}

/** Shows the menu and does what is chosen. */
export async function showMenu(status: StatusItem): Promise<void> {
  const { sentence } = words(status.condition, settings.enabled());
  const chosen = await window.showQuickPick(choices(status), { title: sentence, placeHolder: "What shall Infill do?" });
  if (chosen?.command) await commands.executeCommand(chosen.command);
}

function choices({ condition }: StatusItem): Choice[] {
  const on = settings.enabled();
  const missing = condition.state === "missing" || condition.state === "stopped";
  return [
    ...(missing ? [{ label: "$(cloud-download) Install the server", detail: "Into a private environment", command: "infill.install" }] : []),
    on ? { label: "$(debug-pause) Pause suggestions", command: "infill.toggle" } : { label: "$(play) Resume suggestions", command: "infill.toggle" },
    { label: `$(arrow-swap) ${settings.nextEdits() ? "Stop offering" : "Offer"} next edits`, command: "infill.toggleNextEdits" },
    { label: "$(eye) Watch the denoising", command: "infill.watch" },
    { label: "$(symbol-misc) Choose the model", description: settings.model(), command: "infill.chooseModel" },
    { label: "", kind: QuickPickItemKind.Separator },
    { label: "$(output) Show the log", command: "infill.showLog" },
    { label: "$(pulse) Run the doctor", detail: "What is installed, whether the model works, and what to do if not", command: "infill.doctor" },
    { label: "$(debug-restart) Restart the server", command: "infill.restart" },
  ];
}

/** Switches suggestions off or on, where that was last said, or for the user. */
export async function toggle(): Promise<void> {
  await settings.update("enable", !settings.enabled());
}

/** Switches next edits off or on in the same way. */
export async function toggleNextEdits(): Promise<void> {
  await settings.update("nextEdit", !settings.nextEdits());
}

/** Runs `infill-lsp doctor` in a terminal that stays. */
export async function runDoctor({ command }: Session): Promise<void> {
  if (!command) {
    await window.showWarningMessage("There is no infill-lsp yet that could run its doctor.");
    return;
  }
  const execution = new ProcessExecution(command.executable, [...command.args, "doctor"]);
  await tasks.executeTask(new Task({ type: "infill" }, TaskScope.Workspace, "doctor", "infill", execution));
}
