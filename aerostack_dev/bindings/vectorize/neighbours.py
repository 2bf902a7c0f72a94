"""The graph of nearest neighbours (HNSW, by usearch): quick candidates for large indexes.

A graph is a file made once, by `building.py` in a process of its own, from the vectors up
to some number. It only ever proposes: whoever asks drops the vectors that are gone, adds
those that are newer, and scores what is left exactly (`memory.py`). Numbers are never
given twice and their values never change, so an old graph misses vectors but tells no
untruth. A file is opened only when its SHA-256 is the one that the index's file recorded.

Chosen by measuring 100 000 vectors like those of `bench/vectors.py`, the candidates scored
again: bf16 finds 0.999 of the true top 10 in 0.6 ms. f16 finds as many and takes twice as
long to build; f32 is no better at twice the size; i8 finds 0.995, but only 0.90 before the
candidates are scored again, which is too little to rely on. Expanding 64 in place of 128
when searching finds 0.989, 256 costs twice the time for nothing; 128 in place of 64 when
building gains nothing either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from . import Metric
from .transactions import Graph

Floats = NDArray[np.float32]

TYPES: Mapping[Metric, str] = {"cosine": "bf16", "dot-product": "bf16", "euclidean": "f32"}
"""Distances may be small beside the values themselves, where bf16 is too coarse."""
CONNECTIVITY = 16
EXPANSION_ADD = 64
EXPANSION_SEARCH = 128
PROPOSED = 64
"""At least so many candidates, and TIMES as many as are asked for, are scored exactly."""
TIMES = 3


class Request(msgspec.Struct, frozen=True):
    """A graph to build: from `database`, of the vectors up to the number `last`.

    With `earlier`, the file of a graph up to the number `since`, only the newer ones are
    added to that.
    """

    database: str
    file: str
    dimensions: int
    metric: Metric
    last: int
    earlier: str = ""
    since: int = 0


class Neighbours:
    """An open graph. `opened` gives it."""

    def __init__(self, graph: Graph, metric: Metric, index: Any) -> None:
        self.graph = graph
        self._metric = metric
        self._index = index

    def near(self, query: bytes, count: int) -> NDArray[np.uint64]:
        """The numbers of vectors that are probably among the nearest."""
        wanted = min(max(PROPOSED, TIMES * count), self.graph.count)
        (point,) = points(np.frombuffer(query, "<f4")[None, :], self._metric)
        found: NDArray[np.uint64] = self._index.search(point, wanted, threads=1).keys
        return found


def opened(folder: Path, graph: Graph, dimensions: int, metric: Metric) -> Neighbours | None:
    """The graph in its file; None when the file is missing or not what was recorded."""
    path = folder / graph.file
    try:
        if path.stat().st_size != graph.size or digest(path) != graph.digest:
            return None
    except OSError:
        return None
    index: Any = new_index(dimensions, metric, expansion_search=EXPANSION_SEARCH)
    index.view(path)
    return Neighbours(graph, metric, index)


def new_index(
    dimensions: int, metric: Metric, *, expansion_add: int = 0, expansion_search: int = 0
) -> Any:
    """An empty graph of usearch's, with its own expansions where 0 is given.

    It keeps no table from numbers to places, which nobody asks for: filling one while a
    file is opened would hold the interpreter's lock three times as long.
    """
    from usearch.index import Index

    return Index(
        ndim=dimensions,
        metric="l2sq" if metric == "euclidean" else "ip",
        dtype=TYPES[metric],
        connectivity=CONNECTIVITY,
        expansion_add=expansion_add,
        expansion_search=expansion_search,
        enable_key_lookups=False,
    )


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def points(rows: Floats, metric: Metric) -> Floats:
    """Vectors, or queries, as the graph compares them: of length 1, but for distances.

    An index of dot products only has a graph when its vectors have one length, and then
    the nearest by angle are those with the greatest product (`Rows.of_one_length`).
    """
    if metric == "euclidean":
        return rows
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
