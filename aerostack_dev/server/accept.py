"""What a client prefers, by its Accept header (RFC 9110 §12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_ACCEPT = 4096

_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)

Preference = tuple[float, int]
"""Quality, and how exactly the type was named (2: in full, 1: `text/*`, 0: `*/*`)."""


def prefers_html(accept: str) -> bool:
    """Whether `text/html` is wanted more than `application/json`.

    Of two with the same quality the one that is named more exactly wins; a client that
    does not care (`*/*`, no header) gets JSON.
    """
    ranges = list(_ranges(accept[:LONGEST_ACCEPT]))
    html = _preference(ranges, "text/html")
    return html[0] > 0 and html > _preference(ranges, "application/json")


def _preference(ranges: list[tuple[str, float]], wanted: str) -> Preference:
    found: Preference = (0.0, -1)
    exact = {wanted: 2, wanted.split("/")[0] + "/*": 1, "*/*": 0}
    for name, quality in ranges:
        if exact.get(name, -1) > found[1]:
            found = (quality, exact[name])
    return found


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for element in _ELEMENT.findall(accept):
        name, *parameters = element.split(";")
        qualities = [match for match in map(_QUALITY.fullmatch, parameters) if match]
        yield name.strip().lower(), float(qualities[-1][1]) if qualities else 1.0
