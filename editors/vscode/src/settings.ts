// The settings that are the editor's own; all others belong to the server, which asks for them itself.
import { ConfigurationTarget, workspace } from "vscode";
import type { When } from "./edits/changed";

/** Names in the section `infill` that the server does not know. */
export const OWN = ["path", "package", "preview"] as const;

/** An `infill-lsp` or a Python to use instead of looking for one; empty if not set. */
export function path(): string {
  return text("path");
}

/** What pip installs into the private environment. */
export function packageName(): string {
  return text("package") || "infill-lsp";
}

/** Whether suggestions are on. */
export function enabled(): boolean {
  return workspace.getConfiguration("infill").get<boolean>("enable", true);
}

/** Whether next edits are on. A pause of all suggestions holds for them too, see `enabled`. */
export function nextEdits(): boolean {
  return workspace.getConfiguration("infill").get<boolean>("nextEdit", true);
}

/** When an edit is shown before it is made. */
export function previewed(): When {
  return workspace.getConfiguration("infill").get<When>("preview", "always");
}

/** `auto`, the name of a model, or the folder of one. */
export function model(): string {
  return workspace.getConfiguration("infill").get<string>("model", "auto");
}

/** Sets a setting where it was last set: for the workspace, or for the user. */
export async function update(name: string, value: unknown): Promise<void> {
  const section = workspace.getConfiguration("infill");
  const inWorkspace = section.inspect(name)?.workspaceValue !== undefined;
  await section.update(name, value, inWorkspace ? ConfigurationTarget.Workspace : ConfigurationTarget.Global);
}

/** The section as the server may see it. */
export function withoutOwn(section: unknown): unknown {
  if (typeof section !== "object" || section === null) return section;
  return Object.fromEntries(Object.entries(section).filter(([name]) => !(OWN as readonly string[]).includes(name)));
}

function text(name: string): string {
  return workspace.getConfiguration("infill").get<string>(name, "").trim();
}
