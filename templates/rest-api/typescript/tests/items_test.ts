import assert from "node:assert/strict";
import { InvalidItemError, partial, whole } from "../src/items.ts";
import { start } from "./server.ts";

const LAMP = { name: "Lamp", description: "Brass", price_cents: 4900 };

const server = await start({ seeds: ["seed.sql"] });
Deno.test.afterAll(server.end);

Deno.test("an item from its creation to its end", async () => {
  const created = await server.send("POST", "/api/items", LAMP);
  assert.equal(created.status, 201);
  const path = created.headers.get("location")!;
  const item = await created.json();
  assert.deepEqual(item, { ...item, ...LAMP });

  const changed = await server.send("PATCH", path, { price_cents: 3900 });
  assert.equal((await changed.json()).price_cents, 3900);
  const replaced = await server.send("PUT", path, { name: "Desk", price_cents: 1 });
  const { name, description } = await replaced.json();
  assert.deepEqual([name, description], ["Desk", ""]);

  for (const status of [204, 404]) {
    const gone = await server.fetch(path, { method: "DELETE" });
    await gone.body?.cancel();
    assert.equal(gone.status, status);
  }
});

Deno.test("the list comes in pages", async () => {
  const names = (page: { items: { name: string }[] }) => page.items.map(({ name }) => name);
  const first = await (await server.fetch("/api/items?limit=2")).json();
  assert.deepEqual(names(first), ["Desk lamp", "Notebook"]);
  const rest = await (await server.fetch(`/api/items?limit=2&cursor=${first.cursor}`)).json();
  assert.deepEqual(names(rest), ["Fountain pen"]);
  assert.equal(rest.cursor, null);
});

Deno.test("the cache is read and never stale", async () => {
  const read = async () => {
    const response = await server.fetch("/api/items/1");
    return [response.headers.get("x-cache"), (await response.json()).name];
  };
  assert.deepEqual(await read(), ["miss", "Desk lamp"]);
  assert.deepEqual(await read(), ["hit", "Desk lamp"]);
  await (await server.send("PATCH", "/api/items/1", { name: "Floor lamp" })).body?.cancel();
  assert.deepEqual(await read(), ["miss", "Floor lamp"]);
});

Deno.test("mistakes have their status", async () => {
  const calls: [path: string, init: RequestInit, status: number, error: string][] = [
    ["/nothing", {}, 404, "not found"],
    ["/api/items/4711", {}, 404, "no such item"],
    ["/api/items/lamp", {}, 404, "not found"],
    ["/api/items", { method: "POST", body: "{" }, 400, "the body is not JSON"],
    ["/api/items", { method: "POST", body: "{}" }, 422, "invalid item"],
    ["/api/items?limit=0", {}, 400, "limit must be a number from 1 to 100"],
    ["/api/items", { method: "DELETE" }, 405, "DELETE is not allowed here"],
  ];
  for (const [path, init, status, error] of calls) {
    const response = await server.fetch(path, init);
    assert.equal(response.status, status);
    assert.equal((await response.json()).error, error);
  }
});

Deno.test("a wrong item is refused field by field", () => {
  const refused = (data: unknown, fields: Record<string, string>) => {
    assert.throws(() => whole(data), (error: InvalidItemError) => {
      assert.deepEqual(error.fields, fields);
      return true;
    });
  };
  refused({}, { name: "is missing", price_cents: "is missing" });
  refused({ ...LAMP, name: " " }, { name: "must be text of 1 to 100 characters" });
  refused({ ...LAMP, price_cents: 1.5 }, { price_cents: "must be a whole number, 0 or more" });
  refused({ ...LAMP, colour: "red" }, { colour: "is unknown" });
  refused([], { "": "must be an object" });
  assert.deepEqual(partial({ name: "Lamp" }), { name: "Lamp" });
});
