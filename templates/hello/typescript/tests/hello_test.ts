import assert from "node:assert/strict";
import { start } from "./server.ts";

const server = await start();
Deno.test.afterAll(server.end);

Deno.test("greets the world", async () => {
  const response = await server.fetch("/");
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "Hello, world!\n");
});

Deno.test("greets by name", async () => {
  assert.equal(await (await server.fetch("/?name=Ada")).text(), "Hello, Ada!\n");
});

Deno.test("greets with the word of the configuration", async () => {
  await using other = await start({ variables: { GREETING: "Good morning" } });
  assert.equal(await (await other.fetch("/")).text(), "Good morning, world!\n");
});
