"""XML documents, written and read.

Read with expat, which sees a document once, in a stream: a document type is refused, so
there are no entities to expand, and only the two levels that S3's requests have are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from .failures import malformed

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
TYPE = "application/xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
"""What XML has no place for, and a carriage return, which would be read as a newline."""
DEEPEST = 4

Value = str | int | bool | Mapping[str, Any] | Iterable[Any] | None


def document(name: str, content: Mapping[str, Value], *, namespace: bool = True) -> bytes:
    """An XML document. A mapping is elements, a list the element repeated, None nothing."""
    attributes = f' xmlns="{NAMESPACE}"' if namespace else ""
    return f"{HEAD}<{name}{attributes}>{_elements(content)}</{name}>".encode()


def single(name: str, text: str) -> bytes:
    """A document of one element with text in it."""
    return f'{HEAD}<{name} xmlns="{NAMESPACE}">{_escaped(text)}</{name}>'.encode()


def _elements(content: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in content.items())


def _element(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(_element(name, each) for each in value)
    if isinstance(value, Mapping):
        text = _elements(value)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = _escaped(str(value))
    return f"<{name}>{text}</{name}>"


def _escaped(text: str) -> str:
    # As S3 does: a reference to a character that XML 1.0 does not allow. Clients that
    # cannot read it ask for encoding-type=url.
    quoted = escape(text, {'"': "&quot;"})
    return UNWRITABLE.sub(lambda match: f"&#x{ord(match[0]):X};", quoted)


class Reading:
    """A document `<root>` of `<entry>` elements and single fields beside them.

    `entries` are dicts of the entries' fields by name, `fields` those of the root.
    """

    def __init__(self, root: str, entry: str, most: int) -> None:
        self.entries: list[dict[str, str]] = []
        self.fields: dict[str, str] = {}
        self._root = root
        self._entry = entry
        self._most = most
        self._path: list[str] = []
        self._text: list[str] = []

    def read(self, body: bytes) -> Reading:
        """Read `body`; returns itself. Raises `S3Error` (MalformedXML)."""
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(body, True)
        except expat.ExpatError:
            raise malformed() from None
        return self

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._path.append(tag.rpartition(" ")[2])
        self._text.clear()
        if len(self._path) > DEEPEST or self._path[0] != self._root:
            raise malformed()
        if len(self._path) == 2 and self._path[1] == self._entry:
            self.entries.append({})
            if len(self.entries) > self._most:
                raise malformed()

    def _end(self, tag: str) -> None:
        name, text = self._path[-1], "".join(self._text)
        if len(self._path) == 3 and self._path[1] == self._entry:
            self.entries[-1][name] = text
        elif len(self._path) == 2 and name != self._entry:
            self.fields[name] = text
        self._path.pop()
        self._text.clear()


def _refuse(*declaration: object) -> None:
    raise malformed()
