"""`env.QUEUE` and the `queue` handler in TypeScript."""

from __future__ import annotations

import datetime

import pytest

from aerostack_dev.runtime.host import HandlerError

from .driving import batch_of, opened

NOW = 1_800_000_000_000


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.spec("queue 1.8.3")
@pytest.mark.spec("queue 1.8.4")
@pytest.mark.spec("queue 1.8.6")
@pytest.mark.spec("queue 1.8.11")
@pytest.mark.parametrize(
    ("call", "name", "text"),
    [
        ("send()", "TypeError", "parameter 1 is not of type 'Value'"),
        ("send(undefined)", "TypeError", "Message body cannot be undefined"),
        ("sendBatch([{}])", "TypeError", "Message body cannot be undefined"),
        ("send(1, {contentType: 'xml'})", "TypeError", "message content type: xml"),
        ("sendBatch([{body: '', contentType: 'TEXT'}])", "TypeError", "content type: TEXT"),
        ("send({}, {contentType: 'text'})", "TypeError", "type string, but received: object"),
        ("send(new ArrayBuffer(1), {contentType: 'bytes'})", "TypeError", "ArrayBufferView, but"),
        ("sendBatch([])", "TypeError", "sendBatch() requires at least one message"),
        ("sendBatch(5)", "TypeError", "parameter 1 is not of type 'Sequence'."),
        ("sendBatch([1])", "TypeError", "is not of type 'MessageSendRequest'."),
        ("send(1n)", "TypeError", "Do not know how to serialize a BigInt"),
        ("send((() => { const a = {}; a.a = a; return a })())", "TypeError", "circular structure"),
        ("send(() => 1, {contentType: 'v8'})", "DataCloneError", "could not be cloned."),
        ("send('', {delaySeconds: 86401})", "Error", "86401"),
    ],
)
async def test_refusals(function, call, name, text):
    answer = await function.run(f"return env.QUEUE.{call}")
    assert answer["error"][0] == name
    assert text in answer["error"][1]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.spec("queue 1.8.7")
@pytest.mark.spec("queue 1.8.13")
async def test_sends(function):
    code = """
        const body = { n: 1 };
        const sent = env.QUEUE.send(body, { contentType: "JSON" });
        body.n = 2;
        const { metadata: { metrics } } = await sent;
        await env.QUEUE.sendBatch((function* () { yield { body: 1 }; yield { body: null } })());
        const after = await env.QUEUE.metrics();
        return [metrics, after.backlogCount, after.oldestMessageTimestamp instanceof Date];
    """
    counts = {"backlogCount": 0, "backlogBytes": 0}
    assert (await function.run(code))["value"] == [counts, 3, True]
    peeked = await function.bindings.invoke("queue", "peek", ["default"])
    assert peeked[0]["body"] == {"n": 1}


CONSUMER = """
    let seen: unknown;
    export default {
      async fetch() { return Response.json(seen ?? null) },
      async queue(batch: any, env: any, ctx: any) {
        const shown = ({ body }: any) =>
          body instanceof Uint8Array ? ["bytes", ...body]
          : body instanceof Map ? ["map", ...body] : body instanceof Date ? "date" : body;
        seen = [batch.queue, batch.messages.map(shown), batch.messages[0]?.attempts,
                batch.messages[0]?.timestamp instanceof Date, batch.metadata.metrics];
        await (globalThis as any).handle?.(batch, ctx);
        BODY
      },
    };
"""


def consumer(body: str) -> str:
    return CONSUMER.replace("BODY", body)


@pytest.mark.spec("queue 1.8.1")
@pytest.mark.spec("queue 1.8.5")
async def test_a_batch(tmp_path):
    async with opened(tmp_path, consumer("")) as function:
        batch = batch_of({"a": 1}, None)
        await function.host.queue(batch)
        assert (await function()).body == (
            b'["default",[{"a":1},null],1,true,{"backlogCount":0,"backlogBytes":0}]'
        )
        assert batch.settlement.decide(failed=False).acked == ("m0", "m1")
        await function.host.queue(batch_of(b"\0\xff", content_type="bytes"))
        assert b'[["bytes",0,255]]' in (await function()).body


@pytest.mark.spec("queue 1.8.2")
async def test_a_clone_survives_the_way_through_the_queue(tmp_path):
    source = """
        let seen: unknown;
        export default {
          async fetch(_: Request, env: any) {
            if (seen) return Response.json(seen);
            await env.QUEUE.send(new Map([[1, new Date(0)]]));
            return new Response();
          },
          queue({ messages: [message] }: any) {
            seen = [...message.body].map(([key, date]) => [key, date.toISOString()]);
          },
        };
    """
    day = datetime.date(2024, 1, 1)
    async with opened(tmp_path, source, compatibility_date=day) as function:
        await function()
        (sent,) = await function.bindings.rooms["queue"].peek("default", 1, NOW)
        assert sent.content_type == "v8"
        await function.host.queue(batch_of(sent.body, content_type="v8"))
        assert (await function()).body == b'[[1,"1970-01-01T00:00:00.000Z"]]'


async def test_a_damaged_body_fails_the_batch_before_the_handler(tmp_path):
    async with opened(tmp_path, consumer("")) as function:
        with pytest.raises(HandlerError):
            await function.host.queue(batch_of(b"{bad"))
        assert (await function()).status == 200


DECISIONS = [
    ("", True, ["m0", "m1"], {}),
    ("throw new Error('x')", False, [], {"m0": None, "m1": None}),
    ("batch.messages[0].ack(); throw new Error('x')", False, ["m0"], {"m1": None}),
    ("batch.ackAll(); throw new Error('x')", False, ["m0", "m1"], {}),
    ("batch.messages[0].ack(); batch.retryAll({delaySeconds: 3})", True, ["m0"], {"m1": 3}),
    ("batch.messages[0].retry({delaySeconds: 1.9}); batch.ackAll()", True, ["m1"], {"m0": 1}),
    ("ctx.waitUntil(Promise.reject(new Error('x')))", False, [], {"m0": None, "m1": None}),
    (
        "batch.messages[0].ack(); batch.messages[0].retry()",
        True,
        ["m0", "m1"],
        {},
    ),
]


@pytest.mark.spec("queue 1.8.20")
@pytest.mark.spec("queue 1.8.21")
@pytest.mark.spec("queue 1.8.22")
@pytest.mark.spec("queue 1.8.23")
@pytest.mark.spec("queue 1.8.24")
@pytest.mark.spec("queue 1.8.25")
@pytest.mark.spec("queue 1.8.26")
@pytest.mark.spec("queue 1.8.35")
async def test_decisions(tmp_path):
    source = consumer("const run = runs[batch.messages[0].body]; await run(batch, ctx);")
    runs = ",".join(f"async (batch: any, ctx: any) => {{ {code} }}" for code, *_ in DECISIONS)
    async with opened(tmp_path, f"const runs = [{runs}];" + source) as function:
        for number, (code, fine, acked, retries) in enumerate(DECISIONS):
            warnings: list[str] = []
            batch = batch_of(number, "second", warn=warnings.append)
            failed = False
            try:
                await function.host.queue(batch)
            except HandlerError:
                failed = True
            decision = batch.settlement.decide(failed=failed)
            assert (failed, list(decision.acked), decision.retries) == (not fine, acked, retries), (
                code
            )
            assert bool(warnings) == (".ack(); batch.messages[0].retry()" in code)


@pytest.mark.spec("queue 1.8.36")
async def test_without_waiting_for_background_work(tmp_path):
    flags = frozenset({"queue_consumer_no_wait_for_wait_until"})
    source = consumer("ctx.waitUntil(new Promise((_, no) => setTimeout(no, 20)))")
    async with opened(tmp_path, source, compatibility_flags=flags) as function:
        await function.host.queue(batch_of(1))
        await function.host.settled()


@pytest.mark.spec("queue 1.8.45")
async def test_messages_cannot_be_changed(tmp_path):
    source = consumer("batch.messages[0].body = 2")
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError, match="TypeError"):
            await function.host.queue(batch_of(1))


@pytest.mark.spec("queue 1.8.16")
async def test_a_delay_out_of_range_throws_in_the_handler(tmp_path):
    source = consumer("batch.messages[0].retry({ delaySeconds: 86401 })")
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError, match="between 0 and 86400"):
            await function.host.queue(batch_of(1))
