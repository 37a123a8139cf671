// Offers to install the server into a private environment, and does it with progress.
import { ProgressLocation, window, workspace, type CancellationToken, type LogOutputChannel } from "vscode";
import { install, InstallError } from "./server/environment";
import { activePython } from "./server/python";
import type { Session } from "./session";
import * as settings from "./settings";

const INSTALL = "Install";
const CHOOSE = "Choose a Python...";
const SHOW = "Show Log";

/** Asks what to do where no server was found; asks once in a window. */
export async function offer(session: Session, log: LogOutputChannel): Promise<void> {
  const answer = await window.showInformationMessage(
    "Infill needs its language server, infill-lsp. It can be installed into a private environment, which takes some minutes and does not touch your own environments.",
    INSTALL, CHOOSE,
  );
  if (answer === INSTALL) await installWithProgress(session, log);
  if (answer === CHOOSE) await choose();
}

/** Makes the private environment anew, then starts the server in it. */
export async function installWithProgress(session: Session, log: LogOutputChannel): Promise<void> {
  await session.stop();
  try {
    await window.withProgress(
      { location: ProgressLocation.Notification, title: "Installing infill-lsp", cancellable: true },
      async (progress, token) => {
        const plan = {
          folder: session.environment, package: settings.packageName(), activePython: await activePython(), platform: process.platform,
        };
        await install(plan, {
          tell: (message) => { progress.report({ message }); },
          log: (line) => { log.info(line); },
          signal: signal(token),
        });
      },
    );
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    await complain(error, log);
  } finally {
    await session.restart();
  }
}

async function complain(error: InstallError, log: LogOutputChannel): Promise<void> {
  log.error(error.message);
  // Not awaited by the installation: the server may be started while the message stands.
  void window.showErrorMessage(`infill-lsp was not installed: ${error.message}`, SHOW).then((answer) => {
    if (answer === SHOW) log.show();
  });
  return Promise.resolve();
}

async function choose(): Promise<void> {
  const [chosen] = (await window.showOpenDialog({ title: "A Python with infill-lsp, or an infill-lsp", canSelectMany: false })) ?? [];
  if (chosen) await workspace.getConfiguration("infill").update("path", chosen.fsPath, true);
}

function signal(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => { controller.abort(); });
  return controller.signal;
}
