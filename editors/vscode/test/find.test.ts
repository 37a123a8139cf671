import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { find } from "../src/server/find";

const nowhere = { setting: "", activePython: "", privatePython: "" };

/** An executable of this content. */
function script(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "infill-")), "server");
  writeFileSync(path, content);
  chmodSync(path, 0o755);
  return path;
}

test("a server that says its version is found, and the log says which", async () => {
  const path = script("#!/bin/sh\necho infill-lsp 1.2.3\n");
  const log: string[] = [];
  const found = await find({ ...nowhere, setting: path }, (line) => log.push(line));
  assert.equal(found?.executable, path);
  assert.match(log.join("\n"), /Found infill-lsp 1\.2\.3 in the setting infill\.path/);
});

test("one that fails is not found, and the log says what it said", async () => {
  const log: string[] = [];
  const path = script("#!/bin/sh\necho No module named infill_lsp >&2\nexit 1\n");
  assert.equal(await find({ ...nowhere, setting: path }, (line) => log.push(line)), undefined);
  assert.match(log.join("\n"), /No module named infill_lsp/);
});

test("one that does not exist is passed over for the next", async () => {
  const path = process.env.PATH;
  process.env.PATH = "/nowhere";
  try {
    assert.equal(await find({ ...nowhere, activePython: "/nowhere/python" }, () => undefined), undefined);
  } finally {
    process.env.PATH = path;
  }
});
