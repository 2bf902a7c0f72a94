"""Randomness for everything that runs here: ids of messages, of runs, of uploads."""

from __future__ import annotations

import os

PIECE = 16
"""Bytes of an id."""
POOL = 4096


class Entropy:
    """`os.urandom`, called once for many ids: each call of it is one of the system.

    Any thread may ask: a piece is taken in one step, so that nobody is given it twice.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        """`size` random bytes."""
        if size > PIECE:
            return os.urandom(size)
        try:
            return self._pieces.pop()[:size]
        except IndexError:
            pool = os.urandom(POOL)
            self._pieces += [pool[at : at + PIECE] for at in range(PIECE, POOL, PIECE)]
            return pool[:size]
