"""`.aerostack/dev.json`: how a command finds the server that is running (interface §3).

The file holds the token of the control port, so it is this user's alone from the
moment it exists, and it appears and disappears whole.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from ..bindings.state import private
from ..errors import AerostackError

FILE = "dev.json"
TOKEN_BYTES = 32


class Access(msgspec.Struct, frozen=True):
    """The addresses and the key of a running server; `state` is the folder it holds."""

    pid: int
    url: str
    control_url: str
    token: str
    state: str = ""
    """The folder that the server holds."""
    endpoints: dict[str, str] = {}
    """Room -> the address of its own endpoint (`storage`: S3)."""


def new_token(entropy: Callable[[int], bytes]) -> str:
    """A fresh key of 32 random bytes, safe in a URL and a header."""
    return base64.urlsafe_b64encode(entropy(TOKEN_BYTES)).rstrip(b"=").decode()


@contextmanager
def published(folder: Path, access: Access) -> Iterator[Path]:
    """`dev.json` in `folder` (`.aerostack/`) until the end of the block.

    A file that another server has put in its place since then is left alone. Raises
    `AerostackError` when it cannot be written.
    """
    path = folder / FILE
    _write(path, access)
    try:
        yield path
    finally:
        withdraw(folder, access)


def withdraw(folder: Path, access: Access) -> None:
    """Remove what `published` wrote, if it is still there."""
    if read(folder) == access:
        with suppress(FileNotFoundError):
            (folder / FILE).unlink()


def read(folder: Path) -> Access | None:
    """What `dev.json` in `folder` says; None when there is none that makes sense.

    The server it names may be gone: a process that was killed leaves its file behind.
    """
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Access)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, access: Access) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with suppress(FileNotFoundError):
            draft.unlink()
        with open(draft, "xb", opener=private) as file:
            file.write(msgspec.json.encode(access))
        draft.replace(path)
    except OSError as error:
        raise AerostackError(
            f"{path.name} cannot be written: {error.strerror or error}",
            where=str(path),
            hint="check the owner and the mode of the folder",
        ) from error
