"""What a database consists of, for `aerostack db info`."""

from __future__ import annotations

from typing import Any

import apsw

from .guard import RESERVED
from .script import quoted

_TABLES = """
    SELECT name, type, ncol FROM pragma_table_list
    WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
"""
_SIZE = """
    SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
_INDEXES = "SELECT name FROM pragma_index_list(?) ORDER BY name"


def describe(connection: apsw.Connection) -> dict[str, Any]:
    """`size` in bytes and `tables`: name, type, columns, rows and the names of indexes.

    Virtual tables' own tables (`type` shadow) and the platform's are left out.
    """
    listed: list[Any] = connection.execute(_TABLES).fetchall()
    found = [
        _table(connection, name, kind, columns)
        for name, kind, columns in listed
        if kind != "shadow" and not name.lower().startswith(RESERVED)
    ]
    return {"size": connection.execute(_SIZE).get, "tables": found}


def _table(connection: apsw.Connection, name: str, kind: str, columns: int) -> dict[str, Any]:
    rows = None
    if kind != "view":
        rows = connection.execute(f"SELECT count(*) FROM {quoted(name)}").get
    indexes = [index for (index,) in connection.execute(_INDEXES, (name,))]
    return {"name": name, "type": kind, "columns": columns, "rows": rows, "indexes": indexes}
