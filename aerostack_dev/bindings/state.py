"""The `.aerostack/` folder: where state lives, and the lock that keeps others out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from ..errors import StateError

FOLDER = ".aerostack"
LOCK = "lock"
PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class State:
    """The folder of one project's state; every path inside it is made here."""

    root: Path

    def file(self, name: str) -> Path:
        """The path of a file of the state, its folder made (mode 0700)."""
        path = self.root / name
        private_folder(path.parent)
        return path

    def folder(self, name: str) -> Path:
        """The path of a folder of the state, made if need be (mode 0700)."""
        path = self.root / name
        private_folder(path)
        return path


class Holder(msgspec.Struct, frozen=True):
    """Who holds the lock."""

    pid: int
    what: str


def private_folder(path: Path) -> None:
    """Make `path` and its missing parents, readable by this user only.

    Raises `StateError` when that is impossible.
    """
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=PRIVATE, exist_ok=True)
        if not path.is_dir():
            raise NotADirectoryError(f"{path} is not a folder")
    except OSError as error:
        raise StateError(
            f"the state folder cannot be made: {error.strerror or error}",
            where=str(path),
            hint="check the folder's owner and mode, or choose another with --persist-to",
        ) from error


def own_folder(project_root: Path) -> Path:
    """`.aerostack/` beside the configuration, with a `.gitignore` of its own."""
    folder = project_root / FOLDER
    private_folder(folder)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


@contextmanager
def open_state(root: Path, what: str) -> Iterator[State]:
    """The state in `root`, held by this process until the end of the block.

    `what` names the holder in the message that others see. Raises `StateError` when
    another process holds it.
    """
    private_folder(root)
    root.chmod(PRIVATE)
    path = root / LOCK
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        if not _locked(file):
            raise _held(path, file)
        file.truncate(0)
        file.write(msgspec.json.encode(Holder(os.getpid(), what)))
        file.flush()
        try:
            yield State(root)
        finally:
            file.truncate(0)


def holder(root: Path) -> Holder | None:
    """Who holds the state in `root`, as far as the lock file tells."""
    try:
        return msgspec.json.decode((root / LOCK).read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None


def _held(path: Path, file: IO[bytes]) -> StateError:
    other = holder(path.parent)
    who = f"{other.what} (process {other.pid})" if other else "another process"
    return StateError(
        f"the state is in use by {who}",
        where=str(path.parent),
        hint="stop that process, or use another folder with --persist-to",
        code="state-locked",
    )


if sys.platform == "win32":
    import msvcrt

    def _locked(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _locked(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
