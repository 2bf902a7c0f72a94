"""The author's exceptions as `Failure` values: their own lines first, ours never."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from ...host import LONGEST_MESSAGE, Failure, Frame, shortened
from .authored import PACKAGE, Authored, within

KEPT_FRAMES = 50
"""Of one exception: a recursion has a thousand alike."""
LONGEST_LINE = 1000
"""Of source; longer ones are generated."""
KEPT_CHAIN = 8
"""Exceptions of one chain or group that are shown."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Turns exceptions into failures, for the project whose files `authored` knows."""

    authored: Authored

    def of(self, error: BaseException) -> Failure:
        """`error` with what caused it, the author's innermost line first."""
        chain = list(_chain(error))
        frames = [frame for each in chain for frame in self._frames(each)]
        own = [frame for frame in frames if frame.own]
        others = [frame for frame in frames if not frame.own]
        stack = "\n\n".join(self._section(each) for each in chain)
        return Failure(_name(error), _message(error), (*own, *others), stack)

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
        walked = list(traceback.walk_tb(error.__traceback__))
        for frame, line in reversed(walked):
            code = frame.f_code
            if _shown(code.co_filename):
                found.append(self.frame(code.co_filename, line, code.co_name))
            if len(found) >= KEPT_FRAMES:
                break
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


def _shown(file: str) -> bool:
    return not within(file, PACKAGE) and not file.startswith("<frozen ")


def _lines(frames: list[Frame] | tuple[Frame, ...]) -> list[str]:
    lines = []
    for frame in frames:
        lines.append(f'  File "{frame.file}", line {frame.line}, in {frame.function}')
        if frame.source:
            lines.append(f"    {frame.source}")
    return lines


def _name(error: BaseException) -> str:
    return type(error).__qualname__


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return str(error.msg)
    try:
        return shortened(str(error), LONGEST_MESSAGE)
    except Exception as broken:
        return f"(its message cannot be shown: {type(broken).__name__})"
