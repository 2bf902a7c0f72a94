"""The vectors of an index in memory, and the exact search among them.

A search takes two passes. NumPy scores every row in float32, which is quick and off by
a bounded rounding error; the rows that could be among the best within that error are
scored again in float64. What comes out is therefore exact, and a vector that is asked
for by its own values has cosine 1 and distance 0 to the last bit.

Rows stand in the order of their numbers and never change; removed ones are masked, and
left behind when they are more than half. Values are in segments, so that growing copies
nothing. One thread at a time uses this (the one of the index's file).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import Metric

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Slots = NDArray[np.int64]
Mask = NDArray[np.bool_]
Row = tuple[int, bytes, str | None]
"""Number, values and namespace."""

SEGMENT = 8192
"""Rows: 24 MiB of 768 dimensions."""
BATCH = 1024
"""Rows scored in float64 at once."""
GATHER = 8
"""Up to one row in so many is copied out to be scored; for more, all from the first to the
last are scored in place."""
PLAIN = (1e-12, 1e12)
"""Lengths whose products neither overflow nor vanish in float32."""
EVEN = 1.01
"""Lengths that differ by less count as one."""
LONGEST = float(np.finfo(np.float32).max)
NOWHERE = -1
"""In place of the code of a namespace: none. UNKNOWN: one that no vector is in."""
UNKNOWN = -2


class Rows:
    """Vectors of `dimensions` values, compared by `metric`."""

    def __init__(self, dimensions: int, metric: Metric) -> None:
        self.dimensions = dimensions
        self.metric = metric
        self.live = 0
        self._segments: list[Floats] = []
        self._used = 0
        self._numbers: Slots = np.empty(0, np.int64)
        self._lengths: Floats = np.empty(0, np.float32)
        self._spaces: NDArray[np.int32] = np.empty(0, np.int32)
        self._alive: Mask = np.empty(0, np.bool_)
        self._codes: dict[str, int] = {}
        self.plain = True
        """Whether every row can be scored in float32."""
        # Rounding of a product of `dimensions` terms in float32, of the query and the rest.
        self._error = (dimensions + 16) * 2.0**-24

    @property
    def last(self) -> int:
        """The greatest number that was added."""
        return int(self._numbers[self._used - 1]) if self._used else 0

    @property
    def of_one_length(self) -> bool:
        """Whether all rows have the same length, or nearly."""
        lengths = self._lengths[: self._used]
        return bool(len(lengths) and lengths.max() <= lengths.min() * EVEN)

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; their numbers are greater than all before, and ascending."""
        values = np.frombuffer(b"".join(row[1] for row in rows), "<f4")
        values = values.reshape(len(rows), self.dimensions)
        lengths = np.sqrt(np.square(values, dtype=np.float64).sum(axis=1))
        plain = (lengths == 0) | ((lengths > PLAIN[0]) & (lengths < PLAIN[1]))
        self.plain = self.plain and bool(plain.all())
        done = 0
        while done < len(rows):
            slot, offset = self._used, self._used % SEGMENT
            if slot == len(self._segments) * SEGMENT:
                self._grow()
            size = min(len(rows) - done, SEGMENT - offset)
            some, here = slice(done, done + size), slice(slot, slot + size)
            self._segments[slot // SEGMENT][offset : offset + size] = values[some]
            self._lengths[here] = np.minimum(lengths[some], LONGEST)
            self._numbers[here] = [row[0] for row in rows[some]]
            self._spaces[here] = [self._code(row[2]) for row in rows[some]]
            self._alive[here] = True
            self._used += size
            done += size
        self.live += len(rows)

    def remove(self, number: int) -> None:
        """Remove the row of a number; one that is not there is no error."""
        slot = int(np.searchsorted(self._numbers[: self._used], number))
        if slot < self._used and self._numbers[slot] == number and self._alive[slot]:
            self._alive[slot] = False
            self.live -= 1

    def compacted(self) -> Rows:
        """A copy of what is left when more than half is removed; else these rows."""
        if self._used < SEGMENT or self.live * 2 > self._used:
            return self
        rest = Rows(self.dimensions, self.metric)
        names = {code: name for name, code in self._codes.items()}
        slots = self.everything()
        for values in self._batches(slots):
            some, slots = slots[: len(values)], slots[len(values) :]
            spaces = [names.get(code) for code in self._spaces[some].tolist()]
            blobs = [row.tobytes() for row in values]
            rest.add([*zip(self._numbers[some].tolist(), blobs, spaces, strict=True)])
        return rest

    def everything(self) -> Slots:
        """The slots of all live rows."""
        return np.flatnonzero(self._alive[: self._used])

    def within(self, namespace: str) -> Slots:
        """The slots of the live rows of a namespace."""
        code = self._codes.get(namespace, UNKNOWN)
        used = self._used
        return np.flatnonzero((self._spaces[:used] == code) & self._alive[:used])

    def after(self, number: int) -> Slots:
        """The slots of the live rows with greater numbers."""
        start = int(np.searchsorted(self._numbers[: self._used], number, side="right"))
        return start + np.flatnonzero(self._alive[start : self._used])

    def slots(self, numbers: Any) -> Slots:
        """The slots of those of `numbers` that are live rows."""
        wanted = np.unique(np.asarray(numbers, np.int64))
        known = self._numbers[: self._used]
        places = np.searchsorted(known, wanted)
        inside = places < self._used
        places, wanted = places[inside], wanted[inside]
        found: Slots = places[(known[places] == wanted) & self._alive[places]]
        return found

    def best(self, query: bytes, count: int, slots: Slots | None = None) -> list[tuple[float, int]]:
        """The `count` best of the rows in `slots` (None: of all): `(score, number)`, best first.

        Equal scores stand in the order of their numbers.
        """
        target = np.frombuffer(query, "<f4").astype(np.float64)
        slots = self.everything() if slots is None else slots
        if len(slots) > count:
            slots = self._candidates(target, count, slots)
        return self._ranked(target, count, slots)

    def exact(self, query: bytes, count: int, slots: Slots) -> list[tuple[float, int]]:
        """As `best`, for few rows: all of them are scored in float64 at once."""
        return self._ranked(np.frombuffer(query, "<f4").astype(np.float64), count, slots)

    def _grow(self) -> None:
        self._segments.append(np.empty((SEGMENT, self.dimensions), np.float32))
        if len(self._numbers) >= len(self._segments) * SEGMENT:
            return
        room = max(len(self._numbers), SEGMENT)
        self._numbers = np.concatenate([self._numbers, np.empty(room, np.int64)])
        self._lengths = np.concatenate([self._lengths, np.empty(room, np.float32)])
        self._spaces = np.concatenate([self._spaces, np.empty(room, np.int32)])
        self._alive = np.concatenate([self._alive, np.zeros(room, np.bool_)])

    def _code(self, namespace: str | None) -> int:
        return NOWHERE if namespace is None else self._codes.setdefault(namespace, len(self._codes))

    def _candidates(self, target: Doubles, count: int, slots: Slots) -> Slots:
        """The slots that can be among the best `count`, told in float32."""
        length = float(np.sqrt(np.square(target).sum()))
        if not self.plain or not (PLAIN[0] < length < PLAIN[1]):
            return slots
        products = self._products((target / length).astype(np.float32), slots)
        likeness, error = self._likeness(products, self._lengths[slots], length)
        # The best `count` are at least as good as the worst of them surely is.
        surely = likeness - error
        threshold = np.partition(surely, len(surely) - count)[len(surely) - count]
        found: Slots = slots[likeness + error >= threshold]
        return found

    def _likeness(self, products: Floats, lengths: Floats, length: float) -> tuple[Floats, Any]:
        """What is greater for better rows, and how far off it may be."""
        if self.metric == "cosine":
            inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
            return products * inverse, np.float32(self._error)
        if self.metric == "dot-product":
            return products, self._error * lengths
        # |x - q|² = |x|² - 2 x·q + |q|², of which the last is the same for all.
        twice = np.float32(2 * length)
        error = np.float32(self._error) * lengths * (lengths + twice)
        return twice * products - lengths * lengths, error

    def _products(self, unit: Floats, slots: Slots) -> Floats:
        # A dot product for each row, not one of a matrix: that one starts threads, which
        # on a busy machine wait for each other longer than they work.
        low, high = int(slots[0]), int(slots[-1]) + 1
        if len(slots) * GATHER <= high - low:
            return np.concatenate([np.vecdot(rows, unit) for rows in self._batches(slots)])
        span = np.empty(high - low, np.float32)
        for index in range(low // SEGMENT, (high - 1) // SEGMENT + 1):
            start = max(low, index * SEGMENT)
            end = min(high, (index + 1) * SEGMENT)
            rows = self._segments[index][start - index * SEGMENT : end - index * SEGMENT]
            np.vecdot(rows, unit, out=span[start - low : end - low])
        return span if len(slots) == len(span) else span[slots - low]

    def _batches(self, slots: Slots) -> Iterator[Floats]:
        starts = np.arange(len(self._segments) + 1) * SEGMENT
        for first in range(0, len(slots), BATCH):
            some = slots[first : first + BATCH]
            rows = np.empty((len(some), self.dimensions), np.float32)
            bounds = pairwise(np.searchsorted(some, starts).tolist())
            for index, (start, end) in enumerate(bounds):
                if start < end:
                    rows[start:end] = self._segments[index][some[start:end] - index * SEGMENT]
            yield rows

    def _ranked(self, target: Doubles, count: int, slots: Slots) -> list[tuple[float, int]]:
        if not len(slots):
            return []
        scores = np.concatenate(
            [self._scores(rows.astype(np.float64), target) for rows in self._batches(slots)]
        )
        keys = -scores if self.metric == "cosine" else scores
        # Slots are in the order of numbers, and the sort keeps that where scores are equal.
        order = np.argsort(keys, kind="stable")[:count]
        return [*zip(scores[order].tolist(), self._numbers[slots[order]].tolist(), strict=True)]

    def _scores(self, rows: Doubles, target: Doubles) -> Doubles:
        """The scores of §2.4. All sums are taken in the same way, so that equal is equal."""
        if self.metric == "euclidean":
            distances: Doubles = np.sqrt(np.square(rows - target).sum(axis=1))
            return distances
        products: Doubles = (rows * target).sum(axis=1)
        if self.metric == "dot-product":
            return 0.0 - products
        squares = np.square(rows).sum(axis=1) * np.square(target[None, :]).sum(axis=1)
        lengths = np.sqrt(squares)
        cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        clipped: Doubles = np.clip(cosines, -1, 1)
        return clipped
