// deno-lint-ignore-file no-explicit-any
/** `env.QUEUE` and the `queue` handler (queue-cron-dev.md §1.8), and JavaScript's part (§1.1). */
import assert from "node:assert/strict";
import { type Cases, failure, promised, refusal, type Stage, thrown } from "./stage.ts";

const bodies = (stage: Stage) => stage.deliveries.map((each) => each.bodies);
const times = (stage: Stage) => stage.deliveries.map(({ at }) => at);
const waiting = async (queue: any) => (await queue.metrics()).backlogCount;
const all = (...given: unknown[]) => given.map((body) => ({ body }));

/** Handle the first batch with `act`, and leave the others alone. */
function first(stage: Stage, act: (batch: any, ctx: any) => unknown): void {
  let handled = false;
  stage.onQueue((batch, ctx) => {
    if (handled) return;
    handled = true;
    return act(batch, ctx);
  });
}

const boom = () => {
  throw new Error("boom");
};

export default {
  "1.8.1 a message is delivered once": async ({ QUEUE }, stage) => {
    const seen: any[] = [];
    stage.onQueue((batch) => void seen.push(...batch.messages));
    const began = Date.now();
    await QUEUE.send({ a: 1 });
    await stage.advance(60);
    const [message] = seen;
    assert.equal(seen.length, 1);
    assert.deepEqual([message.body, message.attempts], [{ a: 1 }, 1]);
    assert.ok(message.timestamp instanceof Date);
    assert.equal(message.timestamp.getTime(), began);
    assert.match(message.id, /^[0-9a-f]{32}$/);
    assert.equal(stage.deliveries[0].queue, "default");
  },

  "1.8.2 a date is JSON": async ({ QUEUE }, stage) => {
    await QUEUE.send(new Date(0));
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [["1970-01-01T00:00:00.000Z"]]);
  },

  "1.8.3 text takes a string only": async ({ QUEUE }) => {
    for (const body of [{}, 5, null, ["x"], new String("x")]) {
      const send = () => promised(() => QUEUE.send(body, { contentType: "text" }));
      assert.deepEqual(await refusal(send), [
        "TypeError",
        `Content Type "text" requires a value of type string, but received: ${typeof body}`,
      ]);
    }
    assert.equal(await waiting(QUEUE), 0);
  },

  "1.8.4, 1.8.5 bytes take a view and arrive as a Uint8Array": async ({ QUEUE }, stage) => {
    const bytes = { contentType: "bytes" };
    assert.deepEqual(await refusal(() => QUEUE.send(new ArrayBuffer(1), bytes)), [
      "TypeError",
      'Content Type "bytes" requires a value of type ArrayBufferView, but received: object',
    ]);
    const whole = new Uint8Array([1, 2, 3, 4]);
    await QUEUE.sendBatch([{ body: whole, ...bytes }]);
    await QUEUE.send(whole.subarray(1, 3), bytes);
    await QUEUE.send(new DataView(whole.buffer, 2), bytes);
    await QUEUE.send(new Uint16Array([1]), bytes);
    await stage.advance(0);
    const [found] = bodies(stage);
    assert.ok(found.every((each) => each.constructor === Uint8Array));
    assert.deepEqual(found.map((each) => [...each]), [[1, 2, 3, 4], [2, 3], [3, 4], [1, 0]]);
  },

  "1.8.6 null is a message, undefined is none": async ({ QUEUE }, stage) => {
    const none = ["TypeError", "Message body cannot be undefined"];
    assert.deepEqual(await refusal(() => promised(() => QUEUE.send(undefined))), none);
    assert.deepEqual(await refusal(() => QUEUE.sendBatch([{ body: 1 }, {}])), none);
    assert.deepEqual(await refusal(() => promised(() => QUEUE.send())), [
      "TypeError",
      "Failed to execute 'send' on 'WorkerQueue': parameter 1 is not of type 'Value'.",
    ]);
    await QUEUE.send(null);
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [[null]]);
  },

  "1.8.7 a value may be changed after the call": async ({ QUEUE }, stage) => {
    const value = { n: 1 }, bytes = new Uint8Array([1]);
    const sent = [QUEUE.send(value), QUEUE.send(bytes, { contentType: "bytes" })];
    value.n = 2;
    bytes[0] = 2;
    sent.push(QUEUE.sendBatch([{ body: value }]));
    value.n = 3;
    await Promise.all(sent);
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [[{ n: 1 }, new Uint8Array([1]), { n: 2 }]]);
  },

  "1.8.8, 1.8.9 the largest message": async ({ QUEUE }) => {
    const text = { contentType: "text" };
    await QUEUE.send("x".repeat(128_000), text);
    await QUEUE.send("é".repeat(64_000), text);
    const refused = [["x".repeat(128_001), 128_001], ["é".repeat(64_001), 128_002]] as const;
    for (const [body, size] of refused) {
      assert.deepEqual(await refusal(() => QUEUE.send(body, text)), [
        "Error",
        `message length of ${size} bytes exceeds limit of 128000 (10204)`,
      ]);
    }
    assert.equal(await waiting(QUEUE), 2);
  },

  "1.8.10 the size of JSON is that of its text": async ({ QUEUE }) => {
    await QUEUE.send("x".repeat(127_998));
    const [, message] = await refusal(() => QUEUE.send("x".repeat(128_000)));
    assert.match(message, /^message length of 128002 bytes/);
  },

  "1.8.11 the count of a batch": async ({ QUEUE }) => {
    const hundred = Array.from({ length: 100 }, (_, body) => ({ body }));
    await QUEUE.sendBatch(hundred);
    const [, text] = await refusal(() => QUEUE.sendBatch([...hundred, { body: 1 }]));
    assert.match(text, /^batch message count of 101 exceeds limit of 100/);
    assert.deepEqual(await refusal(() => QUEUE.sendBatch([])), [
      "TypeError",
      "sendBatch() requires at least one message",
    ]);
    assert.equal(await waiting(QUEUE), 100);
  },

  "1.8.12 the size of a batch": async ({ QUEUE }) => {
    const item = { body: "x".repeat(96_000), contentType: "text" };
    assert.deepEqual(await refusal(() => QUEUE.sendBatch([item, item, item])), [
      "Error",
      "batch size of 288000 bytes exceeds limit of 256000 bytes (10205)",
    ]);
    assert.equal(await waiting(QUEUE), 0);
  },

  "1.8.13 a batch is any iterable, all or nothing": async ({ QUEUE }) => {
    await QUEUE.sendBatch(function* () {
      yield* all(1, 2);
    }());
    await QUEUE.sendBatch(new Set(all(3)));
    const mixed = [{ body: 1 }, { body: 2, contentType: "text" }];
    assert.ok(await failure(() => QUEUE.sendBatch(mixed)) instanceof TypeError);
    const failing = function* () {
      yield { body: 1 };
      throw new RangeError("of the author's");
    };
    assert.ok(
      await failure(() => promised(() => QUEUE.sendBatch(failing()))) instanceof RangeError,
    );
    assert.equal(await waiting(QUEUE), 3);
    for (
      const [given, text] of [[5, "'Sequence'."], [null, "'Sequence'."], ["ab", "'Sequence'."]]
    ) {
      const [name, message] = await refusal(() => promised(() => QUEUE.sendBatch(given)));
      assert.deepEqual([name, message.endsWith(`is not of type ${text}`)], ["TypeError", true]);
    }
    const [, text] = await refusal(() => QUEUE.sendBatch([1]));
    assert.equal(text, "Incorrect type: the provided value is not of type 'MessageSendRequest'.");
  },

  "1.8.14 the delay of an item beats that of its batch": async ({ QUEUE }, stage) => {
    await QUEUE.sendBatch([{ body: "a", delaySeconds: 0 }, { body: "b" }], { delaySeconds: 5 });
    await stage.advance(4.999);
    assert.deepEqual(bodies(stage), [["a"]]);
    await stage.advance(0.001);
    assert.deepEqual(bodies(stage), [["a"], ["b"]]);
  },

  "1.8.15 the delay of a message beats that of its producer": async ({ DELAYED }, stage) => {
    await DELAYED.send("soon", { delaySeconds: 0 });
    await DELAYED.send("later");
    await DELAYED.send("also later", { delaySeconds: undefined });
    await stage.advance(3);
    assert.deepEqual(bodies(stage), [["soon"], ["later", "also later"]]);
    assert.deepEqual(times(stage), [0, 3]);
  },

  "1.8.16 delays": async ({ QUEUE }, stage) => {
    await QUEUE.send("x", { delaySeconds: 86_400 });
    for (const delaySeconds of [86_401, -1]) {
      assert.deepEqual(await refusal(() => QUEUE.send("x", { delaySeconds })), [
        "Error",
        `message delay of ${delaySeconds} seconds is not within 0 to 86400 (10201)`,
      ]);
    }
    for (const [delaySeconds, after] of [[1.7, 1], ["2", 2], ["abc", 0], [null, 0]]) {
      await QUEUE.send(after, { delaySeconds });
    }
    await stage.advance(2);
    assert.deepEqual(bodies(stage), [[0, 0], [1], [2]]);
  },

  "1.8.17 full batches go at once, the rest later": async ({ THREE }, stage) => {
    await THREE.sendBatch(all(0, 1, 2, 3, 4, 5, 6));
    await stage.advance(4.999);
    assert.deepEqual(bodies(stage), [[0, 1, 2], [3, 4, 5]]);
    await stage.advance(0.001);
    assert.deepEqual(bodies(stage).slice(2), [[6]]);
    assert.deepEqual(times(stage), [0, 0, 5]);
  },

  "1.8.18 later messages do not restart the timer": async ({ TWO_SECONDS }, stage) => {
    await TWO_SECONDS.send("first");
    await stage.advance(1.9);
    await TWO_SECONDS.send("second");
    await stage.advance(1);
    assert.deepEqual([bodies(stage), times(stage)], [[["first", "second"]], [2]]);
  },

  "1.8.19 no timeout means the next tick": async ({ QUEUE }, stage) => {
    await QUEUE.send(1);
    const [run] = await stage.advance(0);
    assert.deepEqual([run.name, run.at, times(stage)], ["default", 0, [0]]);
  },

  "1.8.20 returning acknowledges everything": async ({ QUEUE }, stage) => {
    await QUEUE.sendBatch(all(1, 2));
    await stage.advance(600);
    assert.deepEqual([bodies(stage), await waiting(QUEUE)], [[[1, 2]], 0]);
  },

  "1.8.21 a failure redelivers the whole batch": async ({ QUEUE }, stage) => {
    first(stage, boom);
    await QUEUE.sendBatch(all(1, 2));
    const [failed, fine] = await stage.advance(0);
    assert.deepEqual([failed.outcome, fine.outcome], ["exception", "ok"]);
    assert.deepEqual(bodies(stage), [[1, 2], [1, 2]]);
    assert.deepEqual(stage.deliveries[1].attempts, [2, 2]);
    assert.deepEqual(stage.deliveries[0].ids, stage.deliveries[1].ids);
  },

  "1.8.22 what was acked before a failure stays acked": async ({ QUEUE }, stage) => {
    first(stage, async ({ messages: [message] }) => {
      assert.equal(message.ack(), undefined);
      await Promise.resolve();
      boom();
    });
    await QUEUE.sendBatch(all("a", "b", "c"));
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [["a", "b", "c"], ["b", "c"]]);
  },

  "1.8.23 ackAll before a failure settles everything": async ({ QUEUE }, stage) => {
    first(stage, (batch) => {
      batch.ackAll();
      boom();
    });
    await QUEUE.sendBatch(all("a", "b"));
    await stage.advance(600);
    assert.deepEqual(bodies(stage), [["a", "b"]]);
  },

  "1.8.24 an acked message is not retried with all": async ({ QUEUE }, stage) => {
    first(stage, (batch) => {
      batch.messages[0].ack();
      batch.retryAll();
    });
    await QUEUE.sendBatch(all("a", "b"));
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [["a", "b"], ["b"]]);
  },

  "1.8.25 a retried message is not acked with all": async ({ QUEUE }, stage) => {
    first(stage, (batch) => {
      batch.messages[0].retry();
      batch.ackAll();
    });
    await QUEUE.sendBatch(all("a", "b"));
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [["a", "b"], ["a"]]);
  },

  "1.8.26 the first of ack and retry counts": async ({ QUEUE }, stage) => {
    first(stage, ({ messages: [a, b] }) => {
      a.ack();
      a.retry();
      b.retry();
      b.ack();
    });
    await QUEUE.sendBatch(all("a", "b"));
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [["a", "b"], ["b"]]);
    const [a, b] = stage.deliveries[0].ids;
    assert.deepEqual((await stage.said()).slice(-2), [
      `Received a call to retry() on message ${a} after ack() was already called. ` +
      "Calling retry() on a message after calling ack() has no effect.",
      `Received a call to ack() on message ${b} after retry() was already called. ` +
      "Calling ack() on a message after calling retry() has no effect.",
    ]);
  },

  "1.8.27 the delay of a message beats that of retryAll": async ({ QUEUE }, stage) => {
    first(stage, (batch) => {
      batch.retryAll({ delaySeconds: 3 });
      batch.messages[0].retry({ delaySeconds: 1 });
    });
    await QUEUE.sendBatch(all("a", "b", "c"));
    await stage.advance(4);
    assert.deepEqual(bodies(stage).slice(1), [["a"], ["b", "c"]]);
    assert.deepEqual(times(stage), [0, 1, 3]);
  },

  "1.8.28, 1.8.29 the delay of a retry": async ({ RETRIED }, stage) => {
    first(stage, ({ messages: [none, replaced, text] }) => {
      none.retry({ delaySeconds: 0 });
      replaced.retry({ delaySeconds: 9 });
      replaced.retry();
      text.retry({ delaySeconds: "2.9" });
    });
    await RETRIED.sendBatch(all("none", "replaced", "text"));
    await stage.advance(20);
    assert.deepEqual(bodies(stage).slice(1), [["none"], ["text"], ["replaced"]]);
    assert.deepEqual(times(stage), [0, 0, 2, 10]);
  },

  "1.8.30 a message is dropped when its attempts are used up": async ({ DROPPED }, stage) => {
    stage.onQueue(boom);
    await DROPPED.send("a");
    await stage.advance(60);
    assert.deepEqual(stage.deliveries.map(({ attempts }) => attempts), [[1], [2], [3]]);
    const [id] = stage.deliveries[0].ids;
    const said = await stage.said();
    assert.ok(said.includes(`Dropped message "${id}" on queue "dropped" after 3 failed attempts!`));
  },

  "1.8.31, 1.8.32 a message moves to the dead letter queue": async ({ BURIED }, stage) => {
    const seen: [string, any][] = [];
    stage.onQueue((batch) => {
      seen.push(...batch.messages.map((each: any) => [batch.queue, each]));
      if (batch.queue === "buried") boom();
    });
    await BURIED.send(new Map([[1, 2n]]), { contentType: "v8" });
    await stage.advance(60);
    const [[, lost], [queue, found]] = seen;
    assert.equal(seen.length, 2);
    assert.deepEqual([queue, found.id, found.attempts], ["dead", lost.id, 1]);
    assert.equal(found.timestamp.getTime(), lost.timestamp.getTime());
    assert.deepEqual(found.body, new Map([[1, 2n]]));
    const said = await stage.said();
    assert.ok(
      said.includes(
        `Moving message "${lost.id}" on queue "buried" to dead letter queue "dead" ` +
          "after 1 failed attempt...",
      ),
    );
  },

  "1.8.35 a batch waits for its background work": async ({ QUEUE }, stage) => {
    let done = false;
    first(stage, (_, ctx) => {
      const work = new Promise<void>((_, reject) => setTimeout(reject, 20, new Error("late")));
      ctx.waitUntil(work.finally(() => done = true));
    });
    await QUEUE.send("a");
    const [failed] = await stage.advance(0);
    assert.deepEqual([failed.outcome, done, bodies(stage)], ["exception", true, [["a"], ["a"]]]);
  },

  "1.8.37 a retried message goes behind those that wait": async ({ PAIRS }, stage) => {
    first(stage, (batch) => batch.retryAll());
    await PAIRS.sendBatch(all(1, 2, 3, 4, 5));
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [[1, 2], [3, 4], [5, 1], [2]]);
  },

  "1.8.41 delayed messages survive a restart": async ({ QUEUE }, stage) => {
    await QUEUE.send("late", { delaySeconds: 60 });
    await stage.restart();
    await stage.advance(59);
    assert.deepEqual(bodies(stage), []);
    await stage.advance(1);
    assert.deepEqual(bodies(stage), [["late"]]);
  },

  "1.8.44 what the handler sends comes in a later batch": async ({ QUEUE }, stage) => {
    first(stage, () => QUEUE.send("second"));
    await QUEUE.send("first");
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [["first"], ["second"]]);
  },

  "1.8.45, 1.8.46 nothing that a handler does is redelivered": async ({ QUEUE }, stage) => {
    first(stage, (batch) => {
      const { messages: [message] } = batch;
      for (const [owner, name] of [[batch, "messages"], [message, "body"], [message, "id"]]) {
        assert.ok(thrown(() => owner[name] = null) instanceof TypeError, name);
      }
      assert.ok(thrown(() => batch.messages.push(1)) instanceof TypeError);
      message.body.list.push(2);
      message.retry();
    });
    await QUEUE.send({ list: [1] });
    const [run] = await stage.advance(0);
    assert.equal(run.outcome, "ok");
    assert.deepEqual(bodies(stage)[1], [{ list: [1] }]);
  },

  "1.8.47 a send returns the backlog before it": async ({ QUEUE }) => {
    const began = Date.now();
    const sent = await QUEUE.send("abc", { contentType: "text" });
    assert.deepEqual(sent, { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } });
    const { metadata: { metrics } } = await QUEUE.sendBatch(all(1));
    assert.ok(metrics.oldestMessageTimestamp instanceof Date);
    assert.deepEqual(metrics, {
      backlogCount: 1,
      backlogBytes: 3,
      oldestMessageTimestamp: new Date(began),
    });
    assert.equal(await waiting(QUEUE), 2);
  },

  "1.8.48 two bindings of one queue share it": async ({ A, B, QUEUE }) => {
    await A.send(1);
    await B.send(2);
    assert.deepEqual([await waiting(A), await waiting(B), await waiting(QUEUE)], [2, 2, 0]);
  },

  "1.8.49 a run knows how many were acknowledged": async ({ QUEUE }, stage) => {
    first(stage, (batch) => batch.messages.slice(2).forEach((each: any) => each.retry()));
    await QUEUE.sendBatch(all(1, 2, 3, 4));
    const [run] = await stage.advance(0);
    assert.deepEqual(run.detail, { acked: 2, total: 4 });
  },

  "send takes a buffer of bytes away, sendBatch does not": async ({ QUEUE }) => {
    const bytes = new Uint8Array(4);
    await QUEUE.sendBatch([{ body: bytes, contentType: "bytes" }]);
    await QUEUE.send(bytes, { contentType: "json" });
    assert.ok(!bytes.buffer.detached);
    const sent = QUEUE.send(bytes, { contentType: "bytes" });
    assert.ok(bytes.buffer.detached);
    await sent;
  },

  "content types that do not exist": async ({ QUEUE }, stage) => {
    await QUEUE.send("x", { contentType: "TEXT" });
    for (
      const send of [
        () => QUEUE.send(1, { contentType: "xml" }),
        () => QUEUE.sendBatch([{ body: "x", contentType: "TEXT" }]),
        () => QUEUE.send(1, { contentType: null }),
      ]
    ) {
      const [name, text] = await refusal(() => promised(send));
      assert.equal(name, "TypeError");
      assert.match(text, /^Unsupported queue message content type: (xml|TEXT|null)$/);
    }
    await stage.advance(0);
    assert.deepEqual(bodies(stage), [["x"]]);
  },

  "what JSON cannot hold": async ({ QUEUE }) => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const [name, text] = await refusal(() => promised(() => QUEUE.send(circular)));
    assert.deepEqual([name, text.slice(0, 39)], [
      "TypeError",
      "Converting circular structure to JSON\n ",
    ]);
    assert.deepEqual(await refusal(() => QUEUE.send(1n)), [
      "TypeError",
      "Do not know how to serialize a BigInt",
    ]);
    const error = await failure(() => promised(() => QUEUE.send(() => 1, { contentType: "v8" })));
    assert.ok(error instanceof DOMException);
    assert.equal(error.name, "DataCloneError");
    assert.match(error.message, /could not be cloned\.$/);
  },

  "v8 is a structured clone": async ({ QUEUE }, stage) => {
    const circular: Record<string, unknown> = { n: undefined };
    circular.self = circular;
    const given = [
      new Map<unknown, unknown>([[1, new Set(["x", NaN])]]),
      new Date(5),
      2n ** 70n,
      -0,
      /x+/gi,
      new Error("kept"),
      new RangeError("kept", { cause: "why" }),
      new Uint16Array([1, 2]),
      new Uint8Array([9, 1, 2, 9]).subarray(1, 3),
      new Uint8Array([3]).buffer,
      circular,
      [1, , 3],
      new Boolean(false),
    ];
    for (const body of given) await QUEUE.send(body, { contentType: "v8" });
    await QUEUE.send({ nothing: undefined }, { contentType: "v8" });
    await stage.advance(5);
    const found = bodies(stage).flat();
    const [map, date, big, zero, pattern, error, range, words, window, buffer, same, holes] = found;
    assert.deepEqual(map, given[0]);
    assert.deepEqual([date, big, pattern], [given[1], given[2], given[4]]);
    assert.ok(Object.is(zero, -0));
    assert.ok(error instanceof Error && error.message === "kept");
    assert.ok(range instanceof RangeError);
    assert.equal(range.cause, "why");
    assert.deepEqual(words, new Uint16Array([1, 2]));
    assert.deepEqual([...window], [1, 2]);
    assert.ok(buffer instanceof ArrayBuffer);
    assert.equal(same.self, same);
    assert.ok(!(1 in holes) && holes.length === 3);
    assert.deepEqual(found.at(-1), { nothing: undefined });
    assert.ok("nothing" in found.at(-1));
  },

  "a delay out of range throws in the handler": async ({ QUEUE }, stage) => {
    first(stage, ({ messages: [message] }) => {
      for (const delaySeconds of [-1, 86_401]) {
        assert.ok(thrown(() => message.retry({ delaySeconds })) instanceof RangeError);
      }
    });
    await QUEUE.send(1);
    const [run] = await stage.advance(0);
    assert.equal(run.outcome, "ok");
  },

  "the metrics of a batch": async ({ PAIRS }, stage) => {
    const seen: any[] = [];
    stage.onQueue((batch) => void seen.push(batch.metadata.metrics));
    await PAIRS.sendBatch(all(1, 2, 3));
    await stage.advance(0);
    assert.deepEqual(seen.map(({ backlogCount }) => backlogCount), [1, 0]);
    assert.ok(seen[0].oldestMessageTimestamp instanceof Date);
    assert.ok(!("oldestMessageTimestamp" in seen[1]));
  },
} satisfies Cases;
