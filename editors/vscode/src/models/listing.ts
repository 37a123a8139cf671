// What `infill-lsp models --json` says, and what of it can be chosen. Knows no editor.

/** A model as it is listed. */
export interface Model {
  readonly name: string;
  readonly parameters: number;
  readonly gigabytes: number;
  readonly licence: string;
  readonly verified: string;
  /** What the setting is to be given; null where the model is not on this machine. */
  readonly folder: string | null;
  readonly about: string;
}

/** The listing; empty where it cannot be read, as from a server that is too old. */
export function listed(output: string): readonly Model[] {
  try {
    const found: unknown = JSON.parse(output);
    return Array.isArray(found) ? found.filter(isModel) : [];
  } catch {
    return [];
  }
}

/** How large a model is and what it may be used for, in a line. */
export function facts({ parameters, gigabytes, licence, about }: Model): string {
  const size = parameters >= 1e8 ? `${(parameters / 1e9).toFixed(1)} B` : `${Math.round(parameters / 1e6)} M`;
  const memory = gigabytes >= 0.1 ? `${gigabytes.toFixed(1)} GB` : "< 0.1 GB";
  if (!parameters) return about; // An endpoint tells nothing of its model.
  return `${about} · ${size} parameters, ${memory} · licence: ${licence}`;
}

/** How a model that is not here gets here: the command is for a person to run, nothing is downloaded by us. */
export function download({ name }: Model): string {
  return `hf download ${name}`;
}

function isModel(value: unknown): value is Model {
  if (typeof value !== "object" || value === null) return false;
  const { name, parameters, gigabytes, licence, about, folder } = value as Record<string, unknown>;
  return [name, licence, about].every((it) => typeof it === "string")
    && [parameters, gigabytes].every((it) => typeof it === "number")
    && (folder === null || typeof folder === "string");
}
