import assert from "node:assert/strict";
import { SizedStream } from "../../../../../aerostack_dev/bindings/face.ts";
import { Packing, place } from "../../../../../aerostack_dev/runtime/hosts/deno/wire.ts";

/** As `value` is in the header of a frame, at its end. */
function packed(value: unknown) {
  const streams: ReadableStream[] = [];
  const packing = new Packing([1], (stream) => streams.push(stream));
  const text = JSON.stringify(packing.pack(value));
  return { packing, streams, text, parts: JSON.stringify(packing.parts) };
}

function roundTrip(value: unknown): unknown {
  const { packing, text } = packed(value);
  const header = ["before", JSON.parse(text)];
  const body = new Uint8Array(packing.attachments.flatMap((each) => [...each]));
  place(header, packing.parts, body, () => assert.fail("no stream was sent"));
  return header[1];
}

Deno.test("what JSON holds goes as it is, in one part", () => {
  for (const value of [null, true, 1.5, "ü\u0000", [], {}, [1, [2, { a: null }]], { "": [{}] }]) {
    assert.deepEqual(roundTrip(value), value);
    assert.equal(packed(value).parts, "[]");
  }
});

Deno.test("bytes are attached, wherever they are", () => {
  const value = { a: [new Uint8Array([1, 2]), { b: new Uint8Array() }], c: new Uint8Array([3]) };
  assert.deepEqual(roundTrip(value), value);
  assert.deepEqual(roundTrip(value.c), value.c);
  const { packing, text, parts } = packed(value);
  assert.deepEqual(packing.attachments, [
    new Uint8Array([1, 2]),
    new Uint8Array(),
    new Uint8Array([3]),
  ]);
  assert.equal(text, '{"a":[null,{"b":null}],"c":null}');
  assert.equal(parts, '[[[1,"a",0],"bytes",2],[[1,"a",1,"b"],"bytes",0],[[1,"c"],"bytes",1]]');
});

Deno.test("bytes arrive below names like __proto__", () => {
  const value = JSON.parse('{"__proto__": {"a": null}, "b": 2}');
  place([value], [[[0, "__proto__", "a"], "bytes", 1]], new Uint8Array([7]), () => assert.fail());
  assert.deepEqual(Object.getOwnPropertyDescriptor(value, "__proto__")?.value, {
    a: new Uint8Array([7]),
  });
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

Deno.test("names like __proto__ are names like any other", () => {
  const value = JSON.parse('{"__proto__": {"a": 1}, "b": 2}');
  assert.equal(packed(value).text, '{"__proto__":{"a":1},"b":2}');
});

Deno.test("streams cross by their number, with the length that is known", () => {
  const [one, other] = [new ReadableStream(), new ReadableStream()];
  const { streams, packing, text, parts } = packed({
    body: one,
    sized: new SizedStream(other, 12),
  });
  assert.deepEqual(streams, [one, other]);
  assert.equal(text, '{"body":null,"sized":null}');
  assert.equal(parts, '[[[1,"body"],"stream",1,null],[[1,"sized"],"stream",2,12]]');
  const header = ["before", JSON.parse(text)];
  const join = (id: number, size: number | null) => ({ id, size }) as never;
  place(header, packing.parts, new Uint8Array(), join);
  assert.deepEqual(header[1], { body: { id: 1, size: null }, sized: { id: 2, size: 12 } });
});

Deno.test("bytes of a short stream come as a stream", async () => {
  const header = [null];
  const join = () => assert.fail("no stream was sent");
  place(header, [[[0], "whole", 3]], new Uint8Array([1, 2, 3]), join);
  const found = await new Response(header[0]).bytes();
  assert.deepEqual(found, new Uint8Array([1, 2, 3]));
});

Deno.test("numbers keep their text where they must", () => {
  assert.equal(packed([JSON.rawJSON("1.0"), 2n ** 64n]).text, '[1.0,"18446744073709551616"]');
});
