import assert from "node:assert/strict";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { install, InstallError, privatePython } from "../src/server/environment";
import { complaint, doing } from "../src/server/pip";

const plan = () => ({
  folder: join(mkdtempSync(join(tmpdir(), "infill-")), "environment"), package: "", activePython: "", platform: process.platform,
});
const listener = { tell: () => undefined, log: () => undefined, signal: new AbortController().signal };

test("pip's lines become words, and those that say nothing new do not", () => {
  assert.equal(doing("Collecting torch>=2.9 (from infill-lsp)"), "looking up torch");
  assert.equal(doing("  Downloading torch-2.13.0-cp312-none.whl (180.1 MB)"), "downloading torch, 180.1 MB");
  assert.equal(doing("Installing collected packages: numpy, torch"), "unpacking");
  assert.equal(doing("Requirement already satisfied: pip"), undefined);
});

test("of a failure the line that says why is told", () => {
  assert.equal(complaint("x\nERROR: No matching distribution found for infill-lsp\nnotice"), "No matching distribution found for infill-lsp");
  assert.equal(complaint("x\nlast\n\n"), "last");
});

test("an installation that fails says why and leaves nothing behind", async () => {
  const failing = { ...plan(), package: "/nowhere/infill_lsp-0-py3-none-any.whl" };
  await assert.rejects(install(failing, listener), (error) => error instanceof InstallError && error.message.includes("/nowhere/"));
  assert.equal(existsSync(failing.folder), false);
  assert.equal(await privatePython(failing.folder, process.platform), "");
});

test("an installation that is cancelled says so", async () => {
  await assert.rejects(install(plan(), { ...listener, signal: AbortSignal.abort() }), /cancelled/);
});
