"""Single keys at the terminal of `aerostack dev`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Keys = Mapping[str, Callable[[], None]]


@contextmanager
def listen(keys: Keys) -> Iterator[None]:
    """Call `keys[key]` for every key that is pressed, until the end of the block.

    Does nothing when standard input is no terminal. The terminal is left as it was.
    """
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> None:
        for key in os.read(descriptor, 64).decode(errors="replace"):
            action = keys.get(key.lower())
            if action is not None:
                action()

    tty.setcbreak(descriptor, termios.TCSANOW)  # what was typed already counts
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, pressed)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
