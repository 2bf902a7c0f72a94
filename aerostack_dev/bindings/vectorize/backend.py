"""What keeps the vectors of an index. It knows bytes and moments, and no limits.

Values are float32, little-endian. Moments are milliseconds since the epoch. A mutation
is durable when `write` returns, and seen by every read from its moment `due` on, in the
order of writing (storage-vectorize-ai.md §2.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from ..kind import Declaration
from .filters import Condition

FLOAT_BYTES = 4

Verb = Literal["insert", "upsert", "delete"]


class Vector(msgspec.Struct, frozen=True, array_like=True):
    """A vector as it is kept; `metadata` is a JSON text."""

    id: str
    values: bytes
    namespace: str | None = None
    metadata: str | None = None


class Mutation(msgspec.Struct, frozen=True):
    """A change of an index: `insert` skips the ids that exist, `upsert` replaces them.

    All `vectors` have the same number of values. `ids` are what `delete` removes.
    """

    id: str
    verb: Verb
    due: int
    vectors: Sequence[Vector] = ()
    ids: Sequence[str] = ()

    @property
    def dimensions(self) -> int | None:
        """Of its vectors; None when there are none."""
        return len(self.vectors[0].values) // FLOAT_BYTES if self.vectors else None


class Search(msgspec.Struct, frozen=True):
    """The `count` vectors best for `target`: the values to compare with, or the id of
    a stored vector that has them. `values` and `metadata`: whether to fetch those too.
    """

    target: bytes | str
    count: int
    namespace: str | None = None
    conditions: Sequence[Condition] = ()
    values: bool = False
    metadata: bool = False


class Match(msgspec.Struct, frozen=True):
    """A vector found; it has no values or metadata unless the search asked for them."""

    vector: Vector
    score: float


class Description(msgspec.Struct, frozen=True):
    """An index as of its last mutation that is visible; `dimensions` None: not yet known."""

    count: int
    dimensions: int | None
    mutation: str | None
    processed: int | None


class Page(msgspec.Struct, frozen=True):
    """Ids in the order of writing; the next page begins after `position`."""

    ids: Sequence[str]
    total: int
    position: int | None
    until: int


class DimensionsError(Exception):
    """The index has vectors of another number of dimensions."""

    def __init__(self, expected: int) -> None:
        super().__init__(expected)
        self.expected = expected


class UnknownIdError(Exception):
    """No vector has the id whose values a search asked for."""


class Index(Protocol):
    """The vectors of one index. `StateError` when its file cannot be used."""

    async def describe(self, now: int) -> Description:
        """How many vectors there are, and up to which mutation."""

    async def write(self, mutation: Mutation, now: int) -> None:
        """Keep all of `mutation` or nothing. Raises `DimensionsError`."""

    async def read(self, ids: Sequence[str], now: int) -> list[Vector]:
        """The vectors with these ids, in the order of `ids`, without the missing."""

    async def search(self, search: Search, now: int) -> list[Match]:
        """What `search` asks for, best first. Raises `DimensionsError`, `UnknownIdError`."""

    async def page(self, after: int, until: int | None, count: int, now: int) -> Page:
        """A page of ids: those past `after`, of vectors written up to `until`."""


class Backend(Protocol):
    """The indexes of a project."""

    def index(self, declaration: Declaration) -> Index:
        """The index behind a binding: the same one for all that share its name."""
