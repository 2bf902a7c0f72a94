import assert from "node:assert/strict";
import { passages, SIZE } from "../src/passages.ts";

Deno.test("passages fit, overlap and lose nothing", () => {
  const words = Array.from({ length: 1000 }, (_, number) => `word${number}`);
  const paragraphs = [];
  for (let start = 0; start < 1000; start += 90) {
    paragraphs.push(words.slice(start, start + 90).join(" "));
  }
  const found = passages([...paragraphs, "x".repeat(1500)].join("\n\n"));
  assert.ok(Math.max(...found.map((passage) => passage.length)) <= SIZE);
  for (let at = 1; at < found.length; at++) {
    const beginning = found[at].slice(0, 60);
    assert.ok(found[at - 1].includes(beginning) || beginning === "x".repeat(60));
  }
  const kept = new Set(found.join(" ").split(/\s+/));
  assert.ok(words.every((word) => kept.has(word)));
  assert.equal(found.join("").replaceAll(/[^x]/g, "").length, 1500);
});

Deno.test("a short text is one passage", () => {
  assert.deepEqual(passages("One.\n \nTwo,\nlines."), ["One.\n\nTwo, lines."]);
  assert.deepEqual(passages(" "), []);
});
