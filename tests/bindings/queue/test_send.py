"""Sending: content types, limits and the words of refusals (queue-cron-dev.md §1.1)."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.queue import KIND, Producer
from aerostack_dev.bindings.queue.api import MessageBatch
from aerostack_dev.bindings.queue.backend import Outgoing
from aerostack_dev.bindings.queue.batch import Batch, Message, Metrics, Settlement
from aerostack_dev.bindings.queue.content import decode, encode
from aerostack_dev.errors import BindingError
from aerostack_dev.runs import Recorded, current_run
from tests.support.rooms import Room, open_room

NEW = datetime.date(2026, 3, 12)
OLD = datetime.date(2026, 3, 11)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path, KIND) as opened:
        yield opened


@asynccontextmanager
async def dated(root: Path, date: datetime.date) -> AsyncIterator[Any]:
    async with open_room(root, KIND, compatibility_date=date) as opened:
        yield opened.env.QUEUE


async def held(room: Room) -> int:
    listed = await room.bindings.invoke("queue", "list", [])
    return int(sum(entry["ready"] + entry["delayed"] for entry in listed))


@pytest.mark.spec("queue 1.8.3")
async def test_text_takes_a_string_only(room: Room) -> None:
    with pytest.raises(TypeError) as refused:
        await room.env.QUEUE.send({}, contentType="text")
    assert str(refused.value) == (
        'Content Type "text" requires a value of type string, but received: object'
    )
    assert await held(room) == 0


@pytest.mark.spec("queue 1.8.4")
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({}, "object"),
        ([1], "object"),
        (None, "object"),
        ("x", "string"),
        (1, "number"),
        (1.5, "number"),
        (True, "boolean"),
        (len, "function"),
    ],
)
async def test_bytes_take_what_is_bytes_like_only(room: Room, value: Any, kind: str) -> None:
    with pytest.raises(TypeError) as refused:
        await room.env.QUEUE.send(value, {"contentType": "bytes"})
    assert str(refused.value) == (
        f'Content Type "bytes" requires a value of type ArrayBufferView, but received: {kind}'
    )
    assert await held(room) == 0


@pytest.mark.spec("queue 1.8.6")
async def test_a_message_needs_a_body(room: Room) -> None:
    with pytest.raises(TypeError) as refused:
        await room.env.QUEUE.send()
    assert str(refused.value) == (
        "Failed to execute 'send' on 'WorkerQueue': parameter 1 is not of type 'Value'."
    )
    with pytest.raises(TypeError, match=r"^Message body cannot be undefined$"):
        await room.env.QUEUE.sendBatch([{"body": None}, {"contentType": "json"}])
    assert await held(room) == 0


async def test_refusals_come_when_the_result_is_awaited(room: Room) -> None:
    refused = room.env.QUEUE.send({}, contentType="xml")
    with pytest.raises(TypeError, match=r"^Unsupported queue message content type: xml$"):
        await refused
    with pytest.raises(TypeError, match="content type: 5"):
        await room.env.QUEUE.send({}, contentType=5)
    with pytest.raises(TypeError, match="unknown option 'delay'"):
        await room.env.QUEUE.send({}, delay=5)
    with pytest.raises(TypeError, match="must be a dict"):
        await room.env.QUEUE.send({}, 5)


async def test_a_single_send_takes_any_case_a_batch_does_not(room: Room) -> None:
    await room.env.QUEUE.send("x", contentType="TEXT")
    with pytest.raises(TypeError, match=r"^Unsupported queue message content type: TEXT$"):
        await room.env.QUEUE.sendBatch([{"body": "x", "contentType": "TEXT"}])
    await room.bindings.invoke("QUEUE", "send", [b"x", {"contentType": "TEXT"}])
    assert await held(room) == 2


@pytest.mark.spec("queue 1.8.8")
async def test_the_largest_message(room: Room) -> None:
    await room.env.QUEUE.send("x" * 128_000, contentType="text")
    with pytest.raises(BindingError, match="message length of 128001 bytes") as refused:
        await room.env.QUEUE.send("x" * 128_001, contentType="text")
    assert refused.value.code == "10204"
    assert await held(room) == 1


@pytest.mark.spec("queue 1.8.9")
async def test_size_is_counted_in_bytes(room: Room) -> None:
    await room.env.QUEUE.send("é" * 64_000, contentType="text")
    with pytest.raises(BindingError, match="length of 128002 bytes"):
        await room.env.QUEUE.send("é" * 64_001, contentType="text")


@pytest.mark.spec("queue 1.8.10")
async def test_the_size_of_json_is_that_of_its_text(room: Room) -> None:
    await room.env.QUEUE.send("x" * 127_998)
    with pytest.raises(BindingError, match="length of 128002 bytes"):
        await room.env.QUEUE.send("x" * 128_000)


@pytest.mark.spec("queue 1.8.11")
async def test_the_count_of_a_batch(room: Room) -> None:
    await room.env.QUEUE.sendBatch([{"body": n} for n in range(100)])
    with pytest.raises(BindingError, match="batch message count of 101 exceeds limit of 100"):
        await room.env.QUEUE.send_batch([{"body": n} for n in range(101)])
    with pytest.raises(TypeError, match=r"^sendBatch\(\) requires at least one message$"):
        await room.env.QUEUE.sendBatch([])
    assert await held(room) == 100


@pytest.mark.spec("queue 1.8.12")
@pytest.mark.parametrize(
    ("date", "text"),
    [
        (NEW, "batch size of 288000 bytes exceeds limit of 256000 bytes (10205)"),
        (OLD, "Queue sendBatch failed: batch size of 288000 bytes exceeds limit of 256000"),
    ],
)
async def test_the_size_of_a_batch(tmp_path: Path, date: datetime.date, text: str) -> None:
    async with dated(tmp_path, date) as queue:
        item = {"body": "x" * 96_000, "contentType": "text"}
        with pytest.raises(BindingError) as refused:
            await queue.sendBatch([item] * 3)
        assert str(refused.value) == text
        full = {"body": "x" * 128_000, "contentType": "text"}
        await queue.sendBatch([full, full])
        assert (await queue.metrics()).backlogCount == 2


REFUSALS = [
    ("x" * 128_001, {}, "message length of 128001 bytes exceeds limit of 128000", 10204),
    ("x", {"delaySeconds": -1}, "message delay of -1 seconds is not within 0 to 86400", 10201),
    (
        "x",
        {"delaySeconds": 86_401},
        "message delay of 86401 seconds is not within 0 to 86400",
        10201,
    ),
]


@pytest.mark.spec("queue 1.8.16")
@pytest.mark.parametrize(("body", "options", "cause", "code"), REFUSALS)
async def test_refusals_have_two_forms(
    tmp_path: Path, body: str, options: dict[str, Any], cause: str, code: int
) -> None:
    given = {"contentType": "text", **options}
    for date, text in ((NEW, f"{cause} ({code})"), (OLD, f"Queue send failed: {cause}")):
        async with dated(tmp_path, date) as queue:
            with pytest.raises(BindingError) as refused:
                await queue.send(body, given)
            assert (str(refused.value), refused.value.code) == (text, str(code))


@pytest.mark.parametrize(
    ("items", "cause"),
    [
        ([1] * 101, "batch message count of 101 exceeds limit of 100"),
        (
            ["x" * 127_999],
            "message in batch has length 128001 bytes "
            "which exceeds single message size limit of 128000",
        ),
    ],
)
async def test_refusals_of_a_batch(tmp_path: Path, items: list[Any], cause: str) -> None:
    async with dated(tmp_path, OLD) as queue:
        with pytest.raises(BindingError) as refused:
            await queue.sendBatch([{"body": item} for item in items])
        assert str(refused.value) == f"Queue sendBatch failed: {cause}"


@pytest.mark.spec("queue 1.8.13")
async def test_a_batch_from_a_generator_is_all_or_nothing(room: Room) -> None:
    await room.env.QUEUE.sendBatch({"body": n} for n in range(3))
    with pytest.raises(TypeError, match='"text" requires'):
        await room.env.QUEUE.sendBatch([{"body": 1}, {"body": 2, "contentType": "text"}])
    with pytest.raises(BindingError, match="10202") as refused:
        await room.env.QUEUE.sendBatch([{"body": 1}, {"body": 2, "delaySeconds": -1}])
    assert refused.value.code == "10202"
    assert await held(room) == 3


@pytest.mark.parametrize("value", [5, None, "abc", b"abc", {"body": 1}])
async def test_a_batch_is_iterable(room: Room, value: Any) -> None:
    text = "Failed to execute 'sendBatch' on 'WorkerQueue': parameter 1 is not of type 'Sequence'."
    with pytest.raises(TypeError) as refused:
        await room.env.QUEUE.sendBatch(value)
    assert str(refused.value) == text
    with pytest.raises(TypeError, match="not of type 'Sequence'"):
        await room.bindings.invoke("QUEUE", "sendBatch", [5])


async def test_an_item_is_a_dict(room: Room) -> None:
    with pytest.raises(TypeError) as refused:
        await room.env.QUEUE.sendBatch([1])
    assert str(refused.value) == (
        "Incorrect type: the provided value is not of type 'MessageSendRequest'."
    )


@pytest.mark.spec("queue 1.8.16")
@pytest.mark.parametrize(
    ("delay", "ready_after"),
    [(86_400, 86_400), (1.7, 1), ("2", 2), ("abc", 0), (0, 0), (None, 0)],
)
async def test_delays(room: Room, delay: Any, ready_after: int) -> None:
    await room.env.QUEUE.send("x", delaySeconds=delay)
    assert (await room.env.QUEUE.metrics()).backlogCount == (0 if ready_after else 1)
    room.clock.advance(ready_after)
    assert (await room.env.QUEUE.metrics()).backlogCount == 1


@pytest.mark.spec("queue 1.8.47")
async def test_a_send_returns_the_backlog_before_it(room: Room) -> None:
    began = datetime.datetime.fromtimestamp(room.clock.now(), datetime.UTC)
    first = await room.env.QUEUE.send("abc", contentType="text")
    assert first == {"metadata": {"metrics": {"backlogCount": 0, "backlogBytes": 0}}}
    room.clock.advance(1)
    second = await room.env.QUEUE.send("d", contentType="text")
    assert second.metadata.metrics == {
        "backlogCount": 1,
        "backlogBytes": 3,
        "oldestMessageTimestamp": began,
    }
    third = await room.env.QUEUE.sendBatch([{"body": 1}, {"body": 2}])
    assert third["metadata"]["metrics"]["backlogCount"] == 2
    metrics = await room.env.QUEUE.metrics()
    assert (metrics.backlogCount, metrics.backlogBytes) == (4, 6)


async def test_delayed_messages_are_no_backlog(room: Room) -> None:
    await room.env.QUEUE.send("x", delaySeconds=5)
    assert await room.env.QUEUE.metrics() == {"backlogCount": 0, "backlogBytes": 0}


@pytest.mark.spec("queue 1.8.48")
async def test_two_bindings_of_one_queue_share_it(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND, Producer("A", "one"), Producer("B", "one")) as room:
        await room.env.A.send(1)
        await room.env.B.send(2)
        assert (await room.env.A.metrics()).backlogCount == 2
        assert (await room.env.QUEUE.metrics()).backlogCount == 0


async def test_concurrent_sends_are_all_there(room: Room) -> None:
    await asyncio.gather(*(room.env.QUEUE.send(n) for n in range(200)))
    assert await held(room) == 200


async def test_a_send_outside_a_loop_waits_for_its_await(room: Room) -> None:
    value = {"a": 1}
    sending = await asyncio.to_thread(room.env.QUEUE.send, value)
    assert asyncio.iscoroutine(sending)
    value["a"] = 2
    await sending
    (found,) = await room.bindings.invoke("queue", "peek", ["default"])
    assert found["body"] == {"a": 1}


async def test_a_cancelled_send_is_heard_of_once_it_is_written(room: Room) -> None:
    heard = asyncio.Event()
    with room.backend.listen([], lambda queue: heard.set()):
        await room.env.QUEUE.metrics()  # opens the file
        now = round(room.clock.now() * 1000)
        message = Outgoing("id", b"x", "text", 0)
        sending = asyncio.create_task(room.backend.enqueue("default", [message], now))
        await asyncio.sleep(0)  # it is on its way to the file now
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await heard.wait()
        assert await held(room) == 1


async def test_bodies_cross_as_bytes(room: Room) -> None:
    with pytest.raises(TypeError, match="crosses as bytes, not as dict"):
        await room.bindings.invoke("QUEUE", "send", [{"a": 1}, {"contentType": "json"}])


async def test_an_empty_batch_from_another_language(room: Room) -> None:
    with pytest.raises(TypeError, match=r"^sendBatch\(\) requires at least one message$"):
        await room.bindings.invoke("QUEUE", "sendBatch", [[]])


async def test_what_a_trace_says(room: Room) -> None:
    spans: list[Any] = []
    token = current_run.set(Recorded(SimpleNamespace(begin=spans.append)))
    try:
        await room.env.QUEUE.sendBatch([{"body": 1}, {"body": 2}])
        await room.env.QUEUE.send("secret")
    finally:
        current_run.reset(token)
    assert [(span.binding, span.operation, span.subject) for span in spans] == [
        ("QUEUE", "sendBatch", "2 messages"),
        ("QUEUE", "send", ""),
    ]


async def test_the_python_face_says_what_it_is(room: Room) -> None:
    assert repr(room.env.QUEUE) == "<queue QUEUE>"
    message = Message("id", 0, b"1", "json", 3)
    batch = MessageBatch(
        Batch("q", (message,), Metrics(0, 0), Settlement(["id"], lambda text: None))
    )
    assert repr(batch) == "<batch of 1 from q>"
    assert repr(batch.messages[0]) == "<message id, attempt 3>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, '{"a":[1,2.5,null,true,"é"]}'),
        ((1, 2), "[1,2]"),
        (float("nan"), "null"),
        ({1: "x"}, '{"1":"x"}'),
        ("\ud83d\ude00 \ud800", '"😀 \ufffd"'),
        ({"\ud800": ["\ud800", ("\ud800",)]}, '{"\ufffd":["\ufffd",["\ufffd"]]}'),
        (2**70, str(2**70)),
    ],
)
def test_json(value: Any, text: str) -> None:
    assert encode(value, "json").decode() == text


def test_json_in_circles() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(TypeError, match=r"^Converting circular structure to JSON"):
        encode(value, "json")
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        encode(b"x", "json")


def test_text_is_well_formed() -> None:
    assert decode(encode("\ud83d\ude00 \ud800", "text"), "text") == "😀 \ufffd"


def test_a_stored_type_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match="unknown content type of a stored message: xml"):
        decode(b"", "xml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_json_values_come_back(value: Any) -> None:
    assert decode(encode(value, "json"), "json") == value


@given(st.text(), st.binary())
def test_text_and_bytes_come_back(text: str, data: bytes) -> None:
    assert decode(encode(text, "text"), "text") == text
    assert decode(encode(data, "bytes"), "bytes") == data
