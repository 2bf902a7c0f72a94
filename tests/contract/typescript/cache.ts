/** `env.CACHE` (db-cache.md §2.10), and what JavaScript adds to it (§2.1 to §2.4). */
import assert from "node:assert/strict";
import { type Cases, failure, promised, refusal, thrown } from "./stage.ts";

const UNSTORABLE =
  "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.";
const MIB = 1024 * 1024;
const RAW = new Uint8Array([0, 1, 2, 0x7f, 0x80, 0xfe, 0xff]);
const TYPES = ["text", "json", "arrayBuffer", "stream"];

const names = (page: { keys: { name: string }[] }) => page.keys.map(({ name }) => name);

export default {
  "2.10.1 a missing key is null": async ({ CACHE }) => {
    for (const type of TYPES) {
      assert.equal(await CACHE.get("missing", type), null);
      assert.equal(await CACHE.get("missing", { type }), null);
    }
    assert.equal(await CACHE.get("missing"), null);
  },

  "2.10.2 an empty value is not a missing one": async ({ CACHE }) => {
    await CACHE.put("k", "");
    assert.equal(await CACHE.get("k"), "");
    assert.equal((await CACHE.get("k", "arrayBuffer")).byteLength, 0);
  },

  "2.10.3 what can be stored": async ({ CACHE }) => {
    const given: [unknown, string][] = [
      [5, "5"],
      [true, "true"],
      [null, "null"],
      [undefined, "undefined"],
      [10n, "10"],
      [new Uint8Array([97]).buffer, "a"],
      [new Uint16Array([97]), "a\0"],
      [new Uint8Array([96, 97, 98]).subarray(1, 2), "a"],
      [new DataView(new Uint8Array([97, 98]).buffer, 1), "b"],
    ];
    for (const [value, stored] of given) {
      await CACHE.put("k", value);
      assert.equal(await CACHE.get("k"), stored);
    }
    for (const value of [{}, [1], new Date(), new Map(), () => 1, Promise.resolve("x")]) {
      const put = () => promised(() => CACHE.put("k", value));
      assert.deepEqual(await refusal(put), ["TypeError", UNSTORABLE]);
    }
  },

  "2.10.4 a blob is refused, its stream is not": async ({ CACHE }) => {
    const blob = new Blob(["x"]);
    assert.deepEqual(await refusal(() => CACHE.put("k", blob)), ["TypeError", UNSTORABLE]);
    await CACHE.put("k", blob.stream());
    assert.equal(await CACHE.get("k"), "x");
  },

  "2.10.5 keys are made texts and checked": async ({ CACHE }) => {
    for (const call of ["get", "put", "delete", "getWithMetadata"]) {
      const given = call === "put" ? [""] : [];
      assert.deepEqual(await refusal(() => CACHE[call]("", ...given)), [
        "TypeError",
        "Key name cannot be empty.",
      ]);
      const [, text] = await refusal(() => CACHE[call]("..", ...given));
      assert.equal(text, '".." is not allowed as a key name.');
    }
    for (const [key, spelled] of [[123, "123"], [null, "null"], [undefined, "undefined"]]) {
      await CACHE.put(key, "v");
      assert.equal(await CACHE.get(spelled), "v");
    }
    await CACHE.put(["a", "b"], "list");
    assert.equal(await CACHE.get("a,b"), "list");
  },

  "2.10.6 the longest key": async ({ CACHE }) => {
    await CACHE.put("é".repeat(256), "v");
    assert.equal(await CACHE.get("é".repeat(256)), "v");
    const [name, text] = await refusal(() => CACHE.get("é".repeat(257)));
    assert.deepEqual([name, text], [
      "Error",
      "KV GET failed: 414 UTF-8 encoded length of 514 exceeds key length limit of 512.",
    ]);
  },

  "2.10.7, 2.10.8 keys are what they are": async ({ CACHE }) => {
    for (const key of ["a%20b", "a b", "key", "KEY", "\0", "__proto__"]) await CACHE.put(key, key);
    for (const key of ["a%20b", "a b", "key", "KEY", "\0", "__proto__"]) {
      assert.equal(await CACHE.get(key), key);
    }
  },

  "2.10.9 an unknown type is an error when the key exists": async ({ CACHE }) => {
    assert.equal(await CACHE.get("k", "blob"), null);
    await CACHE.put("k", "v");
    for (const type of ["blob", "Text", { type: null }]) {
      assert.deepEqual(await refusal(() => CACHE.get("k", type)), [
        "TypeError",
        'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".',
      ]);
    }
    assert.equal(await CACHE.get("k", { type: undefined }), "v");
    assert.equal(await CACHE.get("k", null), "v");
  },

  "2.10.10 text that is no JSON": async ({ CACHE }) => {
    for (const text of ["{bad", "", "NaN"]) {
      await CACHE.put("k", text);
      assert.ok(await failure(() => CACHE.get("k", "json")) instanceof SyntaxError);
      assert.ok(await failure(() => CACHE.getWithMetadata("k", "json")) instanceof SyntaxError);
    }
  },

  "2.10.11 bytes round-trip": async ({ CACHE }) => {
    await CACHE.put("k", RAW);
    const buffer = await CACHE.get("k", "arrayBuffer");
    assert.ok(buffer instanceof ArrayBuffer);
    assert.deepEqual(new Uint8Array(buffer), RAW);
    structuredClone(buffer, { transfer: [buffer] }); // it is the author's own to give away
    const stream = await CACHE.get("k", { type: "stream" });
    assert.ok(stream instanceof ReadableStream);
    assert.deepEqual(await new Response(stream).bytes(), RAW);
    assert.equal(await CACHE.get("k"), new TextDecoder().decode(RAW));
  },

  "2.10.12 the shortest cacheTtl": async ({ CACHE }) => {
    await CACHE.put("k", "v");
    for (const [given, shown] of [[29, 29], ["abc", 0], [29.9, 29], [null, 0], [NaN, 0]]) {
      assert.deepEqual(await refusal(() => CACHE.get("k", { cacheTtl: given })), [
        "Error",
        `KV GET failed: 400 Invalid cache_ttl of ${shown}. Cache TTL must be at least 30.`,
      ]);
    }
    assert.equal(await CACHE.get("k", { cacheTtl: 30 }), "v");
    assert.equal(await CACHE.get("k", { cacheTtl: "31" }), "v");
    assert.equal(await CACHE.get("k", { cacheTtl: undefined }), "v");
    assert.deepEqual(await refusal(() => CACHE.get("k", { cacheTtl: 2 ** 31 })), [
      "TypeError",
      "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
    ]);
  },

  "2.10.13 a third argument is ignored": async ({ CACHE }) => {
    await CACHE.put("k", "[1]");
    assert.deepEqual(await CACHE.get("k", "json", { cacheTtl: 10 }), [1]);
  },

  "2.10.14 the shortest expirationTtl": async ({ CACHE }) => {
    const said: [unknown, string][] = [
      [0, "0. Please specify integer greater than 0."],
      [30, "30. Expiration TTL must be at least 60."],
      ["30", "30. Expiration TTL must be at least 60."],
      [NaN, "0. Please specify integer greater than 0."],
      [null, "0. Please specify integer greater than 0."],
    ];
    for (const [expirationTtl, text] of said) {
      const [, message] = await refusal(() => CACHE.put("k", "v", { expirationTtl }));
      assert.equal(message, `KV PUT failed: 400 Invalid expiration_ttl of ${text}`);
    }
    assert.equal(await CACHE.get("k"), null);
  },

  "2.10.15 the earliest expiration": async ({ CACHE }) => {
    const now = Math.floor(Date.now() / 1000);
    const future = "Expiration times must be at least 60 seconds in the future.";
    const epoch = "Please specify integer greater than the current number of seconds since the " +
      "UNIX epoch.";
    for (const [expiration, text] of [[now, epoch], [now + 30, future]] as const) {
      const [, message] = await refusal(() => CACHE.put("k", "v", { expiration }));
      assert.equal(message, `KV PUT failed: 400 Invalid expiration of ${expiration}. ${text}`);
    }
    await CACHE.put("k", "v", { expiration: now + 60 });
  },

  "2.10.16 an entry lives for its ttl": async ({ CACHE }, stage) => {
    const seen = async () => [
      await CACHE.get("k"),
      (await CACHE.get(["k"])).get("k"),
      (await CACHE.getWithMetadata("k")).value,
      names(await CACHE.list())[0] ?? null,
    ];
    await CACHE.put("k", "k", { expirationTtl: 60 });
    await stage.advance(59.6);
    assert.deepEqual(await seen(), ["k", "k", "k", "k"]);
    await stage.advance(0.407);
    assert.deepEqual(await seen(), [null, null, null, null]);
  },

  "2.10.17 the ttl wins over the expiration": async ({ CACHE }) => {
    await CACHE.put("k", "v", { expirationTtl: 100, expiration: 1 });
    const { keys: [entry] } = await CACHE.list();
    assert.equal(entry.expiration, Math.floor(Date.now() / 1000) + 100);
  },

  "2.10.18 a put replaces everything": async ({ CACHE }, stage) => {
    await CACHE.put("k", "v", { expirationTtl: 60, metadata: { a: 1 } });
    await CACHE.put("k", "w");
    assert.deepEqual((await CACHE.list()).keys, [{ name: "k" }]);
    await stage.advance(61);
    assert.deepEqual(await CACHE.getWithMetadata("k"), {
      value: "w",
      metadata: null,
      cacheStatus: null,
    });
  },

  "2.10.19 metadata that looks like nothing is kept": async ({ CACHE }) => {
    for (const metadata of [0, false, "", [], {}]) {
      await CACHE.put("k", "v", { metadata });
      assert.deepEqual((await CACHE.getWithMetadata("k")).metadata, metadata);
      assert.deepEqual((await CACHE.list()).keys, [{ name: "k", metadata }]);
    }
  },

  "2.10.20 metadata of null is none": async ({ CACHE }) => {
    for (const metadata of [null, undefined]) {
      await CACHE.put("k", "v", { metadata });
      assert.equal((await CACHE.getWithMetadata("k")).metadata, null);
      assert.ok(!("metadata" in (await CACHE.list()).keys[0]));
    }
  },

  "2.10.21 the largest metadata": async ({ CACHE }) => {
    await CACHE.put("k", "v", { metadata: "x".repeat(1022) });
    for (const [metadata, size] of [["x".repeat(1023), 1025], ["é".repeat(512), 1026]]) {
      const [, text] = await refusal(() => CACHE.put("k", "w", { metadata }));
      assert.equal(
        text,
        `KV PUT failed: 413 Metadata length of ${size} exceeds limit of 1024.`,
      );
    }
    assert.equal(await CACHE.get("k"), "v");
  },

  "2.10.22 the largest value": async ({ CACHE }) => {
    await CACHE.put("k", "old");
    const [, text] = await refusal(() => CACHE.put("k", "x".repeat(25 * MIB + 1)));
    assert.equal(text, "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.");
    assert.equal(await CACHE.get("k"), "old");
  },

  "2.10.23 a stream that is too long": async ({ CACHE }) => {
    let left = 27;
    const stream = new ReadableStream({
      pull: (controller) => left-- ? controller.enqueue(new Uint8Array(MIB)) : controller.close(),
    });
    const [, text] = await refusal(() => CACHE.put("k", stream));
    const size = 27 * MIB;
    assert.equal(text, `KV PUT failed: 413 Value length of ${size} exceeds limit of 26214400.`);
    assert.equal(await CACHE.get("k"), null);
  },

  "2.10.24 a missing key with metadata": async ({ CACHE }) => {
    for (const type of [undefined, ...TYPES]) {
      assert.deepEqual(await CACHE.getWithMetadata("missing", type), {
        value: null,
        metadata: null,
        cacheStatus: null,
      });
    }
  },

  "2.10.25 deleting twice": async ({ CACHE }) => {
    await CACHE.put("k", "v");
    assert.equal(await CACHE.delete("k"), undefined);
    assert.equal(await CACHE.delete("k"), undefined);
    assert.equal(await CACHE.get("k"), null);
  },

  "2.10.26 a bulk get is a Map": async ({ CACHE }) => {
    await CACHE.put("key1", "v");
    const found = await CACHE.get(["key1", "key2", "key1"]);
    assert.ok(found instanceof Map);
    assert.deepEqual([...found], [["key1", "v"], ["key2", null]]);
  },

  "2.10.27 how many keys a bulk get takes": async ({ CACHE }) => {
    const keys = Array.from({ length: 101 }, (_, at) => `k${at}`);
    assert.deepEqual(await refusal(() => CACHE.get([])), [
      "Error",
      "KV GET_BULK failed: 400 You must request a minimum of 1 key",
    ]);
    const [, text] = await refusal(() => CACHE.get(keys));
    assert.equal(text, "KV GET_BULK failed: 400 You can request a maximum of 100 keys");
    assert.equal((await CACHE.get(keys.slice(1))).size, 100);
  },

  "2.10.28 one value that is no JSON fails the call": async ({ CACHE }) => {
    await CACHE.put("good", '{"a":1}');
    await CACHE.put("bad", "{a");
    assert.deepEqual((await CACHE.get(["good"], "json")).get("good"), { a: 1 });
    const [, text] = await refusal(() => CACHE.get(["good", "bad"], { type: "json" }));
    assert.match(text, /At least one of the requested keys corresponds to a non-json value/);
  },

  "2.10.29 a bulk get keeps what looks like nothing": async ({ CACHE }) => {
    await CACHE.put("empty", "", { metadata: { a: 1 } });
    await CACHE.put("zero", "0");
    await CACHE.put("false", "false");
    const found = await CACHE.getWithMetadata(["empty", "missing"]);
    assert.ok(found instanceof Map);
    assert.deepEqual([...found], [
      ["empty", { value: "", metadata: { a: 1 } }],
      ["missing", null],
    ]);
    const values = await CACHE.get(["zero", "false"], "json");
    assert.deepEqual([...values], [["zero", 0], ["false", false]]);
  },

  "2.10.30 the types of a bulk get": async ({ CACHE }) => {
    for (const type of ["invalid", "stream", "arrayBuffer"]) {
      const [, text] = await refusal(() => CACHE.get(["k"], { type }));
      const said = `"${type}" is not a valid type. Use "json" or "text"`;
      assert.equal(text, `KV GET_BULK failed: 400 ${said}`);
    }
  },

  "2.10.31 a list is sorted by bytes": async ({ CACHE }) => {
    const sorted = ["!", ", ", "key1", "key2", "key3", "\uffee", "\u{10000}"];
    for (const key of sorted.toReversed()) await CACHE.put(key, "");
    assert.deepEqual(names(await CACHE.list()), sorted);
  },

  "2.10.32 a prefix has no wildcards": async ({ CACHE }) => {
    for (const key of ["key\\_%1", "key\\a1", "keyx_1"]) await CACHE.put(key, "");
    assert.deepEqual(names(await CACHE.list({ prefix: "key\\_%" })), ["key\\_%1"]);
  },

  "2.10.33 the last page has no cursor": async ({ CACHE }) => {
    for (const key of ["key1", "key2", "key3"]) await CACHE.put(key, "");
    const first = await CACHE.list({ limit: 2 });
    assert.deepEqual(names(first), ["key1", "key2"]);
    assert.deepEqual([first.list_complete, typeof first.cursor], [false, "string"]);
    const second = await CACHE.list({ limit: 2, cursor: first.cursor });
    assert.deepEqual(second, { keys: [{ name: "key3" }], list_complete: true, cacheStatus: null });
  },

  "2.10.34 a page that ends at the last key is complete": async ({ CACHE }) => {
    for (const key of ["key1", "key2"]) await CACHE.put(key, "");
    const page = await CACHE.list({ limit: 2 });
    assert.deepEqual([page.list_complete, "cursor" in page], [true, false]);
  },

  "2.10.35 keys that are inserted between pages": async ({ CACHE }) => {
    for (const key of ["key1", "key3", "key5"]) await CACHE.put(key, "");
    const { cursor } = await CACHE.list({ limit: 2 });
    for (const key of ["key2", "key4"]) await CACHE.put(key, "");
    assert.deepEqual(names(await CACHE.list({ limit: 2, cursor })), ["key4", "key5"]);
  },

  "2.10.36 limits that are refused or ignored": async ({ CACHE }) => {
    for (const key of ["a", "b"]) await CACHE.put(key, "");
    const [, text] = await refusal(() => CACHE.list({ limit: 1001 }));
    assert.equal(
      text,
      "KV GET failed: 400 Invalid key_count_limit of 1001. " +
        "Please specify an integer less than 1000.",
    );
    for (const limit of [0, -1, "abc", NaN, null, undefined]) {
      assert.equal((await CACHE.list({ limit })).keys.length, 2);
    }
    assert.equal((await CACHE.list({ limit: "1" })).keys.length, 1);
    assert.ok(await failure(() => CACHE.list({ limit: 2 ** 31 })) instanceof TypeError);
  },

  "2.10.37 a list tells when keys expire": async ({ CACHE }, stage) => {
    const now = Math.floor(Date.now() / 1000);
    await CACHE.put("a", "", { expirationTtl: 60 });
    await CACHE.put("b", "", { expirationTtl: 120 });
    assert.deepEqual((await CACHE.list()).keys, [
      { name: "a", expiration: now + 60 },
      { name: "b", expiration: now + 120 },
    ]);
    await stage.advance(61);
    assert.deepEqual(names(await CACHE.list()), ["b"]);
  },

  "2.10.38 the longest prefix": async ({ CACHE }) => {
    assert.deepEqual(names(await CACHE.list({ prefix: "k".repeat(512) })), []);
    const [, text] = await refusal(() => CACHE.list({ prefix: "k".repeat(513) }));
    assert.match(text, /^KV GET failed: 414 UTF-8 encoded length of 513 exceeds/);
  },

  "2.10.39 a page holds 1000 keys": async ({ CACHE }) => {
    const keys = Array.from({ length: 1001 }, (_, at) => `k${at}`);
    await Promise.all(keys.map((key) => CACHE.put(key, "")));
    const first = await CACHE.list();
    const second = await CACHE.list({ cursor: first.cursor });
    assert.deepEqual([first.keys.length, second.keys.length], [1000, 1]);
  },

  "2.10.40 data survives a restart": async ({ CACHE }, stage) => {
    await CACHE.put("k", "v", { metadata: 1 });
    await stage.restart();
    assert.equal((await CACHE.getWithMetadata("k")).metadata, 1);
  },

  "calls without arguments": async ({ CACHE }) => {
    const wanted = { get: "string or Array", delete: "string", put: "string" };
    for (const [method, type] of Object.entries(wanted)) {
      const error = await failure(() => promised(() => CACHE[method]()));
      assert.ok(error instanceof TypeError);
      assert.equal(
        error.message,
        `Failed to execute '${method}' on 'KvNamespace': parameter 1 is not of type '${type}'.`,
      );
    }
    const [, text] = await refusal(() => CACHE.put("k"));
    assert.match(text, /parameter 2 is not of type 'string or JsObject'\.$/);
  },

  "only getWithMetadata throws at once": async ({ CACHE }) => {
    assert.ok(thrown(() => CACHE.getWithMetadata("..")) instanceof TypeError);
    for (const call of [() => CACHE.get(".."), () => CACHE.put("..", ""), () => CACHE.delete("")]) {
      await failure(() => promised(call));
    }
  },

  "options that are none": async ({ CACHE }) => {
    assert.equal(await CACHE.put("k", "v", null), undefined);
    assert.ok(await failure(() => CACHE.put("k", "v", "x")) instanceof TypeError);
  },

  "metadata is what JSON makes of it": async ({ CACHE }) => {
    const given = {
      a: undefined,
      d: new Date(0),
      m: new Map([[1, 2]]),
      $bytes: 0,
      n: NaN,
      x: { $stream: [1], $plain: {} },
    };
    await CACHE.put("k", "v", { metadata: given });
    const { metadata } = await CACHE.getWithMetadata("k");
    assert.deepEqual(metadata, JSON.parse(JSON.stringify(given)));
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    assert.ok(
      await failure(() => CACHE.put("k", "v", { metadata: circular })) instanceof TypeError,
    );
    assert.ok(await failure(() => CACHE.put("k", "v", { metadata: 1n })) instanceof TypeError);
  },

  "a call that is not awaited sees the bytes of its moment": async ({ CACHE }) => {
    const bytes = new TextEncoder().encode("before");
    const put = CACHE.put("k", bytes);
    bytes.fill(120);
    await put;
    assert.equal(await CACHE.get("k"), "before");
  },

  "the stream of a value is one of bytes, read once": async ({ CACHE }) => {
    await CACHE.put("k", "x".repeat(100_000));
    const stream = await CACHE.get("k", "stream");
    let size = 0;
    for await (const chunk of stream) {
      assert.ok(chunk instanceof Uint8Array);
      size += chunk.length;
    }
    assert.equal(size, 100_000);
    await CACHE.put("copy", await CACHE.get("k", "stream"));
    assert.equal((await CACHE.get("copy")).length, 100_000);
  },

  "a stream that fails fails the put": async ({ CACHE }) => {
    const stream = new ReadableStream({
      pull: (controller) => controller.error(new RangeError("of the author's")),
    });
    const [name, text] = await refusal(() => CACHE.put("k", stream));
    assert.deepEqual([name, text], ["RangeError", "of the author's"]);
    assert.equal(await CACHE.get("k"), null);
  },

  "an error points at the line of the call": async ({ CACHE }) => {
    const error = await failure(() => CACHE.get(".."));
    assert.match(error.stack, /cache\.ts:\d+:\d+/);
  },
} satisfies Cases;
