"""When batches are delivered, and what becomes of them (queue-cron-dev.md §1.4, §1.5)."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.queue import Consumer, Producer
from aerostack_dev.bindings.queue.api import MessageBatch
from tests.runtime.consuming import START, consuming, now, open_world


def fail(batch: MessageBatch) -> None:
    raise RuntimeError("boom")


def first_time(act: Any) -> Any:
    """A handler that does `act(batch)` with the first batch and nothing afterwards."""
    calls: list[MessageBatch] = []

    def handler(batch: MessageBatch) -> None:
        calls.append(batch)
        if len(calls) == 1:
            act(batch)

    return handler


async def sent(queue: Any, *bodies: Any) -> None:
    await queue.sendBatch([{"body": body} for body in bodies])


@pytest.mark.spec("queue 1.8.1")
async def test_a_message_is_delivered_once(tmp_path: Path) -> None:
    seen: list[Any] = []

    async with consuming(tmp_path, now(), handler=lambda b: seen.extend(b.messages)) as world:
        await world.queue.send({"a": 1})
        await world.pass_time(60)
    (message,) = seen
    assert message.body == {"a": 1}
    assert message.body.a == 1
    assert message.attempts == 1
    assert message.timestamp == datetime.datetime.fromtimestamp(START, datetime.UTC)
    assert len(message.id) == 32
    assert int(message.id, 16) >= 0
    assert world.deliveries[0].queue == "default"


@pytest.mark.spec("queue 1.8.2")
@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (datetime.date(2024, 1, 1), datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)),
        (datetime.date(2024, 11, 1), "2026-05-01T12:00:00Z"),
        (datetime.date(2024, 3, 17), datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)),
        (datetime.date(2024, 3, 18), "2026-05-01T12:00:00Z"),
        (None, "2026-05-01T12:00:00Z"),
    ],
)
async def test_the_default_content_type_depends_on_the_date(
    tmp_path: Path, date: datetime.date | None, expected: Any
) -> None:
    async with consuming(tmp_path, now(), compatibility_date=date) as world:
        await world.queue.send(datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC))
        await world.quiet()
        (bodies,) = world.bodies
        assert [str(body) for body in bodies] == [str(expected)]
        assert type(bodies[0]) is type(expected)


@pytest.mark.spec("queue 1.8.4")
@pytest.mark.spec("queue 1.8.5")
async def test_bytes_arrive_as_bytes(tmp_path: Path) -> None:
    async with consuming(tmp_path, now()) as world:
        for value in (b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")):
            await world.queue.send(value, contentType="bytes")
        await world.quiet()
        bodies = world.received
        assert bodies == [b"\x00\xff"] * 3
        assert {type(body) for body in bodies} == {bytes}


@pytest.mark.spec("queue 1.8.6")
async def test_none_is_a_message(tmp_path: Path) -> None:
    async with consuming(tmp_path, now()) as world:
        await world.queue.send(None)
        await world.quiet()
        assert world.bodies == [[None]]


@pytest.mark.spec("queue 1.8.7")
async def test_a_value_may_be_changed_after_the_call(tmp_path: Path) -> None:
    async with consuming(tmp_path, now()) as world:
        value = {"a": 1}
        world.queue.send(value)  # not awaited: it is sent all the same
        value["a"] = 2
        items = [{"body": value}]
        world.queue.sendBatch(items)
        value["a"] = 3
        await world.quiet()
        assert world.received == [{"a": 1}, {"a": 2}]


@pytest.mark.spec("queue 1.8.14")
@pytest.mark.parametrize("spelling", ["delaySeconds", "delay_seconds"])
async def test_the_delay_of_an_item_beats_that_of_its_batch(tmp_path: Path, spelling: str) -> None:
    async with consuming(tmp_path, now()) as world:
        await world.queue.sendBatch(
            [{"body": "a", spelling: 0}, {"body": "b"}, {"body": "c"}], **{spelling: 5}
        )
        await world.pass_time(4.999)
        assert world.bodies == [["a"]]
        await world.pass_time(0.001)
        assert world.bodies == [["a"], ["b", "c"]]


@pytest.mark.spec("queue 1.8.15")
async def test_the_delay_of_a_message_beats_that_of_its_producer(tmp_path: Path) -> None:
    producer = Producer("QUEUE", delivery_delay=3)
    async with consuming(tmp_path, now(), producers=(producer,)) as world:
        await world.queue.send("soon", delaySeconds=0)
        await world.queue.send("later")
        await world.queue.sendBatch([{"body": "batch"}], delaySeconds=1)
        for _ in range(3):
            await world.pass_time(1)
        assert list(zip(world.times, world.bodies, strict=True)) == [
            (0, ["soon"]),
            (1, ["batch"]),
            (3, ["later"]),
        ]


@pytest.mark.spec("queue 1.8.17")
async def test_full_batches_go_at_once_the_rest_after_the_timeout(tmp_path: Path) -> None:
    settings = Consumer("default", max_batch_size=3, max_batch_timeout=5)
    async with consuming(tmp_path, settings) as world:
        await sent(world.queue, *range(7))
        await world.quiet()
        assert world.bodies == [[0, 1, 2], [3, 4, 5]]
        await world.pass_time(4.999)
        assert len(world.bodies) == 2
        await world.pass_time(0.001)
        assert world.bodies[2:] == [[6]]


@pytest.mark.spec("queue 1.8.18")
async def test_later_messages_do_not_restart_the_timer(tmp_path: Path) -> None:
    async with consuming(tmp_path, Consumer("default", max_batch_timeout=2)) as world:
        await world.queue.send("first")
        await world.pass_time(1.9)
        await world.queue.send("second")
        await world.pass_time(0.099)
        assert world.bodies == []
        await world.pass_time(0.001)
        assert world.times == [2]
        assert world.bodies == [["first", "second"]]


async def test_a_delayed_message_may_fill_the_batch(tmp_path: Path) -> None:
    settings = Consumer("default", max_batch_size=2, max_batch_timeout=10)
    async with consuming(tmp_path, settings) as world:
        await world.queue.send("delayed", delaySeconds=1)
        await world.queue.send("waiting")
        await world.pass_time(1)
        assert world.bodies == [["waiting", "delayed"]]


@pytest.mark.spec("queue 1.8.19")
async def test_no_timeout_means_the_next_tick(tmp_path: Path) -> None:
    async with consuming(tmp_path, now()) as world:
        await world.queue.send(1)
        await world.quiet()
        assert world.times == [0]


async def test_defaults_are_those_of_production(tmp_path: Path) -> None:
    async with consuming(tmp_path, Consumer("default")) as world:
        await sent(world.queue, *range(11))
        await world.quiet()
        assert world.bodies == [list(range(10))]
        world.handler = fail
        for _ in range(30):
            await world.pass_time(1)
        assert world.bodies[1:] == [[10]] * 4
        assert world.times[1:] == [5, 10, 15, 20]


@pytest.mark.spec("queue 1.8.20")
async def test_returning_acknowledges_everything(tmp_path: Path) -> None:
    async with consuming(tmp_path, now()) as world:
        await sent(world.queue, 1, 2)
        await world.pass_time(600)
        assert world.bodies == [[1, 2]]
        assert (await world.admin.list())[0]["ready"] == 0


@pytest.mark.spec("queue 1.8.21")
async def test_a_failure_redelivers_the_whole_batch(tmp_path: Path) -> None:
    async with consuming(tmp_path, now(), handler=first_time(fail)) as world:
        await sent(world.queue, 1, 2)
        await world.quiet()
        assert world.bodies == [[1, 2], [1, 2]]
        assert world.deliveries[1].attempts == [2, 2]
        assert world.deliveries[0].ids == world.deliveries[1].ids


@pytest.mark.spec("queue 1.8.22")
async def test_what_was_acked_before_a_failure_stays_acked(tmp_path: Path) -> None:
    def act(batch: MessageBatch) -> None:
        batch.messages[0].ack()
        raise RuntimeError("boom")

    async with consuming(tmp_path, now(), handler=first_time(act)) as world:
        await sent(world.queue, "a", "b", "c")
        await world.quiet()
        assert world.bodies == [["a", "b", "c"], ["b", "c"]]


@pytest.mark.spec("queue 1.8.23")
async def test_ack_all_before_a_failure_settles_everything(tmp_path: Path) -> None:
    def act(batch: MessageBatch) -> None:
        batch.ack_all()
        raise RuntimeError("boom")

    async with consuming(tmp_path, now(), handler=first_time(act)) as world:
        await sent(world.queue, "a", "b")
        await world.pass_time(600)
        assert world.bodies == [["a", "b"]]


@pytest.mark.spec("queue 1.8.24")
async def test_an_acked_message_is_not_retried_with_all(tmp_path: Path) -> None:
    def act(batch: MessageBatch) -> None:
        batch.messages[0].ack()
        batch.retryAll()

    async with consuming(tmp_path, now(), handler=first_time(act)) as world:
        await sent(world.queue, "a", "b")
        await world.quiet()
        assert world.bodies == [["a", "b"], ["b"]]


@pytest.mark.spec("queue 1.8.25")
async def test_a_retried_message_is_not_acked_with_all(tmp_path: Path) -> None:
    def act(batch: MessageBatch) -> None:
        batch.messages[0].retry()
        batch.ackAll()

    async with consuming(tmp_path, now(), handler=first_time(act)) as world:
        await sent(world.queue, "a", "b")
        await world.quiet()
        assert world.bodies == [["a", "b"], ["a"]]


@pytest.mark.spec("queue 1.8.26")
async def test_the_first_of_ack_and_retry_counts(tmp_path: Path) -> None:
    def act(batch: MessageBatch) -> None:
        a, b = batch.messages
        a.ack()
        a.retry()
        b.retry()
        b.ack()

    async with consuming(tmp_path, now(), handler=first_time(act)) as world:
        await sent(world.queue, "a", "b")
        await world.quiet()
        assert world.bodies == [["a", "b"], ["b"]]
        a, b = world.deliveries[0].ids
        assert world.said == [
            f"Received a call to retry() on message {a} after ack() was already called. "
            "Calling retry() on a message after calling ack() has no effect.",
            f"Received a call to ack() on message {b} after retry() was already called. "
            "Calling ack() on a message after calling retry() has no effect.",
        ]


@pytest.mark.spec("queue 1.8.27")
async def test_the_delay_of_a_message_beats_that_of_retry_all(tmp_path: Path) -> None:
    def act(batch: MessageBatch) -> None:
        batch.retryAll({"delaySeconds": 3})
        batch.messages[0].retry(delaySeconds=1)

    async with consuming(tmp_path, now(), handler=first_time(act)) as world:
        await sent(world.queue, "a", "b", "c")
        for _ in range(4):
            await world.pass_time(1)
        assert world.times == [0, 1, 3]
        assert world.bodies[1:] == [["a"], ["b", "c"]]


@pytest.mark.spec("queue 1.8.28")
async def test_no_delay_beats_that_of_the_consumer(tmp_path: Path) -> None:
    def act(batch: MessageBatch) -> None:
        batch.messages[0].retry(delay_seconds=0)
        batch.messages[1].retry()

    async with consuming(tmp_path, now(retry_delay=10), handler=first_time(act)) as world:
        await sent(world.queue, "a", "b")
        await world.quiet()
        assert world.bodies == [["a", "b"], ["a"]]
        await world.pass_time(10)
        assert world.bodies[2:] == [["b"]]


@pytest.mark.spec("queue 1.8.29")
@pytest.mark.parametrize(("of_all", "expected"), [(None, 4), (2, 2)])
async def test_a_second_retry_replaces_the_first(
    tmp_path: Path, of_all: int | None, expected: int
) -> None:
    def act(batch: MessageBatch) -> None:
        batch.messages[0].retry(delaySeconds=9)
        batch.messages[0].retry()
        if of_all is not None:
            batch.retry_all(delaySeconds=of_all)

    async with consuming(tmp_path, now(retry_delay=4), handler=first_time(act)) as world:
        await world.queue.send("a")
        for _ in range(9):
            await world.pass_time(1)
        assert world.times == [0, expected]


@pytest.mark.spec("queue 1.8.37")
async def test_a_retried_message_goes_behind_those_that_wait(tmp_path: Path) -> None:
    async with consuming(
        tmp_path, now(max_batch_size=2), handler=first_time(MessageBatch.retryAll)
    ) as world:
        await sent(world.queue, 1, 2, 3, 4, 5)
        await world.quiet()
        assert world.bodies == [[1, 2], [3, 4], [5, 1], [2]]


@pytest.mark.spec("queue 1.8.38")
@pytest.mark.parametrize("limit", [1, 3])
async def test_concurrency_is_honoured(tmp_path: Path, limit: int) -> None:
    running = most = 0
    gate = asyncio.Semaphore(0)

    async def slow(batch: MessageBatch) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.acquire()
        running -= 1

    settings = now(max_batch_size=1, max_concurrency=limit)
    async with consuming(tmp_path, settings, handler=slow) as world:
        await sent(world.queue, *range(7))
        await world.pass_time(100)
        assert running == limit
        for _ in range(7):
            gate.release()
            await world.quiet()
        assert most == limit
        assert world.received == list(range(7))


@pytest.mark.spec("queue 1.8.44")
async def test_a_message_sent_by_the_handler_comes_in_a_later_batch(tmp_path: Path) -> None:
    async with open_world(tmp_path, now()) as world:

        async def handler(batch: MessageBatch) -> None:
            if batch.messages[0].body == "first":
                await world.queue.send("second")

        world.handler = handler
        async with world.consume():
            await world.queue.send("first")
            await world.quiet()
            assert world.bodies == [["first"], ["second"]]
            assert world.deliveries[0].left == 0


@pytest.mark.spec("queue 1.8.45")
@pytest.mark.spec("queue 1.8.46")
async def test_nothing_a_handler_does_to_a_body_is_redelivered(tmp_path: Path) -> None:
    refused: list[str] = []

    def act(batch: MessageBatch) -> None:
        for thing, name in ((batch, "messages"), (batch.messages[0], "body")):
            try:
                setattr(thing, name, [])
            except AttributeError as error:
                refused.append(str(error))
        batch.messages[0].body["list"].append("more")
        batch.messages[0].retry()

    async with consuming(tmp_path, now(), handler=first_time(act)) as world:
        await world.queue.send({"list": [1]})
        await world.quiet()
        assert len(refused) == 2
        assert world.bodies[1] == [{"list": [1]}]
        assert isinstance(world.deliveries[0].batch.messages, tuple)


async def test_metadata_is_the_backlog_that_is_left(tmp_path: Path) -> None:
    seen: list[Any] = []
    async with open_world(tmp_path, now(max_batch_size=2)) as world:
        world.handler = lambda batch: seen.append(batch.metadata.metrics)
        await sent(world.queue, "a", "b", "c")
        await world.queue.send("later", delaySeconds=5)
        async with world.consume():
            await world.quiet()
    assert seen[0] == {
        "backlogCount": 1,
        "backlogBytes": 3,
        "oldestMessageTimestamp": datetime.datetime.fromtimestamp(START, datetime.UTC),
    }
    assert seen[1] == {"backlogCount": 0, "backlogBytes": 0}


async def test_a_body_that_cannot_be_read_fails_the_batch(tmp_path: Path) -> None:
    async with open_world(tmp_path, now(max_retries=0)) as world:
        await world.room.bindings.invoke("QUEUE", "send", [b"\xff\x0f", {"contentType": "v8"}])
        async with world.consume():
            pass
        assert world.deliveries == []
        assert world.codes() == ["queue-delivery", "queue-dropped"]
        assert "read it with a function in the language that sent it" in world.said[0]
