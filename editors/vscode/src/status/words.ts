// What the status item says. Knows no editor.

/** What the server says of itself in `infill/status`. */
export interface Status {
  readonly state: "starting" | "ready" | "busy" | "degraded";
  readonly reason?: string | null;
  readonly model?: string | null;
  readonly device?: string | null;
  /** The document asked for last, when nothing is suggested there, and why. */
  readonly inactive?: Notice | null;
  /** The same where less is suggested than elsewhere. */
  readonly limited?: Notice | null;
}

/** What there is to know of a document, as a sentence. */
export interface Notice {
  readonly uri: string;
  readonly reason: string;
}

/** The server's status, or what the editor knows where there is no server to ask. */
export type Condition = Status | { readonly state: "missing" | "stopped"; readonly reason?: string };

/** A status item: its text with an icon, a sentence for the tooltip, and whether it must catch the eye. */
export interface Words {
  readonly text: string;
  readonly sentence: string;
  readonly alarming: boolean;
}

const ICONS = {
  starting: "loading~spin", ready: "sparkle", busy: "loading~spin", degraded: "warning", missing: "cloud-download", stopped: "error",
} as const;

/** The words for a condition while the document `shown` is; a pause hides it unless something is wrong. */
export function words(condition: Condition, enabled: boolean, shown = ""): Words {
  const { state } = condition;
  const alarming = state === "degraded" || state === "missing" || state === "stopped";
  if (!enabled && !alarming) return { text: "$(debug-pause) Infill", sentence: "Infill is paused.", alarming };
  const [inactive, limited] = [here(condition, "inactive", shown), here(condition, "limited", shown)];
  if (inactive && !alarming) return { text: "$(circle-slash) Infill", sentence: `Infill is inactive here: ${inactive}`, alarming };
  const icon = limited && state === "ready" ? "copy" : ICONS[state];
  return { text: `$(${icon}) Infill`, sentence: [sentence(condition), limited].filter(Boolean).join(" "), alarming };
}

function here(condition: Condition, what: "inactive" | "limited", shown: string): string | undefined {
  const notice = what in condition ? (condition as Status)[what] : undefined;
  return notice?.uri === shown ? notice.reason : undefined;
}

function sentence(condition: Condition): string {
  const because = condition.reason ? `: ${condition.reason}` : ".";
  switch (condition.state) {
    case "starting":
      return `Infill is starting${because}`;
    case "ready":
      return `Infill is ready${model(condition)}.`;
    case "busy":
      return `Infill is busy${model(condition)}${because}`;
    case "degraded":
      return `Infill is degraded${because}`;
    case "missing":
      return "Infill has no server yet. Click to install it.";
    case "stopped":
      return `Infill's server has stopped${because}`;
  }
}

function model({ model, device }: Status): string {
  return model ? `, with ${model}${device ? ` on ${device}` : ""}` : "";
}
