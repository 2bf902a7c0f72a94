"""A database as SQL text that makes it anew (db-cache.md §1.12)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import apsw

from ...errors import BindingError
from ..sqlite import Store
from .guard import RESERVED
from .script import quoted

ROWS_AT_ONCE = 500
"""So many rows are read in one visit to the file's thread."""

_OBJECTS = """
    SELECT type, name, tbl_name, sql FROM sqlite_schema
    WHERE sql IS NOT NULL ORDER BY type = 'table' DESC, rowid
"""
_HAS_SEQUENCE = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'"
_SEQUENCE = "SELECT name, seq FROM sqlite_sequence ORDER BY rowid"


async def sql_of(
    store: Store, tables: Sequence[str], schema: bool, data: bool
) -> AsyncIterator[bytes]:
    """The SQL text of the database behind `store` in pieces, as of one instant.

    Of `tables` only, when some are named. Raises `BindingError` for an unknown table, a
    virtual table, or when there would be nothing to write.
    """
    if not schema and not data:
        raise BindingError("D1 Export error: no-schema and no-data leave nothing to export")
    writer = await store.run_once(_Writer, frozenset(tables))
    yield b"PRAGMA defer_foreign_keys=TRUE;\n"
    for lines in writer.parts(schema, data):
        while text := await store.run_once(_next, lines):
            yield text.encode()


def _next(_: apsw.Connection, lines: Iterator[str]) -> str:
    """The next lines, made in the file's thread; empty at the end."""
    return "".join(line for _, line in zip(range(ROWS_AT_ONCE), lines, strict=False))


class _Writer:
    """Reads a database within one transaction, which ends with its connection."""

    def __init__(self, connection: apsw.Connection, wanted: frozenset[str]) -> None:
        self._connection = connection
        connection.execute("BEGIN")
        listed: list[Any] = connection.execute(_OBJECTS).fetchall()
        self._objects = [found for found in listed if not _internal(found[1])]
        self._tables = {name: sql for kind, name, _, sql in self._objects if kind == "table"}
        self._refuse(wanted)
        self._wanted = wanted or frozenset(self._tables)

    def parts(self, schema: bool, data: bool) -> Iterator[Iterator[str]]:
        """Iterators of lines, each to be drained in the file's thread."""
        wanted = [name for name in self._tables if name in self._wanted]
        if schema:
            # All of them before any row: a row may refer to a table further down.
            yield iter([f"{self._tables[name]};\n" for name in wanted])
        if data:
            yield from map(self._rows, wanted)
            yield self._sequence()
        if schema:
            yield (
                f"{sql};\n"
                for kind, _, table, sql in self._objects
                if kind != "table" and (table in self._wanted or kind == "view")
            )

    def _sequence(self) -> Iterator[str]:
        """Where AUTOINCREMENT goes on, once the tables are there."""
        if not self._connection.execute(_HAS_SEQUENCE).get:
            return
        listed: list[Any] = self._connection.execute(_SEQUENCE).fetchall()
        found = [(_text(name.encode()), seq) for name, seq in listed if name in self._wanted]
        if found:
            names = ",".join(name for name, _ in found)
            these = f" WHERE name IN ({names})" if self._wanted < self._tables.keys() else ""
            yield f"DELETE FROM sqlite_sequence{these};\n"
        for name, seq in found:
            yield f'INSERT INTO "sqlite_sequence" ("name","seq") VALUES({name},{seq});\n'

    def _rows(self, table: str) -> Iterator[str]:
        columns = self._columns(table)
        names = ",".join(map(quoted, columns))
        # Text as bytes too, so that what is not UTF-8 is found and kept as it is.
        values = ",".join(f"typeof({quoted(c)}),{_raw(c)}" for c in columns)
        head = f"INSERT INTO {quoted(table)} ({names}) VALUES("
        for row in self._connection.execute(f"SELECT {values} FROM {quoted(table)}"):
            yield f"{head}{','.join(map(_literal, row[::2], row[1::2]))});\n"

    def _columns(self, table: str) -> list[str]:
        """The columns that can be written: not the generated ones."""
        found = self._connection.execute(
            "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid", (table,)
        )
        return [name for (name,) in found]

    def _refuse(self, wanted: frozenset[str]) -> None:
        for name, sql in self._tables.items():
            if sql.upper().startswith("CREATE VIRTUAL TABLE"):
                module = sql.upper().split("USING", 1)[1].strip().split("(")[0].strip().lower()
                raise BindingError(
                    f"D1 Export error: cannot export databases with Virtual Tables ({module})",
                    hint=f"drop {name!r} and make it anew after the import",
                )
        if unknown := sorted(wanted - self._tables.keys()):
            raise BindingError(
                f"D1 Export error: there is no table {unknown[0]!r}",
                hint=f"there are: {', '.join(self._tables) or 'none'}",
            )


def _raw(column: str) -> str:
    name = quoted(column)
    return f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"


def _literal(kind: str, value: Any) -> str:
    if value is None:
        return "NULL"
    if kind == "text":
        return _text(value)
    if kind == "blob":
        return f"X'{value.hex()}'"
    if kind == "real":
        return {"inf": "9.0e+999", "-inf": "-9.0e+999"}.get(str(value), repr(value))
    return str(value)


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"CAST(X'{value.hex()}' AS TEXT)"
    if "\0" in text:
        return f"CAST(X'{value.hex()}' AS TEXT)"
    literal = "'" + text.replace("'", "''") + "'"
    for sign, escape, code in (("\n", "\\n", 10), ("\r", "\\r", 13)):
        if sign in literal:
            mark = _absent(escape, text)
            literal = f"replace({literal.replace(sign, mark)},'{mark}',char({code}))"
    return literal


def _absent(mark: str, text: str) -> str:
    """A mark that does not occur in `text`."""
    return mark if mark not in text else _absent(f"\\{mark}", text)


def _internal(name: str) -> bool:
    return name.lower().startswith((RESERVED, "sqlite_"))
