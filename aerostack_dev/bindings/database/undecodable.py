"""Text that is not valid UTF-8, which SQLite holds and Python refuses to decode."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import apsw

from . import failures
from .script import statements


def read_with_replacement(
    connection: apsw.Connection, text: str, parameters: Sequence[Any]
) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    """Run a query once more, its text as bytes, decoded with U+FFFD (db-cache.md §1.4).

    Only what reads can be run twice: anything else raises `failures.RefusedError`.
    """
    names = _names(connection, text, parameters)
    inner = statements(text)[-1]
    columns = ", ".join(f"c{index}" for index in range(len(names)))
    values = ", ".join(
        f"typeof(c{index}), CASE typeof(c{index}) WHEN 'text' THEN CAST(c{index} AS BLOB) "
        f"ELSE c{index} END"
        for index in range(len(names))
    )
    wrapped = f"WITH found({columns}) AS ({inner}\n) SELECT {values} FROM found"
    limit = connection.limit(apsw.SQLITE_LIMIT_COLUMN)
    connection.limit(apsw.SQLITE_LIMIT_COLUMN, 2 * limit)
    try:
        rows = connection.execute(wrapped, parameters, can_cache=False).fetchall()
    finally:
        connection.limit(apsw.SQLITE_LIMIT_COLUMN, limit)
    return names, [_decoded(row) for row in rows]


def _names(connection: apsw.Connection, text: str, parameters: Sequence[Any]) -> list[str]:
    cursor = connection.cursor()
    names: list[str] = []

    def look(running: apsw.Cursor, _text: str, _parameters: Any) -> bool:
        if not running.is_readonly or running.is_explain:
            raise failures.RefusedError(failures.NOT_TEXT, hint="read the column with a SELECT")
        names.extend(column[0] for column in running.get_description())
        return False

    cursor.exec_trace = look
    with suppress(apsw.ExecTraceAbort):
        cursor.execute(text, parameters)
    return names


def _decoded(row: tuple[Any, ...]) -> tuple[Any, ...]:
    pairs = zip(row[::2], row[1::2], strict=True)
    return tuple(
        value.decode("utf-8", "replace") if kind == "text" else value for kind, value in pairs
    )
