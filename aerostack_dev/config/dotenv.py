r"""The grammar of `.dev.vars` and `.env`, as the platform's own tools read them.

A parser of our own: files are shared with tools that follow the grammar of Node's
dotenv, from which Python's readers differ (backquotes, `#` without a blank before it,
expansion while reading). A line is `[export] NAME=value`, or `NAME: value`; the value is
bare up to `#`, or in one of three quotes, where it may span lines. Only double quotes
know `\n` and `\r`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from ..errors import ConfigError

LONGEST = 1024 * 1024
"""Characters of an expanded value."""

_ENTRY = re.compile(
    r"""
    [^\S\n]* (?:export[^\S\n]+)?
    (?P<name> [\w.-]+ ) (?: [^\S\n]*=[^\S\n]* | :[^\S\n]+ )
    (?: '(?P<single> (?: \\' | [^'] )* )'
      | "(?P<double> (?: \\" | [^"] )* )"
      | `(?P<back>   (?: \\` | [^`] )* )`
      | (?P<bare> [^#\n]* )
    )
    [^\S\n]* (?: \#[^\n]* )? (?: \n | \Z )
    """,
    re.VERBOSE | re.ASCII,
)
_BLANK = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_VARIABLE = re.compile(
    r"""
    (?P<escaped> \\\$ )
    | \$ \{ (?P<braced> [A-Za-z_]\w* ) (?: :?- (?P<default> [^{}]* ) )? \}
    | \$ (?P<plain> [A-Za-z_]\w* )
    """,
    re.VERBOSE | re.ASCII,
)


class Entry(Struct, frozen=True):
    """One variable of a file, in the line where it starts."""

    name: str
    value: str
    line: int


class Unread(Struct, frozen=True):
    """A line that is no entry."""

    line: int


def parse(text: str) -> Iterator[Entry | Unread]:
    """The entries of an env file, in order; later ones of a name win."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    position = 0
    line = 1
    while position < len(text):
        match = _ENTRY.match(text, position)
        blank = _BLANK.match(text, position)
        if match is not None:
            yield Entry(match["name"], _value(match), line)
        elif blank is None:
            yield Unread(line)
        found = match or blank
        end = found.end() if found else (text.find("\n", position) + 1 or len(text))
        line += text.count("\n", position, end)
        position = end


def _value(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return match["double"].replace("\\n", "\n").replace("\\r", "\r")
    return match["single"] or match["back"] or (match["bare"] or "").strip()


def expand(
    values: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    r"""`values` with `${NAME}`, `$NAME` and `${NAME:-default}` replaced; `\$` is a dollar.

    Names are looked up in `values`, then in `environ`. One that is nowhere, or that
    leads back to itself, is empty; the second result lists those as (variable, name).
    Raises `ConfigError` when a value grows beyond all measure.
    """
    done: dict[str, str] = {}
    unset: dict[tuple[str, str], None] = {}
    for variable in values:
        _expanded(variable, values, environ, done, unset)
    return {variable: done[variable] for variable in values}, list(unset)


def _expanded(
    variable: str,
    values: Mapping[str, str],
    environ: Mapping[str, str],
    done: dict[str, str],
    unset: dict[tuple[str, str], None],
) -> str:
    if variable in done:
        return done[variable]
    waiting = {name: text for name, text in values.items() if name != variable}

    def replaced(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["braced"] or match["plain"]
        found = environ.get(name)
        if name in done or name in waiting:
            found = _expanded(name, waiting, environ, done, unset)
        if found is None and match["default"] is None:
            unset[variable, name] = None
        return found or match["default"] or ""

    done[variable] = _VARIABLE.sub(replaced, values[variable])
    if len(done[variable]) > LONGEST:
        raise ConfigError(f"the value of {variable} is longer than {LONGEST} characters")
    return done[variable]
