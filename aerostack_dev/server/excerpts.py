"""The lines around a frame of the author's own code, for the error page.

A file is only read when a captured traceback names it, when it lies in the project,
and when the line that the traceback quotes still stands where it says.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ..runtime.host import Frame

LINES_AROUND = 3
LARGEST_FILE = 1024 * 1024
LONGEST_LINE = 400


class Line(Struct, frozen=True):
    """One line of source; `marked` is the one that failed."""

    number: int
    text: str
    marked: bool


def excerpt(frame: Frame, root: Path) -> list[Line]:
    """The failing line of `frame`, with its neighbours where they can be shown."""
    around = _around(frame, _lines(frame, root)) if frame.own else []
    if around:
        return around
    return [Line(frame.line, text, True) for text in (_shown(frame.source),) if text]


def place(frame: Frame, root: Path) -> str:
    """`src/index.py:12`: the path as seen from the project where it lies inside."""
    path = Path(frame.file)
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown}:{frame.line}"


def _around(frame: Frame, lines: list[str]) -> list[Line]:
    index = frame.line - 1
    if not 0 <= index < len(lines) or lines[index].strip() != frame.source.strip():
        return []
    first = max(0, index - LINES_AROUND)
    while not lines[first].strip() and first < index:
        first += 1
    shown = lines[first : index + LINES_AROUND + 1]
    return [
        Line(number + 1, _shown(text), number == index) for number, text in enumerate(shown, first)
    ]


def _lines(frame: Frame, root: Path) -> list[str]:
    try:
        path = (root / frame.file).resolve()
        if not path.is_relative_to(root.resolve()) or path.stat().st_size > LARGEST_FILE:
            return []
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # gone, unreadable, not text, or no path at all
        return []


def _shown(text: str) -> str:
    return text.rstrip()[:LONGEST_LINE]
