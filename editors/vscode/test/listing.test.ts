import assert from "node:assert/strict";
import { test } from "node:test";
import { download, facts, listed } from "../src/models/listing";

const embedded = {
  name: "embedded", family: "infill", parameters: 8782112, gigabytes: 0.018, licence: "Apache-2.0", verified: "its own", folder: "embedded", about: "ships",
};
const large = { ...embedded, name: "org/large", parameters: 7.6e9, gigabytes: 15.2, folder: null, about: "code, both ways" };

test("the listing is what the server prints, without what makes no sense", () => {
  assert.deepEqual(listed(JSON.stringify([embedded, large, { name: "half" }, 7, null])), [embedded, large]);
});

test("a server that knows no listing lists nothing", () => {
  for (const said of ["", "unknown command: models", "{}", "null"]) assert.deepEqual(listed(said), [], said);
});

test("a model is described by what decides", () => {
  assert.equal(facts(embedded), "ships · 9 M parameters, < 0.1 GB · licence: Apache-2.0");
  assert.equal(facts(large), "code, both ways · 7.6 B parameters, 15.2 GB · licence: Apache-2.0");
  const elsewhere = { ...embedded, name: "endpoint", parameters: 0, gigabytes: 0, folder: "endpoint", about: "api.example.com: allowed" };
  assert.equal(facts(elsewhere), "api.example.com: allowed");
  assert.equal(download(large), "hf download org/large");
});
