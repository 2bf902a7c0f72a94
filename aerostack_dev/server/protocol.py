"""uvicorn's HTTP protocol with a limit on the head of a request."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .joining import JoiningTransport

LARGEST_HEAD = 64 * 1024
"""Bytes of request line and headers; the platform allows 32 KiB of each."""

TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 48\r\n"
    b"connection: close\r\n\r\n"
    b"The head of the request is larger than 64 KiB.\r\n"
)


_NOTHING_YET = {"method": ""}


class BoundedProtocol(HttpToolsProtocol):
    """One connection. The parser itself would keep a head of any size in memory."""

    _head = 0

    def connection_made(  # type: ignore[override]  # uvicorn narrows it as well
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(JoiningTransport(transport, self.loop))

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if "method" not in (self.scope or _NOTHING_YET):  # the head goes on
            self._head += len(data)
            if self._head > LARGEST_HEAD and not self.transport.is_closing():
                self.transport.write(TOO_LARGE)
                self.transport.close()
        elif self._head:
            self._head = 0
