"""The tables and columns of a database, for completion and for `.schema`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..choice import Chosen

_MADE = """
    SELECT type, name, tbl_name, sql FROM sqlite_schema
    WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
    ORDER BY type <> 'table', name
"""
_COLUMNS = """
    SELECT m.name, c.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c
    WHERE m.type IN ('table', 'view') AND m.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
    ORDER BY m.name, c.cid
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in the schema: a table, an index, a view, a trigger."""

    kind: str
    name: str
    table: str
    sql: str | None


@dataclass(frozen=True, slots=True)
class Schema:
    """What there is, and the columns by table (views too)."""

    entries: tuple[Entry, ...] = ()
    columns: Mapping[str, tuple[str, ...]] | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables and views."""
        return tuple(each.name for each in self.entries if each.kind in ("table", "view"))

    def sql(self, table: str = "") -> Iterator[str]:
        """The SQL of everything, or of what belongs to a table."""
        for each in self.entries:
            if each.sql and table in ("", each.table):
                yield each.sql

    def indexes(self, table: str = "") -> Iterator[str]:
        """The names of the indexes, or of those of a table."""
        for each in self.entries:
            if each.kind == "index" and table in ("", each.table):
                yield each.name


def read_schema(chosen: Chosen) -> Schema:
    """The schema of a database. Raises `AerostackError`."""
    entries = tuple(Entry(*row) for row in chosen.invoke("raw", _MADE))
    columns: dict[str, tuple[str, ...]] = {}
    for table, column in chosen.invoke("raw", _COLUMNS):
        columns[table] = (*columns.get(table, ()), column)
    return Schema(entries, columns)
