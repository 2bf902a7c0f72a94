"""The key pair of the S3 endpoint: `storage/s3.json`, made once for each state folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from ....clock import Clock
from ....errors import StateError
from ...state import private, private_folder

FILE = "storage/s3.json"
ID_BYTES = 16
SECRET_BYTES = 32
REGION = "auto"
"""What the platform calls its region; every other name is taken too."""


class KeyPair(msgspec.Struct, frozen=True):
    """What a client signs with. `created`: ms since the epoch."""

    access_key_id: str
    secret_access_key: str
    created: int


def key_pair(state: Path, clock: Clock, entropy: Callable[[int], bytes]) -> KeyPair:
    """The key pair of the state in the folder `state`; a new one if there is none.

    Of several processes that make one at the same time, one wins, and all of them
    return its pair. Raises `StateError`.
    """
    path = state / FILE
    try:
        if not path.exists():
            made = KeyPair(
                entropy(ID_BYTES).hex(), entropy(SECRET_BYTES).hex(), int(clock.now() * 1000)
            )
            private_folder(path.parent)
            _place(path, msgspec.json.encode(made), entropy(ID_BYTES).hex())
        return msgspec.json.decode(path.read_bytes(), type=KeyPair)
    except msgspec.DecodeError as error:
        raise StateError(
            f"the key pair of the S3 endpoint cannot be read: {error}",
            where=str(path),
            hint="delete the file: a new pair is made then, which clients must be told",
        ) from error
    except OSError as error:
        raise StateError(
            f"the key pair of the S3 endpoint cannot be kept: {error.strerror or error}",
            where=str(path),
            hint="check the folder's owner and mode",
        ) from error


def _place(path: Path, content: bytes, mark: str) -> None:
    """Write a file that appears whole, and never in the place of another."""
    draft = path.with_name(f".{path.name}.{mark}")
    try:
        with open(draft, "xb", opener=private) as file:
            file.write(content)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
