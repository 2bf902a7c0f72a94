import assert from "node:assert/strict";
import { lengthOf, SizedStream } from "../../../../../aerostack_dev/bindings/face.ts";
import { connected, type Pair, settled } from "./pipe.ts";

const WINDOW = 256 * 1024;
const PIECE = 64 * 1024;

/** What the other end makes of a stream that one end sends. */
async function sent(pair: Pair, stream: ReadableStream | SizedStream) {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  pair.other.on("body", ({ payload }) => resolve(payload));
  pair.one.send("body", 0, stream);
  return await promise as ReadableStream<Uint8Array>;
}

function zeros(count: number): { stream: ReadableStream; read: () => number } {
  let read = 0;
  const pull = (controller: ReadableStreamDefaultController) => {
    if (read++ === count) controller.close();
    else controller.enqueue(new Uint8Array(PIECE));
  };
  return { stream: new ReadableStream({ pull }, { highWaterMark: 0 }), read: () => read };
}

Deno.test("a stream arrives whole, with the length that is known", async () => {
  using pair = connected();
  const bytes = new Uint8Array(1_000_000).map((_, at) => at % 251);
  const stream = await sent(pair, new SizedStream(new Blob([bytes]).stream(), bytes.length));
  assert.equal(lengthOf(stream), bytes.length);
  assert.deepEqual(new Uint8Array(await new Response(stream).arrayBuffer()), bytes);
});

Deno.test("texts and buffers in a stream are bytes on the way", async () => {
  using pair = connected();
  const pieces = ["aü", new Uint16Array([0x6261]).buffer, new DataView(new ArrayBuffer(1))];
  const stream = await sent(pair, ReadableStream.from(pieces));
  assert.equal(lengthOf(stream), null);
  assert.equal(await new Response(stream).text(), "aüab\0");
});

Deno.test("a reader that waits makes the writer wait", async () => {
  using pair = connected();
  const { stream, read } = zeros(100);
  const reader = (await sent(pair, stream)).getReader();
  await settled();
  const ahead = WINDOW / PIECE + 1;
  assert.equal(read(), ahead);
  for (let pieces = 1; pieces <= 8; pieces++) {
    await reader.read();
    await settled();
    assert.ok(read() <= ahead + pieces + 1, `${read()} read ahead of ${pieces}`);
  }
  assert.ok(read() > ahead);
});

Deno.test("a reader that goes ends the writer's stream", async () => {
  using pair = connected();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const stream = await sent(pair, new ReadableStream({ cancel: resolve }));
  await stream.cancel();
  assert.match(String(await promise), /The client disconnected/);
});

Deno.test("a stream that breaks on its way breaks for its reader", async () => {
  using pair = connected();
  const stream = await sent(pair, new ReadableStream());
  pair.one.post(["end", 1, { type: "RangeError", message: "too far" }]);
  await assert.rejects(stream.getReader().read(), { name: "RangeError", message: "too far" });
});

Deno.test("what a source throws is told at its end", async () => {
  using pair = connected();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  pair.other.on("end", ({ payload }) => resolve(payload));
  const failing = new ReadableStream({
    pull() {
      throw new RangeError("dry");
    },
  });
  pair.one.send("body", 0, failing);
  const { name, message } = await promise as Error;
  assert.deepEqual([name, message], ["RangeError", "dry"]);
});
