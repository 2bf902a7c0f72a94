// deno-lint-ignore-file no-explicit-any
/** `env.STORAGE` (storage-vectorize-ai.md §1.11), and JavaScript's part (§1.1 to §1.7). */
import assert from "node:assert/strict";
import { type Cases, failure, promised, refusal, thrown } from "./stage.ts";

const ETAG = "2063c1608d6e0baf80249c42e2be5804"; // the MD5 of "value"
const EMPTY = "d41d8cd98f00b204e9800998ecf8427e";
const STORABLE = "ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";
const USED = "Body has already been used. It can only be used once. Use tee() first if you need " +
  "to read it twice.";
const UNSATISFIABLE = "get: The requested range is not satisfiable (10039)";
const LIMIT = "list: MaxKeys params must be positive integer <= 1000. (10022)";
const NO_UPLOAD = "The specified multipart upload does not exist. (10024)";
const MIB = 1024 * 1024;
const { FixedLengthStream } = globalThis as any; // the platform's own

const keys = (page: any) => page.objects.map(({ key }: { key: string }) => key);
const text = async (storage: any, key: string) => await (await storage.get(key)).text();

async function fill(storage: any, ...names: string[]): Promise<void> {
  await Promise.all(names.map((name) => storage.put(name, "v")));
}

export default {
  "1.11.1 head tells what was put": async ({ STORAGE }) => {
    const put = await STORAGE.put("k", "value");
    const head = await STORAGE.head("k");
    for (const found of [put, head]) {
      assert.deepEqual([found.key, found.size, found.etag], ["k", 5, ETAG]);
      assert.deepEqual([found.httpEtag, found.storageClass], [`"${ETAG}"`, "Standard"]);
      assert.ok(!("body" in found));
      assert.ok(found.uploaded instanceof Date);
      assert.equal(found.uploaded.getTime(), Date.now());
    }
    assert.equal(head.version, put.version);
    assert.deepEqual([head.range, put.range], [{ offset: 0, length: 5 }, undefined]);
    assert.deepEqual([head.httpMetadata, head.customMetadata], [{}, {}]);
  },

  "1.11.2 a missing key is null": async ({ STORAGE }) => {
    assert.equal(await STORAGE.head("none"), null);
    assert.equal(await STORAGE.get("none"), null);
  },

  "1.11.3 a missing key is null before any condition": async ({ STORAGE }) => {
    assert.equal(await STORAGE.get("none", { onlyIf: { etagMatches: "x" } }), null);
  },

  "1.11.4 nothing is an empty object": async ({ STORAGE }) => {
    for (const value of [null, undefined, "", new Uint8Array()]) {
      const put = await STORAGE.put("k", value);
      assert.deepEqual([put.size, put.etag], [0, EMPTY]);
    }
  },

  "1.11.5 what cannot be stored": async ({ STORAGE }) => {
    for (const given of [[], [5], [{}], [true], [[1]], [1n], [new Date()], [() => 1]]) {
      assert.deepEqual(await refusal(() => promised(() => STORAGE.put("k", ...given))), [
        "TypeError",
        `Failed to execute 'put' on 'R2Bucket': parameter 2 is not of type '${STORABLE}'.`,
      ]);
    }
    assert.equal(await STORAGE.head("k"), null);
  },

  "1.11.6 a stream needs a known length": async ({ STORAGE }) => {
    const { readable } = new TransformStream();
    assert.deepEqual(await refusal(() => promised(() => STORAGE.put("k", readable))), [
      "TypeError",
      "Provided readable stream must have a known length (request/response body or readable half " +
      "of FixedLengthStream)",
    ]);
    const fixed = new FixedLengthStream(2);
    const writer = fixed.writable.getWriter();
    const written = [writer.write(new TextEncoder().encode("ok")), writer.close()];
    assert.equal((await STORAGE.put("k", fixed.readable)).size, 2);
    await Promise.all(written);
    assert.equal(await text(STORAGE, "k"), "ok");
    const copied = await STORAGE.put("copy", (await STORAGE.get("k")).body);
    assert.equal(copied.size, 2);
  },

  "1.11.7 the type of a blob is not copied": async ({ STORAGE }) => {
    const put = await STORAGE.put("k", new Blob(["blob"], { type: "text/x" }));
    assert.deepEqual([put.size, put.httpMetadata], [4, {}]);
    assert.equal(await text(STORAGE, "k"), "blob");
  },

  "1.11.8 metadata from headers": async ({ STORAGE }) => {
    const httpMetadata = new Headers({
      "Content-Type": "text/css",
      "content-language": "de",
      expires: "Thu, 01 Jan 1970 00:00:05 GMT",
      "x-foo": "1",
    });
    await STORAGE.put("k", "", { httpMetadata });
    const { httpMetadata: found } = await STORAGE.head("k");
    const cacheExpiry = new Date(5000);
    assert.deepEqual(found, { contentType: "text/css", contentLanguage: "de", cacheExpiry });
  },

  "1.11.9 custom metadata is text": async ({ STORAGE }) => {
    const put = await STORAGE.put("k", "", {
      customMetadata: { a: 1, b: null, c: {}, d: undefined, e: new Date(0), f: [1, null, "x"] },
    });
    const expected = {
      a: "1",
      b: "null",
      c: "[object Object]",
      d: "undefined",
      e: String(new Date(0)),
      f: "1,,x",
    };
    assert.deepEqual(put.customMetadata, expected);
    assert.deepEqual((await STORAGE.head("k")).customMetadata, expected);
  },

  "1.11.10 a put replaces everything": async ({ STORAGE }) => {
    const given = { customMetadata: { a: "1" }, storageClass: "InfrequentAccess" };
    const first = await STORAGE.put("k", "v", given);
    const second = await STORAGE.put("k", "v");
    const head = await STORAGE.head("k");
    assert.deepEqual([head.customMetadata, first.storageClass, head.storageClass], [
      {},
      "InfrequentAccess",
      "Standard",
    ]);
    assert.notEqual(first.version, second.version);
  },

  "1.11.11 a wrong checksum changes nothing": async ({ STORAGE }) => {
    await STORAGE.put("k", "old");
    const [name, message] = await refusal(() =>
      STORAGE.put("k", "value", { md5: "AB".repeat(16) })
    );
    assert.equal(name, "Error");
    assert.equal(
      message,
      "put: The MD5 checksum you specified did not match what we received.\n" +
        `You provided a MD5 checksum with value: ${
          "ab".repeat(16)
        }\nActual MD5 was: ${ETAG} (10037)`,
    );
    assert.equal(await text(STORAGE, "k"), "old");
  },

  "1.11.12 one checksum only": async ({ STORAGE }) => {
    const both = { md5: EMPTY, sha1: "ab".repeat(20) };
    assert.deepEqual(await refusal(() => STORAGE.put("k", "", both)), [
      "TypeError",
      "You cannot specify multiple hashing algorithms.",
    ]);
    const short = [
      [{ md5: "ab" }, "MD5 is 32 hex characters, not 2"],
      [{ sha1: new Uint8Array(2) }, "SHA-1 is 20 bytes, not 2"],
      [{ md5: "x".repeat(32) }, "Provided MD5 wasn't a valid hex string"],
    ] as const;
    for (const [given, message] of short) {
      assert.deepEqual(await refusal(() => STORAGE.put("k", "", given)), ["TypeError", message]);
    }
  },

  "1.11.13 checksums": async ({ STORAGE }) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("value"));
    const hex = new Uint8Array(digest).toHex();
    for (const sha256 of [hex.toUpperCase(), digest, new Uint8Array(digest)]) {
      const { checksums } = await STORAGE.put("k", "value", { sha256 });
      assert.equal(checksums.sha1, undefined);
      assert.ok(checksums.sha256 instanceof ArrayBuffer);
      assert.deepEqual(checksums.sha256, digest);
      assert.deepEqual(checksums.toJSON(), { md5: ETAG, sha256: hex });
    }
  },

  "1.11.14 the longest key": async ({ STORAGE }) => {
    await STORAGE.put("a".repeat(1024), "");
    const [, message] = await refusal(() => STORAGE.put("é".repeat(513), ""));
    assert.equal(message, "put: The specified object name is not valid. (10020)");
    await STORAGE.put(12, "twelve");
    assert.equal(await text(STORAGE, "12"), "twelve");
  },

  "1.11.15, 1.11.16, 1.11.17 ranges": async ({ STORAGE }, { request }) => {
    await STORAGE.put("k", "value");
    const ranges: [unknown, string, unknown][] = [
      [{ offset: 1, length: 2 }, "al", { offset: 1, length: 2 }],
      [{ suffix: 2 }, "ue", { offset: 3, length: 2 }],
      [{ suffix: 9 }, "value", { offset: 0, length: 5 }],
      [{ offset: 3, length: 100 }, "ue", { offset: 3, length: 2 }],
      [request.headers, "al", { offset: 1, length: 2 }],
      [{ length: 2 }, "va", { offset: 0, length: 2 }],
      [new Headers({ range: "Bytes = 1-2" }), "al", { offset: 1, length: 2 }],
      [undefined, "value", { offset: 0, length: 5 }],
    ];
    for (const [range, expected, shown] of ranges) {
      const found = await STORAGE.get("k", { range });
      assert.deepEqual([await found.text(), found.range, found.size], [expected, shown, 5]);
    }
  },

  "1.11.18 a range that is not there": async ({ STORAGE }) => {
    await STORAGE.put("k", "value");
    for (const range of [{ offset: 5 }, { length: 0 }, { suffix: 0 }]) {
      assert.deepEqual(await refusal(() => STORAGE.get("k", { range })), ["Error", UNSATISFIABLE]);
    }
    const wrong: [unknown, string, string][] = [
      [{ suffix: 1, offset: 0 }, "TypeError", "Suffix is incompatible with offset."],
      [{ suffix: 1, length: 0 }, "TypeError", "Suffix is incompatible with length."],
      [
        { offset: -1 },
        "RangeError",
        "Invalid range. Starting offset (-1) must be greater than or equal to 0.",
      ],
      [
        { offset: 1.5 },
        "RangeError",
        "Invalid range. Starting offset (1.5) must be an integer, not floating point.",
      ],
      [
        { length: -1 },
        "RangeError",
        "Invalid range. Length (-1) must be greater than or equal to 0.",
      ],
      [
        { suffix: -1 },
        "RangeError",
        "Invalid suffix. Suffix (-1) must be greater than or equal to 0.",
      ],
    ];
    for (const [range, name, message] of wrong) {
      const get = () => promised(() => STORAGE.get("k", { range }));
      assert.deepEqual(await refusal(get), [name, message]);
    }
  },

  "1.11.19 a range header that is ignored": async ({ STORAGE }) => {
    await STORAGE.put("k", "value");
    for (const range of ["bytes=100-", "items=0-1", "bytes=0-1,3-4", "bytes=x", ""]) {
      const found = await STORAGE.get("k", { range: new Headers({ range }) });
      assert.deepEqual([await found.text(), found.range.length], ["value", 5]);
    }
    assert.equal(await (await STORAGE.get("k", { range: new Headers() })).text(), "value");
  },

  "1.11.20 an empty object": async ({ STORAGE }) => {
    await STORAGE.put("k", "");
    const found = await STORAGE.get("k");
    assert.deepEqual([await found.text(), found.range], ["", { offset: 0, length: 0 }]);
    const [, message] = await refusal(() => STORAGE.get("k", { range: {} }));
    assert.equal(message, UNSATISFIABLE);
  },

  "1.11.21 an object whose condition fails has no body": async ({ STORAGE }) => {
    const { etag } = await STORAGE.put("k", "value");
    const found = await STORAGE.get("k", { onlyIf: { etagDoesNotMatch: etag } });
    assert.deepEqual([found.etag, "body" in found, found.body], [etag, false, undefined]);
  },

  "1.11.22 weak etags": async ({ STORAGE }) => {
    const { etag } = await STORAGE.put("k", "value");
    for (const name of ["If-Match", "If-None-Match"]) {
      const onlyIf = new Headers({ [name]: `W/"${etag}"` });
      assert.ok(!("body" in await STORAGE.get("k", { onlyIf })), name);
    }
    const onlyIf = new Headers({ "If-Match": `"x", "${etag}"` });
    assert.ok("body" in await STORAGE.get("k", { onlyIf }));
  },

  "1.11.23 quotes of etags": async ({ STORAGE }) => {
    await STORAGE.put("k", "value");
    const quoted = { onlyIf: { etagMatches: '"x"' } };
    assert.deepEqual(await refusal(() => STORAGE.get("k", quoted)), [
      "TypeError",
      'Conditional ETag should not be wrapped in quotes ("x").',
    ]);
    const bare = { onlyIf: new Headers({ "If-Match": "abc" }) };
    assert.deepEqual(await refusal(() => STORAGE.get("k", bare)), [
      "Error",
      "Invalid ETag in if-match header",
    ]);
  },

  "1.11.24 create if absent": async ({ STORAGE }) => {
    const onlyIf = { etagDoesNotMatch: "*" };
    assert.equal((await STORAGE.put("k", "first", { onlyIf })).size, 5);
    assert.equal(await STORAGE.put("k", "second", { onlyIf }), null);
    assert.equal(await text(STORAGE, "k"), "first");
  },

  "1.11.25 a new key was not uploaded after anything": async ({ STORAGE }) => {
    const onlyIf = { uploadedAfter: new Date(0) };
    assert.equal(await STORAGE.put("k", "v", { onlyIf }), null);
  },

  "1.11.26 a matching etag waives the date": async ({ STORAGE }) => {
    const { etag } = await STORAGE.put("k", "v");
    const uploadedBefore = new Date(0);
    assert.ok(!("body" in await STORAGE.get("k", { onlyIf: { uploadedBefore } })));
    const onlyIf = { etagMatches: etag, uploadedBefore };
    assert.ok("body" in await STORAGE.get("k", { onlyIf }));
  },

  "1.11.27 conditions on the time": async ({ STORAGE }, stage) => {
    await stage.advance(0.9);
    const { uploaded } = await STORAGE.put("k", "v");
    const uploadedAfter = new Date(uploaded.getTime() - 800);
    assert.ok("body" in await STORAGE.get("k", { onlyIf: { uploadedAfter } }));
    const floored = { onlyIf: { uploadedAfter, secondsGranularity: true } };
    assert.ok(!("body" in await STORAGE.get("k", floored)));
    const modified = new Headers({ "If-Modified-Since": uploaded.toUTCString() });
    assert.ok(!("body" in await STORAGE.get("k", { onlyIf: modified })));
    for (const date of ["2030-01-01", 5, true, new Date(NaN)]) {
      assert.deepEqual(
        await refusal(() => STORAGE.get("k", { onlyIf: { uploadedBefore: date } })),
        [
          "TypeError",
          "Incorrect type for the 'uploadedBefore' field on 'Conditional': " +
          "the provided value is not of type 'date'.",
        ],
      );
    }
  },

  "1.11.28 a body is read once": async ({ STORAGE }) => {
    await STORAGE.put("k", "[1]");
    const reads = ["text", "json", "arrayBuffer", "bytes", "blob"];
    for (const read of reads) {
      const found = await STORAGE.get("k");
      assert.equal(found.bodyUsed, false);
      await found[read]();
      assert.equal(found.bodyUsed, true);
      for (const again of reads) {
        const twice = () => promised(() => found[again]());
        assert.deepEqual(await refusal(twice), ["TypeError", USED], `${read}, ${again}`);
      }
    }
    const streamed = await STORAGE.get("k");
    assert.ok(streamed.body instanceof ReadableStream);
    assert.equal(streamed.body, streamed.body);
    assert.equal(await new Response(streamed.body).text(), "[1]");
    assert.equal(streamed.bodyUsed, true);
  },

  "1.11.29 an object as JSON": async ({ STORAGE }) => {
    const given = { customMetadata: { a: "1" }, httpMetadata: { cacheExpiry: new Date(5000) } };
    await STORAGE.put("k", "value", given);
    const found = await STORAGE.get("k");
    assert.deepEqual(JSON.parse(JSON.stringify(found)), {
      key: "k",
      version: found.version,
      size: 5,
      etag: ETAG,
      httpEtag: `"${ETAG}"`,
      uploaded: new Date().toISOString(),
      checksums: { md5: ETAG },
      httpMetadata: { cacheExpiry: "1970-01-01T00:00:05.000Z" },
      customMetadata: { a: "1" },
      range: { offset: 0, length: 5 },
      storageClass: "Standard",
    });
    assert.deepEqual([found.constructor.name, (await STORAGE.head("k")).constructor.name], [
      "GetResult",
      "HeadResult",
    ]);
    for (const hidden of ["body", "bodyUsed", "text", "writeHttpMetadata"]) {
      assert.ok(!Object.keys(found).includes(hidden) && hidden in found);
    }
  },

  "1.11.30 the limit of a list": async ({ STORAGE }) => {
    await fill(STORAGE, "a", "b");
    for (const limit of [0, 1001, -2, null]) {
      assert.deepEqual(await refusal(() => STORAGE.list({ limit })), ["Error", LIMIT]);
    }
    for (const limit of [-1, undefined]) {
      assert.deepEqual(keys(await STORAGE.list({ limit })), ["a", "b"]);
    }
    for (const limit of ["1", 1.9]) assert.deepEqual(keys(await STORAGE.list({ limit })), ["a"]);
  },

  "1.11.31 a key equal to the prefix stays an object": async ({ STORAGE }) => {
    await fill(STORAGE, "d", "d/1", "d/2");
    const page = await STORAGE.list({ prefix: "d", delimiter: "/" });
    assert.deepEqual([keys(page), page.delimitedPrefixes], [["d"], ["d/"]]);
    assert.deepEqual([page.truncated, page.cursor, "cursor" in page], [false, undefined, true]);
    assert.deepEqual(await refusal(() => STORAGE.list({ prefix: 5 })), [
      "TypeError",
      "Incorrect type for the 'prefix' field on 'ListOptions': " +
      "the provided value is not of type 'string'.",
    ]);
  },

  "1.11.32 groups count towards the limit": async ({ STORAGE }) => {
    await fill(STORAGE, "a", "b/1", "b/2", "c");
    const first = await STORAGE.list({ limit: 2, delimiter: "/" });
    assert.deepEqual([keys(first), first.delimitedPrefixes, first.truncated], [
      ["a"],
      ["b/"],
      true,
    ]);
    const { cursor } = first;
    const second = await STORAGE.list({ limit: 2, delimiter: "/", cursor });
    assert.deepEqual([keys(second), second.delimitedPrefixes, second.truncated], [
      ["c"],
      [],
      false,
    ]);
  },

  "1.11.33 metadata makes pages smaller": async ({ STORAGE }) => {
    await fill(STORAGE, ...Array.from({ length: 150 }, (_, at) => `${at}`));
    const page = await STORAGE.list({ include: ["httpMetadata"] });
    assert.deepEqual([page.objects.length, page.truncated], [100, true]);
    assert.deepEqual(await refusal(() => STORAGE.list({ include: ["foo"] })), [
      "RangeError",
      "Unsupported include value foo",
    ]);
  },

  "1.11.34 the later of cursor and startAfter": async ({ STORAGE }) => {
    await fill(STORAGE, "a", "b", "c", "d");
    const { cursor } = await STORAGE.list({ limit: 2 });
    assert.deepEqual(keys(await STORAGE.list({ cursor, startAfter: "a" })), ["c", "d"]);
    assert.deepEqual(keys(await STORAGE.list({ cursor, startAfter: "c" })), ["d"]);
    await fill(STORAGE, "bb");
    assert.deepEqual(keys(await STORAGE.list({ cursor })), ["bb", "c", "d"]);
  },

  "1.11.35 the order is that of UTF-8": async ({ STORAGE }) => {
    await fill(STORAGE, "é", "z", "\u{10000}", "\uffff");
    assert.deepEqual(keys(await STORAGE.list()), ["z", "é", "\uffff", "\u{10000}"]);
  },

  "1.11.36 metadata is unknown unless included": async ({ STORAGE }) => {
    await STORAGE.put("k", "v", { httpMetadata: { contentType: "a/b" } });
    const { objects: [found] } = await STORAGE.list();
    assert.deepEqual([found.httpMetadata, found.customMetadata], [undefined, undefined]);
    assert.deepEqual(await refusal(() => found.writeHttpMetadata(new Headers())), [
      "TypeError",
      "HTTP metadata unknown for key `k`. Did you forget to add 'httpMetadata' to `include` when " +
      "listing?",
    ]);
    const { objects: [known] } = await STORAGE.list({ include: ["httpMetadata"] });
    assert.deepEqual(known.httpMetadata, { contentType: "a/b" });
  },

  "1.11.37 delete": async ({ STORAGE }) => {
    await fill(STORAGE, "a", "b", "c");
    assert.equal(await STORAGE.delete(["a", "missing"]), undefined);
    assert.equal(await STORAGE.delete("b"), undefined);
    assert.deepEqual(keys(await STORAGE.list()), ["c"]);
    for (const count of [0, 1001]) {
      const many = Array.from({ length: count }, (_, at) => `${at}`);
      assert.deepEqual(await refusal(() => STORAGE.delete(many)), [
        "Error",
        "delete: The number of keys in the request must be between 1 and 1000 inclusive. (10027)",
      ]);
    }
  },

  "1.11.38 numbers of parts": async ({ STORAGE }) => {
    const upload = STORAGE.resumeMultipartUpload("k", "no such upload");
    assert.deepEqual([upload.key, upload.uploadId], ["k", "no such upload"]);
    for (const number of [0, 10_001]) {
      const message =
        `Part number must be between 1 and 10000 (inclusive). Actual value was: ${number}`;
      const part = () => promised(() => upload.uploadPart(number, "x"));
      assert.deepEqual(await refusal(part), ["TypeError", message]);
      const parts = [{ partNumber: number, etag: "x" }];
      assert.deepEqual(await refusal(() => upload.complete(parts)), ["TypeError", message]);
    }
    const [, unknown] = await refusal(() => upload.uploadPart(1, "x"));
    assert.equal(unknown, `uploadPart: ${NO_UPLOAD}`);
    for (const given of [[1], [1, null], [1, undefined], [1, {}]]) {
      assert.deepEqual(await refusal(() => promised(() => upload.uploadPart(...given))), [
        "TypeError",
        "Failed to execute 'uploadPart' on 'R2MultipartUpload': parameter 2 is not of type " +
        `'${STORABLE}'.`,
      ]);
    }
  },

  "1.11.39, 1.11.44, 1.11.45 an upload in parts": async ({ STORAGE }) => {
    const given = { customMetadata: { a: 1 }, httpMetadata: { contentType: "x/y" } };
    const upload = await STORAGE.createMultipartUpload("k", given);
    const two = await upload.uploadPart(2, new Uint8Array(5 * MIB).fill(50));
    const one = await upload.uploadPart(1, new Blob(["1".repeat(5 * MIB)]));
    assert.deepEqual(Object.keys(one), ["partNumber", "etag"]);
    assert.equal(await STORAGE.head("k"), null);
    const done = await upload.complete([two, one]);
    assert.match(done.etag, /^[0-9a-f]{32}-2$/);
    assert.deepEqual([done.size, done.checksums.toJSON()], [10 * MIB, {}]);
    const found = await STORAGE.get("k", { range: { offset: 5 * MIB - 2, length: 4 } });
    assert.equal(await found.text(), "1122");
    assert.deepEqual([found.customMetadata, found.httpMetadata], [{ a: "1" }, {
      contentType: "x/y",
    }]);
  },

  "1.11.40 the sizes of parts": async ({ STORAGE }) => {
    const upload = await STORAGE.createMultipartUpload("k");
    const parts = [await upload.uploadPart(1, "x"), await upload.uploadPart(2, "y")];
    const [, small] = await refusal(() => upload.complete(parts));
    const texts = "Your proposed upload is smaller than the minimum allowed object size. (10011)";
    assert.equal(small, `completeMultipartUpload: ${texts}`);
    const bytes = new Uint8Array(6 * MIB);
    const uneven = [
      await upload.uploadPart(1, bytes.subarray(MIB)),
      await upload.uploadPart(2, bytes),
      await upload.uploadPart(3, "1"),
    ];
    const [, message] = await refusal(() => upload.complete(uneven));
    const problem = "There was a problem with the multipart upload. (10048)";
    assert.equal(message, `completeMultipartUpload: ${problem}`);
  },

  "1.11.41 a part uploaded again": async ({ STORAGE }) => {
    const upload = await STORAGE.createMultipartUpload("k");
    const old = await upload.uploadPart(1, "old");
    const renewed = await upload.uploadPart(1, "new");
    const [, message] = await refusal(() => upload.complete([old]));
    assert.match(message, /^completeMultipartUpload: .* \(10025\)$/);
    await upload.complete([renewed]);
    assert.equal(await text(STORAGE, "k"), "new");
  },

  "1.11.42 a finished upload": async ({ STORAGE }) => {
    const upload = await STORAGE.createMultipartUpload("k");
    const part = await upload.uploadPart(1, "x");
    await upload.complete([part]);
    const [, message] = await refusal(() => upload.complete([part]));
    assert.equal(message, `completeMultipartUpload: ${NO_UPLOAD}`);
    assert.equal(await upload.abort(), undefined);
    assert.equal(await text(STORAGE, "k"), "x");
  },

  "1.11.43 a put during an upload": async ({ STORAGE }) => {
    const upload = await STORAGE.createMultipartUpload("k");
    await upload.uploadPart(1, "x");
    await STORAGE.put("k", "put");
    await upload.abort();
    await upload.abort();
    assert.equal(await text(STORAGE, "k"), "put");
  },

  "1.11.46 a read survives a delete": async ({ STORAGE }) => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const large = new Uint8Array(MIB);
    for (let at = 0; at < MIB; at += 60_000) large.set(bytes.subarray(0, MIB - at), at);
    await STORAGE.put("k", large);
    const found = await STORAGE.get("k");
    await STORAGE.delete("k");
    assert.deepEqual(await found.bytes(), large);
  },

  "calls without arguments": async ({ STORAGE }) => {
    const wanted = {
      head: "string",
      get: "string",
      put: "string",
      delete: "string or Array",
      createMultipartUpload: "string",
    };
    for (const [method, type] of Object.entries(wanted)) {
      assert.deepEqual(await refusal(() => promised(() => STORAGE[method]())), [
        "TypeError",
        `Failed to execute '${method}' on 'R2Bucket': parameter 1 is not of type '${type}'.`,
      ]);
    }
    assert.ok(await failure(() => promised(() => STORAGE.get("k", "x"))) instanceof TypeError);
    assert.match(
      thrown(() => STORAGE.resumeMultipartUpload("k")).message,
      /on 'R2Bucket': parameter 2 is not of type 'string'\.$/,
    );
  },

  "every way to read a body": async ({ STORAGE }) => {
    const httpMetadata = { contentType: "text/x" };
    await STORAGE.put("k", '{"a":[1]}', { httpMetadata });
    const get = () => STORAGE.get("k");
    assert.deepEqual(await (await get()).json(), { a: [1] });
    assert.ok(await (await get()).arrayBuffer() instanceof ArrayBuffer);
    assert.equal((await (await get()).bytes()).constructor, Uint8Array);
    const blob = await (await get()).blob();
    assert.deepEqual([blob.type, blob.size, await blob.text()], ["text/x", 9, '{"a":[1]}']);
    await STORAGE.put("k", "{bad");
    assert.ok(await failure(async () => (await get()).json()) instanceof SyntaxError);
  },

  "writeHttpMetadata sets what is known": async ({ STORAGE }) => {
    await STORAGE.put("k", "", {
      httpMetadata: {
        contentType: "text/x",
        contentLanguage: "de",
        contentDisposition: "inline",
        contentEncoding: "br",
        cacheControl: "no-store",
        cacheExpiry: new Date(5000),
      },
    });
    const headers = new Headers({ "content-type": "replaced", "x-kept": "1" });
    assert.equal((await STORAGE.head("k")).writeHttpMetadata(headers), undefined);
    assert.deepEqual([...headers], [
      ["cache-control", "no-store"],
      ["content-disposition", "inline"],
      ["content-encoding", "br"],
      ["content-language", "de"],
      ["content-type", "text/x"],
      ["expires", "Thu, 01 Jan 1970 00:00:05 GMT"],
      ["x-kept", "1"],
    ]);
    await STORAGE.put("bad", "", { httpMetadata: { contentType: "a\r\nb" } });
    const bad = await STORAGE.head("bad");
    assert.ok(await failure(() => bad.writeHttpMetadata(headers)) instanceof TypeError);
  },

  "a body may be given on as it is": async ({ STORAGE }) => {
    await STORAGE.put("k", "x".repeat(300_000));
    const found = await STORAGE.get("k");
    const reader = found.body.getReader();
    const { value } = await reader.read();
    assert.ok(value instanceof Uint8Array);
    await reader.cancel();
    const [one, two] = (await STORAGE.get("k")).body.tee();
    const texts = await Promise.all([new Response(one).text(), new Response(two).text()]);
    assert.deepEqual(texts.map(({ length }) => length), [300_000, 300_000]);
  },

  "a call that is not awaited sees the bytes of its moment": async ({ STORAGE }) => {
    const bytes = new TextEncoder().encode("before");
    const put = STORAGE.put("k", bytes);
    bytes.fill(120);
    await put;
    assert.equal(await text(STORAGE, "k"), "before");
  },

  "a stream that fails or is of another length": async ({ STORAGE }) => {
    await STORAGE.put("k", "old");
    for (const size of [1, 3]) {
      const { readable, writable } = new FixedLengthStream(size);
      const writer = writable.getWriter();
      const written = Promise.allSettled([writer.write(new Uint8Array(2)), writer.close()]);
      assert.ok(await failure(() => STORAGE.put("k", readable)) instanceof TypeError);
      await written;
    }
    assert.equal(await text(STORAGE, "k"), "old");
  },

  "the key of an encryption": async ({ STORAGE }) => {
    const ssecKey = crypto.getRandomValues(new Uint8Array(32));
    const put = await STORAGE.put("k", "secret", { ssecKey: ssecKey.buffer });
    assert.match(put.ssecKeyMd5, /^[0-9a-f]{32}$/);
    assert.equal(await (await STORAGE.get("k", { ssecKey: ssecKey.toHex() })).text(), "secret");
    await failure(() => STORAGE.get("k"));
    const [, short] = await refusal(() => STORAGE.put("k", "", { ssecKey: new Uint8Array(2) }));
    assert.equal(short, "SSE-C Key must be 32 bytes in length");
  },
} satisfies Cases;
