"""Random pieces are as long as asked for, and nobody is given one twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_dev.runtime.entropy import PIECE, POOL, Entropy


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, POOL + 1])
def test_as_many_bytes_as_asked_for(size: int):
    entropy = Entropy()
    assert [len(entropy(size)) for _ in range(3)] == [size] * 3


def test_threads_that_ask_at_once_share_nothing():
    entropy = Entropy()

    def taken(_: int) -> list[bytes]:
        return [entropy(PIECE) for _ in range(2 * POOL // PIECE)]

    with ThreadPoolExecutor(8) as pool:
        pieces = [piece for some in pool.map(taken, range(32)) for piece in some]
    assert len(set(pieces)) == len(pieces)
