// Composes the extension: everything is made here, and handed to who needs it.
import { commands, window, workspace, type ExtensionContext } from "vscode";
import { watch } from "./denoising/panel";
import { Preview } from "./edits/preview";
import { installWithProgress, offer } from "./install";
import { runDoctor, showMenu, toggle, toggleNextEdits } from "./menu";
import { chooseModel } from "./models/choose";
import { NextEdits } from "./nextEdits/nextEdits";
import { onDidChangePython } from "./server/python";
import { callsForRestart, Session } from "./session";
import * as settings from "./settings";
import { StatusItem } from "./status/item";

let session: Session | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  const log = window.createOutputChannel("Infill", { log: true });
  const status = new StatusItem(settings.enabled);
  const preview = new Preview();
  const nextEdits: NextEdits = new NextEdits((dismissal) => own.tell("infill/nextEdit/dismiss", dismissal));
  const own = (session = new Session(status, log, context.globalStorageUri, (edit) => preview.ask(edit), nextEdits));
  const restart = () => own.restart();
  const actions: Record<string, () => unknown> = {
    restart,
    showLog: () => { log.show(); },
    fillHere: () => commands.executeCommand("editor.action.inlineSuggest.trigger"),
    acceptWord: () => commands.executeCommand("editor.action.inlineSuggest.acceptNextWord"),
    acceptLine: () => commands.executeCommand("editor.action.inlineSuggest.acceptNextLine"),
    toggle,
    nextEdit: (how?: { otherwise?: string }) => nextEdits.next(how),
    dismissNextEdit: () => { nextEdits.dismiss(); },
    toggleNextEdits,
    chooseModel: () => chooseModel(own),
    applyEdit: () => preview.answer(true),
    discardEdit: () => preview.answer(false),
    menu: () => showMenu(status),
    doctor: () => runDoctor(own),
    install: () => installWithProgress(own, log),
    watch: () => watch(own, context.extensionUri),
  };
  context.subscriptions.push(
    log, status, preview, own, nextEdits,
    ...Object.entries(actions).map(([name, action]) => commands.registerCommand(`infill.${name}`, action)),
    workspace.onDidChangeConfiguration((event) => {
      status.refresh();
      if (callsForRestart(event)) void restart();
    }),
    workspace.onDidGrantWorkspaceTrust(restart),
    window.onDidChangeActiveTextEditor(() => { status.refresh(); }),
  );
  const python = await onDidChangePython(() => void restart());
  if (python) context.subscriptions.push(python);
  await own.restart();
  if (status.condition.state === "missing") void offer(own, log);
}

export function deactivate(): Promise<void> | undefined {
  return session?.stop();
}
