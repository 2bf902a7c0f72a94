"""How the interpreter shares its time while it serves.

A thread that wants to go on waits for the one that computes until that has had its turn:
5 ms by default, which the event loop would spend waiting again and again beside a thread
that runs SQL or a plain `def` handler. The collector of cycles is told to come less often,
and to leave alone what the start has made, which stays for as long as the server does.
"""

from __future__ import annotations

import gc
import sys

TURN_SECONDS = 0.0005
NEW_OBJECTS = 10_000
"""So many more objects were made than freed: the youngest are looked through (Python: 700)."""


def collect_later() -> None:
    """Collect nothing until `keep_what_is_loaded`: what a start makes stays."""
    gc.disable()


def take_short_turns() -> None:
    """Give a waiting thread its turn after `TURN_SECONDS`, and collect less often."""
    sys.setswitchinterval(TURN_SECONDS)
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])


def keep_what_is_loaded() -> None:
    """Leave what exists now out of every collection, which may come from now on."""
    gc.freeze()
    gc.enable()
