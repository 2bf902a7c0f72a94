"""What commands write: JSON for programs, aligned columns for people.

Columns are aligned here and coloured by click: nothing is imported for it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..config.model import Finding, Project

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What may not come from a request or a record to a terminal: it could move the cursor."""
WIDEST_CELL = 60
"""Characters of a cell on a terminal; in a pipe nothing is cut."""
LINES_OF_TEXT = 3
"""Of a terminal, for a text that is not in a table."""
GAP = "  "


def terminal() -> bool:
    """Whether a person sees what is written."""
    return sys.stdout.isatty()


def interactive() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty() and terminal()


def print_json(value: Any) -> None:
    """Write a wire value as JSON; bytes as `{"$bytes": base64}`, as the control API does."""
    import msgspec

    from ..wire import pack

    click.echo(msgspec.json.format(pack(value), indent=2))


def say(text: str = "", **style: Any) -> None:
    """Write a line, styled on a terminal that wants colours."""
    click.echo(styled(text, **style))


def styled(text: str, **style: Any) -> str:
    """`text` in colour (`click.style`), unless NO_COLOR is set; pipes get plain text."""
    return text if "NO_COLOR" in os.environ else click.style(text, **style)


def say_finding(finding: Finding) -> None:
    """Write a warning to standard error."""
    where = f"{finding.where}: " if finding.where else ""
    click.echo(f"{styled('warning:', fg='yellow')} {where}{finding.message}", err=True)
    if finding.hint:
        click.echo(f"{styled('hint:', fg='cyan')} {finding.hint}", err=True)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write aligned columns; a column of numbers is aligned to the right."""
    for number, line in enumerate(table(headers, rows, widest=_widest())):
        click.echo(styled(line, dim=True) if number == 0 else line)


def table(
    headers: Sequence[str], rows: Sequence[Sequence[Any]], widest: int | None = None
) -> Iterator[str]:
    """The lines of a table. Cells longer than `widest` are cut."""
    cells = [[_cell(value, widest) for value in row] for row in (headers, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(row[at], int | float) for row in rows)
        for at in range(len(headers))
    ]
    for line in cells:
        padded = zip(line, widths, numeric, strict=True)
        yield GAP.join(_padded(*cell) for cell in padded).rstrip()


def width(text: str) -> int:
    """The columns that `text` takes on a terminal: wide characters take two."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def clean(text: str, *, keep_lines: bool = False) -> str:
    r"""`text` with control characters written as `\x1b`."""
    if text.isprintable():  # as nearly all are
        return text

    def escape(match: re.Match[str]) -> str:
        char = match[0]
        if keep_lines and char in "\n\t":
            return char
        return char.encode("unicode_escape", "surrogatepass").decode()

    return CONTROL.sub(escape, text)


def shortened(text: str) -> str:
    """`text`, cut on a terminal to about three of its lines; whole in a pipe."""
    most = LINES_OF_TEXT * shutil.get_terminal_size().columns
    return f"{text[:most]}…" if terminal() and len(text) > most else text


def duration(seconds: float) -> str:
    """`3.2 ms`, `41 ms`, `12.5 s`."""
    ms = seconds * 1000
    if ms < 10:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 10_000 else f"{seconds:.1f} s"


def size(count: int) -> str:
    """A number of bytes: `812 B`, `12.0 KiB`."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def counted(count: int, noun: str) -> str:
    """`1 row`, `2 rows`, `2 entries`."""
    if count == 1:
        return f"{count} {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("ry") else f"{count} {noun}s"


@contextmanager
def function_output(project: Project) -> Iterator[None]:
    """Until the end of the block, what the function prints or logs goes to standard
    error, so that results stay alone on standard output; secrets are taken out.
    """
    from ..clock import SystemClock
    from ..config.secrets import redactor
    from ..runtime.output import captured_output

    redact, out = redactor(project), sys.stderr
    with captured_output(SystemClock(), lambda line, _: click.echo(redact(line.message), file=out)):
        yield


def _cell(value: Any, widest: int | None) -> str:
    text = clean("" if value is None else str(value))
    return f"{text[: widest - 1]}…" if widest and len(text) > widest else text


def _padded(text: str, columns: int, right: bool) -> str:
    space = " " * (columns - width(text))
    return space + text if right else text + space


def _widest() -> int | None:
    """The longest cell: none in a pipe; on a narrow terminal no more than its line."""
    return min(WIDEST_CELL, shutil.get_terminal_size().columns) if terminal() else None
