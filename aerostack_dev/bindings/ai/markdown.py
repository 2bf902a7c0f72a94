"""Files as Markdown: HTML, CSV and plain formats (§3.4).

The platform converts PDF, office files and pictures with services of its own; here they
are answered with `format: "error"`, as any file that cannot be converted.
"""

from __future__ import annotations

import csv
import mimetypes
from collections.abc import Callable, Mapping
from typing import Any

from .html import to_markdown
from .identity import request_id
from .tokens import count

SEPARATORS = ",;\t|"
ELSEWHERE = ".pdf, .png, .jpg, .webp, .svg, .docx, .xlsx, .xls, .ods, .odt, .numbers"


class ConversionError(ValueError):
    """The file is in no format that is converted here, or is broken."""


def converted(file: Mapping[str, Any], entropy: Callable[[int], bytes]) -> dict[str, Any]:
    """One file `{name, mimeType, data}` as the platform answers it."""
    name = str(file.get("name") or "")
    kind = str(file.get("mimeType") or mimetypes.guess_type(name)[0] or "")
    kind = kind.partition(";")[0].strip().lower()
    head = {"id": request_id(entropy), "name": name, "mimeType": kind}
    try:
        form, data = _content(name, kind, file.get("data"))
    except ConversionError as error:
        return {**head, "format": "error", "error": str(error)}
    return {**head, "format": form, "tokens": count(data), "data": data}


def supported() -> list[dict[str, str]]:
    """What is converted here: `{extension, mimeType}`."""
    return [
        {"extension": extension, "mimeType": kind}
        for kind, (extension, _, _) in _CONVERTERS.items()
    ]


def _content(name: str, kind: str, data: Any) -> tuple[str, str]:
    found = _CONVERTERS.get(kind)
    if found is None:
        here = ", ".join(sorted({extension for extension, _, _ in _CONVERTERS.values()}))
        raise ConversionError(
            f"{name or 'a file'} of type {kind or 'unknown'} cannot be converted locally; "
            f"here: {here}; on the platform also: {ELSEWHERE}"
        )
    _, form, convert = found
    if not isinstance(data, bytes):
        raise ConversionError(f"{name or 'a file'} has no content: its blob must be bytes")
    try:
        return form, convert(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConversionError(f"{name} is not UTF-8 text: byte {error.start}") from None
    except csv.Error as error:
        raise ConversionError(f"{name} is not CSV: {error}") from None


def _table(text: str) -> str:
    """CSV as a table, its first row the header."""
    rows = [
        row for row in csv.reader(text.splitlines(), delimiter=_separator(text), strict=True) if row
    ]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [_row([*row, *[""] * (width - len(row))]) for row in rows]
    return "\n".join([lines[0], _row(["---"] * width), *lines[1:]])


def _separator(text: str) -> str:
    """What the first line has most of."""
    header = text.partition("\n")[0]
    return max(SEPARATORS, key=header.count)


def _row(cells: list[str]) -> str:
    inner = " | ".join(cell.strip().replace("|", "\\|") for cell in cells)
    return f"| {inner} |"


_CONVERTERS: Mapping[str, tuple[str, str, Callable[[str], str]]] = {
    "text/html": (".html", "markdown", to_markdown),
    "application/xhtml+xml": (".xhtml", "markdown", to_markdown),
    "text/csv": (".csv", "markdown", _table),
    "application/xml": (".xml", "text", str),
    "text/xml": (".xml", "text", str),
    "application/json": (".json", "text", str),
    "text/plain": (".txt", "text", str),
    "text/markdown": (".md", "markdown", str),
}
"""Content type -> (extension, format, converter)."""
