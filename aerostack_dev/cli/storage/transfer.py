"""Files to objects and back, in pieces: a running server is handed one piece at a time."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from ...errors import AerostackError
from ...wire import Stream
from ..progress import progress

if TYPE_CHECKING:
    from ..access import Invoke
    from ..choice import Chosen

PIECE = 8 * 1024 * 1024
"""What goes over at once; more than that has a progress bar."""
MOST_PIECES = 10_000
MEBIBYTE = 1024 * 1024
LARGEST_PIECE = 64 * MEBIBYTE
"""What the control API of a server still takes in one call."""


def download(chosen: Chosen, found: dict[str, Any], file: IO[bytes]) -> None:
    """Write the content of an object, all of the version that `found` describes."""

    async def work(invoke: Invoke) -> None:
        with progress(found["size"], "Reading", above=PIECE) as bar:
            for offset in range(0, found["size"], PIECE):
                piece = await _piece(invoke, found, offset)
                file.write(piece)
                bar.update(len(piece))

    chosen.access.run(chosen.binding, work)


async def _piece(invoke: Invoke, found: dict[str, Any], offset: int) -> bytes:
    options = {
        "range": {"offset": offset, "length": PIECE},
        "onlyIf": {"etagMatches": found["etag"]},
    }
    answer = await invoke("get", [found["key"], options])
    if answer is None or "body" not in answer:
        raise AerostackError(
            "the object was changed or deleted while it was read",
            where=found["key"],
            hint="try again",
        )
    body = answer["body"]
    if isinstance(body, Stream):
        return b"".join([chunk async for chunk in body.chunks])
    return bytes(body)


def upload(
    chosen: Chosen, key: str, file: IO[bytes], length: int | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Store what is in `file` (of `length` bytes, None: unknown); the object."""
    size = piece_size(length)
    first = _read(file, size)

    async def work(invoke: Invoke) -> dict[str, Any]:
        if len(first) < size:
            stored: dict[str, Any] = await invoke("put", [key, first, options])
            return stored
        return await _in_parts(invoke, key, (first, file), size, length, options)

    return chosen.access.run(chosen.binding, work)


async def _in_parts(
    invoke: Invoke,
    key: str,
    source: tuple[bytes, IO[bytes]],
    size: int,
    length: int | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    begun = await invoke("createMultipartUpload", [key, options])
    upload_id = begun["uploadId"]
    piece, file = source
    parts: list[dict[str, Any]] = []
    try:
        with progress(length or 0, "Storing", above=PIECE) as bar:
            while piece or not parts:
                number = len(parts) + 1
                parts.append(await invoke("uploadPart", [key, upload_id, number, piece]))
                bar.update(len(piece))
                piece = _read(file, size)
        stored: dict[str, Any] = await invoke("completeMultipartUpload", [key, upload_id, parts])
    except BaseException:
        await invoke("abortMultipartUpload", [key, upload_id])
        raise
    return stored


def piece_size(length: int | None) -> int:
    """How much of `length` bytes goes over at once: in no more pieces than are allowed.

    Raises `AerostackError` when that cannot be done.
    """
    if length is None or length <= PIECE * MOST_PIECES:
        return PIECE
    size = -(-length // (MOST_PIECES * MEBIBYTE)) * MEBIBYTE
    if size > LARGEST_PIECE:
        raise AerostackError(
            f"the file is larger than {MOST_PIECES * LARGEST_PIECE} bytes",
            hint="use an S3 client: `aerostack storage s3` shows how",
        )
    return size


def _read(file: IO[bytes], size: int) -> bytes:
    """The next `size` bytes; fewer only at the end."""
    pieces: list[bytes] = []
    left = size
    while left and (data := file.read(left)):
        pieces.append(data)
        left -= len(data)
    return b"".join(pieces)
