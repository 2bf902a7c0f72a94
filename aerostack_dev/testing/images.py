"""What a state folder holds, kept ready to be put back in less than a millisecond.

Databases are restored page by page through SQLite's backup interface, into files that
stay open here: nobody who opens and closes them meanwhile is ever the last, so SQLite
neither makes nor clears up its side files, which is what opening a file costs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import apsw

from ..bindings.contents import BESIDE, DATABASE
from ..bindings.state import LOCK, PRIVATE_FILE, private_folder


class Image(AbstractContextManager["Image"]):
    """The content of a folder, as it was when this was made; databases in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.databases: dict[str, apsw.Connection] = {}
        self.files: list[str] = []
        for name in _names(folder):
            if name.endswith(DATABASE):
                self.databases[name] = _in_memory(folder / name)
            else:
                self.files.append(name)

    def __exit__(self, *_: object) -> None:
        for connection in self.databases.values():
            connection.close()


class Restorer(AbstractContextManager["Restorer"]):
    """Puts images back into `folder`, which nobody uses at that moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, apsw.Connection] = {}
        self._restored: dict[str, tuple[apsw.Connection | None, int]] = {}
        """Database -> what it was restored from, and its version then."""

    def restore(self, image: Image) -> None:
        """Make the folder what the image holds."""
        there = set(_names(self._folder))
        for name in sorted(there | image.databases.keys()):
            if name.endswith(DATABASE):
                self._restore(name, image.databases.get(name))
            elif name not in image.files:
                (self._folder / name).unlink()
        for name in image.files:
            if name not in there:
                private_folder((self._folder / name).parent)
                os.link(image.folder / name, self._folder / name)

    def __exit__(self, *_: object) -> None:
        for connection in self._open.values():
            connection.close()

    def _restore(self, name: str, source: apsw.Connection | None) -> None:
        if name not in self._open:
            self._open[name] = _opened(self._folder / name, source)
        connection = self._open[name]
        if self._restored.get(name) == (source, _version(connection)):
            return
        with (
            _empty_like(connection) as empty,
            connection.backup("main", source or empty, "main") as backup,
        ):
            backup.step()
        self._restored[name] = (source, _version(connection))


def _names(folder: Path) -> Iterator[str]:
    """The files below `folder`, as paths within it."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != LOCK and not name.endswith(BESIDE):
            yield name


def _version(connection: apsw.Connection) -> int:
    """Changes when somebody else writes to the file."""
    return int(connection.pragma("data_version"))


@contextmanager
def _empty_like(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    """A database without anything, which could be restored to `connection`."""
    with closing(apsw.Connection(":memory:")) as empty:
        _size_pages(empty, connection)
        yield empty


def _size_pages(new: apsw.Connection, like: apsw.Connection) -> None:
    """SQLite copies pages as they are: both sides need the same size of them."""
    new.pragma("page_size", like.pragma("page_size"))


def _in_memory(path: Path) -> apsw.Connection:
    memory, file = apsw.Connection(":memory:"), apsw.Connection(str(path))
    with memory.backup("main", file, "main") as backup:
        backup.step()
    file.close()
    return memory


def _opened(path: Path, source: apsw.Connection | None) -> apsw.Connection:
    private_folder(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    connection = apsw.Connection(str(path))
    if source is not None:
        _size_pages(connection, source)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
    return connection
