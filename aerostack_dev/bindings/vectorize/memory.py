"""An index in memory: the rows, caught up with the file, and the graph that proposes.

Everything here runs in the thread of the index's file, one call at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import apsw

from . import Metric, transactions
from .backend import FLOAT_BYTES, DimensionsError, Match, Search, UnknownIdError
from .neighbours import Neighbours
from .rows import Row, Rows, Slots
from .transactions import Touched
from .where import where

LOADED = 1024
"""Rows read from the file at once."""

NEW = """
    SELECT number, floats, namespace FROM vectors JOIN embeddings USING (number)
    WHERE number > ? ORDER BY number LIMIT ?
"""


class Memory:
    """The rows of one index. `graph_from`: so many vectors are worth a graph."""

    def __init__(self, touched: Touched, graph_from: int) -> None:
        self.neighbours: Neighbours | None = None
        self.graph_is_due = False
        self.rows: Rows | None = None
        self._graph_serves = False
        self._touched = touched
        self._graph_from = graph_from

    def search(self, connection: apsw.Connection, search: Search) -> list[Match]:
        """What `search` asks for, as of the last commit. See `backend.Index.search`."""
        target = _target(connection, search)
        rows = self.caught_up(connection)
        if rows is None:
            return []
        if len(target) != rows.dimensions * FLOAT_BYTES:
            raise DimensionsError(rows.dimensions)
        slots = _restricted(connection, rows, search)
        if slots is None or len(slots) == rows.live:
            found = self._nearest(rows, target, search.count)
        else:
            found = rows.best(target, search.count, slots)
        return [_match(connection, search, score, number) for score, number in found]

    def caught_up(self, connection: apsw.Connection) -> Rows | None:
        """The rows, with all that was committed; None while the dimensions are unknown."""
        if self._touched.written:
            self._catch_up(connection)
            self._touched.written = False
        return self.rows

    def _catch_up(self, connection: apsw.Connection) -> None:
        if self.rows is None:
            dimensions, metric = transactions.shape(connection)
            if dimensions is None:
                return
            self.rows = Rows(dimensions, cast("Metric", metric))
            self._touched.loaded = True
        gone = [n for n in self._touched.removed if not transactions.exists(connection, n)]
        for number in gone:
            self.rows.remove(number)
        self._touched.removed.clear()
        self.rows = self.rows.compacted()
        while new := _new(connection, self.rows.last):
            self.rows.add(new)
        self._graph_serves = _graph_serves(self.rows) and self.rows.live >= self._graph_from
        self.graph_is_due = self._graph_due(self.rows)

    def use(self, _: apsw.Connection, neighbours: Neighbours | None) -> None:
        """Let this graph propose from now on."""
        self.neighbours = neighbours
        if self.rows is not None:
            self.graph_is_due = self._graph_due(self.rows)

    def _graph_due(self, rows: Rows) -> bool:
        if not self._graph_serves:
            return False
        if self.neighbours is None:
            return True
        graph = self.neighbours.graph
        newer = len(rows.after(graph.last))
        gone = graph.count - (rows.live - newer)
        return newer + gone > max(graph.count, self._graph_from) // OUTSIDE

    def _nearest(self, rows: Rows, target: bytes, count: int) -> list[tuple[float, int]]:
        if self.neighbours is None or not self._graph_serves:
            return rows.best(target, count)
        numbers = self.neighbours.near(target, count)
        proposed = rows.slots(numbers)
        # Most of what the graph knows is gone, or it does not hang together.
        if len(proposed) * 2 < len(numbers) or len(proposed) < count:
            return rows.best(target, count)
        newer = rows.after(self.neighbours.graph.last)
        found = rows.exact(target, count, proposed)
        if len(newer):
            found += rows.best(target, count, newer)
        sign = -1 if rows.metric == "cosine" else 1
        return sorted(found, key=lambda hit: (sign * hit[0], hit[1]))[:count]


OUTSIDE = 16
"""A graph is due for an update when one vector in so many is newer than it, or gone."""


def _graph_serves(rows: Rows) -> bool:
    """Whether a graph can tell the best: for dot products of vectors of many lengths none
    can, and looking at all of them stays exact.
    """
    return rows.plain and (rows.metric != "dot-product" or rows.of_one_length)


def _target(connection: apsw.Connection, search: Search) -> bytes:
    if isinstance(search.target, bytes):
        return search.target
    floats = transactions.floats_of(connection, search.target)
    if floats is None:
        raise UnknownIdError
    return floats


def _restricted(connection: apsw.Connection, rows: Rows, search: Search) -> Slots | None:
    """The rows that the namespace and the filter leave; None: there are neither."""
    if search.conditions:
        clause, parameters = where(search.namespace, search.conditions)
        numbers = connection.execute(f"SELECT number FROM vectors {clause}", parameters)
        return rows.slots([number for (number,) in cast("Any", numbers)])
    return None if search.namespace is None else rows.within(search.namespace)


def _match(connection: apsw.Connection, search: Search, score: float, number: int) -> Match:
    vector = transactions.shown(connection, number, values=search.values, metadata=search.metadata)
    return Match(vector, score)


def _new(connection: apsw.Connection, after: int) -> Sequence[Row]:
    rows: Any = connection.execute(NEW, (after, LOADED)).fetchall()
    return cast("Sequence[Row]", rows)
