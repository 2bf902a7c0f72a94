"""What the state folder holds: the files of the rooms, in the places that they name.

Two rules make copies possible that know nothing of any room. A SQLite file is called
`*.sqlite`; every other file of a room never changes once it has its name (one that is
still being written ends in `.part`). So the first are copied, the others are linked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path, PurePosixPath

from .kind import Kind
from .state import PRIVATE_FOLDER, SEEDED, private

DATABASE = ".sqlite"
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, and nobody copies."""
UNFINISHED = ".part"

CHUNK = 1 << 20


class Contents:
    """The names at the top of a state folder that belong to the rooms.

    Anything else in it is not ours: `--persist-to` may name a folder of the user's.
    """

    def __init__(self, places: Iterable[str]) -> None:
        self.places = frozenset(places)

    @classmethod
    def of(cls, kinds: Iterable[Kind]) -> Contents:
        """What these kinds keep, by their `Kind.location`."""
        located = (kind.location(kind.section.shape(binding=kind.default)) for kind in kinds)
        return cls({SEEDED, *(PurePosixPath(place).parts[0] for place in located if place)})

    def top(self, folder: Path) -> list[str]:
        """The names in `folder` that are ours, in order; none when it does not exist."""
        try:
            return sorted(path.name for path in folder.iterdir() if self._ours(path.name))
        except FileNotFoundError:
            return []

    def files(self, folder: Path) -> Iterator[str]:
        """The complete files of `folder`, by their paths within it."""
        for name in self.top(folder):
            path = folder / name
            if path.is_dir():
                yield from _walk(str(path), name)
            elif _complete(name) and path.is_file():
                yield name

    def _ours(self, name: str) -> bool:
        """Whether it is a place of a room, or a file beside one (`cache.sqlite-wal`)."""
        if name in self.places:
            return True
        return any(
            name.startswith((f"{place}-", f"{place}."))
            for place in self.places
            if place.endswith(DATABASE)
        )


def is_database(name: str) -> bool:
    """Whether a file is one of SQLite's."""
    return name.endswith(DATABASE)


class Target:
    """A new folder that is being filled: `path` makes the folders on the way to a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = {"": folder}
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Where the file `name` (`storage/blobs/ab/…`) is to be written."""
        return self._parent(name.rpartition("/")[0]) / name.rpartition("/")[2]

    def sync(self, pool: Executor) -> Sequence[Future[None]]:
        """Begin to bring the names in its folders to disk."""
        return [pool.submit(sync_folder, folder) for folder in self._made.values()]

    def _parent(self, name: str) -> Path:
        if name not in self._made:
            folder = self._parent(name.rpartition("/")[0]) / name.rpartition("/")[2]
            folder.mkdir(mode=PRIVATE_FOLDER)
            self._made[name] = folder
        return self._made[name]


def link(source: Path, target: Path) -> None:
    """Give the file a second name, or copy it where the file system has none to give.

    Raises `FileNotFoundError` when it is gone.
    """
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, too many names, or none at all
        copy(source, target)


def copy(source: Path, target: Path) -> None:
    """A copy on disk, quick where the file system shares blocks between files."""
    with source.open("rb") as before, open(target, "xb", opener=private) as after:
        if not _copied_by_the_system(before.fileno(), after.fileno()):
            shutil.copyfileobj(before, after, CHUNK)
        after.flush()
        os.fsync(after.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copied_by_the_system(before: int, after: int) -> bool:
    if not hasattr(os, "copy_file_range"):
        return False
    left = os.fstat(before).st_size
    try:
        while left > 0 and (count := os.copy_file_range(before, after, left)):
            left -= count
    except OSError:
        os.lseek(before, 0, os.SEEK_SET)
        os.lseek(after, 0, os.SEEK_SET)
        os.ftruncate(after, 0)
        return False
    return True


def _walk(folder: str, prefix: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            yield from _walk(entry.path, name)
        elif _complete(name) and entry.is_file():
            yield name


def _complete(name: str) -> bool:
    return not name.endswith((*(f"{DATABASE}{end}" for end in BESIDE), UNFINISHED))
