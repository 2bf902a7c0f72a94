import assert from "node:assert/strict";
import { SizedStream } from "../../../../../aerostack_dev/bindings/face.ts";
import { Packing, unpack } from "../../../../../aerostack_dev/runtime/hosts/deno/wire.ts";

function packed(value: unknown) {
  const streams: ReadableStream[] = [];
  const packing = new Packing((stream) => streams.push(stream));
  const text = JSON.stringify(packing.pack(value));
  return { packing, streams, text };
}

function roundTrip(value: unknown): unknown {
  const { packing, text } = packed(value);
  const join = () => assert.fail("no stream was sent");
  return unpack(JSON.parse(text), packing.attachments, join);
}

Deno.test("what JSON holds goes as it is, without a mark", () => {
  for (const value of [null, true, 1.5, "ü\u0000", [], {}, [1, [2, { a: null }]], { "": [{}] }]) {
    assert.deepEqual(roundTrip(value), value);
    assert.equal(packed(value).packing.marked, false);
  }
});

Deno.test("bytes are attached, wherever they are", () => {
  const value = { a: [new Uint8Array([1, 2]), { b: new Uint8Array() }], c: new Uint8Array([3]) };
  assert.deepEqual(roundTrip(value), value);
  const { packing, text } = packed(value);
  assert.deepEqual(packing.attachments, [
    new Uint8Array([1, 2]),
    new Uint8Array(),
    new Uint8Array([3]),
  ]);
  assert.equal(text, '{"a":[{"$bytes":0},{"b":{"$bytes":1}}],"c":{"$bytes":2}}');
});

Deno.test("an object that looks like a mark is none", () => {
  for (
    const value of [
      { $bytes: 0 },
      { $stream: [1, null] },
      { $plain: { $plain: {} } },
      [{ $bytes: { $bytes: new Uint8Array([7]) }, other: 1 }],
    ]
  ) assert.deepEqual(roundTrip(value), value);
});

Deno.test("names like __proto__ are names like any other", () => {
  const value = JSON.parse('{"__proto__": {"a": 1}, "b": 2}');
  assert.equal(packed(value).text, '{"__proto__":{"a":1},"b":2}');
});

Deno.test("streams cross by their number, with the length that is known", () => {
  const [one, other] = [new ReadableStream(), new ReadableStream()];
  const { streams, text } = packed({ body: one, sized: new SizedStream(other, 12) });
  assert.deepEqual(streams, [one, other]);
  assert.equal(text, '{"body":{"$stream":[1,null]},"sized":{"$stream":[2,12]}}');
  const joined: unknown[] = [];
  const join = (id: number, size: number | null) => {
    joined.push([id, size]);
    return one;
  };
  unpack(JSON.parse(text), [], join);
  assert.deepEqual(joined, [[1, null], [2, 12]]);
});

Deno.test("numbers keep their text where they must", () => {
  assert.equal(packed([JSON.rawJSON("1.0"), 2n ** 64n]).text, '[1.0,"18446744073709551616"]');
});
