"""What `aerostack dev` writes: a line per invocation, what the author prints, findings.

Lines are collected and written once per turn of the event loop, so that logging costs a
busy server little. Control characters of a request never reach the terminal.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO

import msgspec

from ...clock import MovableClock
from ...config.model import Finding
from ...runtime.advice import advice
from ...runtime.host import Failure
from ...runtime.trace import Invocation, Log, Trace
from .text import Paint, Text

if TYPE_CHECKING:
    from ...runtime.reloading import Reloaded
    from .banner import Banner

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
Redact = Callable[[str], str]


class Form(Protocol):
    """How an event is written: for a person (`text.Text`) or a program (`Json`)."""

    def invocation(self, invocation: Invocation) -> str: ...
    def log(self, line: Log, invocation: Invocation | None) -> str: ...
    def finding(self, finding: Finding) -> str: ...
    def reloaded(self, reloaded: Reloaded) -> str: ...
    def failure(self, failure: Failure, invocation: Invocation | None = None) -> str: ...
    def said(self, text: str) -> str: ...
    def banner(self, start: Banner) -> str: ...
    def ready(self, url: str) -> str: ...
    def cleared(self) -> str: ...
    def clock(self, now: float, ahead: float) -> str: ...
    def stamped(self, line: str, when: float, ahead: float) -> str: ...


class Console:
    """Writes events of the server at or above a level; secrets are blotted out."""

    def __init__(
        self, out: TextIO, form: Form, level: Level, redact: Redact, clock: MovableClock
    ) -> None:
        self._clock = clock
        self._told = clock.offset
        self.form = form
        self.redact = redact
        self._out = out
        self._shown = frozenset(LEVELS[LEVELS.index(level) :])
        self._written: list[str | Invocation] = []
        """Invocations become lines together: code that runs again at once runs faster."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def follow(self, trace: Trace) -> Callable[[], None]:
        """Write of the invocations that end; returns the undoing."""
        return trace.subscribe(self.invocation, remarkable=not self._shows("info"))

    def invocation(self, invocation: Invocation) -> None:
        """A finished invocation, its failure and what it should teach."""
        failed = invocation.failure is not None
        if self._shows("error" if failed else "info"):
            self._write(invocation)
            if failed:
                self._write(self.form.failure(invocation.failure, invocation))
        if invocation.spans and self._shows("warning"):
            for finding in advice(invocation):
                self._write(self.form.finding(finding))

    def log(self, line: Log, invocation: Invocation | None) -> None:
        """A line of the author's own; shown at every level but its own below it."""
        level = line.level if line.level in LEVELS else "info"
        if line.level == "critical":
            level = "error"
        if self._shows(level):
            self._write(self._stamped(self.form.log(line, invocation), line.when))

    def finding(self, finding: Finding) -> None:
        if self._shows("error" if finding.code == "config" else "warning"):
            self._write(self.form.finding(finding))

    def reloaded(self, reloaded: Reloaded) -> None:
        if self._shows("info" if reloaded.ok else "error"):
            self._write(self.form.reloaded(reloaded))
            if reloaded.failure:
                self._write(self.form.failure(reloaded.failure))

    def failure(self, failure: Failure) -> None:
        if self._shows("error"):
            self._write(self.form.failure(failure))

    def blocked(self, file: str, line: int, seconds: float) -> None:
        """The event loop stood still at a line of the author's."""
        self.finding(
            Finding(
                "blocked",
                f"the event loop stood still for {seconds * 1000:.0f} ms",
                where=f"{file}:{line}",
                hint="await instead of waiting there, or make the handler a plain `def`",
            )
        )

    def stuck(self, file: str, line: int, seconds: float) -> None:
        """The event loop stands still: written from another thread, at once."""
        finding = Finding(
            "stuck",
            f"the event loop has stood still for {seconds:.0f} s: no request is answered",
            where=f"{file}:{line}",
            hint="if it is an endless loop, press Ctrl-C twice and start again",
        )
        if self._shows("warning"):
            self._out.write(self.redact(f"{self.form.finding(finding)}\n"))
            self._out.flush()

    def banner(self, start: Banner) -> None:
        if self._shows("info"):
            self._write(self.form.banner(start))

    def ready(self, url: str) -> None:
        """The line that tools wait for: at every level."""
        self._write(self.form.ready(url))

    def moved(self) -> None:
        """The clock was moved by hand: shown at every level."""
        if not self._clock.still and self._clock.offset != self._told:
            self._told = self._clock.offset
            self._write(self.form.clock(self._clock.now(), self._clock.offset))

    def clear(self) -> None:
        self._write(self.form.cleared())

    def say(self, text: str) -> None:
        """A line that is shown at every level."""
        self._write(self.form.said(text))

    def overtaken(self) -> None:
        """Somebody else is about to write to the terminal, in any thread: flush before."""
        if threading.get_ident() == self._thread:
            self.flush()
        else:
            self._loop.call_soon_threadsafe(self.flush)

    def flush(self) -> None:
        """Write what was collected."""
        written, self._written = self._written, []
        if written:
            lines = [one if isinstance(one, str) else self._line(one) for one in written]
            self._out.write(self.redact("\n".join([*lines, ""])))
            self._out.flush()

    def _line(self, invocation: Invocation) -> str:
        return self._stamped(self.form.invocation(invocation), invocation.when)

    def _stamped(self, line: str, when: float) -> str:
        """A line that says its time, where that is not the machine's."""
        return self.form.stamped(line, when, self._clock.offset) if self._clock.offset else line

    def _shows(self, level: str) -> bool:
        return level in self._shown

    def _write(self, what: str | Invocation) -> None:
        first = not self._written
        self._written.append(what)
        if first and threading.get_ident() == self._thread:
            self._loop.call_soon(self.flush)
        elif first:
            self._loop.call_soon_threadsafe(self.flush)


class Json:
    """One JSON object a line."""

    def invocation(self, invocation: Invocation) -> str:
        return _line(
            event=invocation.kind,
            id=invocation.id,
            name=invocation.name,
            time=_iso(invocation.when),
            outcome=invocation.outcome,
            status=invocation.status,
            durationMs=_ms(invocation.duration),
            calls=invocation.calls,
            **invocation.detail,
            **_place(invocation),
        )

    def log(self, line: Log, invocation: Invocation | None) -> str:
        return _line(
            event="log",
            level=line.level,
            message=line.message,
            time=_iso(line.when),
            invocation=invocation.id if invocation else None,
        )

    def finding(self, finding: Finding) -> str:
        return _line(
            event="finding",
            code=finding.code,
            message=finding.message,
            where=finding.where,
            hint=finding.hint,
        )

    def reloaded(self, reloaded: Reloaded) -> str:
        return _line(
            event="reload",
            changed=list(reloaded.changed),
            durationMs=round(reloaded.duration_ms, 1),
            ok=reloaded.ok,
        )

    def failure(self, failure: Failure, invocation: Invocation | None = None) -> str:
        return _line(
            event="error",
            invocation=invocation.id if invocation else None,
            type=failure.type,
            message=failure.message,
            stack=failure.stack,
            hint=failure.hint,
        )

    def said(self, text: str) -> str:
        return _line(event="message", message=text)

    def banner(self, start: Banner) -> str:
        return _line(event="start", **start.facts())

    def ready(self, url: str) -> str:
        return _line(event="ready", url=url)

    def cleared(self) -> str:
        return _line(event="cleared")

    def clock(self, now: float, ahead: float) -> str:
        return _line(event="clock", now=_iso(now), aheadMs=round(ahead * 1000))

    def stamped(self, line: str, when: float, ahead: float) -> str:
        return _line(**msgspec.json.decode(line), aheadMs=round(ahead * 1000))


@contextmanager
def open_console(form: str, level: Level, redact: Redact, clock: MovableClock) -> Iterator[Console]:
    """The console on the real standard output, flushed at the end of the block.

    `clock` is the server's: lines say so when it is not the machine's.
    """
    out = sys.__stdout__
    assert isinstance(out, TextIOWrapper)
    # A print of the author's may hold what the terminal's encoding does not.
    out.reconfigure(errors="backslashreplace")
    console = Console(out, _form(form, terminal=out.isatty()), level, redact, clock)
    forget = clock.on_shift(console.moved)
    try:
        yield console
    finally:
        forget()
        console.flush()


def _form(name: str, *, terminal: bool) -> Form:
    if name == "json":
        return Json()
    colour = terminal and "NO_COLOR" not in os.environ
    return Text(Paint(colour=colour), keys=terminal and sys.stdin.isatty())


def _line(**fields: Any) -> str:
    return msgspec.json.encode(fields).decode()


def _place(invocation: Invocation) -> dict[str, str]:
    """The service that ran and the invocation that called it, where there are such."""
    found = {"service": invocation.service} if invocation.service else {}
    return found | ({"parent": invocation.parent.id} if invocation.parent else {})


def _iso(when: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")


def _ms(seconds: float | None) -> float:
    return round((seconds or 0) * 1000, 2)
