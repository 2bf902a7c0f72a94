"""Objects in a SQLite index, `storage/index.sqlite`, with files in `storage/blobs/`.

Small content lives in the index itself: there it costs a part of a commit, where a file
of its own would cost several system calls and a sync. Other content is a blob: complete
and synced before the index names it, removed after the index forgot it. So a crash
leaves at worst blobs that nothing names, and the sweep at the next opening removes them.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import apsw
import msgspec

from ...wire import Stream, at_hand
from ..kind import Services
from ..sqlite import Schema, Store, Work, open_store
from . import index
from .backend import Assembly, Check, Choice, Received, Stored, Upload
from .blobs import THREADS, Blobs, Reader, Writer, digests_of, write
from .conditions import Conditions
from .content import closing, size_of, whole
from .failures import unusable
from .index import Changed
from .listing import Listing, Page
from .multipart import Part
from .ranges import Span
from .sweep import sweeping

P = ParamSpec("P")
R = TypeVar("R")

SMALL = 64 * 1024
"""Content up to this size lives in the index, and is read in the same hop as its row."""
FOLDER = "storage"
INDEX = "index.sqlite"
BLOBS = "blobs"


class _Open(msgspec.Struct, frozen=True):
    store: Store
    blobs: Blobs


class Files:
    """The backend of the room; `open_backend` yields it. Nothing is opened before use."""

    def __init__(self, services: Services, stack: AsyncExitStack) -> None:
        self._services = services
        self._stack = stack
        self._lock = asyncio.Lock()
        self._opened: _Open | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._unclaimed: set[str] = set()

    async def head(self, bucket: str, key: str) -> Stored | None:
        opened = self._opened or await self._open()
        found = await opened.store.run(index.find, bucket, key)
        return None if found is None else found.stored

    async def read(
        self, bucket: str, key: str, choose: Choice
    ) -> tuple[Stored, Span | None, Stream | None] | None:
        opened = self._opened or await self._open()
        try:
            return await opened.store.run(_read, opened.blobs, bucket, key, choose)
        except OSError as error:
            raise unusable(opened.blobs.folder, error) from error

    @asynccontextmanager
    async def receive(
        self, content: bytes | Stream, algorithms: Sequence[str], *, part: bool = False
    ) -> AsyncIterator[Received]:
        blobs = (self._opened or await self._open()).blobs
        async with closing(content) as source:
            if not part and size_of(content) <= SMALL:
                data = await whole(source)
                yield Received(len(data), digests_of(data, algorithms), data)
            else:
                async with self._written(blobs, source, algorithms) as received:
                    yield received

    @asynccontextmanager
    async def _written(
        self, blobs: Blobs, source: bytes | AsyncIterator[bytes], algorithms: Sequence[str]
    ) -> AsyncIterator[Received]:
        """A blob of the content, until the end of the block or until a change claims it."""
        blob = blobs.new_id()
        writer = Writer(blobs.path(blob), algorithms)
        self._unclaimed.add(blob)
        try:
            digests = await write(blobs, writer, source)
            yield Received(writer.size, digests, blob=blob if writer.size else None)
        finally:
            if blob in self._unclaimed:
                # A cancelled write may still run in its thread: this comes after it.
                await self._surely(blobs.hop(writer.abandon))
            self._unclaimed.discard(blob)

    async def put(
        self, bucket: str, stored: Stored, received: Received, conditions: Conditions
    ) -> bool:
        return await self._change(
            received.blob, index.replace, bucket, stored, received, conditions
        )

    async def delete(self, bucket: str, keys: Sequence[str]) -> None:
        await self._change(None, index.delete, bucket, keys)

    async def page(self, bucket: str, listing: Listing) -> Page[Stored]:
        opened = self._opened or await self._open()
        return await opened.store.run(index.page, bucket, listing)

    async def create_upload(self, bucket: str, upload: Upload) -> None:
        await self._change(None, index.create_upload, bucket, upload)

    async def uploads(self, bucket: str, since: int) -> Sequence[Upload]:
        opened = self._opened or await self._open()
        return await opened.store.run(index.uploads, bucket, since)

    async def put_part(
        self,
        bucket: str,
        upload_id: str,
        part: Part,
        received: Received,
        check: Check,
    ) -> None:
        await self._change(received.blob, index.put_part, bucket, upload_id, part, check)

    async def complete_upload(self, bucket: str, upload_id: str, assembly: Assembly) -> Stored:
        return await self._change(None, index.complete_upload, bucket, upload_id, assembly)

    async def abort_upload(self, bucket: str, upload_id: str, check: Check) -> None:
        await self._change(None, index.abort_upload, bucket, upload_id, check)

    async def _change(
        self, blob: str | None, work: Work[P, Changed[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Change the index, then remove what it no longer names.

        From here on `blob` belongs to the change, which is carried through even when the
        caller is cancelled: a blob whose commit is under way must not be removed.
        """
        opened = self._opened or await self._open()
        if blob is not None:
            self._unclaimed.discard(blob)
        writing = opened.store.write(work, *args, **kwargs)
        return await self._surely(_carried_through(opened.blobs, blob, writing))

    async def _surely(self, work: Coroutine[Any, Any, R]) -> R:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # The caller may be gone: then nobody asks for it.

    async def _open(self) -> _Open:
        async with self._lock:
            if self._opened is None:
                async with AsyncExitStack() as stack:
                    opened = await self._open_files(stack)
                    self._stack.push_async_callback(stack.pop_all().aclose)
                self._opened = opened
            return self._opened

    async def _open_files(self, stack: AsyncExitStack) -> _Open:
        folder = self._services.state.folder(FOLDER)
        self._services.state.folder(f"{FOLDER}/{BLOBS}")
        executor = ThreadPoolExecutor(THREADS, thread_name_prefix=FOLDER)
        blobs = Blobs(folder / BLOBS, self._services.entropy, executor)
        stack.push_async_callback(blobs.close)
        schema = Schema((Path(__file__).with_name("schema.sql").read_text("utf-8"),))
        store = await stack.enter_async_context(open_store(folder / INDEX, schema=schema))
        await stack.enter_async_context(sweeping(store, blobs, self._services))
        stack.push_async_callback(self._settled)
        return _Open(store, blobs)

    async def _settled(self) -> None:
        while self._running:
            await asyncio.wait(self._running)


async def _carried_through(
    blobs: Blobs, blob: str | None, writing: asyncio.Future[Changed[R]]
) -> R:
    try:
        changed = await writing
    except Exception:
        blobs.remove([blob] if blob else [])
        raise
    for gone in changed.gone:
        blobs.discard(gone.version, gone.blobs)
    return changed.result


def _read(
    connection: apsw.Connection, blobs: Blobs, bucket: str, key: str, choose: Choice
) -> tuple[Stored, Span | None, Stream | None] | None:
    both = index.find_with_content(connection, bucket, key)
    if both is None:
        return None
    found, data = both
    span = choose(found.stored)
    if span is None:
        return found.stored, None, None
    if data is not None:
        return found.stored, span, at_hand(data[span.offset : span.offset + span.length])
    parts = list(_within(index.pieces(connection, found), span))
    if span.length > SMALL:
        # The lease is taken in the index's own thread, so before the index can forget
        # the object and its blobs be removed.
        lease = blobs.leases.take(found.stored.version)
        return found.stored, span, Stream(Reader(blobs, parts, lease), span.length)
    data = b"".join(blobs.read(*part) for part in parts)
    if len(data) != span.length:
        raise OSError(errno.EIO, "a blob is shorter than its object", str(blobs.path(parts[0][0])))
    return found.stored, span, at_hand(data)


def _within(pieces: Sequence[tuple[str, int]], span: Span) -> Iterator[tuple[str, int, int]]:
    """(blob, offset, length) of what `span` covers."""
    start = 0
    for blob, size in pieces:
        first = max(span.offset - start, 0)
        last = min(span.offset + span.length - start, size)
        if first < last:
            yield blob, first, last - first
        start += size


@asynccontextmanager
async def open_backend(declarations: Sequence[Any], services: Services) -> AsyncIterator[Files]:
    """The objects of all buckets, until the end of the block."""
    async with AsyncExitStack() as stack:
        yield Files(services, stack)
