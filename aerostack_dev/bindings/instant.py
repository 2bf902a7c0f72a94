"""The files of a state as they are at one instant, copied while others write.

For a moment every SQLite file is locked against writing, all of them together: that is
the instant. Writers wait in SQLite for their turn, whichever process they are in, so no
room knows of it. What the instant needs is short: each file's log is moved into the
file, and a reading transaction begun on it. Such a reader, for whom the log is empty, is
the reason that SQLite leaves the file itself alone until it ends; writers go on in the
log. So the files are copied as they are, in peace.

They are read through SQLite's own file layer: a plain `open` and `close` of a file that
this process also has open in SQLite would end SQLite's locks on it (POSIX).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Concatenate, ParamSpec

import apsw
import msgspec

from ..clock import stopwatch
from ..errors import StateError
from .contents import CHUNK, Contents, Target, is_database, link
from .sqlite import failure
from .state import PRIVATE_FILE

P = ParamSpec("P")

PATIENCE_SECONDS = 30.0
"""How long one file may be busy: a statement of the author's may take as long."""
TURN_SECONDS = 0.25
"""How long the files that are held wait for the next one, before all are let go."""
POLL_SECONDS = 0.0005
MAPPED = 1 << 40
"""Bytes of a file that SQLite may read through memory mapping."""
PART = 128 << 20
"""Bytes of a file that one thread copies: while one part goes to disk, the next is read."""
PAGES = 8192
"""Pages that one step of a copy through SQLite takes."""
THREADS = 8


class Copied(msgspec.Struct, frozen=True):
    """What was copied: `size` in bytes; `paused` are the seconds that writers waited."""

    files: int
    size: int
    paused: float


def copy_instant(contents: Contents, root: Path, folder: Path) -> Copied:
    """Copy what the rooms keep in `root` into the new `folder`, as of one instant.

    It is on disk when this returns. Raises `StateError` when a file is damaged, or busy
    for too long, and `OSError`.
    """
    target = Target(folder)
    linked: set[str] = set()
    _link_new(contents, root, target, linked)
    with ThreadPoolExecutor(THREADS, "snapshot") as pool, ExitStack() as stack:
        with _held(contents, root) as (held, since):
            there = _link_new(contents, root, target, linked)
            readers = [stack.enter_context(_reading(root, name)) for name in held]
        paused = stopwatch() - since
        for name in linked - there:  # removed before the instant
            target.path(name).unlink()
        copies = [copy for reader in readers for copy in reader.begin(pool, target)]
        syncs = target.sync(pool)
        size = sum(target.path(name).stat().st_size for name in there)
        size += sum(copy.result() for copy in copies)
        for sync in syncs:
            sync.result()
    return Copied(len(there) + len(held), size, paused)


def _link_new(contents: Contents, root: Path, target: Target, linked: set[str]) -> set[str]:
    """Link what does not change and is not linked yet; returns all that is there."""
    there = set()
    for name in contents.files(root):
        if is_database(name):
            continue
        try:
            if name not in linked:
                link(root / name, target.path(name))
        except FileNotFoundError:
            continue
        linked.add(name)
        there.add(name)
    return there


@contextmanager
def _held(contents: Contents, root: Path) -> Iterator[tuple[list[str], float]]:
    """Every database locked against writing, until the end of the block; and since when.

    A busy one is waited for alone: the others are not held for longer than a turn.
    """
    names = [name for name in contents.files(root) if is_database(name)]
    deadline = stopwatch() + PATIENCE_SECONDS
    _write_logs(root, names)
    first = ""
    while True:
        with ExitStack() as stack:
            since = 0.0
            held: list[str] = []
            busy = ""
            for name in sorted(names, key=lambda name: name != first):
                patience = deadline - stopwatch() if not held else TURN_SECONDS
                lock = stack.enter_context(_opened(root / name))
                if not _locked(lock, patience):
                    busy = name
                    break
                since = since or stopwatch()
                held.append(name)
            later = [name for name in contents.files(root) if is_database(name)]
            if not busy and set(later) <= set(held):
                yield held, since or stopwatch()
                return
        if stopwatch() > deadline:
            raise _busy(root / busy)
        first, names = busy, later


def _write_logs(root: Path, names: list[str]) -> None:
    """Move most of the logs into their files beforehand: it takes syncs."""
    for name in names:
        with _opened(root / name) as connection:
            _write_log(connection)


def _locked(connection: apsw.Connection, patience: float) -> bool:
    """Whether nobody but this connection can write now."""
    deadline = stopwatch() + patience

    def wait(_: int) -> bool:
        Event().wait(POLL_SECONDS)
        return stopwatch() < deadline

    connection.set_busy_handler(wait)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError:
        return False
    return True


@contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error as error:
        raise failure(path, error) from error
    try:
        yield connection
    except apsw.Error as error:
        raise failure(path, error) from error
    finally:
        connection.close()


def _write_log(connection: apsw.Connection) -> bool:
    """Move the log into the file as far as readers allow; whether that was all of it."""
    deadline = stopwatch() + TURN_SECONDS
    # A connection that has read nothing does not know yet that there is a log.
    connection.execute("PRAGMA user_version").fetchall()
    while True:
        try:
            there, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # somebody else is about it
            if stopwatch() > deadline:
                return False
            Event().wait(POLL_SECONDS)
        else:
            return there == moved


@dataclass(slots=True)
class _Reader:
    """A database at the instant. `as_it_is`: all of it is in its file."""

    root: Path
    name: str
    connection: apsw.Connection
    as_it_is: bool

    def begin(self, pool: Executor, target: Target) -> list[Future[int]]:
        """Begin the copy, in parts that are on disk when they are done: their sizes."""
        path = target.path(self.name)
        path.touch(
            mode=PRIVATE_FILE, exist_ok=False
        )  # its name is there before the folder is synced
        if not self.as_it_is:
            return [pool.submit(self._copy_pages, path)]
        size = self._run(_size)
        starts = range(0, size, PART)
        return [pool.submit(self._run, _copy_part, path, at, min(PART, size - at)) for at in starts]

    def _run(
        self, work: Callable[Concatenate[apsw.VFSFile, P], int], *args: P.args, **kwargs: P.kwargs
    ) -> int:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_MAIN_DB
        path = self.root / self.name
        try:
            file = apsw.VFSFile("", str(path.resolve()), [flags, 0])
            try:
                return work(file, *args, **kwargs)
            finally:
                file.xClose()
        except apsw.Error as error:
            raise failure(path, error) from error

    def _copy_pages(self, path: Path) -> int:
        copy = apsw.Connection(str(path))
        try:
            copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").fetchall()
            with copy.backup("main", self.connection, "main") as backup:
                while not backup.done:
                    backup.step(PAGES)
        except apsw.Error as error:
            raise failure(self.root / self.name, error) from error
        finally:
            copy.close()
        with path.open("rb+") as file:
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_size


@contextmanager
def _reading(root: Path, name: str) -> Iterator[_Reader]:
    """The database as it is now, until the end of the block; nobody writes meanwhile."""
    with _opened(root / name) as connection:
        connection.set_busy_timeout(int(TURN_SECONDS * 1000))
        connection.execute(f"PRAGMA mmap_size = {MAPPED}")
        as_it_is = _write_log(connection)
        connection.execute("BEGIN; PRAGMA user_version").fetchall()
        yield _Reader(root, name, connection, as_it_is)


def _size(file: apsw.VFSFile) -> int:
    return file.xFileSize()


def _copy_part(file: apsw.VFSFile, target: Path, at: int, length: int) -> int:
    end = at + length
    with target.open("rb+", buffering=0) as copy:
        copy.seek(at)
        while at < end:
            data = memoryview(file.xRead(min(CHUNK, end - at), at))
            at += len(data)
            while data:
                data = data[copy.write(data) :]
        os.fsync(copy.fileno())
    return length


def _busy(path: Path) -> StateError:
    return StateError(
        f"{path.name} is locked by another program",
        where=str(path),
        hint="close that program and try again",
    )
