"""The child's errors as `Failure` values: the author's own lines first, ours never."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from ...host import Failure, Frame
from ..authored import PACKAGE, Authored, within
from .packages import advice

_FRAME = re.compile(
    r"^\s+at (?:(?P<function>.*?) \()?(?P<place>file://.*?):(?P<line>\d+):(?P<column>\d+)\)?$"
)
_PLACE = re.compile(r"(?P<place>file://\S+?):(?P<line>\d+)(?::\d+)?")

KEPT_FRAMES = 50
WRAPPED = ("SyntaxError", "Error")
"""What goes wrong while a module is read is a `TypeError` to Deno, around these."""

HINTS = {
    "Requires read access": "a function reads its own project only; code elsewhere must be linked "
    "as a package, or its folder named in `paths` of tsconfig.json",
    "--no-remote is specified": "nothing is fetched: install it as a package, or copy the file",
}
"""What Deno says of a module -> what helps here."""
_ADVICE = re.compile(r"\n\s+hint: .*|(?<=[.\"]) (?:Deno expects|Ensure you have all) [^\n]*")
"""Deno's own advice, which is about its own commands."""


class Failures(Struct, frozen=True):
    """Turns described errors into failures, for the project whose files `authored` knows."""

    authored: Authored

    def of(self, described: Mapping[str, Any]) -> Failure:
        """An error of the child, with what caused it, the author's innermost line first."""
        chain = list(_chain(described))
        frames = [frame for each in chain for frame in self._frames(each)]
        frames.sort(key=lambda frame: not frame.own)
        stack = "\nCaused by: ".join(self._section(each) for each in chain)
        name, message = _heading(described)
        return Failure(name, message, tuple(frames), stack, self.hint(described))

    def hint(self, described: Mapping[str, Any]) -> str:
        """What helps against an error: what it says itself, or what is known here."""
        message = str(described["message"])
        if described.get("hint"):
            return str(described["hint"])
        known = (hint for text, hint in HINTS.items() if text in message)
        return next(known, "") or advice(Path(self.authored.roots[0]), message)

    def at(self, kind: str, message: str, hint: str = "") -> Failure:
        """A failure without a place."""
        return Failure(kind, message, (), f"{kind}: {message}", hint)

    def _section(self, described: Mapping[str, Any]) -> str:
        lines = [": ".join(_heading(described)).rstrip(": ")]
        for frame in self._frames(described):
            lines.append(f"    at {frame.function} ({frame.file}:{frame.line})")
            if frame.source and frame.own:
                lines.append(f"        {frame.source}")
        return "\n".join(lines)

    def _frames(self, described: Mapping[str, Any]) -> list[Frame]:
        found = [_FRAME.match(line) for line in described.get("stack", "").splitlines()]
        frames = [frame for match in found if match and (frame := self._frame(match))]
        if not frames or not any(frame.own for frame in frames):
            place = _PLACE.search(described["message"])
            frame = self._frame(place) if place else None
            frames = [frame, *frames] if frame else frames
        return frames[:KEPT_FRAMES]

    def _frame(self, match: re.Match[str]) -> Frame | None:
        """A line of code that is not our own, its source read as it is now."""
        file, line = path_of(match["place"]), int(match["line"])
        if within(file, PACKAGE):
            return None
        function = (match.groupdict().get("function") or "<module>").removeprefix("async ")
        linecache.checkcache(file)
        source = linecache.getline(file, line).strip()
        return Frame(file, line, function, source, file in self.authored)


def path_of(url: str) -> str:
    """The file of a `file://` URL."""
    return unquote(urlsplit(url).path, errors="replace")


def url_of(path: Path) -> str:
    """The `file://` URL of a file."""
    return path.absolute().as_uri()


def _chain(described: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    each: Mapping[str, Any] | None = described
    while each is not None:
        yield each
        each = each.get("cause")


def _heading(described: Mapping[str, Any]) -> tuple[str, str]:
    """Name and message, without what Deno wraps around them."""
    name, message = str(described["name"]), _ADVICE.sub("", str(described["message"]))
    for wrapped in WRAPPED:
        if name == "TypeError" and message.startswith(f"{wrapped}: "):
            name, message = wrapped, message.removeprefix(f"{wrapped}: ")
    place = _PLACE.sub(lambda match: f"{path_of(match['place'])}:{match['line']}", message)
    return name, place
