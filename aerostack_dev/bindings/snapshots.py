"""Snapshots: the state of all rooms at one instant, kept under a name (interface.md §7).

    .aerostack/snapshots/NAME/snapshot.json    when, how much, in which format
                             /state/…          the files, as in the state folder

Everything here blocks: on an event loop, call it in a thread. Nothing knows of rooms;
`contents.py` says what of a folder is theirs, `instant.py` copies it while they write,
`exchange.py` brings it back whole.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ..errors import StateError
from ..version import __version__
from . import exchange
from .contents import Contents, copy, is_database, link, sync_folder
from .state import FOLDER as OWN_FOLDER
from .state import LOCK, PRIVATE_FOLDER, failing, locked, private, private_folder

if TYPE_CHECKING:
    from .instant import Copied

FOLDER = "snapshots"
FORMAT = 1
"""To be raised with the layout of a snapshot, and with the format of any file of ours in it."""
LONGEST_NAME = 64
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
MANIFEST = "snapshot.json"
STATE = "state"
PART = ".part"
GONE = ".gone"


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """What every snapshot says, whatever its format: that, and the aerostack-dev's version."""

    format: int = FORMAT
    version: str = __version__


class Snapshot(Maker, frozen=True, rename="camel", kw_only=True):
    """What is known of a snapshot: `size` in bytes; `paused_ms` is how long writers waited."""

    created: datetime.datetime
    size: int
    files: int
    paused_ms: float


M = TypeVar("M", bound=Maker)
Copy = Callable[[Contents, Path, Path], "Copied"]


def _copy_here(contents: Contents, root: Path, folder: Path) -> Copied:
    # Imported here: a command that only lists does not pay for SQLite.
    from .instant import copy_instant

    return copy_instant(contents, root, folder)


class Snapshots:
    """The snapshots in `folder` of what `contents` says is the rooms'.

    `copy` does the copying: `instant.copy_instant`, or the same in a process of its own.
    """

    def __init__(self, folder: Path, contents: Contents, copy: Copy = _copy_here) -> None:
        self.folder = folder
        self._contents = contents
        self._copy = copy

    @classmethod
    def of(cls, project_root: Path, contents: Contents, copy: Copy = _copy_here) -> Snapshots:
        """Those of a project, which are beside its state."""
        return cls(project_root / OWN_FOLDER / FOLDER, contents, copy)

    def all(self) -> dict[str, Snapshot]:
        """The snapshots by name, oldest first. What is no snapshot is left out."""
        found = {}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if NAME.fullmatch(path.name) and (known := self._read(path.name, Snapshot)) is not None:
                found[path.name] = known
        return dict(sorted(found.items(), key=lambda item: (item[1].created, item[0])))

    def take(self, root: Path, name: str, now: float) -> Snapshot:
        """Make the snapshot `name` of the state in `root`, which others may be writing.

        `now` is in seconds since the epoch. Raises `StateError` when the name is no name
        or taken, and when a file cannot be copied; then nothing is left of it.
        """
        check_name(name)
        with self._alone(), failing("the snapshot cannot be written", self.folder):
            if (self.folder / name).exists():
                raise _taken(name)
            part = self.folder / f".{name}{PART}"
            part.mkdir(mode=PRIVATE_FOLDER)
            try:
                copied = self._copy(self._contents, root, part / STATE)
                when = datetime.datetime.fromtimestamp(now, datetime.UTC)
                paused = round(copied.paused * 1000, 1)
                made = Snapshot(
                    created=when, size=copied.size, files=copied.files, paused_ms=paused
                )
                _write(part / MANIFEST, msgspec.json.encode(made))
                sync_folder(part)
                part.rename(self.folder / name)
            finally:
                if part.exists():
                    shutil.rmtree(part)
            sync_folder(self.folder)
        return made

    def find(self, name: str) -> Snapshot:
        """The snapshot `name`. Raises `StateError` when it cannot be restored."""
        check_name(name)
        if not (self.folder / name).is_dir():
            known = ", ".join(self.all()) or "none yet"
            raise StateError(f"there is no snapshot {name!r}", hint=f"there are: {known}")
        where = str(self.folder / name)
        made = self._read(name, Maker)
        if made is not None and made.format > FORMAT:
            raise StateError(
                f"the snapshot {name!r} has format {made.format}; this aerostack knows "
                f"formats up to {FORMAT}",
                where=where,
                hint=f"upgrade aerostack-dev to {made.version} or later",
                code="state-newer",
            )
        found = self._read(name, Snapshot)
        if found is None or not (self.folder / name / STATE).is_dir():
            raise StateError(
                f"the snapshot {name!r} is damaged",
                where=where,
                hint=f"remove it with `aerostack state delete {name}`",
            )
        return found

    def restore(self, root: Path, name: str) -> Snapshot:
        """Put the snapshot `name` in the place of the state in `root`; it stays as it is.

        Nobody may have the state open. A process that dies here leaves the old state, or
        the new one (`exchange.py`). Raises `StateError`.
        """
        with self._alone():
            found = self.find(name)
            source = self.folder / name / STATE
            with failing("the snapshot cannot be restored", root):
                target = exchange.draft(root)
                for file in self._contents.files(source):
                    # What the rooms will change must be a copy; the rest never changes.
                    bring = copy if is_database(file) else link
                    bring(source / file, target.path(file))
                exchange.exchange(root, target, self._contents.top(root))
        return found

    def delete(self, name: str) -> None:
        """Remove the snapshot `name`. Raises `StateError` when there is none."""
        check_name(name)
        with self._alone(), failing("the snapshot cannot be removed", self.folder):
            if not (self.folder / name).is_dir():
                self.find(name)
            gone = self.folder / f".{name}{GONE}"
            (self.folder / name).rename(gone)
            shutil.rmtree(gone)

    def _read(self, name: str, shape: type[M]) -> M | None:
        try:
            data = (self.folder / name / MANIFEST).read_bytes()
            return msgspec.json.decode(data, type=shape)
        except (OSError, msgspec.DecodeError):
            return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Until the end of the block nobody else changes snapshots; leftovers are gone."""
        private_folder(self.folder)
        path = self.folder / LOCK
        with failing("the snapshots cannot be locked", self.folder):
            file = open(path, "ab", buffering=0, opener=private)  # noqa: SIM115 - closed below
        with file:
            if not locked(file):
                raise StateError(
                    "another command is making, restoring or deleting a snapshot",
                    where=str(self.folder),
                    hint="try again when it is done",
                    code="state-locked",
                )
            for leftover in self.folder.glob(".*"):
                if leftover.name.endswith((PART, GONE)) and leftover.is_dir():
                    shutil.rmtree(leftover)
            yield


def reset(contents: Contents, root: Path) -> None:
    """Empty the state in `root`, whole or not at all. Nobody may have it open."""
    with failing("the state cannot be emptied", root):
        exchange.exchange(root, exchange.draft(root), contents.top(root))


def shown(name: str, snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as programs see it (`aerostack state list --json`)."""
    return {
        "name": name,
        "created": _iso(snapshot.created),
        "bytes": snapshot.size,
        "files": snapshot.files,
        "pausedMs": snapshot.paused_ms,
    }


def _iso(when: datetime.datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_name(name: str) -> None:
    """Raises `StateError` when a snapshot cannot be called that."""
    if not NAME.fullmatch(name):
        raise StateError(
            f"{name!r} cannot name a snapshot",
            hint=f"use letters, digits, `.`, `_` and `-`, at most {LONGEST_NAME}, "
            "beginning with a letter or digit",
        )


def _taken(name: str) -> StateError:
    return StateError(
        f"there is a snapshot {name!r} already",
        hint=f"choose another name, or remove it with `aerostack state delete {name}`",
    )


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb", opener=private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
