import assert from "node:assert/strict";
import documents from "../documents.json" with { type: "json" };
import { start } from "./server.ts";

const server = await start();
Deno.test.afterAll(server.end);

async function ask(question: string) {
  const response = await server.send("POST", "/ask", { question });
  assert.equal(response.status, 200);
  return await response.json();
}

async function add(title: string, text: string) {
  const response = await server.send("POST", "/documents", { title, text });
  assert.equal(response.status, 201);
  return await response.json();
}

async function titles(): Promise<string[]> {
  const { documents } = await (await server.fetch("/documents")).json();
  return documents.map(({ title }: { title: string }) => title);
}

Deno.test("without documents there is nothing to answer from", async () => {
  assert.deepEqual(await ask("When?"), { answer: "The documents do not tell.", sources: [] });
});

Deno.test("mistakes have their status and leave nothing", async () => {
  const calls: [method: string, path: string, body: string | undefined, status: number][] = [
    ["POST", "/documents", "{", 400],
    ["POST", "/documents", "[]", 422],
    ["POST", "/documents", '{"title": "x"}', 422],
    ["POST", "/documents", '{"title": " ", "text": "x"}', 422],
    ["POST", "/documents", JSON.stringify({ title: "x", text: "x".repeat(50_001) }), 422],
    ["POST", "/ask", '{"question": ""}', 422],
    ["GET", "/ask", undefined, 405],
    ["DELETE", "/documents/nope", undefined, 404],
    ["GET", "/nothing", undefined, 404],
  ];
  for (const [method, path, body, status] of calls) {
    const response = await server.fetch(path, { method, body });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
  assert.deepEqual(await titles(), []);
});

Deno.test("the right passage is found and cited", async () => {
  for (const { title, text } of documents) await add(title, text);
  const expected: [question: string, title: string, said: string][] = [
    ["How large is the deposit for a cargo bike?", "Deposits", "200 euros for a cargo bike"],
    ["When does the workshop close in the evening?", "Opening hours", "closes at six"],
    ["How many hours is charging from empty?", "Batteries", "four hours"],
    ["Who must wear a helmet?", "Helmets", "Children under fourteen must wear one"],
    ["What happens if I cancel my booking?", "Cancellations", "cancelled without cost"],
    ["Can you mend a puncture?", "Flat tyres", "we bring a spare wheel"],
    ["For which age are the child seats?", "Child seats", "nine months to five years"],
    ["Which languages does the tour guide speak?", "Guided tours", "English and Portuguese"],
    ["What must I pay when I come back late?", "Late returns", "pays for each hour begun"],
  ];
  for (const [question, title, said] of expected) {
    const { answer, sources } = await ask(question);
    assert.equal(sources[0].title, title);
    assert.ok(sources[0].text.includes(said));
    assert.ok(answer.includes(said));
    assert.ok(sources.length <= 3);
  }
});

Deno.test("a deleted document answers nothing", async () => {
  const question = "How large is the deposit for a cargo bike?";
  const { document } = (await ask(question)).sources[0];
  for (const status of [204, 404]) {
    const response = await server.fetch(`/documents/${document}`, { method: "DELETE" });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
  const { sources } = await ask(question);
  assert.ok(!sources.some(({ title }: { title: string }) => title === "Deposits"));
  assert.ok(!(await titles()).includes("Deposits"));
});

Deno.test("a document may have more passages than one call embeds", async () => {
  const paragraph = (number: number) => `Paragraph ${number}: ${"word ".repeat(80)}`;
  const text = Array.from({ length: 110 }, (_, number) => paragraph(number)).join("\n\n");
  const { id, passages } = await add("Long", text);
  assert.ok(passages > 100);
  assert.equal((await server.fetch(`/documents/${id}`, { method: "DELETE" })).status, 204);
});
