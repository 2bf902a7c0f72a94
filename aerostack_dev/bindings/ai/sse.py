"""Server-sent events: writing frames, and reading those of a provider."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator
from typing import Any

from ... import wire

CONTENT_TYPE = "text/event-stream"
DONE = "[DONE]"
LARGEST_FRAME = 16 * 1024 * 1024
"""Characters; a provider that sends more without an end is broken."""


class FrameError(ValueError):
    """The stream is not what it should be: the text says how."""


def frame(value: Any) -> bytes:
    """One event whose data is `value` as JSON."""
    return b"data: " + wire.dumps(value) + b"\n\n"


DONE_FRAME = f"data: {DONE}\n\n".encode()


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of each event. Frames and characters may be cut anywhere.

    Raises `FrameError` when the stream ends inside a frame.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    data: list[str] = []
    async for chunk in chunks:
        rest += decoder.decode(chunk)
        *lines, rest = rest.split("\n")
        for line in lines:
            if line.rstrip("\r"):
                _take(line.rstrip("\r"), data)
            elif data:
                yield "\n".join(data)
                data.clear()
        if len(rest) > LARGEST_FRAME:
            raise FrameError(f"a frame of its stream is larger than {LARGEST_FRAME} characters")
    if rest.strip() or data:
        shown = (rest or "\n".join(data))[:200]
        if shown.removeprefix("data:").strip() == DONE:
            return  # the last blank line is often left out
        raise FrameError(f"its stream broke off inside a frame: {shown!r}")


def _take(line: str, data: list[str]) -> None:
    name, _, value = line.partition(":")
    if name == "data":
        data.append(value.removeprefix(" "))
