"""A request as it came in, and what it addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cached_property
from urllib.parse import unquote_to_bytes

from ....functions.incoming import Receive, Scope
from . import HOST
from .failures import ClientGoneError, S3Error

Pairs = Sequence[tuple[bytes, bytes]]


class Request:
    """One HTTP request; nothing of its body is read before `body` is."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        self.path = raw.partition(b"?")[0]
        self.query = _pairs(scope["query_string"])
        self.raw_headers: Pairs = [(name.lower(), value) for name, value in scope["headers"]]
        self._receive = receive
        self._whole = False

    @property
    def unsent(self) -> bool:
        """Whether the client may still keep its body back (`Expect: 100-continue`).

        Once it is answered, nobody can tell whether that body or another request comes
        next on the connection.
        """
        return "expect" in self.headers and not self._whole

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The query; of a name that is repeated, the first. Raises `S3Error`."""
        try:
            pairs = [(name.decode(), value.decode()) for name, value in self.query]
        except UnicodeDecodeError:
            raise _not_utf8() from None
        return dict(reversed(pairs))

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers by lower-case name, repeated ones joined; UTF-8 where it is that."""
        found: dict[str, str] = {}
        for raw_name, raw_value in self.raw_headers:
            name, value = raw_name.decode("latin-1"), _text(raw_value)
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    @cached_property
    def address(self) -> tuple[str, str]:
        """The bucket and the key, each may be empty. Raises `S3Error`."""
        try:
            path = unquote_to_bytes(self.path).decode()
        except UnicodeDecodeError:
            raise _not_utf8() from None
        host = self.headers.get("host", "").rpartition(":")
        name = (host[0] if host[2].isdigit() and host[1] else "".join(host)).lower()
        rest = path.removeprefix("/")
        if name.endswith(HOST) and name != HOST:
            return name.removesuffix(HOST), rest
        bucket, _, key = rest.partition("/")
        return bucket, key

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `ClientGoneError` when it ends too early."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            more = message.get("more_body", False)
            self._whole = not more
            if message.get("body"):
                yield message["body"]

    async def left(self) -> None:
        """Return when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _pairs(query: bytes) -> Pairs:
    found = [part.replace(b"+", b" ").partition(b"=") for part in query.split(b"&") if part]
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in found]


def _text(value: bytes) -> str:
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


def _not_utf8() -> S3Error:
    return S3Error("InvalidURI", 400, "Couldn't parse the specified URI: it is not UTF-8.")
