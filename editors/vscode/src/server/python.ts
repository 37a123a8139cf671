// The Python environment that is active in the editor, if Microsoft's Python extension is there to know it.
import { PythonExtension } from "@vscode/python-extension";
import { extensions, workspace, type Disposable } from "vscode";

const ID = "ms-python.python";

/** The path of the active Python, or an empty text; never that of a workspace which is not trusted. */
export async function activePython(): Promise<string> {
  if (!workspace.isTrusted || !extensions.getExtension(ID)) return "";
  const { environments } = await PythonExtension.api();
  const environment = await environments.resolveEnvironment(environments.getActiveEnvironmentPath());
  return environment?.executable.uri?.fsPath ?? "";
}

/** Calls back when another environment becomes active. */
export async function onDidChangePython(changed: () => void): Promise<Disposable | undefined> {
  if (!extensions.getExtension(ID)) return undefined;
  const { environments } = await PythonExtension.api();
  return environments.onDidChangeActiveEnvironmentPath(changed);
}
