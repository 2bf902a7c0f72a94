"""A transport that sends the head of a response together with what follows it.

uvicorn writes the head by itself; the event loop would make that a system call and a
packet of its own, which is a sixth of what a small response costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

HEAD = b"HTTP/1."
LARGEST_COPY = 64 * 1024
"""A longer body is sent beside its head, not copied behind it."""

Data = bytes | bytearray | memoryview


class JoiningTransport(asyncio.Transport):
    """`transport`, but a head waits for the next write, at most until the loop turns."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    def write(self, data: Data) -> None:
        head = self._head
        if head is None:
            if isinstance(data, bytes) and data.startswith(HEAD):
                self._head = data
                self._loop.call_soon(self._flush)
            else:
                self._transport.write(data)
            return
        self._head = None
        if len(data) <= LARGEST_COPY:
            self._transport.write(head + data)
        else:
            self._transport.write(head)
            self._transport.write(data)

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        for data in list_of_data:
            self.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._head = None
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size() + len(self._head or b"")

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            self._transport.write(head)
