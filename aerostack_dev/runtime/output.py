"""What the author's code prints and logs, attributed to the invocation that said it."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ..clock import Clock
from .trace import Invocation, Log, current

Said = Callable[[Log, Invocation | None], None]
"""`said(line, invocation)`: None when the line was said outside any invocation."""

LEVELS = {"stdout": "print", "stderr": "error"}
LONGEST_LINE = 64 * 1024
"""A line that goes on beyond it is handed over in pieces."""


@contextmanager
def captured_output(clock: Clock, said: Said) -> Iterator[None]:
    """Until the end of the block, `print` and `logging` go through `said`.

    Lines of an invocation are kept in it. What runs outside invocations (an import,
    this server itself) is passed on as well, with None.
    """
    root = logging.getLogger()
    handler = _Handler(clock, said)
    stdout, stderr, level = sys.stdout, sys.stderr, root.level
    sys.stdout = _Lines(stdout, "stdout", clock, said)
    sys.stderr = _Lines(stderr, "stderr", clock, said)
    root.addHandler(handler)
    if level == logging.WARNING:
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        root.removeHandler(handler)
        root.setLevel(level)


def _say(line: Log, said: Said) -> None:
    invocation = current()
    if invocation is not None:
        invocation.log(line)
    said(line, invocation)


class _Handler(logging.Handler):
    """Records of `logging`, formatted as their author would see them."""

    def __init__(self, clock: Clock, said: Said) -> None:
        super().__init__()
        self.clock = clock
        self.said = said
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        line = Log(record.levelname.lower(), self.format(record), self.clock.now())
        _say(line, self.said)


class _Lines(io.TextIOBase):
    """A text stream that hands over whole lines, kept apart per invocation."""

    def __init__(self, stream: TextIO, name: str, clock: Clock, said: Said) -> None:
        self.stream = stream
        self.level = LEVELS[name]
        self.clock = clock
        self.said = said
        self.unfinished: dict[io.TextIOBase, str] = {}
        """What was printed outside invocations; each of those keeps its own."""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        return self.stream.encoding

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def write(self, text: str, /) -> int:
        unfinished = self._unfinished(current())
        *lines, rest = (unfinished.pop(self, "") + text).split("\n")
        if len(rest) > LONGEST_LINE:
            lines.append(rest)
        elif rest:
            unfinished[self] = rest
        for line in lines:
            _say(Log(self.level, line, self.clock.now()), self.said)
        return len(text)

    def _unfinished(self, invocation: Invocation | None) -> dict[io.TextIOBase, str]:
        if invocation is None:
            return self.unfinished
        if invocation.unfinished is None:
            invocation.unfinished = {}
        return invocation.unfinished

    def flush(self) -> None:
        """Nothing waits here but unfinished lines, which their newline sends on."""
