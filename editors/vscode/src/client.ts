// The language client: which documents it serves, and the few places where the editor must say more than the protocol does.
import { window, type LogOutputChannel } from "vscode";
import { LanguageClient, RevealOutputChannelOn, type LanguageClientOptions, type Middleware } from "vscode-languageclient/node";
import type { Command } from "./server/command";
import { withoutOwn } from "./settings";

/** All languages: whether one can be filled is for the server to say. Notebook cells are documents of their own. */
const SCHEMES = ["file", "untitled", "vscode-notebook-cell", "vscode-vfs"] as const;

/** A client that starts the server by this command. */
export function createClient(command: Command, log: LogOutputChannel): LanguageClient {
  const server = { command: command.executable, args: [...command.args, "--stdio"] };
  return new LanguageClient("infill", "Infill", server, options(log));
}

function options(log: LogOutputChannel): LanguageClientOptions {
  return {
    documentSelector: SCHEMES.map((scheme) => ({ scheme })),
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    middleware,
  };
}

const middleware: Middleware = {
  /** From the palette a command has no arguments: it means the selection of the document as it is now. */
  executeCommand: (command, args: unknown[], next): unknown => next(command, args.length > 0 ? args : selected()),
  workspace: {
    configuration: async (params, token, next) => {
      const sections: unknown = await next(params, token);
      return Array.isArray(sections) ? sections.map(withoutOwn) : [];
    },
  },
};

function selected(): unknown[] {
  const editor = window.activeTextEditor;
  if (!editor) return [];
  const { start, end } = editor.selection;
  const { uri, version } = editor.document;
  return [uri.toString(), { start: place(start), end: place(end) }, version];
}

function place({ line, character }: { line: number; character: number }) {
  return { line, character };
}
