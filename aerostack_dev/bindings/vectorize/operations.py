"""The verbs of a vector index: limits, texts and meaning (storage-vectorize-ai.md §2).

Values come as a list of numbers, or as bytes: float32, little-endian; they leave as a
list of numbers. An option that is None counts as absent.
"""

from __future__ import annotations

import datetime
import types
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ... import wire
from ...config.model import Finding
from ...errors import BindingError
from ..kind import Services
from ..options import options as chosen
from ..spans import operation
from . import Index, filters, validation
from .backend import (
    FLOAT_BYTES,
    Backend,
    Description,
    DimensionsError,
    Match,
    Mutation,
    Search,
    UnknownIdError,
    Vector,
    Verb,
)
from .encoding import cut, numbers_of, position_of, spelled_position
from .validation import RefusedError

QUERY_OPTIONS = ("topK", "namespace", "returnValues", "returnMetadata", "filter")
LIST_OPTIONS = ("count", "cursor")
LISTED = 100
MAX_LISTED = 1000
SLICE = 16
"""So many vectors are checked before the event loop gets a turn (about a millisecond)."""

Options = Mapping[str, Any] | None
Wire = dict[str, Any]


def _counted(things: Any) -> str:
    return f"{len(things)} vectors" if isinstance(things, list) else ""


def _named(ids: Any) -> str:
    return ", ".join(map(str, ids)) if isinstance(ids, list) else ""


class Operations:
    """What one binding of a vector index can do."""

    def __init__(self, declaration: Index, backend: Backend, services: Services) -> None:
        self.binding = declaration.binding
        self._index = backend.index(declaration)
        self._delay = declaration.visibility_delay
        self._services = services
        self._warned = False

    @operation()
    async def describe(self) -> Wire:
        """`{vectorCount, dimensions, processedUpToDatetime, processedUpToMutation}`.

        What has never been is None; the datetime is an ISO 8601 text (§2.1).
        """
        return _described(await self._index.describe(self._now()))

    @operation(_counted)
    async def insert(self, vectors: Any) -> Wire:
        """Keep the vectors whose ids are new, skip the others; `{mutationId}`.

        Up to 1000 of `{id, values, namespace?, metadata?}`; all are kept or none.
        Raises `TypeError` and `BindingError` (§2.1, §2.5, §2.7).
        """
        return await self._put("insert", vectors)

    @operation(_counted)
    async def upsert(self, vectors: Any) -> Wire:
        """Keep the vectors, each as a whole in place of the one with its id. As `insert`."""
        return await self._put("upsert", vectors)

    @operation()
    async def query(self, vector: Any, options: Options = None) -> Wire:
        """`{matches, count}`: the vectors most like `vector`, best first.

        A match is `{id, score, values?, metadata?, namespace?}`. Options: `topK` (5; at
        most 100, with values or all metadata 50), `namespace`, `filter`, `returnValues`,
        `returnMetadata` (`none`, `indexed`, `all`). Raises `TypeError` and
        `BindingError` (§2.2 to §2.4).
        """
        if vector is None:
            raise TypeError(validation.NOT_ITERABLE)
        with _refusing("VECTOR_QUERY_ERROR"):
            try:
                target = validation.packed(vector)
            except ValueError as error:
                raise validation.unreadable(f"vector: {error}") from None
            if not target:
                expected = (await self._index.describe(self._now())).dimensions
                raise validation.wrong_dimensions(0, expected)
            return await self._found(target, options)

    @operation()
    async def queryById(self, vector_id: Any, options: Options = None) -> Wire:
        """As `query`, with the values of the stored vector; it is a match itself."""
        with _refusing("VECTOR_QUERY_ERROR"):
            name = validation.identity(
                vector_id, lambda: validation.unreadable("vectorId: expected a string")
            )
            return await self._found(name, options)

    @operation(_named)
    async def getByIds(self, ids: Any) -> Sequence[Any]:
        """The vectors with up to 20 ids, in their order; missing ones are left out."""
        with _refusing("VECTOR_GET_ERROR"):
            names = validation.identities(ids, validation.READ_IDS)
            found = await self._index.read(list(dict.fromkeys(names)), self._now())
            return [_whole(vector) for vector in found]

    @operation(_named)
    async def deleteByIds(self, ids: Any) -> Wire:
        """Remove the vectors with up to 100 ids, missing ones ignored; `{mutationId}`."""
        with _refusing("VECTOR_DELETE_ERROR"):
            names = validation.identities(ids, validation.DELETED_IDS)
            return await self._change("delete", ids=names)

    @operation()
    async def list(self, options: Options = None) -> Wire:
        """A page of ids; not on the binding, for the command line alone (§2.1).

        `{count, totalCount, isTruncated, nextCursor, cursorExpirationTimestamp,
        vectors: [{id}]}`. Options: `count` (100; 1 to 1000), `cursor` (of the page
        before; what is written after the first page does not show).
        """
        given = chosen(options, {}, LIST_OPTIONS)
        count = given.get("count") or LISTED
        if not isinstance(count, int) or not 1 <= count <= MAX_LISTED:
            raise BindingError(f"count must be a whole number from 1 to {MAX_LISTED}")
        cursor = given.get("cursor")
        after, until = position_of(cursor) if cursor else (0, None)
        page = await self._index.page(after, until, count, self._now())
        more = None if page.position is None else spelled_position(page.position, page.until)
        return {
            "count": len(page.ids),
            "totalCount": page.total,
            "isTruncated": more is not None,
            "nextCursor": more,
            "cursorExpirationTimestamp": None,
            "vectors": [{"id": name} for name in page.ids],
        }

    async def _put(self, verb: Verb, given: Any) -> Wire:
        if not isinstance(given, list):
            raise TypeError(validation.NOT_AN_ARRAY)
        with _refusing(f"VECTOR_{verb.upper()}_ERROR"):
            if len(given) > validation.BATCH_VECTORS:
                raise RefusedError(
                    f"too many vectors in payload; max vector count is "
                    f"{validation.BATCH_VECTORS}, got {len(given)}"
                )
            vectors: list[Vector] = []
            for start in range(0, len(given), SLICE):
                vectors += [validation.vector(verb, one) for one in given[start : start + SLICE]]
                await turn()
            _check_same_length(vectors)
            try:
                return await self._change(verb, vectors)
            except DimensionsError as error:
                raise _of_length(vectors[0], error.expected) from None

    async def _change(
        self, verb: Verb, vectors: Sequence[Vector] = (), ids: Sequence[str] = ()
    ) -> Wire:
        now = self._now()
        name = str(uuid.UUID(bytes=self._services.entropy(16), version=4))
        due = now + int(self._delay * 1000)
        await self._index.write(Mutation(name, verb, due, vectors, ids), now)
        return {"mutationId": name}

    async def _found(self, target: bytes | str, options: Options) -> Wire:
        search, shown = self._search(target, chosen(options, {}, QUERY_OPTIONS) if options else {})
        try:
            found = await self._index.search(search, self._now())
        except DimensionsError as error:
            raise validation.wrong_dimensions(len(target) // FLOAT_BYTES, error.expected) from None
        except UnknownIdError:
            raise RefusedError(f'no vector with id="{target!s}"') from None
        matches = [_match(one, search.values, shown) for one in found]
        return {"matches": matches, "count": len(matches)}

    def _search(self, target: bytes | str, given: Mapping[str, Any]) -> tuple[Search, str]:
        shown = validation.return_metadata(given.get("returnMetadata"))
        if given.get("returnMetadata") is False:
            self._warn()
        values = bool(given.get("returnValues"))
        conditions: Sequence[filters.Condition] = ()
        if given.get("filter") is not None:
            try:
                conditions = filters.parse(given["filter"])
            except ValueError as error:
                raise RefusedError(str(error)) from None
        search = Search(
            target,
            validation.top_k(given.get("topK"), values or shown == "all"),
            validation.namespace(
                given.get("namespace"),
                lambda: validation.unreadable("namespace: expected a string"),
            ),
            conditions,
            values,
            shown != "none",
        )
        return search, shown

    def _warn(self) -> None:
        if self._warned:
            return
        self._warned = True
        self._services.notify(
            Finding(
                "vectorize-return-metadata",
                f"a query of {self.binding} has returnMetadata: false, which production refuses "
                "(code 40026); here it counts as none",
                hint='write returnMetadata: "none", or leave it out',
            )
        )

    def _now(self) -> int:
        return int(self._services.clock.now() * 1000)


@contextmanager
def _refusing(prefix: str) -> Iterator[None]:
    """A refusal inside the block becomes the platform's error with `prefix`."""
    try:
        yield
    except RefusedError as refused:
        error = refused.error(prefix)
        raise error from error.__cause__


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Give the event loop a turn."""
    yield


def _check_same_length(vectors: Sequence[Vector]) -> None:
    for vector in vectors:
        if len(vector.values) != len(vectors[0].values):
            raise _of_length(vector, len(vectors[0].values) // FLOAT_BYTES)


def _of_length(vector: Vector, expected: int) -> RefusedError:
    got = len(vector.values) // FLOAT_BYTES
    return validation.wrong_dimensions(got, expected, vector.id)


def _described(found: Description) -> Wire:
    when = None
    if found.processed is not None:
        moment = datetime.datetime.fromtimestamp(found.processed / 1000, datetime.UTC)
        when = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "vectorCount": found.count,
        "dimensions": found.dimensions,
        "processedUpToDatetime": when,
        "processedUpToMutation": found.mutation,
    }


def _match(match: Match, values: bool, shown: str) -> Wire:
    vector = match.vector
    found: Wire = {"id": vector.id, "score": match.score}
    if values:
        found["values"] = numbers_of(vector.values)
    return found | _optional(vector, shown)


def _whole(vector: Vector) -> Wire:
    found: Wire = {"id": vector.id, "values": numbers_of(vector.values)}
    return found | _optional(vector, "all")


def _optional(vector: Vector, shown: str) -> Wire:
    found: Wire = {}
    if vector.metadata is not None and shown != "none":
        metadata = wire.loads(vector.metadata)
        found["metadata"] = cut(metadata) if shown == "indexed" else metadata
    if vector.namespace is not None:
        found["namespace"] = vector.namespace
    return found
