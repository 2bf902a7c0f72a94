"""The `queue` handler, and what its background work does to the batch (§1.4)."""

from __future__ import annotations

import asyncio

import pytest

from aerostack_dev.bindings.queue.batch import Batch, Message, Metrics, Settlement
from aerostack_dev.runtime.host import HandlerError

from .driving import opened

SOURCE = """
    import asyncio, json
    log = []
    async def queue(batch, env, ctx):
        async def later():
            for _ in range(20):
                await asyncio.sleep(0)
            log.append("settled")
            if batch.messages[0].body == "reject":
                raise ValueError("rejected")
        if batch.messages[0].body == "throw":
            batch.messages[0].ack()
            raise KeyError("thrown")
        ctx.waitUntil(later())
        log.append(batch.queue)
    async def fetch(request):
        return Response(json.dumps(log))
"""


def a_batch(body: str) -> Batch:
    messages = tuple(
        Message(f"{number:032x}", 1_700_000_000_000, body.encode(), "text", 1)
        for number in range(2)
    )
    settlement = Settlement([message.id for message in messages], warn=pytest.fail)
    return Batch("mail", messages, Metrics(0, 0), settlement)


async def log(function):
    return (await function()).body.decode()


@pytest.mark.spec("queue 1.8.35")
async def test_the_batch_waits_for_wait_until_and_a_rejection_fails_it(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        await function.host.queue(a_batch("fine"))
        assert await log(function) == '["mail", "settled"]'
        with pytest.raises(HandlerError, match="ValueError: rejected"):
            await function.host.queue(a_batch("reject"))
        assert await log(function) == '["mail", "settled", "mail", "settled"]'


@pytest.mark.spec("queue 1.8.36")
async def test_with_the_flag_only_the_handler_counts(tmp_path, caplog):
    flags = frozenset({"queue_consumer_no_wait_for_wait_until"})
    async with opened(tmp_path, SOURCE, compatibility_flags=flags) as function:
        await function.host.queue(a_batch("reject"))
        assert await log(function) == '["mail"]'
        await asyncio.gather(*function.host._home.background)
        assert await log(function) == '["mail", "settled"]'
        with pytest.raises(HandlerError, match="KeyError: 'thrown'"):
            await function.host.queue(a_batch("throw"))
    assert "Uncaught ValueError: rejected" in caplog.text


async def test_acks_before_an_error_stay(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        batch = a_batch("throw")
        with pytest.raises(HandlerError) as caught:
            await function.host.queue(batch)
        assert caught.value.failure.frames[0].function == "queue"
        decision = batch.settlement.decide(failed=True)
        assert decision.acked == (batch.messages[0].id,)
        assert list(decision.retries) == [batch.messages[1].id]


@pytest.mark.parametrize("handler", ["def queue(batch)", "async def on_queue(batch)"])
async def test_every_shape_of_the_handler(tmp_path, handler):
    source = f"""
        {handler}:
            for message in batch.messages:
                message.retry(delaySeconds=3)
    """
    async with opened(tmp_path, source) as function:
        assert function.host.handlers == {"queue"}
        batch = a_batch("x")
        await function.host.queue(batch)
        assert list(batch.settlement.decide(failed=False).retries.values()) == [3, 3]


async def test_no_handler(tmp_path):
    async with opened(tmp_path, "async def fetch(): pass") as function:
        with pytest.raises(HandlerError, match=r"Handler does not export a queue.. function.$"):
            await function.host.queue(a_batch("x"))
