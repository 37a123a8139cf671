import assert from "node:assert/strict";
import { test } from "node:test";
import { asCommand, candidates, pythonIn } from "../src/server/command";

test("a Python runs the server as a module, anything else is the server itself", () => {
  for (const path of ["/usr/bin/python3", "/opt/python3.12", "C:\\Python\\python.exe", "C:\\Python\\pythonw.exe", "/x/pypy3.11"]) {
    assert.deepEqual(asCommand(path, "here").args, ["-P", "-m", "infill_lsp.cli"], path);
  }
  for (const path of ["/usr/bin/infill-lsp", "C:\\tools\\infill-lsp.exe", "/home/python3/infill-lsp", "/bin/pythonista"]) {
    assert.deepEqual(asCommand(path, "here").args, [], path);
  }
});

test("a path that was set is the only one that is tried", () => {
  const found = candidates({ setting: "/x/infill-lsp", activePython: "/y/python", privatePython: "/z/python" });
  assert.deepEqual(found.map(({ executable }) => executable), ["/x/infill-lsp"]);
});

test("the active environment goes before the PATH, the private one comes last, and what is not there is left out", () => {
  const all = candidates({ setting: "", activePython: "/y/python", privatePython: "/z/python" });
  assert.deepEqual(all.map(({ executable }) => executable), ["/y/python", "infill-lsp", "/z/python"]);
  const least = candidates({ setting: "", activePython: "", privatePython: "" });
  assert.deepEqual(least.map(({ executable }) => executable), ["infill-lsp"]);
});

test("an environment's Python is where its platform puts it", () => {
  assert.equal(pythonIn("/env", "linux"), "/env/bin/python");
  assert.match(pythonIn("/env", "win32"), /Scripts.python\.exe$/);
});
