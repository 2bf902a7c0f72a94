"""In which line of a TOML text a key is written (its parser does not tell).

Used only once something is to be said about that line, so it may take its time. The
text is known to be valid TOML; it is cut into statements by asking the real parser
whether the lines so far stand alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import tomli
from msgspec import Struct

KeyPath = tuple[str | int, ...]
"""Keys and indices from the top of the file: `("queues", "consumers", 0, "queue")`."""

LONGEST = 400
"""Lines of one statement after which the search for its end is given up."""


class Statement(Struct, frozen=True):
    """A table header or one `key = value`; `line` counts from 1."""

    line: int
    text: str
    path: KeyPath
    value: Any
    header: bool = False


def statements(text: str) -> Iterator[Statement]:
    """The statements of a valid TOML text, in order."""
    base: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    pending: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        pending.append(line)
        if len(pending) > LONGEST:
            return
        chunk = "\n".join(pending)
        try:
            parsed = tomli.loads(chunk)
        except (ValueError, RecursionError):
            continue
        first = number - len(pending) + 1
        pending = []
        if not parsed:
            continue
        if chunk.lstrip().startswith("["):
            base = _header(parsed, counts)
            yield Statement(first, chunk, base, {}, header=True)
        else:
            keys, value = _assignment(parsed)
            yield Statement(first, chunk, (*base, *keys), value)


def line_of(parts: Iterable[Statement], path: KeyPath) -> int | None:
    """The line where `path` is written, as near as can be told; None when it is not."""
    for statement in parts:
        rest = path[len(statement.path) :]
        if statement.path[: len(path)] == path:
            return statement.line
        if not statement.header and statement.path == path[: len(statement.path)]:
            return _inner_line(statement, rest)
    return None


def _header(parsed: dict[str, Any], counts: dict[KeyPath, int]) -> KeyPath:
    """The absolute path of a header that stands alone, counting its array tables."""
    path: KeyPath = ()
    node: Any = parsed
    while node:
        ((key, node),) = node.items()
        path = (*path, key)
        if isinstance(node, list):
            counts[path] = counts.get(path, -1) + 1
            node = {}
        if path in counts:
            path = (*path, counts[path])
    return path


def _assignment(parsed: dict[str, Any]) -> tuple[KeyPath, Any]:
    keys: KeyPath = ()
    node: Any = parsed
    while isinstance(node, dict) and len(node) == 1:
        ((key, node),) = node.items()
        keys = (*keys, key)
    return keys, node


def _inner_line(statement: Statement, rest: KeyPath) -> int | None:
    """The line of an element inside a value that spans several lines."""
    value = statement.value
    for step in rest:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return None
    lines = statement.text.split("\n")
    hits = [n for n, line in enumerate(lines) if isinstance(value, str) and value in line]
    return statement.line + (hits[0] if len(hits) == 1 else 0)
