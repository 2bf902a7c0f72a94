"""Reading `multipart/form-data` as it arrives, with the parser that FastAPI uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .forms import File, FormData

BROKEN = "The multipart body is malformed or cut short"


class Reading:
    """The form so far: the parser calls its `on_…` methods, named after its events."""

    EVENTS = (
        "part_begin",
        "part_data",
        "part_end",
        "header_field",
        "header_value",
        "header_end",
        "end",
    )

    def __init__(self) -> None:
        self.form = FormData()
        self.complete = False
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""
        self._data = bytearray()

    def callbacks(self) -> Any:
        """What the parser is given."""
        return {f"on_{event}": getattr(self, f"on_{event}") for event in self.EVENTS}

    def on_part_begin(self) -> None:
        self._headers = {}
        self._data = bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += memoryview(data)[start:end]

    def on_part_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise TypeError(f"{BROKEN}: a part has no name")
        name = options[b"name"].decode("utf-8", "replace")
        if b"filename" in options:
            filename = options[b"filename"].decode("utf-8", "replace")
            kind = self._headers.get(b"content-type", b"").decode("latin-1")
            self.form.append(name, File([self._data], filename, kind))
        else:
            self.form.append(name, self._data.decode("utf-8", "replace"))

    def on_end(self) -> None:
        self.complete = True


async def read_multipart(boundary: str, chunks: AsyncIterator[bytes]) -> FormData:
    """The form in `chunks`. Raises `TypeError` when it is malformed."""
    if not boundary:
        raise TypeError("The multipart body has no boundary in its Content-Type")
    reading = Reading()
    try:
        parser = MultipartParser(boundary.encode("latin-1", "replace"), reading.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise TypeError(f"{BROKEN}: {error}") from error
    if not reading.complete:
        raise TypeError(BROKEN)
    return reading.form
