"""Messages that are given up, queues that nobody consumes, and consumers that leave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.queue import KIND, Consumer, Producer
from aerostack_dev.bindings.queue.api import MessageBatch
from aerostack_dev.clock import SystemClock
from aerostack_dev.errors import StateError
from aerostack_dev.runtime import consumers as consumers_module
from aerostack_dev.runtime.consumers import NO_HANDLER, open_consumers
from tests.runtime.consuming import consuming, now, open_world
from tests.support.rooms import open_room


def fail(batch: MessageBatch) -> None:
    raise RuntimeError("boom")


@pytest.mark.spec("queue 1.8.30")
async def test_a_message_is_dropped_when_its_attempts_are_used_up(tmp_path: Path) -> None:
    async with consuming(tmp_path, now(max_retries=2), handler=fail) as world:
        await world.queue.send("a")
        await world.quiet()
        assert [delivery.attempts for delivery in world.deliveries] == [[1], [2], [3]]
        (message_id,) = world.deliveries[0].ids
        assert world.said == [
            f'Dropped message "{message_id}" on queue "default" after 3 failed attempts!'
        ]
        assert (await world.admin.list())[0]["ready"] == 0


@pytest.mark.spec("queue 1.8.31")
@pytest.mark.spec("queue 1.8.32")
async def test_a_message_moves_to_the_dead_letter_queue(tmp_path: Path) -> None:
    seen: list[Any] = []

    def handler(batch: MessageBatch) -> None:
        seen.extend((batch.queue, message) for message in batch.messages)
        if batch.queue == "default":
            raise RuntimeError("boom")

    settings = now(max_retries=0, dead_letter_queue="dead", max_batch_timeout=7)
    async with consuming(tmp_path, settings, now(queue="dead"), handler=handler) as world:
        await world.queue.send("a", contentType="text")
        await world.pass_time(7)
        (_, first), (queue, second) = seen
        assert queue == "dead"
        assert (second.id, second.timestamp, second.body) == (first.id, first.timestamp, "a")
        assert second.attempts == 1
        assert world.said == [
            f'Moving message "{first.id}" on queue "default" to dead letter queue "dead" '
            "after 1 failed attempt..."
        ]


async def test_the_delay_of_the_dead_letter_queue_applies(tmp_path: Path) -> None:
    settings = now(max_retries=0, dead_letter_queue="dead")
    dead = Producer("DEAD", "dead", delivery_delay=30)
    async with consuming(
        tmp_path, settings, now(queue="dead"), handler=fail, producers=(dead,)
    ) as world:
        await world.queue.send("a")
        await world.pass_time(29)
        assert world.times == [0]
        await world.pass_time(1)
        assert world.times == [0, 30, 30, 30, 30]


@pytest.mark.spec("queue 1.8.33")
async def test_dead_letters_may_go_in_circles(tmp_path: Path) -> None:
    turns = 0

    def handler(batch: MessageBatch) -> None:
        nonlocal turns
        turns += 1
        if turns < 5:
            raise RuntimeError("boom")

    a = now(max_retries=0, dead_letter_queue="b")
    b = now(queue="b", max_retries=0, dead_letter_queue="default")
    async with consuming(tmp_path, a, b, handler=handler) as world:
        await world.queue.send("x")
        await world.quiet()
        queues = [delivery.queue for delivery in world.deliveries]
        assert queues == ["default", "b", "default", "b", "default"]


@pytest.mark.spec("queue 1.8.39")
async def test_without_a_handler_attempts_are_used_up(tmp_path: Path) -> None:
    settings = now(max_retries=1, dead_letter_queue="dead")
    async with consuming(tmp_path, settings, handles_queue=False) as world:
        await world.queue.send("a")
        await world.quiet()
        assert world.deliveries == []
        assert world.said.count(NO_HANDLER) == 2
        assert NO_HANDLER == (
            "Received a QueueEvent but we lack a handler for QueueEvents. "
            "Did you remember to export a queue() function?"
        )
        assert any("Handler does not export a queue() function." in text for text in world.said)
        assert world.codes().count("queue-dead-letter") == 1
        (default, dead) = await world.admin.list()
        assert (default["ready"], dead["ready"]) == (0, 1)
        await world.queue.send("b")  # the consumer is still there
        await world.quiet()
        assert world.said.count(NO_HANDLER) == 4


@pytest.mark.spec("queue 1.8.40")
async def test_a_queue_without_consumer_keeps_its_messages(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        async with world.consume(handles_queue=False):
            await world.queue.send(1)
            await world.queue.send(2)
            await world.pass_time(3600)
            assert world.codes() == ["queue-no-consumer"]
            assert 'queue "default" has no consumer' in world.said[0]
        async with world.consume(handles_queue=True):
            assert world.bodies == [[1, 2]]
        assert world.codes() == ["queue-no-consumer", "queue-default-consumer"]


async def test_produced_queues_are_consumed_with_the_defaults(tmp_path: Path) -> None:
    producers = (Producer("A", "one"), Producer("B", "two"))
    settings = Consumer("one", max_batch_timeout=1)
    async with consuming(tmp_path, settings, producers=producers) as world:
        assert sorted(world.said) == [
            f'queue "{queue}" has no consumer entry: it is consumed with the defaults'
            for queue in ("default", "two")
        ]
        await world.room.env.A.send("a")
        await world.room.env.B.send("b")
        await world.pass_time(1)
        await world.pass_time(4)
        assert list(zip(world.times, world.bodies, strict=True)) == [(1, ["a"]), (5, ["b"])]
        assert all(entry["consumer"] for entry in await world.admin.list())


async def test_while_the_function_is_not_loaded_nothing_is_said(tmp_path: Path) -> None:
    async with consuming(tmp_path, handles_queue=None) as world:
        await world.queue.send(1)
        await world.pass_time(60)
        assert world.said == []
        assert world.room.backend.consumed == frozenset()


@pytest.mark.spec("queue 1.8.41")
async def test_delayed_messages_survive_a_restart(tmp_path: Path) -> None:
    async with open_world(tmp_path, now()) as world:
        await world.queue.send("a", delaySeconds=10)
        await world.queue.send("b", delaySeconds=20)
    async with open_world(tmp_path, now()) as world:
        world.clock.advance(5)
        async with world.consume():
            await world.pass_time(4.999)
            assert world.bodies == []
            await world.pass_time(0.001)
            await world.pass_time(10)
            assert list(zip(world.times, world.bodies, strict=True)) == [(10, ["a"]), (20, ["b"])]


@pytest.mark.spec("queue 1.8.42")
async def test_a_crash_counts_as_an_attempt(tmp_path: Path) -> None:
    async with open_world(tmp_path, now()) as world:
        await world.queue.send("a")
        taken = await world.room.backend.acquire(_policy(world), _now(world))
        assert taken.lease.messages[0].attempts == 1
    async with open_world(tmp_path, now()) as world, world.consume():
        assert [delivery.attempts for delivery in world.deliveries] == [[2]]


async def test_crashes_alone_use_up_the_attempts(tmp_path: Path) -> None:
    settings = now(max_retries=1, dead_letter_queue="dead")
    for _ in range(2):
        async with open_world(tmp_path, settings) as world:
            if not (await world.queue.metrics()).backlogCount:
                await sent_two(world.queue)
            await world.room.backend.acquire(_policy(world), _now(world))
    async with open_world(tmp_path, settings) as world:
        await world.queue.send("fresh")
        async with world.consume():
            assert world.bodies == [["fresh"]]
            assert sorted(world.codes()) == [*["queue-dead-letter"] * 2, "queue-no-consumer"]
        buried = [text for text in world.said if text.startswith("Moving")]
        assert all("after 2 failed attempts..." in text for text in buried)
        assert (await world.admin.list())[1]["ready"] == 2


@pytest.mark.spec("queue 1.8.43")
async def test_very_many_delayed_messages(tmp_path: Path) -> None:
    count = 20_000
    async with open_world(tmp_path, now(max_batch_size=100)) as world:
        items = [{"body": number, "delaySeconds": 60} for number in range(count)]
        async with asyncio.TaskGroup() as group:
            for start in range(0, count, 100):
                group.create_task(_send(world.queue, items[start : start + 100]))
        async with world.consume():
            assert world.bodies == []
            world.clock.advance(60)
            while len(world.deliveries) < count // 100:
                await world.quiet()
        assert sorted(world.received) == list(range(count))


async def test_leaving_waits_for_the_delivery_under_way(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with open_world(tmp_path, now(max_batch_size=1)) as world:
        world.handler = lambda batch: gate.wait()
        async with world.consume(until_quiet=False):
            await world.queue.send("a")
            await world.queue.send("b")
            await world.quiet()
            asyncio.get_running_loop().call_soon(gate.set)
        assert world.bodies == [["a"]]
        assert _depth(await world.admin.list()) == (1, 0)


async def test_a_delivery_that_takes_too_long_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers_module, "GRACE_SECONDS", 0.01)

    async def endless(batch: MessageBatch) -> None:
        batch.messages[0].ack()
        await asyncio.Event().wait()

    async with open_world(tmp_path, now()) as world:
        world.handler = endless
        async with world.consume():
            await world.queue.sendBatch([{"body": 1}, {"body": 2}, {"body": 3}])
            await world.quiet()
        assert world.bodies == [[1, 2, 3]]
        world.handler = lambda batch: None
        async with world.consume():
            await world.queue.send(4)
            await world.quiet()
        assert world.bodies[1:] == [[2, 3], [4]]
        assert world.deliveries[1].attempts == [1, 1]


async def test_a_handler_that_cancels_itself_has_failed(tmp_path: Path) -> None:
    async def handler(batch: MessageBatch) -> None:
        raise asyncio.CancelledError

    async with consuming(tmp_path, now(max_retries=1), handler=handler) as world:
        await world.queue.send("a")
        await world.quiet()
        assert [delivery.attempts for delivery in world.deliveries] == [[1], [2]]
        assert world.codes() == ["queue-delivery", "queue-delivery", "queue-dropped"]
        assert world.said[0] == 'a batch of queue "default" failed: CancelledError'


async def test_a_lease_that_cannot_be_given_back_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers_module, "GRACE_SECONDS", 0.01)
    async with open_world(tmp_path, now()) as world:
        world.handler = lambda batch: asyncio.Event().wait()
        monkeypatch.setattr(
            world.room.backend, "release", _once(StateError("the disk is full"), None)
        )
        async with world.consume():
            await world.queue.send("a")
            await world.quiet()
        assert world.said == ["the disk is full"]
    async with open_world(tmp_path, now()) as world, world.consume():
        assert world.bodies == [["a"]]


async def test_stopping_between_acquire_and_delivery(tmp_path: Path) -> None:
    async with open_world(tmp_path, now()) as world:
        await world.queue.send("a")
        consumer = _consumer(world)
        task = asyncio.create_task(consumer.run())
        await asyncio.sleep(0)  # it is acquiring now
        consumer.stop()
        await task
        assert world.deliveries == []
        assert _depth(await world.admin.list()) == (1, 0)


async def test_stopping_between_a_batch_and_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(tmp_path, now(max_batch_size=1)) as world:
        await _send(world.queue, [{"body": "a"}, {"body": "b"}])
        consumer = _consumer(world)
        exchange = world.room.backend.exchange

        async def stopped_meanwhile(*given: Any) -> Any:
            consumer.stop()
            return await exchange(*given)

        monkeypatch.setattr(world.room.backend, "exchange", stopped_meanwhile)
        await consumer.run()
        assert world.bodies == [["a"]]
        assert _depth(await world.admin.list()) == (1, 0)


async def test_a_failing_file_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(tmp_path, now()) as world:
        backend = world.room.backend
        refuse = StateError("queue.sqlite cannot grow: the disk is full", hint="free some space")
        for name in ("acquire", "exchange"):
            monkeypatch.setattr(backend, name, _once(refuse, getattr(backend, name)))
        async with world.consume():
            await world.queue.send("a")
            await world.pass_time(5)
            await world.pass_time(5)
            assert world.bodies == [["a"]]
        assert world.codes() == ["queue-state", "queue-state"]
        assert "will try again in 5 s: queue.sqlite cannot grow" in world.said[0]
        assert (await world.admin.list())[0]["inFlight"] == 0


async def test_it_works_by_the_clock_of_the_machine(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def deliver(batch: Any) -> None:
        arrived.set()

    settings = {"queues.consumers": (now(),)}
    async with (
        open_room(tmp_path, KIND, clock=SystemClock(), settings=settings) as room,
        open_consumers(
            room.backend,
            room.services.project,
            room.clock,
            deliver,
            room.findings.append,
            handles_queue=True,
        ),
    ):
        await room.env.QUEUE.send("a", delaySeconds=1)
        async with asyncio.timeout(20):
            await arrived.wait()


def _depth(listed: Any) -> tuple[int, int]:
    return listed[0]["ready"], listed[0]["inFlight"]


def _consumer(world: Any) -> consumers_module.Consumer:
    room = world.room
    return consumers_module.Consumer(
        _policy(world), room.backend, world.clock, world.deliver, room.findings.append
    )


def _policy(world: Any) -> Any:
    return consumers_module.policies(world.room.services.project)["default"]


def _now(world: Any) -> int:
    return round(world.clock.now() * 1000)


async def _send(queue: Any, items: list[Any]) -> None:
    await queue.sendBatch(items)


async def sent_two(queue: Any) -> None:
    await queue.sendBatch([{"body": 1}, {"body": 2}])


def _once(error: Exception, then: Any) -> Any:
    calls = 0

    async def called(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise error
        return await then(*args)

    return called
