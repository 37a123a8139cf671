// "Watch the denoising": a panel beside the editor that is told of every step of a fill.
import { randomUUID } from "node:crypto";
import { commands, Uri, ViewColumn, window, workspace, type TextDocument, type WebviewPanel } from "vscode";
import type { Session } from "../session";
import { asFrame, begins, cut, opening, scene, type Film, type Partial, type Range } from "./film";
import { markup } from "./markup";
import type { ToView } from "./messages";

let panel: WebviewPanel | undefined;

/** Opens the panel, or shows it again, and fills at the cursor so that there is something to see. */
export async function watch(session: Session, extension: Uri): Promise<void> {
  if (panel) panel.reveal(undefined, true);
  else await open(session, extension);
  if (window.activeTextEditor) await commands.executeCommand("infill.fillHere");
}

async function open(session: Session, extension: Uri): Promise<void> {
  const roots = [Uri.joinPath(extension, "dist"), Uri.joinPath(extension, "media")];
  const created = (panel = window.createWebviewPanel(
    "infill.denoising", "Denoising", { viewColumn: ViewColumn.Beside, preserveFocus: true },
    { enableScripts: true, localResourceRoots: roots, retainContextWhenHidden: true },
  ));
  const listening = show(created);
  created.onDidDispose(() => {
    panel = undefined;
    void session.watch(undefined);
  });
  const { webview } = created;
  webview.html = markup({
    script: webview.asWebviewUri(Uri.joinPath(extension, "dist", "denoising.js")).toString(),
    style: webview.asWebviewUri(Uri.joinPath(extension, "media", "denoising.css")).toString(),
    source: webview.cspSource,
    nonce: randomUUID(),
  });
  await session.watch(listening);
}

/** What to call for every step. All that the view ever says is that it listens; it gets the film so far then. */
function show({ webview }: WebviewPanel): (partial: Partial) => void {
  let film: Film | undefined;
  let before: Partial | undefined;
  const post = (message: ToView) => void webview.postMessage(message);
  const postFilm = () => { if (film) post({ kind: "film", ...film }); };
  webview.onDidReceiveMessage(postFilm);
  return (partial) => {
    const frame = asFrame(partial);
    if (!film || begins(partial, before)) {
      film = { scene: cut(sceneOf(partial), frame), frames: frame.step > 0 ? [opening(frame), frame] : [frame] };
      postFilm();
    } else {
      film = { ...film, frames: [...film.frames, frame] };
      post({ kind: "frame", frame });
    }
    before = partial;
  };
}

function sceneOf({ uri, range }: Partial) {
  const editor = window.activeTextEditor;
  const document: TextDocument | undefined = workspace.textDocuments.find((it) => it.uri.toString() === uri) ?? editor?.document;
  const place: Range = range ?? editor?.selection ?? { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
  if (!document) return scene("a gap", "", place);
  const title = `${workspace.asRelativePath(document.uri)}:${place.start.line + 1}`;
  return scene(title, document.getText().replaceAll("\r\n", "\n"), place);
}
