"""The author's exceptions as `Failure` values: their own lines first, ours never."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ...host import LONGEST_MESSAGE, Failure, Frame, shortened
from ..authored import PACKAGE, Authored, within

QUIT = "BdbQuit"
"""What pdb raises where it is left."""
DEBUGGERS = tuple(str(Path(sysconfig.get_path("stdlib")) / name) for name in ("bdb.py", "pdb.py"))
KEPT_FRAMES = 50
"""Of one exception, after those that are alike."""
ALIKE = 3
"""A line that is on the stack more often is a recursion: it is shown once."""
LONGEST_LINE = 1000
"""Of source; longer ones are generated."""
KEPT_CHAIN = 8
"""Exceptions of one chain or group that are shown."""

Place = tuple[str, int, str]
"""File, line, function."""


class Failures(Struct, frozen=True):
    """Turns exceptions into failures, for the project whose files `authored` knows."""

    authored: Authored

    def of(self, error: BaseException) -> Failure:
        """`error` with what caused it, the author's innermost line first."""
        chain = list(_chain(error))
        frames = [frame for each in chain for frame in self._frames(each)]
        frames.sort(key=lambda frame: not frame.own)
        stack = "\n\n".join(self._section(each) for each in chain)
        return Failure(_name(error), _message(error), tuple(frames), stack)

    def at(self, kind: str, message: str, place: Frame | None) -> Failure:
        """A failure that is no exception, at a line of the author's code."""
        frames = () if place is None else (place,)
        return Failure(kind, message, frames, "\n".join([f"{kind}: {message}", *_lines(frames)]))

    def _section(self, error: BaseException) -> str:
        lines = [f"{_name(error)}: {_message(error)}".rstrip(": ")]
        lines += [str(note) for note in getattr(error, "__notes__", ())]
        frames = self._frames(error)
        lines += _lines([frame for frame in frames if frame.own])
        others = [frame for frame in frames if not frame.own]
        if others:
            lines += ["  in libraries:", *_lines(others)]
        return "\n".join(lines)

    def _frames(self, error: BaseException) -> list[Frame]:
        """The lines of one exception, innermost first."""
        found = []
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            found.append(self.frame(error.filename, error.lineno, "<module>", error.text))
        places = [
            (frame.f_code.co_filename, line, frame.f_code.co_name)
            for frame, line in traceback.walk_tb(error.__traceback__)
            if _shown(frame.f_code.co_filename)
        ]
        for place, more in _collapsed(places[::-1]):
            if len(found) >= KEPT_FRAMES:
                break
            found.append(replace(self.frame(*place), more=more))
        return found

    def frame(self, file: str, line: int, function: str, source: str | None = None) -> Frame:
        """One line of code, its source read from the file as it is now."""
        if source is None:
            linecache.checkcache(file)
            source = linecache.getline(file, line)
        shown = shortened(source.strip(), LONGEST_LINE)
        return Frame(file, line, function, shown, file in self.authored)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, what it groups, and what caused it, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < KEPT_CHAIN:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        if each.__cause__ is not None:
            waiting.append(each.__cause__)
        elif each.__context__ is not None and not each.__suppress_context__:
            waiting.append(each.__context__)


def _collapsed(places: list[Place]) -> Iterator[tuple[Place, int]]:
    """`places` without recursions, and how many are left out at each.

    Also where functions call each other in turn, since all of one place are counted.
    """
    counted = Counter(places)
    shown = set()
    for place in places:
        if counted[place] <= ALIKE:
            yield place, 0
        elif place not in shown:
            shown.add(place)
            yield place, counted[place] - 1


def _shown(file: str) -> bool:
    return not (within(file, PACKAGE) or file.startswith("<frozen ") or file in DEBUGGERS)


def _lines(frames: list[Frame] | tuple[Frame, ...]) -> list[str]:
    lines = []
    for frame in frames:
        lines.append(f'  File "{frame.file}", line {frame.line}, in {frame.function}')
        if frame.source:
            lines.append(f"    {frame.source}")
        if frame.rest:
            lines.append(f"  {frame.rest}")
    return lines


def _name(error: BaseException) -> str:
    return type(error).__qualname__


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return str(error.msg)
    if type(error).__name__ == QUIT:
        return "the debugger was left by q"
    try:
        return shortened(str(error), LONGEST_MESSAGE)
    except Exception as broken:
        return f"(its message cannot be shown: {type(broken).__name__})"
