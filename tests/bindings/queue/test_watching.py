"""Watching a queue: every message that comes, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.queue import KIND, Consumer
from aerostack_dev.bindings.queue.batch import Decision
from aerostack_dev.bindings.queue.policy import policies
from aerostack_dev.bindings.queue.watching import KEPT_EVENTS
from aerostack_dev.errors import BindingError
from tests.support.rooms import Room, open_room


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    consumer = Consumer(
        queue="default", max_batch_timeout=0, max_retries=1, retry_delay=7, dead_letter_queue="dead"
    )
    async with open_room(tmp_path, KIND, settings={"queues.consumers": (consumer,)}) as found:
        yield found


async def tail(room: Room, queue: str = "default") -> Any:
    stream = await room.bindings.invoke("queue", "tail", [queue])
    assert await anext(stream) == b""
    return stream


async def settle(room: Room, *retried: str, delay: int | None = None) -> None:
    """Take a batch, retry the messages that are named, acknowledge the others."""
    now = round(room.clock.now() * 1000)
    policy = policies(room.services.project)["default"]
    lease = (await room.backend.acquire(policy, now)).lease
    acked = tuple(message.id for message in lease.messages if message.id not in retried)
    await room.backend.settle(lease, Decision(acked, dict.fromkeys(retried, delay)), policy, now)


async def events(stream: Any, count: int) -> list[dict[str, Any]]:
    return [json.loads(await anext(stream)) for _ in range(count)]


async def test_the_life_of_a_message(room: Room) -> None:
    async with aclosing(await tail(room)) as stream:
        await room.env.QUEUE.send({"a": 1}, delaySeconds=2)
        (sent,) = await events(stream, 1)
        assert (sent["body"], sent["contentType"], sent["delaySeconds"]) == ({"a": 1}, "json", 2)
        for wait in (2, 7):
            room.clock.advance(wait)
            await settle(room, sent["id"])
        found = await events(stream, 4)
        assert [each["event"] for each in found] == [
            "delivered", "retried", "delivered", "dead-lettered",
        ]  # fmt: skip
        assert found[1]["delaySeconds"] == 7
        assert (found[3]["attempts"], found[3]["deadLetterQueue"]) == (2, "dead")
        assert sent["time"].endswith("Z")


async def test_a_batch_in_part(room: Room) -> None:
    async with aclosing(await tail(room)) as stream:
        await room.env.QUEUE.sendBatch([{"body": number} for number in range(3)])
        ids = [each["id"] for each in await events(stream, 3)]
        await settle(room, ids[1], delay=30)
        delivered, retried = await events(stream, 2)
        assert (delivered["acked"], delivered["total"]) == (2, 3)
        assert delivered["ids"] == [ids[0], ids[2]]
        assert (retried["id"], retried["delaySeconds"]) == (ids[1], 30)


async def test_a_message_is_dropped_without_a_dead_letter_queue(tmp_path: Path) -> None:
    consumer = Consumer(queue="default", max_batch_timeout=0, max_retries=0)
    async with open_room(tmp_path, KIND, settings={"queues.consumers": (consumer,)}) as room:
        stream = await tail(room)
        await room.env.QUEUE.send("x")
        (sent,) = await events(stream, 1)
        await settle(room, sent["id"])
        assert [each["event"] for each in await events(stream, 2)] == ["delivered", "dropped"]


async def test_dead_letters_come_and_go(room: Room) -> None:
    async with aclosing(await tail(room, "dead")) as dead, aclosing(await tail(room)) as source:
        await room.env.QUEUE.send("x")
        (sent,) = await events(source, 1)
        for _ in range(2):
            await settle(room, sent["id"])
            room.clock.advance(7)
        (arrived,) = await events(dead, 1)
        assert (arrived["event"], arrived["id"], arrived["from"]) == (
            "arrived",
            sent["id"],
            "default",
        )
        await events(source, 4)
        assert await room.bindings.invoke("queue", "redrive", ["dead"]) == 1
        (back,) = await events(source, 1)
        assert (back["event"], back["count"], back["from"]) == ("arrived", 1, "dead")
        assert await room.bindings.invoke("queue", "purge", ["default"]) == 1
        (purged,) = await events(source, 1)
        assert (purged["event"], purged["count"]) == ("purged", 1)


async def test_only_the_queue_that_is_followed(room: Room) -> None:
    async with aclosing(await tail(room, "dead")) as stream:
        await room.env.QUEUE.send("x")
        await room.bindings.invoke("queue", "send", ["dead", "y"])
        assert (await events(stream, 1))[0]["body"] == "y"


async def test_a_slow_reader_is_told_what_it_missed(room: Room) -> None:
    async with aclosing(await tail(room)) as stream:
        for _ in range(KEPT_EVENTS // 100 + 1):
            await room.env.QUEUE.sendBatch([{"body": "x"}] * 100)
        (missed,) = await events(stream, 1)
        assert (missed["event"], missed["count"]) == ("missed", 100)
        assert (await events(stream, 1))[0]["event"] == "sent"


async def test_an_unknown_queue(room: Room) -> None:
    with pytest.raises(BindingError, match="there is no queue 'nope'"):
        await room.bindings.invoke("queue", "tail", ["nope"])


async def test_the_end_of_the_room_is_the_end_of_the_watch(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        stream = await tail(room)
        backend = room.backend
    assert [piece async for piece in stream] == []
    with backend.watch("default") as watch:
        assert [event async for event in watch.events()] == []
    assert backend._watchers._watches == []
