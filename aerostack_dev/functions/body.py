"""What requests and responses share: a body that can be read once."""

from __future__ import annotations

import asyncio
import gc
import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Self

from ..wire import Stream, close_chunks
from .forms import Blob, FormData, read_form

Bytes = bytes
"""The built-in, for classes that have a method of that name."""

Source = bytes | AsyncIterator[Any] | None
"""A body before it is read: all of it, pieces of it, or none."""

USED = "Body already used"
TEXT_TYPE = "text/plain;charset=UTF-8"
LARGE_JSON = 1024 * 1024
"""Characters of JSON from which on it is read in a thread."""


class Readable:
    """A body and the ways to read it, once: a second reading raises `OSError`."""

    _source: Source = None
    _used = False
    _stream: BodyStream | None = None

    @property
    def body(self) -> BodyStream | None:
        """The body as an async iterator of `bytes`; None where there is none."""
        if self._stream is None and self._content() is not None:
            self._stream = BodyStream(self)
        return self._stream

    @property
    def js_object(self) -> Self:
        """Itself: what the platform's SDK wraps is not wrapped here."""
        return self

    @property
    def body_used(self) -> bool:
        """Whether the body has been read, or begun to be."""
        return self._used

    bodyUsed = body_used

    async def bytes(self) -> Bytes:
        """The whole body."""
        source = self._take()
        if source is None or isinstance(source, Bytes):
            return source or b""
        parts = [piece(chunk) async for chunk in source]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def text(self) -> str:
        """The body as UTF-8 text; invalid bytes become U+FFFD."""
        return (await self.bytes()).decode("utf-8-sig", "replace")

    async def json(self) -> Any:
        """The body's JSON. Raises `json.JSONDecodeError` (a `ValueError`)."""
        text = await self.text()
        if len(text) <= LARGE_JSON:
            return _decoder.decode(text)
        return await asyncio.to_thread(_decode_large, text)

    async def array_buffer(self) -> memoryview:
        """The whole body as a `memoryview`."""
        return memoryview(await self.bytes())

    async def blob(self) -> Blob:
        """The whole body as a `Blob` with its content type."""
        return Blob([await self.bytes()], self._header("content-type"))

    async def form_data(self) -> FormData:
        """The fields of a multipart or urlencoded form. Raises `TypeError` for others."""
        return await read_form(self._header("content-type"), pieces(self._take()))

    buffer = arrayBuffer = array_buffer
    formData = form_data

    def _content(self) -> Source:
        """The body, untouched."""
        return self._source

    def _header(self, name: str) -> str:
        """The value of a header; empty where it is not given."""
        raise NotImplementedError

    def _known_size(self) -> int | None:
        source = self._content()
        if source is None or isinstance(source, Bytes):
            return len(source or b"")
        length = self._header("content-length")
        return int(length) if length.isascii() and length.isdigit() else None

    def _take(self) -> Source:
        """The body, for its one reader."""
        source = self._content()
        if self._used:
            raise OSError(USED)
        self._used = source is not None
        return source

    def _split(self) -> Source:
        """A second body with the same content; this one stays unread."""
        if self._used:
            raise OSError(USED)
        source = self._content()
        if source is None or isinstance(source, Bytes):
            return source
        tee = Tee(source)
        self._source, self._stream = tee.branch(), None
        return tee.branch()


class BodyStream:
    """The pieces of a body; beginning to read them is what uses the body up."""

    def __init__(self, owner: Readable) -> None:
        self._owner = owner
        self._pieces: AsyncIterator[Bytes] | None = None

    @property
    def size(self) -> int | None:
        """How many bytes it has, where that is known beforehand; else None."""
        return self._owner._known_size()

    def __aiter__(self) -> BodyStream:
        return self

    async def __anext__(self) -> Bytes:
        if self._pieces is None:
            self._pieces = pieces(self._owner._take())
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Stop reading: whatever produces the pieces is closed."""
        source = self._owner._content()
        await close_chunks(self._pieces)
        await close_chunks(source)


class Tee:
    """One source for two readers: what one has read waits for the other."""

    def __init__(self, source: AsyncIterator[Any]) -> None:
        self._source = source
        self._lock = asyncio.Lock()
        self._waiting: list[deque[Bytes]] = []
        self._ended = False

    def branch(self) -> AsyncIterator[Bytes]:
        """One more reader; all are made before the first reads."""
        mine: deque[Bytes] = deque()
        self._waiting.append(mine)
        return self._read(mine)

    async def _read(self, mine: deque[Bytes]) -> AsyncIterator[Bytes]:
        while mine or not self._ended:
            if not mine:
                async with self._lock:
                    if not mine and not self._ended:
                        await self._pull()
            if mine:
                yield mine.popleft()

    async def _pull(self) -> None:
        try:
            chunk = piece(await anext(self._source))
        except StopAsyncIteration:
            self._ended = True
            return
        for queue in self._waiting:
            queue.append(chunk)


async def pieces(source: Source) -> AsyncIterator[Bytes]:
    """The pieces of a body, whatever it is."""
    if isinstance(source, Bytes):
        yield source
    elif source is not None:
        async for chunk in source:
            yield piece(chunk)


def piece(chunk: Any) -> Bytes:
    """One piece of a stream as bytes. Raises `TypeError` for what is neither those nor text."""
    if isinstance(chunk, Bytes):
        return chunk
    if isinstance(chunk, str):
        return utf8(chunk)
    if isinstance(chunk, (bytearray, memoryview)):
        return Bytes(chunk)
    raise TypeError(f"a streamed body must yield bytes (or str), not {type(chunk).__name__}")


def utf8(text: str) -> Bytes:
    """`text` in UTF-8; lone surrogates become U+FFFD, as in JavaScript."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def content(body: Any) -> tuple[Source, str]:
    """What an author gave as a body, and the content type that it brings.

    Raises `TypeError` for everything that is not a body, ordinary iterators among it:
    they would stop the server between two pieces.
    """
    if body is None:
        return None, ""
    if isinstance(body, str):
        return utf8(body), TEXT_TYPE
    if isinstance(body, (Bytes, bytearray, memoryview)):
        return Bytes(body), ""
    if isinstance(body, FormData):
        return body._encode()
    if isinstance(body, Blob):
        return body._data, body.type
    if isinstance(body, Stream):
        return body.chunks, ""
    if hasattr(body, "__aiter__"):
        return aiter(body), ""
    raise TypeError(_not_a_body(body))


def _not_a_body(body: Any) -> str:
    text = (
        f"a body must be str, bytes, None, FormData, Blob or an async iterator of bytes, "
        f"not {type(body).__name__}"
    )
    if isinstance(body, (dict, list, tuple, int, float)):
        return f"{text}; Response.json(…) writes JSON"
    if hasattr(body, "__iter__"):
        return f"{text}; stream with `async def` and `yield`"
    return text


def _constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def _decode_large(text: str) -> Any:
    """The same, in a thread that gives others their turn.

    The decoder holds the interpreter from end to end, and so does a collection of what it
    makes. This one comes back to Python at every object and number, and nothing is
    collected meanwhile: 30 MiB held the event loop up for a second, now for tenths of one.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _yielding.decode(text)
    finally:
        if collecting:
            gc.enable()


_decoder = json.JSONDecoder(parse_constant=_constant)
_yielding = json.JSONDecoder(
    object_hook=lambda found: found,
    parse_int=lambda text: int(text),
    parse_float=lambda text: float(text),
    parse_constant=_constant,
)
