// What pip's output means to somebody who waits. Knows no editor.

/** A few words on what pip is doing, or undefined for a line that says nothing new. */
export function doing(line: string): string | undefined {
  const said = line.trim();
  const download = /^Downloading (\S+?)(?:-\d\S*)?(?:\s+\(([^)]+)\))?$/.exec(said);
  if (download?.[1]) return `downloading ${name(download[1])}${download[2] ? `, ${download[2]}` : ""}`;
  const collect = /^Collecting ([\w.-]+)/.exec(said);
  if (collect?.[1]) return `looking up ${collect[1]}`;
  if (said.startsWith("Installing collected packages")) return "unpacking";
  if (said.startsWith("Building wheel")) return "building";
  return undefined;
}

/** Of several lines of a failure, the one that says why. */
export function complaint(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.find((line) => line.startsWith("ERROR:"))?.slice("ERROR:".length).trim() ?? lines.at(-1) ?? "no output";
}

function name(file: string): string {
  return file.split("/").at(-1) ?? file;
}
