"""The lines of `aerostack dev` for a person: coloured on a terminal, plain in a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...config.model import Finding
from ...runtime.host import Failure, Frame
from ...runtime.trace import Invocation, Log
from ..output import clean, duration
from .times import lead, plus, told

if TYPE_CHECKING:
    from ...runtime.reloading import Reloaded
    from .banner import Banner

COLOURS = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}
STATUS_COLOURS = {2: "green", 4: "yellow", 5: "red"}
LOG_COLOURS = {"warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}
SHOWN_FRAMES = 12


class Paint:
    """Puts colour around text, or leaves it plain."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    def __call__(self, name: str, text: str) -> str:
        return f"\x1b[{COLOURS[name]}m{text}\x1b[0m" if self.colour else text


class Text:
    """The form of every event for a person (interface §3)."""

    def __init__(self, paint: Paint, *, keys: bool = False) -> None:
        self.paint = paint
        self.keys = keys

    def invocation(self, invocation: Invocation) -> str:
        line = f"{self._head(invocation)} {duration(invocation.duration or 0)}"
        if invocation.spans:
            line = f"{line} {self.paint('dim', f'({_calls(invocation.calls)})')}"
        return line

    def log(self, line: Log, invocation: Invocation | None) -> str:
        message = line.message
        if line.level in LOG_COLOURS:
            message = self.paint(LOG_COLOURS[line.level], message)
        if invocation is None:
            return message
        return f"{self.paint('dim', clean(_title(invocation)) + ' │')} {message}"

    def finding(self, finding: Finding) -> str:
        error = finding.code == "config"
        word = self.paint("red", "error:") if error else self.paint("yellow", "warning:")
        where = f"{finding.where}: " if finding.where else ""
        hint = f"\n  {self.paint('cyan', 'hint:')} {finding.hint}" if finding.hint else ""
        return f"{word} {where}{finding.message}{hint}"

    def reloaded(self, reloaded: Reloaded) -> str:
        changed = ", ".join(reloaded.changed[:3])
        if len(reloaded.changed) > 3:
            changed += f" and {len(reloaded.changed) - 3} more"
        if not reloaded.ok:
            goes_on = ": the old configuration goes on" if reloaded.kept else ""
            return f"{self.paint('red', 'Reload failed')} ({changed}){goes_on}"
        took = duration(reloaded.duration_ms / 1000)
        return f"{self.paint('green', 'Reloaded')} in {took} {self.paint('dim', f'({changed})')}"

    def failure(self, failure: Failure, invocation: Invocation | None = None) -> str:
        message = f": {clean(failure.message, keep_lines=True)}" if failure.message else ""
        head = f"  {self.paint('red', failure.type)}{message}"
        frames = failure.frames[:SHOWN_FRAMES]
        hint = [f"  {self.paint('cyan', 'hint:')} {failure.hint}"] if failure.hint else []
        return "\n".join([head, *(self._frame(frame) for frame in frames), *hint])

    def said(self, text: str) -> str:
        return text

    def banner(self, start: Banner) -> str:
        return "\n".join(["", *start.lines(self.paint, keys=self.keys), ""])

    def ready(self, url: str) -> str:
        return f"{self.paint('green', 'Ready')} on {self.paint('bold', url)}"

    def cleared(self) -> str:
        return "\x1b[2J\x1b[3J\x1b[H" if self.paint.colour else ""

    def clock(self, now: float, ahead: float) -> str:
        if not ahead:
            return f"{self.paint('yellow', 'Time')} is the machine's again: {told(now)}"
        ends = self.paint("dim", "(`aerostack clock resume` ends this)")
        return f"{self.paint('yellow', 'Time')} is {told(now)}, {lead(ahead)} {ends}"

    def stamped(self, line: str, when: float, ahead: float) -> str:
        return f"{self.paint('yellow', f'{told(when)} ({plus(ahead)})')} {line}"

    def _head(self, invocation: Invocation) -> str:
        name = clean(invocation.name)
        match invocation.kind:
            case "fetch":
                return f"{self._service(invocation)}{name} {self._status(invocation)}"
            case "rpc":
                return f"{self._service(invocation)}{name}() {self._outcome(invocation)}"
            case "queue":
                acked, total = invocation.detail["acked"], invocation.detail["total"]
                colour = "green" if acked == total else "yellow" if acked else "red"
                return f"QUEUE {name} {self.paint(colour, f'{acked}/{total}')}"
            case "scheduled":
                return f'CRON "{name}" {self._outcome(invocation)}'

    def _service(self, invocation: Invocation) -> str:
        """What begins the line of a call, or of a service."""
        arrow = f"{self.paint('dim', '↳')} " if invocation.parent else ""
        return f"{arrow}{self.paint('cyan', invocation.service)} " if invocation.service else arrow

    def _outcome(self, invocation: Invocation) -> str:
        colour = "green" if invocation.outcome == "ok" else "red"
        return self.paint(colour, str(invocation.outcome))

    def _status(self, invocation: Invocation) -> str:
        status = invocation.status
        if status is None:
            return self.paint("yellow", invocation.outcome or "")
        return self.paint(STATUS_COLOURS.get(status // 100, "blue"), str(status))

    def _frame(self, frame: Frame) -> str:
        place = f"    {_near(frame.file)}:{frame.line} in {frame.function}"
        rest = f"\n    {self.paint('dim', frame.rest)}" if frame.rest else ""
        if not frame.own:
            return f"{self.paint('dim', place)}{rest}"
        source = f"\n      {self.paint('bold', frame.source.strip())}" if frame.source else ""
        return f"{place}{source}{rest}"


def _near(file: str) -> str:
    """A path as one would type it here: relative when it lies below this folder."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _title(invocation: Invocation) -> str:
    words = {"fetch": "", "queue": "QUEUE ", "scheduled": "CRON ", "rpc": ""}
    service = f"{invocation.service} " if invocation.service else ""
    return service + words[invocation.kind] + invocation.name


def _calls(calls: Mapping[str, int]) -> str:
    return " · ".join(f"{name} {count}" for name, count in calls.items())
