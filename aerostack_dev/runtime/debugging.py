"""The port at which a debugger finds the function, whichever host runs it by then."""

from __future__ import annotations

from collections.abc import Callable


class DebugPort:
    """A port on loopback that stays the same over reloads: hosts hand it on."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._release: Callable[[], None] | None = None

    def take(self, release: Callable[[], None]) -> None:
        """Tell the holder to leave the port; `release` tells the new one so, later.

        The old holder may be stopped at a breakpoint: the new one waits for the port.
        """
        previous, self._release = self._release, release
        if previous is not None:
            previous()
