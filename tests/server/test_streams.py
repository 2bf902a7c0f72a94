"""Results in pieces, as lines of JSON: `POST /api/stream`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from aerostack_dev import wire
from aerostack_dev.errors import BindingError
from aerostack_dev.server import control_routes
from aerostack_dev.server.streams import STOPPING, lines, parted

from .fakes import FakeRuntime, scope_of
from .test_control import AUTHORIZED, JSON, control_of, invoke, post


async def pieces(*found: bytes | Exception) -> AsyncIterator[bytes]:
    for each in found:
        if isinstance(each, Exception):
            raise each
        yield each


def shown(error: Exception) -> dict[str, Any]:
    return {"error": {"message": str(error), "code": getattr(error, "code", "")}}


async def streamed(app: Any, *arguments: Any) -> list[Any]:
    """The lines of an answer, to a client that stays until its end."""
    body = wire.pack({"target": "CACHE", "operation": "get", "arguments": list(arguments)})
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop() if waiting else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = scope_of("/api/stream", method="POST", headers=[AUTHORIZED, JSON])
    await app(scope, receive, send)
    start, *rest = sent
    assert start["status"] == 200
    content = b"".join(part.get("body", b"") for part in rest)
    return [wire.unpack(line) for line in content.splitlines()]


async def test_a_stream_by_itself(runtime: FakeRuntime) -> None:
    runtime.operations.kept["k"] = pieces(b"one\n", b"\xff")
    assert await streamed(control_of(runtime), "k") == [
        {"result": None}, {"chunk": b"one\n"}, {"chunk": b"\xff"}, {"end": True},
    ]  # fmt: skip


async def test_a_stream_within_a_result(runtime: FakeRuntime) -> None:
    runtime.operations.kept["k"] = {"status": 200, "body": wire.Stream(pieces(b"x"))}
    assert await streamed(control_of(runtime), "k") == [
        {"result": {"status": 200, "body": None}}, {"chunk": b"x"}, {"end": True},
    ]  # fmt: skip


async def test_a_result_without_a_stream(runtime: FakeRuntime) -> None:
    runtime.operations.kept["k"] = {"a": [b"1"]}
    assert await streamed(control_of(runtime), "k") == [{"result": {"a": [b"1"]}}, {"end": True}]


async def test_what_is_too_large_for_one_answer(
    runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_routes, "LARGEST_STREAM", 3)
    app = control_of(runtime)
    runtime.operations.kept["k"] = pieces(b"12", b"34")
    assert "larger than 3 bytes" in (await invoke(app, "get", "k")).json["error"]["message"]
    runtime.operations.kept["k"] = pieces(b"12", b"34")
    assert len(await streamed(app, "k")) == 4


async def test_a_failure_in_the_middle_is_the_last_line(runtime: FakeRuntime) -> None:
    runtime.operations.kept["k"] = pieces(b"1", BindingError("broken", hint="mend it"))
    *_, last = await streamed(control_of(runtime), "k")
    assert (last["error"]["message"], last["error"]["hint"]) == ("broken", "mend it")


async def test_a_refusal_before_the_first_piece_has_its_status(runtime: FakeRuntime) -> None:
    body = {"target": "NONE", "operation": "get"}
    answer = await post(control_of(runtime), "/api/stream", body)
    assert (answer.status, "there is no binding" in answer.json["error"]["message"]) == (400, True)


async def test_closing_ends_a_stream_that_waits() -> None:
    closing, cleaned = asyncio.Event(), []

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"1"
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    async with aclosing(lines(endless(), closing, shown)) as stream:
        assert [wire.unpack(await anext(stream)) for _ in range(2)][1] == {"chunk": b"1"}
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        closing.set()
        assert wire.unpack(await waiting)["error"]["code"] == STOPPING
        assert await anext(stream, None) is None
    assert cleaned == [True]


async def test_who_leaves_closes_the_stream() -> None:
    cleaned = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"1"
        finally:
            cleaned.append(True)

    async with aclosing(lines(endless(), asyncio.Event(), shown)) as stream:
        for _ in range(3):
            await anext(stream)
    assert cleaned == [True]


def test_the_first_stream_of_a_result() -> None:
    assert parted([1]) == ([1], None)
    assert parted({"a": 1}) == ({"a": 1}, None)
