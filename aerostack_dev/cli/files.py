"""Files and the standard streams, as commands read and write them; `-` is standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import AerostackError


def read_input() -> bytes:
    """Everything on standard input."""
    return sys.stdin.buffer.read()


def read_file(path: str) -> bytes:
    """What is in a file, or on standard input for `-`. Raises `AerostackError`."""
    with reading(path) as (file, _):
        return file.read()


@contextmanager
def reading(path: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """A file, or standard input for `-`, to read, with its length if it is known."""
    if path == "-":
        yield sys.stdin.buffer, None
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise AerostackError(
                f"the file cannot be read: {error.strerror or error}",
                where=path,
                hint="check the path, and whether you may read it",
            ) from error
        yield file, os.fstat(file.fileno()).st_size


@contextmanager
def writing(path: str | None) -> Iterator[IO[bytes]]:
    """Standard output for None, or a file that is in its place once it is complete.

    Devices and pipes are written to as they are. Raises `AerostackError`.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    if target.is_dir():
        raise AerostackError("this is a folder", where=path, hint="give the name of a file")
    special = target.exists() and not target.is_file()
    try:
        with target.open("wb") if special else _drafted(target) as file:
            yield file
    except OSError as error:
        raise AerostackError(
            f"the file cannot be written: {error.strerror or error}",
            where=path,
            hint="check the folder, and whether you may write there",
        ) from error


@contextmanager
def _drafted(target: Path) -> Iterator[IO[bytes]]:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            yield file
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def parsed(text: str | bytes, where: str) -> Any:
    """The value of a JSON text that `where` has. Raises `AerostackError`."""
    from ..wire import loads

    try:
        return loads(text)
    except (ValueError, RecursionError) as error:
        raise AerostackError(
            f"this is not JSON: {error}", where=where, hint="quote it for the shell with '…'"
        ) from error
