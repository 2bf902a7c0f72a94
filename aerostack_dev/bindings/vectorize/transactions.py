"""What happens to the file of an index: each function is one piece of work in its thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec

from ...errors import StateError
from ..sqlite import Schema
from . import Index, resource
from .backend import Description, DimensionsError, Mutation, Page, Vector, Verb

SCHEMA = Schema((Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"),))

INSERT = """
    INSERT INTO vectors (id, namespace, metadata) VALUES (?, ?, jsonb(?))
    ON CONFLICT (id) DO NOTHING RETURNING number
"""
EMBED = "INSERT INTO embeddings (number, floats) VALUES (?, ?)"
DELETE = "DELETE FROM vectors WHERE id = ? RETURNING number"
LOG = "INSERT INTO log (mutation, verb, due, body) VALUES (?, ?, ?, ?)"
READ = """
    SELECT id, floats, namespace, json(metadata) FROM vectors JOIN embeddings USING (number)
    WHERE id = ?
"""
SHOW = "SELECT id, namespace, json(metadata) FROM vectors WHERE number = ?"
FLOATS = "SELECT floats FROM embeddings WHERE number = ?"
PAGE = "SELECT number, id FROM vectors WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"


class Graph(msgspec.Struct, frozen=True):
    """A file of the nearest-neighbour graph: its name, size and SHA-256, and the last
    number and how many vectors are in it.
    """

    file: str
    size: int
    digest: str
    last: int
    count: int


class Touched(msgspec.Struct):
    """What may differ from what is in memory since it was last looked at.

    Work fills it that may yet be rolled back: it says where to look, not what is true.
    """

    loaded: bool = False
    """Whether anything is in memory."""
    written: bool = True
    removed: set[int] = msgspec.field(default_factory=set)


class _Body(msgspec.Struct, array_like=True):
    vectors: list[Vector]
    ids: list[str]


def adopt(connection: apsw.Connection, declared: Index, path: str) -> bool:
    """Make the index what the configuration says; returns whether mutations wait.

    Raises `StateError` when it holds vectors of another shape.
    """
    dimensions, metric = _one(connection, "SELECT dimensions, metric FROM state")
    holds = (
        _one(connection, "SELECT EXISTS (SELECT * FROM vectors) OR EXISTS (SELECT * FROM log)")[0]
        and dimensions is not None
    )
    if holds:
        if declared.metric != metric:
            raise _mismatch(declared, f'metric = "{metric}"', f'"{declared.metric}"', path)
        if declared.dimensions not in (None, dimensions):
            raise _mismatch(declared, f"dimensions = {dimensions}", str(declared.dimensions), path)
    elif (declared.dimensions, declared.metric) != (dimensions, metric):
        connection.execute(
            "UPDATE state SET dimensions = ?, metric = ?, graph = NULL",
            (declared.dimensions, declared.metric),
        )
    return bool(_one(connection, "SELECT EXISTS (SELECT * FROM log)")[0])


def write(connection: apsw.Connection, mutation: Mutation, now: int, touched: Touched) -> None:
    """Keep a mutation; one that is due at once is applied, and with it all before it."""
    _agree(connection, mutation.dimensions)
    if mutation.due <= now:
        settle(connection, None, touched)
        _apply(connection, mutation, touched)
    else:
        body = msgspec.msgpack.encode(_Body([*mutation.vectors], [*mutation.ids]))
        connection.execute(LOG, (mutation.id, mutation.verb, mutation.due, body))


def settle(connection: apsw.Connection, now: int | None, touched: Touched) -> bool:
    """Apply the logged mutations that are due by `now` (None: all) in their order.

    Returns whether some are left.
    """
    rows = connection.execute("SELECT sequence, mutation, verb, due, body FROM log ORDER BY 1")
    waiting: list[Any] = rows.fetchall()
    for sequence, name, verb, due, body in waiting:
        if now is not None and due > now:
            return True
        content = msgspec.msgpack.decode(body, type=_Body)
        mutation = Mutation(name, cast("Verb", verb), due, content.vectors, content.ids)
        _apply(connection, mutation, touched)
        connection.execute("DELETE FROM log WHERE sequence = ?", (sequence,))
    return False


def describe(connection: apsw.Connection) -> Description:
    count = _one(connection, "SELECT count(*) FROM vectors")[0]
    dimensions, mutation, processed = _one(
        connection, "SELECT dimensions, mutation, processed FROM state"
    )
    return Description(count, dimensions, mutation, processed)


def read(connection: apsw.Connection, ids: Sequence[str]) -> list[Vector]:
    rows = (connection.execute(READ, (name,)).fetchone() for name in ids)
    return [Vector(*cast("Any", row)) for row in rows if row is not None]


def shown(connection: apsw.Connection, number: int, *, values: bool, metadata: bool) -> Vector:
    """The vector with a number, its values and metadata only when they are asked for."""
    name, namespace, text = _one(connection, SHOW, number)
    found = _one(connection, FLOATS, number)[0] if values else b""
    return Vector(name, found, namespace, text if metadata else None)


def page(connection: apsw.Connection, after: int, until: int | None, count: int) -> Page:
    total, last = _one(connection, "SELECT count(*), coalesce(max(number), 0) FROM vectors")
    until = last if until is None else until
    rows: list[Any] = connection.execute(PAGE, (after, until, count + 1)).fetchall()
    more = rows[count - 1][0] if len(rows) > count else None
    return Page([name for _, name in rows[:count]], total, more, until)


def floats_of(connection: apsw.Connection, name: str) -> bytes | None:
    """The values of the vector with an id; None when there is none."""
    query = "SELECT floats FROM vectors JOIN embeddings USING (number) WHERE id = ?"
    row: Any = connection.execute(query, (name,)).fetchone()
    return None if row is None else row[0]


def exists(connection: apsw.Connection, number: int) -> bool:
    return bool(
        _one(connection, "SELECT EXISTS (SELECT * FROM vectors WHERE number = ?)", number)[0]
    )


def graph(connection: apsw.Connection) -> Graph | None:
    """The graph's file, as far as one was finished."""
    body = _one(connection, "SELECT graph FROM state")[0]
    return None if body is None else msgspec.json.decode(body, type=Graph)


def keep_graph(connection: apsw.Connection, found: Graph | None) -> None:
    body = None if found is None else msgspec.json.encode(found)
    connection.execute("UPDATE state SET graph = ?", (body,))


def shape(connection: apsw.Connection) -> tuple[int | None, str]:
    """Dimensions (None: not yet known) and metric."""
    dimensions, metric = _one(connection, "SELECT dimensions, metric FROM state")
    return dimensions, metric


def _agree(connection: apsw.Connection, dimensions: int | None) -> None:
    if dimensions is None:
        return
    expected = shape(connection)[0]
    if expected is None:
        connection.execute("UPDATE state SET dimensions = ?", (dimensions,))
    elif expected != dimensions:
        raise DimensionsError(expected)


def _apply(connection: apsw.Connection, mutation: Mutation, touched: Touched) -> None:
    touched.written = True
    for name in mutation.ids:
        _delete(connection, name, touched)
    for vector in mutation.vectors:
        if mutation.verb == "upsert":
            _delete(connection, vector.id, touched)
        row = (vector.id, vector.namespace, vector.metadata)
        new: Any = connection.execute(INSERT, row).fetchone()
        if new is not None:
            connection.execute(EMBED, (new[0], vector.values))
    connection.execute("UPDATE state SET mutation = ?, processed = ?", (mutation.id, mutation.due))


def _delete(connection: apsw.Connection, name: str, touched: Touched) -> None:
    row: Any = connection.execute(DELETE, (name,)).fetchone()
    if row is not None and touched.loaded:
        touched.removed.add(row[0])


def _mismatch(declared: Index, stored: str, wanted: str, path: str) -> StateError:
    return StateError(
        f"the index {resource(declared)} holds vectors with {stored}, and {declared.binding} is "
        f"declared with {wanted}: neither can change once there are vectors",
        where=path,
        hint=f"write {stored} in [[vectorize]], give another index_name, or begin anew with "
        "`aerostack state reset`",
        code="vectorize-shape",
    )


def _one(connection: apsw.Connection, query: str, *parameters: Any) -> Any:
    return connection.execute(query, parameters).fetchone()
