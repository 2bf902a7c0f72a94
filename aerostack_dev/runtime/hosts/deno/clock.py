"""The child's `Date` follows our clock, where that is not the machine's."""

from __future__ import annotations

from collections.abc import Callable

from ....clock import Clock

Time = tuple[str, float]
"""`("still", ms)`: it stands at this time; `("ahead", ms)`: so far from the machine's."""


def follow(clock: Clock, tell: Callable[[Time], None]) -> Callable[[], None]:
    """Tell the child the time, now if it differs and whenever it is moved; returns the end."""
    if clock.still or _ahead(clock):
        tell(_time(clock))
    return clock.on_shift(lambda: tell(_time(clock)))


def _time(clock: Clock) -> Time:
    return ("still", clock.now() * 1000) if clock.still else ("ahead", _ahead(clock))


def _ahead(clock: Clock) -> float:
    now = clock.now()
    return round((now - clock.real(now)) * 1000)
