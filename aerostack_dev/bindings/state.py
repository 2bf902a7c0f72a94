"""The `.aerostack/` folder: where state lives, and the lock that keeps others out."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path

import msgspec

from ..errors import StateError

FOLDER = ".aerostack"
LOCK = "lock"
SEEDED = "seed.json"
"""What the state was sown with (`runtime/seeding.py`)."""
UNDER_WAY = ".exchange"
"""How the names begin that an interrupted exchange leaves behind (`exchange.py`)."""
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600

OWNER_HINT = "check the folder's owner and mode, or choose another with --persist-to"
HINTS = {errno.ENOSPC: "free some space and try again"}


class State(msgspec.Struct, frozen=True):
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
    with failing("the state folder cannot be made", path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        if not path.is_dir():
            raise NotADirectoryError(f"{path} is not a folder")


def private(path: str, flags: int) -> int:
    """An opener for `open`: a new file is this user's alone."""
    return os.open(path, flags, PRIVATE_FILE)


def own_folder(project_root: Path) -> Path:
    """`.aerostack/` beside the configuration, with a `.gitignore` of its own.

    Raises `StateError` when it cannot be written.
    """
    folder = project_root / FOLDER
    private_folder(folder)
    ignore = folder / ".gitignore"
    with failing("the folder cannot be written", folder):
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    return folder


@contextmanager
def open_state(root: Path, what: str) -> Iterator[State]:
    """The state in `root`, held by this process until the end of the block.

    `what` names the holder in the message that others see. Raises `StateError` when
    another process holds it, or when it cannot be written.
    """
    private_folder(root)
    path = root / LOCK
    with ExitStack() as stack:
        with failing("the state cannot be opened", root):
            if path.exists() or not any(root.iterdir()):
                root.chmod(PRIVATE_FOLDER)  # a folder with other things in it is not ours alone
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
            # Unbuffered: what a full disk refused must not be tried again by the close.
            file = stack.enter_context(os.fdopen(descriptor, "r+b", buffering=0))
            if not locked(file):
                raise _held(path)
            stack.callback(file.truncate, 0)
            file.truncate(0)
            file.write(msgspec.json.encode(Holder(os.getpid(), what)))
            if any(path.name.startswith(UNDER_WAY) for path in root.iterdir()):
                from .exchange import complete

                complete(root)
        yield State(root)


def holder(root: Path) -> Holder | None:
    """Who holds the state in `root`, as far as the lock file tells."""
    try:
        return msgspec.json.decode((root / LOCK).read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None


@contextmanager
def failing(what: str, path: Path) -> Iterator[None]:
    """Say what the system refused in the words of an error for a person (`StateError`)."""
    try:
        yield
    except OSError as error:
        raise StateError(
            f"{what}: {error.strerror or error}",
            where=str(path),
            hint=HINTS.get(error.errno or 0, OWNER_HINT),
        ) from error


def _held(path: Path) -> StateError:
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

    def locked(file: FileIO) -> bool:
        """Whether this process holds the file now; it does until it closes it."""
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def locked(file: FileIO) -> bool:
        """Whether this process holds the file now; it does until it closes it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
