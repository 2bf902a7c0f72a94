"""Times for a person, where they are not the machine's."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import islice

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def told(when: float) -> str:
    """Seconds since the epoch as `2026-11-23 09:00:00 UTC`."""
    return f"{datetime.datetime.fromtimestamp(when, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """`2 h`, `1 d 12 h`, `30 s`: the two largest units."""
    return " ".join(islice(_parts(round(abs(seconds))), 2)) or "0 s"


def lead(ahead: float) -> str:
    """`2 h ahead of the machine`."""
    return f"{span(ahead)} {'behind' if ahead < 0 else 'ahead of'} the machine"


def plus(ahead: float) -> str:
    """`+2 h`."""
    return f"{'-' if ahead < 0 else '+'}{span(ahead)}"


def _parts(seconds: int) -> Iterator[str]:
    for size, unit in UNITS:
        if seconds >= size:
            yield f"{seconds // size} {unit}"
            seconds %= size
