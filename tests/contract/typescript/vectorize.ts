// deno-lint-ignore-file no-explicit-any
/** `env.VECTORIZE` (storage-vectorize-ai.md §2.9), and JavaScript's part (§2.1, §2.2). */
import assert from "node:assert/strict";
import { type Cases, failure, promised, refusal } from "./stage.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const ids = (found: any) => found.matches.map(({ id }: { id: string }) => id);
const numbered = (count: number, more: (n: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, n) => ({ id: `${n}`, values: [10, n], ...more(n) }));

/** Vectors that differ in their metadata only. */
function keep(index: any, given: Record<string, any>): Promise<unknown> {
  const vectors = Object.entries(given).map(([id, metadata]) => ({ id, values: [1, 1], metadata }));
  return index.upsert(vectors);
}

async function matching(index: any, filter: unknown): Promise<string[]> {
  return ids(await index.query([1, 1], { topK: 100, filter })).toSorted();
}

export default {
  "2.9.1 a write answers with its mutation alone": async ({ VECTORIZE }) => {
    for (
      const answer of [
        await VECTORIZE.insert([{ id: "a", values: [1, 2] }]),
        await VECTORIZE.upsert([{ id: "a", values: [1, 2] }]),
        await VECTORIZE.deleteByIds(["a"]),
      ]
    ) {
      assert.deepEqual(Object.keys(answer), ["mutationId"]);
      assert.match(answer.mutationId, UUID);
    }
  },

  "2.9.2 insert skips ids that exist": async ({ VECTORIZE }) => {
    await VECTORIZE.insert([{ id: "a", values: [1, 2] }]);
    await VECTORIZE.insert([{ id: "a", values: [3, 4] }]);
    const [found] = await VECTORIZE.getByIds(["a"]);
    assert.deepEqual(found.values, [1, 2]);
  },

  "2.9.3 upsert replaces the whole record": async ({ VECTORIZE }) => {
    const values = [1, 2];
    await VECTORIZE.upsert([{ id: "a", values, metadata: { x: 1 }, namespace: "n" }]);
    await VECTORIZE.upsert([{ id: "a", values }]);
    assert.deepEqual(await VECTORIZE.getByIds(["a"]), [{ id: "a", values }]);
  },

  "2.9.4 the last upsert wins": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert([{ id: "a", values: [1, 1] }]);
    await VECTORIZE.upsert([{ id: "a", values: [2, 2] }, { id: "a", values: [3, 3] }]);
    assert.deepEqual((await VECTORIZE.getByIds(["a"]))[0].values, [3, 3]);
  },

  "2.9.5 values come in any array": async ({ VECTORIZE }) => {
    const window = new Float32Array([0, 1.5, 2, 0]).subarray(1, 3);
    const given = [[1.5, 2], new Float32Array([1.5, 2]), new Float64Array([1.5, 2]), window];
    for (const values of given) {
      await VECTORIZE.upsert([{ id: "a", values }]);
      const [found] = await VECTORIZE.getByIds(["a"]);
      assert.ok(Array.isArray(found.values));
      assert.deepEqual(found.values, [1.5, 2]);
      const { matches } = await VECTORIZE.query(values, { returnValues: true });
      assert.deepEqual(matches, [{ id: "a", score: 1, values: [1.5, 2] }]);
    }
  },

  "2.9.6 values are float32": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert([{ id: "a", values: [0.1, 58.8] }]);
    const [found] = await VECTORIZE.getByIds(["a"]);
    assert.deepEqual(found.values, [0.10000000149011612, 58.79999923706055]);
  },

  "2.9.7 without options there are five bare matches": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(10, (n) => ({ metadata: { n } })));
    const found = await VECTORIZE.query([1, 0]);
    assert.deepEqual([found.count, ids(found)], [5, ["0", "1", "2", "3", "4"]]);
    for (const match of found.matches) assert.deepEqual(Object.keys(match), ["id", "score"]);
  },

  "2.9.8 topK is at most 100": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(120));
    assert.equal((await VECTORIZE.query([1, 0], { topK: 100 })).count, 100);
    assert.equal((await VECTORIZE.query([1, 0], { topK: undefined })).count, 5);
    const [name, text] = await refusal(() => VECTORIZE.query([1, 0], { topK: 101 }));
    assert.deepEqual([name, text], [
      "Error",
      "VECTOR_QUERY_ERROR: max top K is 100, but got 101",
    ]);
  },

  "2.9.9 topK is at most 50 with values or all metadata": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(60));
    for (const whole of [{ returnValues: true }, { returnMetadata: "all" }]) {
      assert.equal((await VECTORIZE.query([1, 0], { topK: 50, ...whole })).count, 50);
      const [, text] = await refusal(() => VECTORIZE.query([1, 0], { topK: 51, ...whole }));
      assert.match(text, /^VECTOR_QUERY_ERROR \(code = 40025\): .* max top K is 50, but got 51;/);
    }
    const indexed = { topK: 51, returnMetadata: "indexed" };
    assert.equal((await VECTORIZE.query([1, 0], indexed)).count, 51);
  },

  "2.9.10 true means all metadata, in the caller's object too": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(1, () => ({ metadata: { a: { b: ["x"] }, n: null } })));
    const options = { returnMetadata: true };
    const { matches: [match] } = await VECTORIZE.query([1, 0], options);
    assert.deepEqual(match.metadata, { a: { b: ["x"] }, n: null });
    assert.deepEqual(options, { returnMetadata: "all" });
  },

  "2.9.11 false is none, with a warning": async ({ VECTORIZE }, stage) => {
    await VECTORIZE.upsert(numbered(1, () => ({ metadata: { n: 1 } })));
    const { matches: [match] } = await VECTORIZE.query([1, 0], { returnMetadata: false });
    assert.ok(!("metadata" in match));
    assert.match((await stage.said()).at(-1)!, /40026/);
  },

  "2.9.12 another returnMetadata is an error": async ({ VECTORIZE }) => {
    const query = () => promised(() => VECTORIZE.query([1, 0], { returnMetadata: "foo" }));
    const [, text] = await refusal(query);
    assert.equal(
      text,
      'Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; got: foo',
    );
  },

  "indexed metadata is cut to 64 bytes": async ({ VECTORIZE }) => {
    const metadata = { long: "x".repeat(100), wide: "é".repeat(40), n: 5 };
    await VECTORIZE.upsert([{ id: "a", values: [1, 0], metadata }]);
    const { matches: [match] } = await VECTORIZE.query([1, 0], { returnMetadata: "indexed" });
    const cut = { long: "x".repeat(64), wide: "é".repeat(32), n: 5 };
    assert.deepEqual(match.metadata, cut);
  },

  "2.9.14 cosine of the same is one": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert([
      { id: "far", values: [-0.1, -0.7] },
      { id: "near", values: [0.1, 0.6] },
      { id: "same", values: [0.1, 0.7] },
    ]);
    const { matches } = await VECTORIZE.query([0.1, 0.7]);
    assert.deepEqual(matches[0], { id: "same", score: 1 });
    assert.deepEqual(matches[2], { id: "far", score: -1 });
  },

  "2.9.15 euclidean is a distance, the least first": async ({ EUCLIDEAN }) => {
    await EUCLIDEAN.upsert([{ id: "far", values: [3, 4] }, { id: "same", values: [0, 0] }]);
    const { matches } = await EUCLIDEAN.query([0, 0]);
    assert.deepEqual(matches, [{ id: "same", score: 0 }, { id: "far", score: 5 }]);
  },

  "2.9.16 a filter comes before topK": async ({ VECTORIZE }) => {
    const near = numbered(100, (n) => ({ id: `near${n}`, metadata: { a: 2 } }));
    const far = numbered(5, (n) => ({ id: `far${n}`, values: [-1, n], metadata: { a: 1 } }));
    await VECTORIZE.upsert([...near, ...far]);
    const found = await VECTORIZE.query([1, 0], { topK: 3, filter: { a: 1 } });
    assert.deepEqual(ids(found), ["far4", "far3", "far2"]);
  },

  "2.9.17, 2.9.18, 2.9.19 filters": async ({ VECTORIZE }) => {
    await keep(VECTORIZE, {
      deep: { a: { b: "x" } },
      flat: { a: "x" },
      one: { n: 1 },
      two: { n: 2 },
      three: { n: 3 },
      text: { n: "1" },
      flag: { n: true },
    });
    assert.deepEqual(await matching(VECTORIZE, { "a.b": "x" }), ["deep"]);
    assert.deepEqual(await matching(VECTORIZE, { n: { $gte: 1, $lt: 3 } }), ["one", "two"]);
    assert.deepEqual(await matching(VECTORIZE, { n: { $in: [1, "1"] } }), ["one", "text"]);
    assert.deepEqual(await matching(VECTORIZE, { n: { $in: [1] } }), ["one"]);
    assert.deepEqual(await matching(VECTORIZE, { n: true }), ["flag"]);
    const without = { n: { $in: [1] }, unused: undefined };
    assert.deepEqual(await matching(VECTORIZE, without), ["one"]);
  },

  "2.9.20 an empty filter is an error": async ({ VECTORIZE }) => {
    const [, text] = await refusal(() => VECTORIZE.query([1, 0], { filter: {} }));
    assert.match(text, /^VECTOR_QUERY_ERROR: filter: expected a non-empty/);
    assert.equal((await VECTORIZE.query([1, 0], { filter: undefined })).count, 0);
  },

  "every property can be filtered by at once": async ({ VECTORIZE }) => {
    await keep(VECTORIZE, { early: { x: 1 } });
    assert.deepEqual(await matching(VECTORIZE, { x: 1 }), ["early"]);
    await keep(VECTORIZE, { early: { x: 2 } });
    assert.deepEqual(await matching(VECTORIZE, { x: 1 }), []);
  },

  "2.9.22, 2.9.23 namespaces": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(4, (n) => ({ namespace: `n${n % 2}` })));
    const { matches } = await VECTORIZE.query([1, 0], { topK: 2 });
    assert.deepEqual(matches.map((each: any) => each.namespace), ["n0", "n1"]);
    assert.deepEqual(ids(await VECTORIZE.query([1, 0], { namespace: "n1" })), ["1", "3"]);
    await VECTORIZE.upsert([{ id: "1", values: [10, 1], namespace: "n0" }]);
    assert.deepEqual(ids(await VECTORIZE.query([1, 0], { namespace: "n1" })), ["3"]);
  },

  "2.9.24 a query of other dimensions": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(1));
    const error = await failure(() => VECTORIZE.query([1, 2, 3]));
    const text = "invalid query vector, expected 2 dimensions, and got 3 dimensions";
    assert.equal(error.message, `VECTOR_QUERY_ERROR (code = 40006): ${text}`);
    assert.ok(error.cause instanceof Error);
    assert.equal(error.cause.message, text);
  },

  "2.9.25 one long id refuses the whole batch": async ({ VECTORIZE }) => {
    const long = { id: "é".repeat(32) + "x", values: [1, 1] };
    const [, text] = await refusal(() => VECTORIZE.upsert([...numbered(1), long]));
    assert.equal(
      text,
      "VECTOR_UPSERT_ERROR (code = 40008): id too long; max is 64 bytes, got 65 bytes",
    );
    assert.equal((await VECTORIZE.describe()).vectorCount, 0);
  },

  "2.9.26 missing ids are left out": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert([{ id: "a", values: [1, 1] }]);
    const found = await VECTORIZE.getByIds(["x", "a"]);
    assert.deepEqual(found, [{ id: "a", values: [1, 1] }]);
  },

  "2.9.27 how many ids a call takes": async ({ VECTORIZE }) => {
    const many = Array.from({ length: 101 }, (_, n) => `${n}`);
    const [, get] = await refusal(() => VECTORIZE.getByIds(many.slice(0, 21)));
    const [, remove] = await refusal(() => VECTORIZE.deleteByIds(many));
    const text = (name: string, limit: number, got: number) =>
      `VECTOR_${name}_ERROR (code = 40007): too many ids in payload; ` +
      `max id count is ${limit}, got ${got}`;
    assert.deepEqual([get, remove], [text("GET", 20, 21), text("DELETE", 100, 101)]);
  },

  "2.9.28 an object as the vector is an empty one": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(1));
    for (const given of [{ vector: [1, 0] }, 5]) {
      const [, text] = await refusal(() => VECTORIZE.query(given));
      assert.match(text, /40006.* expected 2 dimensions, and got 0/);
    }
    const [name, text] = await refusal(() => promised(() => VECTORIZE.query()));
    assert.equal(name, "TypeError");
    assert.match(text, /^undefined is not iterable/);
  },

  "2.9.29 describe": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(2));
    const { mutationId } = await VECTORIZE.deleteByIds(["0"]);
    assert.deepEqual(await VECTORIZE.describe(), {
      vectorCount: 1,
      dimensions: 2,
      processedUpToDatetime: new Date().toISOString(),
      processedUpToMutation: mutationId,
    });
  },

  "2.9.30 listing is not on the binding": ({ VECTORIZE }) => {
    assert.equal(VECTORIZE.list, undefined);
  },

  "2.9.31 a write is seen after the delay": async ({ LATE }, stage) => {
    await LATE.upsert(numbered(1));
    assert.deepEqual(ids(await LATE.query([1, 0])), []);
    await stage.advance(5);
    assert.deepEqual(ids(await LATE.query([1, 0])), ["0"]);
  },

  "what is no array of vectors": async ({ VECTORIZE }) => {
    for (const given of [undefined, "x", {}, [{ id: "a" }]]) {
      const error = await failure(() => promised(() => VECTORIZE.upsert(given)));
      assert.ok(error instanceof TypeError, String(error));
    }
  },

  "any iterable is a vector": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert([{ id: "a", values: new Set([3, 4]) }]);
    assert.deepEqual((await VECTORIZE.getByIds(["a"]))[0].values, [3, 4]);
    const found = await VECTORIZE.query(new Set([3, 4]));
    assert.deepEqual(found, { matches: [{ id: "a", score: 1 }], count: 1 });
  },

  "a query by id": async ({ VECTORIZE }) => {
    await VECTORIZE.upsert(numbered(3));
    assert.deepEqual(ids(await VECTORIZE.queryById("2", { topK: 1 })), ["2"]);
    assert.match((await refusal(() => VECTORIZE.queryById("none")))[1], /^VECTOR_QUERY_ERROR/);
  },

  "metadata is what JSON makes of it": async ({ VECTORIZE }) => {
    const metadata = { d: new Date(0), u: undefined, $bytes: 0, list: ["x"] };
    const error = await failure(() => VECTORIZE.upsert([{ id: "a", values: [1, 0], metadata }]));
    assert.match(error.message, /\$bytes/); // a key must not begin with a dollar
    await VECTORIZE.upsert([{
      id: "a",
      values: [1, 0],
      metadata: { d: new Date(0), u: undefined },
    }]);
    const [found] = await VECTORIZE.getByIds(["a"]);
    assert.deepEqual(found.metadata, { d: "1970-01-01T00:00:00.000Z" });
  },
} satisfies Cases;
