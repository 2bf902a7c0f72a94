"""Content as files: written whole or not at all, read in pieces, off the event loop."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from ...errors import StateError
from ..state import PRIVATE_FILE, PRIVATE_FOLDER
from .failures import unusable

P = ParamSpec("P")
R = TypeVar("R")

CHUNK = 256 * 1024
"""Bytes that one hop to a thread reads or writes at least."""
THREADS = 8
TEMPORARY = ".part"
ID_BYTES = 12
SESSION_BYTES = 4
BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Blobs:
    """A folder of blobs: `ab/<id>`, spread by the first two characters of the id.

    An id is random and never used twice. It ends with the mark of the session that
    wrote it, so that a sweep leaves alone what this session is writing.
    """

    def __init__(
        self, folder: Path, entropy: Callable[[int], bytes], executor: ThreadPoolExecutor
    ) -> None:
        self.folder = folder
        self.session = entropy(SESSION_BYTES).hex()
        self.leases = Leases()
        self._entropy = entropy
        self._closed = False
        self._executor = executor

    def new_id(self) -> str:
        return self._entropy(ID_BYTES).hex() + self.session

    def path(self, blob: str) -> Path:
        return self.folder / blob[:2] / blob

    async def hop(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` in a thread. Raises a failing file as `StateError`."""
        if self._closed:
            raise StateError("storage is closed", where=str(self.folder))
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))
        except OSError as error:
            raise unusable(self.folder, error) from error

    def remove(self, blobs: Sequence[str]) -> None:
        """Remove blobs in the background; after `close` the next sweep does it."""
        if blobs and not self._closed:
            self._executor.submit(self.unlink, blobs)

    def discard(self, version: str, blobs: Sequence[str]) -> None:
        """Remove the blobs of an object's version as soon as nobody reads them."""
        self.remove(self.leases.doom(version, blobs))

    def release(self) -> None:
        """Remove what was kept for readers that are gone."""
        self.remove(self.leases.freed())

    def unlink(self, blobs: Sequence[str]) -> None:
        for blob in blobs:
            try:
                self.path(blob).unlink(missing_ok=True)
            except OSError:
                # Somebody else has it open (Windows): the next sweep takes it.
                continue

    async def close(self) -> None:
        """Let what was begun finish; readers that are left fail."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)

    def read(self, blob: str, offset: int, length: int) -> bytes:
        """A small part of a blob at once, in the calling thread."""
        with OpenBlob() as file:
            return file.read(self.path(blob), offset, length)


class Leases:
    """Which versions of objects are being read, and what waits for their readers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: dict[str, int] = {}
        self._doomed: dict[str, Sequence[str]] = {}
        # A reader may end in the garbage collector, at any moment and in any thread,
        # where taking a lock could wait for ourselves: this queue is safe there.
        self._ended: SimpleQueue[str] = SimpleQueue()

    def take(self, version: str) -> Lease:
        with self._lock:
            self._readers[version] = self._readers.get(version, 0) + 1
        return Lease(version, self._ended)

    def doom(self, version: str, blobs: Sequence[str]) -> list[str]:
        """What can be removed now: `blobs`, unless somebody reads them."""
        with self._lock:
            self._doomed[version] = blobs
            return self._settle([version])

    def freed(self) -> list[str]:
        with self._lock:
            return self._settle([])

    def _settle(self, versions: list[str]) -> list[str]:
        while True:
            try:
                version = self._ended.get_nowait()
            except Empty:
                break
            self._readers[version] -= 1
            versions.append(version)
        removable: list[str] = []
        for version in versions:
            if not self._readers.get(version):
                self._readers.pop(version, None)
                removable += self._doomed.pop(version, ())
        return removable


class Lease:
    """One reader of a version: the blobs stay until it ends."""

    __slots__ = ("_ended", "_version")

    def __init__(self, version: str, ended: SimpleQueue[str]) -> None:
        self._version: str | None = version
        self._ended = ended

    def end(self) -> None:
        version, self._version = self._version, None
        if version is not None:
            self._ended.put(version)

    def __del__(self) -> None:
        self.end()


class OpenBlob:
    """The one file that a reader has open; usable from any thread, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._descriptor = -1
        self._closed = False

    def read(self, path: Path, offset: int, length: int) -> bytes:
        """At most `length` bytes; empty only behind the end of the file."""
        with self._lock:
            if self._closed:
                raise ValueError("this stream is closed")
            if path != self._path:
                self._shut()
                self._descriptor = os.open(path, os.O_RDONLY | BINARY)
                self._path = path
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, length)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._shut()

    def _shut(self) -> None:
        descriptor, self._descriptor, self._path = self._descriptor, -1, None
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> OpenBlob:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._shut()


class Reader:
    """The bytes of (blob, offset, length) pieces, one after the other, in chunks.

    Nothing is open before the first chunk is asked for; the lease keeps the blobs. It
    closes itself at the end, by `aclose`, and when nobody holds it any more. A read that
    was cancelled loses no bytes: the next one asks for them again.
    """

    def __init__(self, blobs: Blobs, pieces: Sequence[tuple[str, int, int]], lease: Lease) -> None:
        self._blobs = blobs
        self._pieces = deque(pieces)
        self._lease = lease
        self._file = OpenBlob()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        blob, offset, length = self._pieces[0]
        path = self._blobs.path(blob)
        data = await self._blobs.hop(self._file.read, path, offset, min(length, CHUNK))
        if not data:
            text = "a blob is shorter than its object"
            raise unusable(path, OSError(errno.EIO, text, str(path)))
        if len(data) == length:
            self._pieces.popleft()
        else:
            self._pieces[0] = (blob, offset + len(data), length - len(data))
        if not self._pieces:
            await self.aclose()
        return data

    async def aclose(self) -> None:
        """Stop reading."""
        self._pieces.clear()
        self._file.close()
        self._lease.end()
        self._blobs.release()


class Writer:
    """One blob on its way to disk; its methods run in threads, one at a time.

    The file has a temporary name until it is complete and synced; without any bytes
    there is no file.
    """

    def __init__(self, path: Path, algorithms: Sequence[str]) -> None:
        import hashlib

        self.path = path
        self.size = 0
        self._temporary = path.with_name(path.name + TEMPORARY)
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        self._lock = threading.Lock()
        self._descriptor = -1
        self._abandoned = False

    def append(self, chunks: Sequence[bytes]) -> None:
        with self._lock:
            if not self._abandoned:
                self._write(b"".join(chunks) if len(chunks) > 1 else chunks[0])

    def seal(self, chunks: Sequence[bytes]) -> dict[str, bytes]:
        """Write the last chunks, give the file its name; returns the digests."""
        with self._lock:
            if not self._abandoned:
                self._write(b"".join(chunks))
                if self._descriptor >= 0:
                    os.fsync(self._descriptor)
                    self._close()
                    self._temporary.replace(self.path)
        return {name: found.digest() for name, found in self._hashes.items()}

    def abandon(self) -> None:
        """Undo everything; a method that still waits for its turn does nothing then."""
        with self._lock:
            self._abandoned = True
            self._close()
            self._temporary.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._descriptor < 0:
            self._descriptor = _create(self._temporary)
        left: Any = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
        for found in self._hashes.values():
            found.update(data)
        self.size += len(data)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY
    try:
        return os.open(path, flags, PRIVATE_FILE)
    except FileNotFoundError:
        path.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        return os.open(path, flags, PRIVATE_FILE)


def digests_of(data: bytes, algorithms: Sequence[str]) -> dict[str, bytes]:
    """The digests of small content."""
    import hashlib

    return {name: hashlib.new(name, data, usedforsecurity=False).digest() for name in algorithms}


async def write(
    blobs: Blobs, writer: Writer, content: bytes | AsyncIterator[bytes]
) -> dict[str, bytes]:
    """Bring `content` to disk in hops of `CHUNK` bytes or more; returns the digests."""
    if isinstance(content, bytes):
        return await blobs.hop(writer.seal, [content])
    waiting: list[bytes] = []
    held = 0
    async for chunk in content:
        waiting.append(chunk)
        held += len(chunk)
        if held >= CHUNK:
            await blobs.hop(writer.append, waiting)
            waiting, held = [], 0
    return await blobs.hop(writer.seal, waiting)
