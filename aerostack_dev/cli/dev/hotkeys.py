"""Single keys at the terminal of `aerostack dev`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Keys = Mapping[str, Callable[[], None]]


def as_it_is() -> Callable[[], None]:
    """What brings the terminal back to its present state."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        return lambda: None
    import termios

    descriptor = sys.stdin.fileno()
    now = termios.tcgetattr(descriptor)
    return lambda: termios.tcsetattr(descriptor, termios.TCSANOW, now)


class Terminal:
    """Who has the terminal: the hotkeys, or whoever asks the person there for a line."""

    def __init__(self) -> None:
        self.interactive = sys.platform != "win32" and sys.stdin.isatty()
        """Whether somebody can be asked."""
        self._keys: _Listening | None = None

    @contextmanager
    def listen(self, keys: Keys) -> Iterator[None]:
        """Call `keys[key]` for every key that is pressed, until the end of the block.

        Does nothing when standard input is no terminal. The terminal is left as it was.
        """
        if not self.interactive:
            yield
            return
        listening = _Listening(keys)
        listening.take()
        self._keys = listening
        try:
            yield
        finally:
            self._keys = None
            listening.leave()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Lines can be typed and seen, until the end of the block; in any thread."""
        keys = self._keys
        if keys is None:
            yield
            return
        keys.step_aside()
        try:
            yield
        finally:
            if self._keys is keys:
                keys.come_back()


class _Listening:
    """Takes single keys from the terminal, which shows none of them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._descriptor = sys.stdin.fileno()
        self._loop = asyncio.get_running_loop()
        self._restore = as_it_is()
        self._aside = False

    def take(self) -> None:
        import termios
        import tty

        tty.setcbreak(self._descriptor, termios.TCSANOW)  # what was typed already counts
        self._loop.add_reader(self._descriptor, self._pressed)

    def leave(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._restore()

    def step_aside(self) -> None:
        """Leave the terminal to another thread, or to this one, which is the loop's."""
        self._aside = True
        self._loop.call_soon_threadsafe(self._follow)
        self._restore()

    def come_back(self) -> None:
        self._aside = False
        self._loop.call_soon_threadsafe(self._follow)

    def _follow(self) -> None:
        """Do in the loop what was decided."""
        self._loop.remove_reader(self._descriptor)
        if not self._aside and not self._loop.is_closed():
            self.take()

    def _pressed(self) -> None:
        if self._aside:  # what is typed is for another
            self._loop.remove_reader(self._descriptor)
            return
        for key in os.read(self._descriptor, 64).decode(errors="replace"):
            action = self._keys.get(key.lower())
            if action is not None:
                action()
