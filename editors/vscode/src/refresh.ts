// The model's word for a copy that was shown meanwhile: asks for it as if the editor had asked by itself.
import { InlineCompletionTriggerKind, commands, window } from "vscode";
import type { Middleware } from "vscode-languageclient/node";

/** A document whose last question has another answer now, as `infill/refresh` tells. */
export interface Refreshed {
  readonly uri: string;
  readonly version: number;
}

let asksAgain = false;

/** Has the editor ask again, unless the document was left or changed since. */
export async function refresh({ uri, version }: Refreshed): Promise<void> {
  const document = window.activeTextEditor?.document;
  if (document?.uri.toString() !== uri || document.version !== version) return;
  asksAgain = true;
  try {
    // Otherwise VS Code keeps what it shows, and puts the answer behind it.
    await commands.executeCommand("editor.action.inlineSuggest.hide");
    await commands.executeCommand("editor.action.inlineSuggest.trigger");
  } finally {
    asksAgain = false;
  }
}

/** The editor's command asks as a user does by hand, who wants all candidates and waits for them. */
export const provideInlineCompletionItems: NonNullable<Middleware["provideInlineCompletionItems"]> =
  (document, position, context, token, next) =>
    next(document, position, asksAgain ? { ...context, triggerKind: InlineCompletionTriggerKind.Automatic } : context, token);
