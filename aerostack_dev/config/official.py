"""Where the official CLI would read the file differently (queue-cron-dev.md §5.2).

It reads with regular expressions: double quotes only, keys at the start of the line, the
first match anywhere in the file, and of two array tables of one name that follow each
other only the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .document import Document, dotted
from .locate import Statement
from .model import Finding

SCALARS = frozenset({"ai", "compatibility_date", "compatibility_flags", "env", "main", "name"})
TABLES = frozenset(
    {"d1_databases", "kv_namespaces", "postgres_databases", "queues.producers", "services"}
)
"""What that CLI reads; it knows nothing of the rest, so it cannot misread it."""

_MAYBE = re.compile(
    r"""^[ \t]+["'\w\[] | =\s*\[?\s*'
      | ^(?:d1_databases|kv_namespaces|postgres_databases|services|producers|queues\b[^\]]*)\s*=
      | ^\[\s*(?:d1_databases|kv_namespaces|postgres_databases|queues\.producers|services)\s*\]""",
    re.MULTILINE | re.VERBOSE,
)
_ARRAY = re.compile(r"^\[\[\s*([\w.-]+)\s*\]\]", re.MULTILINE)
_SCALAR = re.compile(rf"^({'|'.join(sorted(SCALARS))})\s*=", re.MULTILINE)
_HEADER = re.compile(r"^\[", re.MULTILINE)


def misread(document: Document) -> list[Finding]:
    """A finding for each kind of writing that the official CLI misreads, at its first place.

    A cheap look decides first whether the file has to be taken apart at all.
    """
    names = _ARRAY.findall(document.text)
    doubled = any(left == right for left, right in pairwise(names))
    if not (doubled or _shadowed(document.text) or _MAYBE.search(document.text)):
        return []
    return list(_judge(document, document.statements))


def _judge(document: Document, parts: Sequence[Statement]) -> Iterator[Finding]:
    checks = {
        "a key that does not start its line is not seen": (_indented, "start the line with it"),
        "a text in single quotes is not seen": (_single_quoted, "use double quotes"),
        "a list of tables is only seen as [[…]]": (_inline, "write [[NAME]], one for each"),
        "this key of a table is taken for the one at the top, which is not there": (
            _second,
            "write the key at the top of the file too",
        ),
    }
    for what, (check, right) in checks.items():
        hit = next((part for part in parts if check(part, parts)), None)
        if hit is not None:
            yield _finding(document, hit, what, right)
    previous = ""
    for part in (part for part in parts if part.header):
        name = _table(part)
        array = part.text.lstrip().startswith("[[")
        if array and name == previous and name in TABLES:
            what = f"of [[{name}]] tables that follow each other every second one is lost"
            yield _finding(document, part, what, "put another table between them")
            return
        previous = name if array else ""


def _finding(document: Document, part: Statement, what: str, right: str) -> Finding:
    return Finding(
        "official-cli",
        f"the official CLI would misread this file: {what}",
        f"{document.file.name}: {dotted(part.path)} (line {part.line})",
        right,
    )


def _table(part: Statement) -> str:
    """The dotted name of the table that a statement opens or stands in."""
    path = part.path if part.header else part.path[:-1]
    return ".".join(step for step in path if isinstance(step, str))


def _read(part: Statement) -> bool:
    table = _table(part)
    return table in TABLES or table == "vars" or (not table and part.path[0] in SCALARS)


def _indented(part: Statement, _: Sequence[Statement]) -> bool:
    return _read(part) and part.text[:1] in {" ", "\t"}


def _single_quoted(part: Statement, _: Sequence[Statement]) -> bool:
    if part.header or not _read(part):
        return False
    value = part.text.partition("=")[2].lstrip(" \t[\n")
    return value.startswith("'")


def _inline(part: Statement, _: Sequence[Statement]) -> bool:
    """`d1_databases = [{…}]`, or `[d1_databases]` in single brackets."""
    names = tuple(step for step in part.path if isinstance(step, str))
    if part.header:
        return ".".join(names) in TABLES and not part.text.lstrip().startswith("[[")
    written = any(".".join(names[:depth]) in TABLES for depth in range(1, len(names) + 1))
    return written and isinstance(part.value, (list, dict)) and _table(part) not in TABLES


def _second(part: Statement, parts: Sequence[Statement]) -> bool:
    """A key deeper in the file that would be taken for one of the top level's."""
    if part.header or len(part.path) == 1 or part.path[-1] not in SCALARS:
        return False
    wanted = (part.path[-1],)
    earlier = any(other.path == wanted and other.line < part.line for other in parts)
    return not earlier and part.text[:1] not in {" ", "\t"}


def _shadowed(text: str) -> bool:
    """Whether a scalar is first written after the first table header."""
    header = _HEADER.search(text)
    if header is None:
        return False
    above = set(_SCALAR.findall(text, 0, header.start()))
    return not above.issuperset(_SCALAR.findall(text, header.start()))
