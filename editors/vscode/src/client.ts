// The language client: which documents it serves, and the few places where the editor must say more than the protocol does.
import { window, type LogOutputChannel } from "vscode";
import {
  CancellationToken, LanguageClient, RevealOutputChannelOn, type ApplyWorkspaceEditParams, type LanguageClientOptions, type Middleware, type StaticFeature,
} from "vscode-languageclient/node";
import { confirmed, isShown } from "./edits/changed";
import { provideInlineCompletionItems } from "./refresh";
import type { Command } from "./server/command";
import { previewed, withoutOwn } from "./settings";

/** All languages: whether one can be filled is for the server to say. Notebook cells are documents of their own. */
const SCHEMES = ["file", "untitled", "vscode-notebook-cell", "vscode-vfs"] as const;

/** Shows an edit and says whether it is to be made. */
export type Ask = (edit: ApplyWorkspaceEditParams) => Promise<boolean>;

/** A client that starts the server by this command. */
export function createClient(command: Command, log: LogOutputChannel, ask: Ask): LanguageClient {
  const server = { command: command.executable, args: [...command.args, "--stdio"] };
  const client = new LanguageClient("infill", "Infill", server, options(log, ask));
  client.registerFeature(actionsAreCommands);
  client.registerFeature(understands);
  return client;
}

/**
 * Has the server make commands of its code actions. The editor would apply a resolved edit by itself, in its own preview
 * where nothing is ticked; what a command applies comes by us, and is shown the same way however it was asked for.
 */
const actionsAreCommands: StaticFeature = {
  fillClientCapabilities: () => undefined,
  fillInitializeParams: ({ capabilities: { textDocument } }) => { delete textDocument?.codeAction?.resolveSupport; },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

/** Tells the server that `infill/nextEdit` and `infill/refresh` are understood here. */
const understands: StaticFeature = {
  fillClientCapabilities: (capabilities) => { capabilities.experimental = { infill: { nextEdit: true, refresh: true } }; },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

function options(log: LogOutputChannel, ask: Ask): LanguageClientOptions {
  return {
    documentSelector: SCHEMES.map((scheme) => ({ scheme })),
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    middleware: middleware(ask),
  };
}

function middleware(ask: Ask): Middleware {
  return {
    /** From the palette or a menu a command has no arguments of ours: it means the selection of the document as it is now. */
    executeCommand: (command, args: unknown[], next): unknown => next(command, typeof args[0] === "string" ? args : selected()),
    resolveCodeAction: (action) => action,
    provideInlineCompletionItems,
    workspace: {
      configuration: async (params, token, next) => {
        const sections: unknown = await next(params, token);
        return Array.isArray(sections) ? sections.map(withoutOwn) : [];
      },
      handleApplyEdit: async (params, next) => {
        if (isShown(params.edit, previewed()) && !(await ask(params))) return { applied: false };
        return next(confirmed(params), CancellationToken.None);
      },
    },
  };
}

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
