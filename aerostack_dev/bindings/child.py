"""What our child processes in Python have in common: the request, the answer, the end.

Such a child is `python -P -m <module> <request>`, with pipes. It prints its answer, and ends
without one when its standard input does, so that it does not outlive a server that was killed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

import msgspec

R = TypeVar("R")


def serve(shape: type[R], work: Callable[[R], object]) -> None:
    """Do the `work` that this process was started for."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    answer = work(msgspec.json.decode(sys.argv[1], type=shape))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _end_with_input() -> None:
    # Not through `sys.stdin`, whose lock the interpreter wants when it ends.
    os.read(0, 1)
    os._exit(1)
