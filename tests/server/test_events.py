"""Finished invocations as server-sent events."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from aerostack_dev.errors import ControlError
from aerostack_dev.server.control import ControlApp
from aerostack_dev.server.events import KEPT_EVENTS, MOST_READERS, EventStreams

from .fakes import FakeRuntime


def streams_of(runtime: FakeRuntime) -> EventStreams:
    return EventStreams(runtime.trace, lambda invocation: {"name": invocation.name})


def run_one(runtime: FakeRuntime, name: str) -> None:
    runtime.trace.close(runtime.trace.open("fetch", name), "ok")


def parsed(event: bytes) -> tuple[str, Any]:
    name, data = event.decode().removesuffix("\n\n").split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_every_invocation_is_heard_of(runtime: FakeRuntime) -> None:
    streams = streams_of(runtime)
    async with aclosing(streams.open()) as stream:
        assert await anext(stream) == b": open\n\n"
        for number in range(3):
            run_one(runtime, f"GET /{number}")
        heard = [parsed(await anext(stream)) for _ in range(3)]
        assert heard == [("invocation", {"name": f"GET /{number}"}) for number in range(3)]
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        run_one(runtime, "GET /later")
        assert parsed(await waiting) == ("invocation", {"name": "GET /later"})


async def test_a_slow_reader_is_told_what_it_missed(runtime: FakeRuntime) -> None:
    streams = streams_of(runtime)
    async with aclosing(streams.open()) as stream:
        await anext(stream)
        for number in range(KEPT_EVENTS + 7):
            run_one(runtime, str(number))
        assert parsed(await anext(stream)) == ("missed", {"missed": 7})
        assert parsed(await anext(stream)) == ("invocation", {"name": "7"})


async def test_leaving_unsubscribes(runtime: FakeRuntime) -> None:
    streams = streams_of(runtime)
    async with aclosing(streams.open()) as stream:
        await anext(stream)
        assert len(runtime.trace._subscribers) == 1
    assert runtime.trace._subscribers == []


async def test_closing_ends_every_stream(runtime: FakeRuntime) -> None:
    streams = streams_of(runtime)
    async with aclosing(streams.open()) as stream:
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream, None))
        await asyncio.sleep(0)
        streams.close()
        assert await waiting is None
    assert [event async for event in streams.open()] == [b": open\n\n"]


async def test_readers_are_limited(runtime: FakeRuntime) -> None:
    streams = streams_of(runtime)
    opened = [streams.open() for _ in range(MOST_READERS)]
    for stream in opened:
        await anext(stream)
    with pytest.raises(ControlError, match=f"{MOST_READERS} readers"):
        streams.open()
    for stream in opened:
        await stream.aclose()
    await streams.open().aclose()


async def test_over_http_and_leaving_at_once(runtime: FakeRuntime, served: Any) -> None:
    made: list[ControlApp] = []

    def make(port: int) -> ControlApp:
        made.append(ControlApp(runtime, port=port, url="", token="t", clock=runtime.clock))
        return made[0]

    heard = []
    headers = {"authorization": "Bearer t"}
    async with (
        served(make, leaving=lambda: made[0].close()) as (client, _),
        client.stream("GET", "/api/events", headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        assert await anext(lines) == ": open"
        run_one(runtime, "GET /live")
        async for line in lines:
            heard.append(line)
            if line.startswith("data: "):
                break
    assert "event: invocation" in heard
    assert json.loads(heard[-1].removeprefix("data: "))["name"] == "GET /live"
    assert runtime.trace._subscribers == []
