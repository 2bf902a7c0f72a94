"""The S3-compatible endpoint of STORAGE (interface.md §4): SigV4 is its lock.

What answers requests is imported with the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...kind import Services

if TYPE_CHECKING:
    from ....functions.incoming import Receive, Scope, Send
    from ..backend import Backend
    from ..operations import Operations
    from .endpoint import Endpoint

HOST = ".localhost"
"""`<bucket>.localhost` as Host names a bucket (virtual-host style)."""


class S3App:
    """The ASGI application of a port of its own, at its root.

    `backend` is the room's, `buckets` are the operations of the project's bindings (two
    of one bucket are one here). It expects a server that has checked the Host: a
    loopback name, or one of `hosts`.
    """

    def __init__(self, backend: Backend, buckets: Iterable[Operations], services: Services) -> None:
        self._backend = backend
        self._buckets = {each.bucket: each for each in buckets}
        self._services = services
        self._endpoint: Endpoint | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names, beside the loopback ones, that requests may name."""
        return tuple(f"{bucket.lower()}{HOST}" for bucket in self._buckets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (an ASGI `http` scope)."""
        if self._endpoint is None:
            from .endpoint import Endpoint

            self._endpoint = Endpoint(self._backend, self._buckets, self._services)
        await self._endpoint(scope, receive, send)
