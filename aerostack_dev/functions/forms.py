"""Form fields and files: `FormData`, `Blob`, `File`, and their reading and writing."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from .pairs import Pairs

Bytes = bytes

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
NO_FORM = (
    "Unrecognized Content-Type header value. FormData can only parse the following MIME "
    f"types: {MULTIPART}, {URLENCODED}."
)


class Blob:
    """Bytes with a content type, from parts that are `bytes`, `str` or other blobs."""

    def __init__(self, parts: Any = (), content_type: str | None = None) -> None:
        given = [parts] if isinstance(parts, (str, Bytes, bytearray, memoryview, Blob)) else parts
        self._data = b"".join(_part(part) for part in given)
        self._type = (content_type or "").lower()

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return len(self._data)

    @property
    def content_type(self) -> str:
        """Its content type; empty when unknown."""
        return self._type

    type = contentType = content_type

    async def bytes(self) -> Bytes:
        """Its content; it can be read any number of times."""
        return self._data

    async def text(self) -> str:
        """Its content as UTF-8 text."""
        return self._data.decode("utf-8-sig", "replace")

    async def array_buffer(self) -> memoryview:
        """Its content as a `memoryview`."""
        return memoryview(self._data)

    arrayBuffer = array_buffer

    async def stream(self) -> AsyncIterator[Bytes]:
        """Its content as an async iterator."""
        if self._data:
            yield self._data

    def slice(
        self, start: int = 0, end: int | None = None, content_type: str | None = None
    ) -> Blob:
        """The part from `start` to `end`; negative positions count from the end."""
        return Blob([self._data[start:end]], content_type)

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.size} bytes {self._type}>"


class File(Blob):
    """A blob with a name and the time it was last modified (ms since the epoch)."""

    def __init__(
        self,
        parts: Any,
        name: str,
        content_type: str | None = None,
        last_modified: int = 0,
    ) -> None:
        super().__init__(parts, content_type)
        self.name = name
        self.last_modified = last_modified

    @property
    def lastModified(self) -> int:
        """The same as `last_modified`."""
        return self.last_modified


class FormData(Pairs["str | File"]):
    """Fields of a form in order; a name may occur several times.

    `form[name]` and `get` are the first value (`str` or `File`), `get_all` are all.
    """

    def __init__(self, fields: Any = None) -> None:
        self._items = []
        pairs = fields.items() if isinstance(fields, (Mapping, FormData)) else fields or ()
        for name, value in pairs:
            self.append(name, value)

    def append(self, name: str, value: Any, filename: str | None = None) -> None:
        """Add a field. Raises `TypeError` for a value that is neither text nor a blob."""
        self._items.append((str(name), _field(value, filename)))

    def set(self, name: str, value: Any, filename: str | None = None) -> None:
        """Give `name` one value, in place of all it had."""
        self._replace(name, _field(value, filename))

    def delete(self, name: str) -> None:
        """Remove `name`; a name that is not there is fine."""
        self._items = [item for item in self._items if item[0] != name]

    def get(self, name: str, default: Any = None) -> Any:
        """The first value of `name`, or `default`."""
        return next((value for known, value in self._items if known == name), default)

    def get_all(self, name: str) -> list[str | File]:
        """Every value of `name`, in order."""
        return [value for known, value in self._items if known == name]

    getAll = get_all

    def __getitem__(self, name: str) -> str | File:
        found: str | File | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def _encode(self) -> tuple[Bytes, str]:
        """The form as a multipart body, and its content type."""
        parts = [(_part_head(name, value), _part(value)) for name, value in self._items]
        digest = hashlib.blake2b(digest_size=16)
        for head, data in parts:
            digest.update(head)
            digest.update(data)
        # A boundary taken from the content cannot occur in it, and needs no randomness.
        boundary = f"----formdata-{digest.hexdigest()}"
        body = [b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary.encode(), *part) for part in parts]
        closing = b"--%b--\r\n" % boundary.encode()
        return b"".join([*body, closing]), f"{MULTIPART}; boundary={boundary}"


async def read_form(content_type: str, chunks: AsyncIterator[Bytes]) -> FormData:
    """The form that `chunks` hold; multipart is parsed as it arrives.

    Raises `TypeError` for another content type, or a body that is not what it says.
    """
    kind, options = _media_type(content_type)
    if kind == MULTIPART:
        from .multipart import read_multipart

        return await read_multipart(options.get("boundary", ""), chunks)
    if kind == URLENCODED:
        data = b"".join([chunk async for chunk in chunks])
        return FormData(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))
    raise TypeError(NO_FORM)


def _media_type(content_type: str) -> tuple[str, dict[str, str]]:
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(content_type)
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in options.items()}
    return kind.decode("latin-1"), named


def _part(value: Any) -> Bytes:
    if isinstance(value, Blob):
        return value._data
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, (Bytes, bytearray, memoryview)):
        return Bytes(value)
    raise TypeError(f"a part must be bytes, str or a Blob, not {type(value).__name__}")


def _field(value: Any, filename: str | None) -> str | File:
    if isinstance(value, File) and filename is None:
        return value
    if isinstance(value, Blob):
        return File([value], filename or "blob", value.content_type)
    if isinstance(value, (Bytes, bytearray, memoryview)):
        return File([Bytes(value)], filename or "blob")
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError(f"a form's field must be str, bytes or a Blob, not {type(value).__name__}")


def _part_head(name: str, value: str | File) -> Bytes:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if isinstance(value, File):
        kind = value.content_type or "application/octet-stream"
        head += f'; filename="{_quoted(value.name)}"\r\nContent-Type: {kind}'
    return head.encode("utf-8", "replace")


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
