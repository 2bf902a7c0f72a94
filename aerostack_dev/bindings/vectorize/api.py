"""`env.VECTORIZE` as a Python author holds it (interface.md §5, storage-vectorize-ai.md §2)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from ... import wire
from ..options import camel
from ..options import options as chosen
from .operations import QUERY_OPTIONS, SLICE, Operations, turn

FLOAT32 = ("f", "<f") if sys.byteorder == "little" else ("<f",)
"""The formats of a buffer that holds float32, little-endian."""


class VectorizeIndex:
    """A vector index.

    A vector is a dict `{id, values, namespace?, metadata?}`: `id` a string of up to 64
    bytes, `values` up to 1536 numbers, kept as float32 (a list, tuple, `array.array`,
    NumPy array, `memoryview` or any iterable of numbers), `namespace` a string of up to
    64 bytes, `metadata` a dict of up to 10 KiB of JSON. A call that the platform refuses
    raises `BindingError` with its text and code, misuse `TypeError`.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def __repr__(self) -> str:
        return f"<vector index {self._operations.binding}>"

    async def describe(self) -> wire.Record:
        """`{vectorCount, dimensions, processedUpToDatetime, processedUpToMutation}`.

        `dimensions` is None until it is configured or a vector was written; the other
        two are None until then.
        """
        return wire.Record(await self._operations.describe())

    async def insert(self, vectors: Iterable[Mapping[str, Any]]) -> wire.Record:
        """Write up to 1000 vectors; those whose id exists are skipped. `{mutationId}`."""
        return wire.Record(await self._operations.insert(await _vectors(vectors)))

    async def upsert(self, vectors: Iterable[Mapping[str, Any]]) -> wire.Record:
        """Write up to 1000 vectors, each as a whole in place of the one with its id.

        `{mutationId}`; metadata or a namespace that is left out is gone.
        """
        return wire.Record(await self._operations.upsert(await _vectors(vectors)))

    async def query(
        self, vector: Any, options: Mapping[str, Any] | None = None, **keywords: Any
    ) -> Any:
        """The vectors most like `vector`: `{matches: [{id, score, …}], count}`, best first.

        Options: `topK` (5; at most 100, or 50 with values or all metadata), `namespace`,
        `returnValues` (False), `returnMetadata` (`"none"`, `"indexed"`, `"all"` or True),
        `filter` (`{"lang": "en", "year": {"$gte": 2020, "$lt": 2030}}`). `score` by the
        metric: cosine (1 is alike), euclidean distance or the negative dot product (for
        both, less is more alike).
        """
        given = _options(options, keywords)
        return _found(await self._operations.query(_values(vector), given))

    async def queryById(
        self, vector_id: str, options: Mapping[str, Any] | None = None, **keywords: Any
    ) -> Any:
        """As `query`, with the values of the stored vector `vector_id`."""
        return _found(await self._operations.queryById(vector_id, _options(options, keywords)))

    async def getByIds(self, ids: Iterable[str]) -> Any:
        """Up to 20 vectors, `[{id, values, namespace?, metadata?}]`, without the missing."""
        return [_shown(vector) for vector in await self._operations.getByIds(_listed(ids))]

    async def deleteByIds(self, ids: Iterable[str]) -> wire.Record:
        """Remove up to 100 vectors; missing ones are no error. `{mutationId}`."""
        return wire.Record(await self._operations.deleteByIds(_listed(ids)))

    query_by_id = queryById
    get_by_ids = getByIds
    delete_by_ids = deleteByIds


def _options(given: Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a query. `returnMetadata: True` becomes "all" in the caller's dict
    too, as the platform has it (§2.2).
    """
    if isinstance(given, MutableMapping):
        for name, value in given.items():
            if value is True and isinstance(name, str) and camel(name) == "returnMetadata":
                given[name] = "all"
    return chosen(given, keywords, QUERY_OPTIONS) if given or keywords else {}


async def _vectors(given: Any) -> Any:
    """A list of vectors whose values are wire values; anything else as it is."""
    given = _listed(given)
    if not isinstance(given, list):
        return given
    vectors: list[Any] = []
    for start in range(0, len(given), SLICE):
        vectors += [_vector(one) for one in given[start : start + SLICE]]
        await turn()
    return vectors


def _vector(given: Any) -> Any:
    if not isinstance(given, Mapping) or isinstance(given.get("values"), list):
        return given
    return {**given, "values": _values(given.get("values"))}


def _values(given: Any) -> Any:
    """Numbers as a wire value; what is no sequence of numbers stays as it is."""
    if given is None or isinstance(given, (list, str, Mapping)):
        return given
    try:
        view = memoryview(given)
    except (TypeError, ValueError, BufferError):  # no buffer, or of a type without a format
        view = None
    if view is not None and view.ndim == 1 and view.format in FLOAT32:
        return view.tobytes()
    return given.tolist() if hasattr(given, "tolist") else _listed(given)


def _found(result: dict[str, Any]) -> wire.Record:
    return wire.Record(result, matches=[_shown(match) for match in result["matches"]])


def _shown(vector: dict[str, Any]) -> wire.Record:
    """A vector as a record; not by `wire.record`, which would look at every number of it."""
    shown = wire.Record(vector)
    if "metadata" in shown:
        shown["metadata"] = wire.record(shown["metadata"])
    return shown


def _listed(given: Any) -> Any:
    if isinstance(given, (list, str, Mapping)) or not isinstance(given, Iterable):
        return given
    return [*given]
