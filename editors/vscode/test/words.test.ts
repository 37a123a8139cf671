import assert from "node:assert/strict";
import { test } from "node:test";
import { words } from "../src/status/words";

test("each state has its words", () => {
  assert.equal(words({ state: "starting" }, true).sentence, "Infill is starting.");
  assert.equal(words({ state: "ready", model: "small", device: "cpu" }, true).sentence, "Infill is ready, with small on cpu.");
  assert.equal(words({ state: "busy", reason: "" }, true).sentence, "Infill is busy.");
  assert.equal(words({ state: "degraded", reason: "the engine died" }, true).sentence, "Infill is degraded: the engine died");
  assert.match(words({ state: "missing" }, true).sentence, /Click to install/);
});

test("only what is wrong catches the eye", () => {
  const states = ["starting", "ready", "busy", "degraded", "missing", "stopped"] as const;
  assert.deepEqual(states.filter((state) => words({ state }, true).alarming), ["degraded", "missing", "stopped"]);
});

test("a pause hides all but what is wrong", () => {
  assert.equal(words({ state: "ready" }, false).sentence, "Infill is paused.");
  assert.match(words({ state: "degraded", reason: "x" }, false).sentence, /degraded/);
});

test("a document in which nothing is suggested says why, while it is the one that is shown", () => {
  const status = { state: "ready", inactive: { uri: "file:///.env", reason: "it holds secrets" } } as const;
  assert.equal(words(status, true, "file:///.env").sentence, "Infill is inactive here: it holds secrets");
  assert.equal(words(status, true, "file:///a.py").sentence, "Infill is ready.");
});

test("a document in which less is suggested says so beside how the server is", () => {
  const limited = { uri: "file:///a.go", reason: "The model was not trained on Go: only copies are suggested." };
  const status = { state: "ready", model: "small", device: "cpu", limited } as const;
  assert.equal(words(status, true, "file:///a.go").sentence, `Infill is ready, with small on cpu. ${limited.reason}`);
  assert.equal(words(status, true, "file:///a.go").text, "$(copy) Infill");
  assert.equal(words(status, true, "file:///a.py").sentence, "Infill is ready, with small on cpu.");
});
