"""Head and body of a small response leave together; nothing waits that should not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aerostack_dev.server.joining import LARGEST_COPY, JoiningTransport

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire(asyncio.Transport):
    """What was written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.ended = ""

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return bool(self.ended)

    def get_write_buffer_size(self) -> int:
        return 0


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def joined(wire: Wire) -> JoiningTransport:
    return JoiningTransport(wire, asyncio.get_running_loop())


async def test_a_head_leaves_with_the_body_behind_it(wire: Wire, joined: JoiningTransport) -> None:
    joined.write(HEAD)
    assert joined.get_write_buffer_size() == len(HEAD)
    joined.write(b"hello")
    await asyncio.sleep(0)
    assert wire.sent == [HEAD + b"hello"]


async def test_a_head_alone_leaves_when_the_loop_turns(
    wire: Wire, joined: JoiningTransport
) -> None:
    joined.write(HEAD)
    assert wire.sent == []
    await asyncio.sleep(0)
    joined.write(b"later")
    assert wire.sent == [HEAD, b"later"]


async def test_a_large_body_is_not_copied(wire: Wire, joined: JoiningTransport) -> None:
    joined.writelines([HEAD, b"x" * (LARGEST_COPY + 1)])
    assert [len(data) for data in wire.sent] == [len(HEAD), LARGEST_COPY + 1]


async def test_closing_sends_what_waits_and_aborting_does_not(
    wire: Wire, joined: JoiningTransport
) -> None:
    joined.write(HEAD)
    joined.close()
    assert (wire.sent, wire.ended) == ([HEAD], "closed")
    joined.write(HEAD)
    joined.abort()
    await asyncio.sleep(0)
    assert (wire.sent, wire.ended) == ([HEAD], "aborted")
    assert joined.is_closing()
