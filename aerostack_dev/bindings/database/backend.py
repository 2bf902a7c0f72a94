"""What stands behind `env.DB`: databases that run statements, all of a request or none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...wire import Record
from .plan import Plan

QUERY_SECONDS = 30.0
"""Production's limit of one statement (db-cache.md §1.10)."""

Statement = tuple[Plan, Sequence[Any]]
"""What to run and its parameters, as SQLite takes them (`values.parameters`)."""


class Outcome(NamedTuple):
    """What one statement gave. `rows` hold wire values."""

    columns: Sequence[str]
    """Their names; empty when there is no row, unless the view is `named`."""
    rows: Sequence[tuple[Any, ...]]
    meta: Record | None
    """The platform's eight fields (db-cache.md §1.6) when the view is `measured`."""


@dataclass(frozen=True, slots=True)
class View:
    """How a request wants its outcomes: `shape` runs where the database runs, so that a
    large result does not hold up everything else. What is not asked for costs nothing.
    """

    shape: Callable[[Outcome], Any]
    measured: bool = False
    named: bool = False


class Database(Protocol):
    """One database: a request at a time, each in one transaction."""

    async def run(self, statements: Sequence[Statement], view: View) -> list[Any]:
        """Run `statements` in order; the outcomes in the view's shape.

        Raises `failures.RefusedError` when one of them fails; then nothing of them is kept.
        """

    def bookmark(self) -> str:
        """A point in this database's history: later ones compare greater (§1.8)."""

    async def info(self) -> Record:
        """Its file, its size in bytes and its tables, with their rows and indexes."""

    def export(self, tables: Sequence[str], schema: bool, data: bool) -> AsyncIterator[bytes]:
        """The database as SQL text (db-cache.md §1.12), seen at one instant."""

    async def begin_import(self) -> str:
        """Open a transaction over several calls, for whose end all other requests wait."""

    async def go_on_importing(self, name: str, statements: Sequence[Statement]) -> int:
        """Run further statements in it; how many rows they changed. Raises as `run`;
        then nothing of the import is kept.
        """

    async def end_import(self, name: str, *, keep: bool) -> None:
        """End it: all of it is kept, or nothing. Raises as `run`."""


class Backend(Protocol):
    """All databases of a project."""

    def database(self, name: str) -> Database:
        """The database called `name`; its file opens when it is first used."""
