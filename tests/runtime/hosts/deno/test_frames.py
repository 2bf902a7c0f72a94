"""Values as they cross, and streams with credit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.runtime.hosts.deno.channel import Channel, ChildError, ChildGoneError
from aerostack_dev.runtime.hosts.deno.frames import PREFIX, Frame, decoded, encoded
from aerostack_dev.wire import Stream

NAMES = st.one_of(st.text(max_size=5), st.sampled_from(["__proto__", "2"]))
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
        st.binary(max_size=20),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=20,
)


def nothing(_: Any) -> Any:
    raise AssertionError("there is no stream here")


@given(VALUES)
def test_a_value_crosses_as_it_is(value):
    prefix, header, *attachments = encoded("reply", 7, value, nothing)
    body = b"".join(attachments)
    assert PREFIX.unpack(prefix) == (len(header), len(body))
    assert decoded(header, body, nothing) == Frame("reply", 7, value, body)


def test_half_a_surrogate_pair_crosses():
    _, header = encoded("reply", 1, ["a\ud800"], nothing)
    assert b"\\ud800" in header
    assert decoded(header, b"", nothing).payload == ["a\ud800"]


def test_what_is_no_wire_value():
    with pytest.raises(TypeError, match="object is no wire value"):
        encoded("reply", 1, [object()], nothing)


class Pipe(asyncio.Transport):
    """Hands what is written to the other side, in pieces of a size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.other: Any = None
        self.closing = False

    def write(self, data: Any) -> None:
        for at in range(0, len(data), self.size):
            self.other.data_received(data[at : at + self.size])

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.other.connection_lost(None)


def connected(size: int = 7) -> tuple[Channel, Channel, list[Frame]]:
    """Two channels, back to back; the second answers calls by `received`."""
    received: list[Frame] = []
    left = Channel(lambda _, frame: received.append(frame), lambda _: None)
    right = Channel(lambda _, frame: received.append(frame), lambda _: None)
    for one, other in ((left, right), (right, left)):
        pipe = Pipe(size)
        pipe.other = other
        one.connection_made(pipe)
    return left, right, received


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_calls_and_answers():
    left, right, received = connected()
    fine, bad = left.ask("fetch", 1, [b"\0", "x"]), left.ask("fetch", 2, None)
    await turns()
    assert [(frame.id, frame.payload) for frame in received] == [(1, [b"\0", "x"]), (2, None)]
    right.post("fail", 2, {"message": "no"})
    right.post("reply", 1, {"a": b"b"})
    assert await fine == {"a": b"b"}
    with pytest.raises(ChildError, match="no"):
        await bad


async def test_the_end_of_the_connection_fails_what_waits():
    left, right, _ = connected()
    waiting = left.ask("fetch", 1, None)
    inlet = left.streams.join(1)
    right.close()
    for future in (waiting, left.ask("fetch", 2, None)):
        with pytest.raises(ChildGoneError):
            await future
    for stream in (inlet, left.streams.join(2)):
        with pytest.raises(ChildGoneError):
            await anext(stream)
    left.post("log", 1)


async def test_a_stream_waits_for_credit_and_closes_its_source():
    left, right, received = connected(1 << 16)
    produced = 0
    closed = False

    async def source():
        nonlocal produced, closed
        try:
            while True:
                produced += 1
                yield b"x" * 65536
        finally:
            closed = True

    left.post("reply", 1, Stream(source(), None))
    await turns()
    assert produced == 5, "the window is four pieces, and one waits"
    (frame,) = received
    inlet = frame.payload.chunks
    assert len(await anext(inlet)) == 65536
    await turns()
    assert produced == 6
    await inlet.aclose()
    await turns()
    assert closed
    await left.streams.closed()
    right.close()


async def test_a_source_that_fails():
    left, _, received = connected()

    async def source():
        yield b"one"
        raise OSError("disk")

    left.post("reply", 1, [Stream(source(), 5)])
    await turns()
    (stream,) = received[0].payload
    assert stream.size == 5
    assert await anext(stream.chunks) == b"one"
    with pytest.raises(ChildError, match="disk"):
        await anext(stream.chunks)
