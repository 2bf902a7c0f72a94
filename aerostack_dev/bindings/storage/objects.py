"""What a Python author gets back: objects, with or without their content (§1.3)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from ...wire import Ready, Record, Stream, close_chunks, record, taken
from .http_date import EPOCH, MILLISECOND, moment
from .metadata import EXPIRY, headers_of

if TYPE_CHECKING:
    from ...functions.forms import Blob

USED = (
    "Body has already been used. It can only be used once. "
    "Use tee() first if you need to read it twice."
)
BYTES = bytes
FORBIDDEN = frozenset("\r\n\0")
BODY = ("body", "bodyUsed")


class Checksums(Record):
    """The checksums that are known: `md5`, `sha1`, … as `memoryview`."""

    def toJSON(self) -> dict[str, str]:
        """Each as hex text."""
        return {name: digest.hex() for name, digest in self.items()}

    to_json = toJSON


class R2Object(Record):
    """An object without its content: a dict whose items are attributes too.

    `key, version, size, etag, httpEtag, uploaded` (aware datetime), `checksums`,
    `httpMetadata`, `customMetadata`, `range`, `storageClass`, `ssecKeyMd5`; what is not
    known is None. It has no `body`.
    """

    def writeHttpMetadata(self, headers: Any) -> None:
        """Set the headers that `httpMetadata` stands for: Content-Type, Expires, ….

        `headers` is a `Headers` or anything else that takes `headers[name] = value`.
        Raises `TypeError` for a value that no header can hold, and for an object of a
        listing that did not include `httpMetadata`.
        """
        http: Any = self["httpMetadata"]
        if http is None:
            raise TypeError(
                f"HTTP metadata unknown for key `{self['key']}`. "
                "Did you forget to add 'httpMetadata' to `include` when listing?"
            )
        fields = {name: _wire(value) for name, value in http.items()}
        for name, value in headers_of(fields):
            if FORBIDDEN & set(value):
                raise TypeError(f"Invalid header value for {name}: {value!r}")
            headers[name] = value

    def toJSON(self) -> dict[str, Any]:
        """The object as JSON shows it: checksums as hex, no content."""
        return {**self, "checksums": self["checksums"].toJSON()}

    write_http_metadata = writeHttpMetadata
    to_json = toJSON


class Body(Ready):
    """The content of an object: an async iterator of `bytes`, to be read once.

    `size` is its length in bytes, so that it can be put again.
    """

    def __init__(self, stream: Stream) -> None:
        self.size = stream.size
        self._chunks = stream.chunks
        self._used = False
        self._read = False

    @property
    def used(self) -> bool:
        """Whether anybody has begun to read it."""
        return self._used

    async def whole(self) -> bytes:
        """All of it. Raises `TypeError` when it was read before."""
        if self._used:
            raise TypeError(USED)
        return b"".join([chunk async for chunk in self])

    def take(self) -> bytes | None:
        """All of it, if nobody has begun to read it and it need not be waited for."""
        data = None if self._used else taken(self._chunks)
        self._used = self._used or data is not None
        return data

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._used:
            raise TypeError(USED)
        return self

    async def __anext__(self) -> bytes:
        self._used = True
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Stop reading; nothing more can be read."""
        self._used = True
        await close_chunks(self._chunks)


class R2ObjectBody(R2Object):
    """An object with its content: `body`, or one of the methods, once.

    The content is what it was when `get` returned, whatever happens to the key.
    """

    def __init__(self, fields: Mapping[str, Any], body: Body) -> None:
        super().__init__(fields)
        self.__dict__["_body"] = body

    @property
    def body(self) -> Body:
        """The content as an async iterator of `bytes`."""
        found: Body = self.__dict__["_body"]
        return found

    @property
    def bodyUsed(self) -> bool:
        """Whether the content has been read, or begun to be."""
        return self.body.used

    async def bytes(self) -> BYTES:
        """The content."""
        return await self.body.whole()

    async def arrayBuffer(self) -> memoryview:
        """The content as a `memoryview`."""
        return memoryview(await self.body.whole())

    async def text(self) -> str:
        """The content as UTF-8 text, without a byte order mark."""
        return (await self.body.whole()).decode("utf-8-sig", "replace")

    async def json(self) -> Any:
        """The content as JSON, dicts as records. Raises `json.JSONDecodeError`."""
        return record(_decoder.decode(await self.text()))

    async def blob(self) -> Blob:
        """The content as a `Blob` of the object's content type."""
        from ...functions.forms import Blob

        return Blob(await self.body.whole(), (self["httpMetadata"] or {}).get("contentType"))

    def __contains__(self, name: object) -> bool:
        return name in BODY or super().__contains__(name)

    def __missing__(self, name: str) -> Any:
        if name in BODY:
            return getattr(self, name)
        raise KeyError(name)

    body_used = bodyUsed
    array_buffer = arrayBuffer


def object_of(answer: Mapping[str, Any] | None) -> R2Object | R2ObjectBody | None:
    """An object as it crossed the wire, as a Python author sees it."""
    if answer is None:
        return None
    fields = {name: value for name, value in answer.items() if name != "body"}
    fields["uploaded"] = moment(answer["uploaded"])
    digests = answer["checksums"].items()
    fields["checksums"] = Checksums({name: memoryview(digest) for name, digest in digests})
    for name in ("customMetadata", "range"):
        fields[name] = record(answer[name])
    fields["httpMetadata"] = _http(answer["httpMetadata"])
    body = answer.get("body")
    return R2Object(fields) if body is None else R2ObjectBody(fields, Body(body))


def _http(fields: Mapping[str, Any] | None) -> Record | None:
    if fields is None:
        return None
    found = Record(fields)
    if EXPIRY in found:
        found[EXPIRY] = moment(found[EXPIRY])
    return found


def _wire(value: Any) -> str | int:
    return value if isinstance(value, (str, int)) else (value - EPOCH) // MILLISECOND


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


_decoder = json.JSONDecoder(parse_constant=_no_constant)
