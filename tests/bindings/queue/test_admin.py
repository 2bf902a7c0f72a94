"""The queues from outside: list, peek, send, purge, redrive (interface §3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.queue import KIND, Consumer, Producer
from aerostack_dev.bindings.queue.backend import Lease
from aerostack_dev.bindings.queue.batch import Decision
from aerostack_dev.bindings.queue.policy import policies
from aerostack_dev.errors import BindingError
from tests.support.rooms import Room, open_room


def settings(*consumers: Consumer) -> dict[str, Any]:
    return {"settings": {"queues.consumers": consumers}}


def consumer(**fields: Any) -> Consumer:
    return Consumer(**{"queue": "default", "max_batch_timeout": 0, **fields})


def moment(room: Room) -> int:
    return round(room.clock.now() * 1000)


async def call(room: Room, verb: str, *arguments: Any) -> Any:
    return await room.bindings.invoke("queue", verb, list(arguments))


async def lease(room: Room, queue: str = "default") -> Lease:
    taken = await room.backend.acquire(policies(room.services.project)[queue], moment(room))
    return taken.lease


async def fail(room: Room, queue: str = "default") -> None:
    taken = await lease(room, queue)
    decision = Decision((), dict.fromkeys(taken.places))
    policy = policies(room.services.project)[queue]
    await room.backend.settle(taken, decision, policy, moment(room))


async def test_every_known_queue_is_listed(tmp_path: Path) -> None:
    entries = settings(consumer(max_batch_size=1, dead_letter_queue="dead"))
    async with open_room(tmp_path, KIND, Producer("Q2", "second"), **entries) as room:
        for delay in (0, 0, 5):
            await room.env.QUEUE.send("x", delaySeconds=delay)
        await lease(room)
        await room.backend.enqueue("ghost", [], 0)
        empty = {"ready": 0, "delayed": 0, "inFlight": 0, "deadLetterQueue": None}
        assert await call(room, "list") == [
            {"queue": "second", **empty, "consumer": False},
            {
                "queue": "default",
                "ready": 1,
                "delayed": 1,
                "inFlight": 1,
                "consumer": True,
                "deadLetterQueue": "dead",
            },
            {"queue": "dead", **empty, "consumer": False},
        ]
        room.clock.advance(5)
        assert (await call(room, "list"))[1]["ready"] == 2
        with room.backend.listen(["second"], print):
            assert (await call(room, "list"))[0]["consumer"] is True


async def test_queues_that_left_the_configuration_keep_what_they_hold(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND, Producer("Q2", "gone")) as room:
        await room.env.Q2.send("x")
    async with open_room(tmp_path, KIND) as room:
        listed = await call(room, "list")
        assert [entry["queue"] for entry in listed] == ["default", "gone"]
        assert await call(room, "purge", "gone") == 1
        with pytest.raises(BindingError):
            await call(room, "purge", "gone")


async def test_a_look_consumes_nothing(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        await room.env.QUEUE.send("late", delaySeconds=2.0)
        await room.env.QUEUE.send({"a": 1})
        await room.env.QUEUE.send("text", contentType="text")
        await room.env.QUEUE.send(b"\x00", contentType="bytes")
        await room.env.QUEUE.send({1}, contentType="v8")
        for _ in range(2):
            found = await call(room, "peek", "default")
            assert [entry["body"] for entry in found[:3]] == [{"a": 1}, "text", b"\x00"]
            assert isinstance(found[3]["body"], bytes)
            assert found[4]["body"] == "late"
        assert {key: found[4][key] for key in found[4] if key != "id"} == {
            "body": "late",
            "contentType": "json",
            "attempts": 0,
            "timestamp": "2027-01-15T08:00:00.000Z",
            "dueAt": "2027-01-15T08:00:02.000Z",
        }
        assert len(await call(room, "peek", "default", 2)) == 2
        for limit in (0, 1001):
            with pytest.raises(ValueError, match="between 1 and 1000"):
                await call(room, "peek", "default", limit)


async def test_sending_from_outside(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND, Producer("QUEUE", delivery_delay=9)) as room:
        sent = await call(room, "send", "default", {"a": 1})
        await call(room, "send", "default", "x", {"contentType": "text", "delaySeconds": 0})
        found = await call(room, "peek", "default")
        assert [(entry["body"], entry["dueAt"][-7:]) for entry in found] == [
            ("x", "00.000Z"),
            ({"a": 1}, "09.000Z"),
        ]
        assert found[1]["id"] == sent
        with pytest.raises(TypeError, match="only be sent by the function itself"):
            await call(room, "send", "default", 1, {"contentType": "v8"})
        with pytest.raises(BindingError, match="10201"):
            await call(room, "send", "default", 1, {"delaySeconds": -1})


async def test_sending_to_a_dead_letter_queue(tmp_path: Path) -> None:
    entries = settings(consumer(dead_letter_queue="dead"))
    async with open_room(tmp_path, KIND, **entries) as room:
        await call(room, "send", "dead", 1)
        assert len(await call(room, "peek", "dead")) == 1


@pytest.mark.parametrize(
    ("verb", "more"), [("peek", []), ("send", [1]), ("purge", []), ("redrive", [])]
)
async def test_an_unknown_queue(tmp_path: Path, verb: str, more: list[Any]) -> None:
    entries = settings(consumer(dead_letter_queue="dead"))
    async with open_room(tmp_path, KIND, **entries) as room:
        with pytest.raises(BindingError, match="there is no queue 'nope'") as refused:
            await call(room, verb, "nope", *more)
        assert refused.value.hint == "there are: default, dead"
        assert refused.value.code == "10104"


async def test_purging_takes_everything(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND, **settings(consumer(max_batch_size=1))) as room:
        for delay in (0, 0, 5):
            await room.env.QUEUE.send("x", delaySeconds=delay)
        taken = await lease(room)
        assert await call(room, "purge", "default") == 3
        policy = policies(room.services.project)["default"]
        retry = Decision((), dict.fromkeys(taken.places))
        assert await room.backend.settle(taken, retry, policy, moment(room)) == []
        assert await call(room, "purge", "default") == 0


async def test_redriving_returns_to_the_source(tmp_path: Path) -> None:
    entries = settings(
        consumer(max_retries=0, dead_letter_queue="dead"),
        consumer(queue="other", max_retries=0, dead_letter_queue="dead"),
    )
    async with open_room(tmp_path, KIND, Producer("OTHER", "other"), **entries) as room:
        await room.env.QUEUE.send("a")
        await room.env.OTHER.send("b")
        before = (await call(room, "peek", "default"))[0]
        await fail(room)
        await fail(room, "other")
        heard: list[str] = []
        with room.backend.listen([], heard.append):
            assert await call(room, "redrive", "dead") == 2
        assert sorted(heard) == ["default", "other"]
        (found,) = await call(room, "peek", "default")
        assert found == before
        assert (await call(room, "peek", "other"))[0]["body"] == "b"
        assert await call(room, "redrive", "dead") == 0


async def test_redriving_what_was_sent_to_the_dead_letter_queue_itself(tmp_path: Path) -> None:
    entries = settings(consumer(dead_letter_queue="dead"))
    async with open_room(tmp_path, KIND, **entries) as room:
        await call(room, "send", "dead", "x")
        assert await call(room, "redrive", "dead") == 1
        assert (await call(room, "peek", "default"))[0]["body"] == "x"


@pytest.mark.parametrize(
    ("consumers", "why"),
    [
        ((), "no consumer has it as dead_letter_queue"),
        (
            (
                consumer(queue="a", dead_letter_queue="default"),
                consumer(queue="b", dead_letter_queue="default"),
            ),
            "it serves a and b",
        ),
    ],
)
async def test_redriving_without_a_known_source(
    tmp_path: Path, consumers: tuple[Consumer, ...], why: str
) -> None:
    async with open_room(tmp_path, KIND, **settings(*consumers)) as room:
        await room.env.QUEUE.send("x")
        with pytest.raises(BindingError, match=why) as refused:
            await call(room, "redrive", "default")
        assert "nothing was moved" in refused.value.hint
        assert len(await call(room, "peek", "default")) == 1
