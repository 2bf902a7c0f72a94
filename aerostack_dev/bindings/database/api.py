"""`env.DB` as a Python author holds it: the platform's names, Python's values."""

from __future__ import annotations

import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ...wire import Record
from ..options import options
from .operations import Operations
from .values import is_int64, parameter, unsupported

UNCONSTRAINED = "first-unconstrained"
PRIMARY = "first-primary"

_AS_IS = frozenset({str, float, bytes, type(None)})


class Verbs(Protocol):
    """What statements run on: the operations, or a session of them."""

    async def all(self, sql: str, parameters: Sequence[Any]) -> Any: ...
    async def run(self, sql: str, parameters: Sequence[Any]) -> Any: ...
    async def first(self, sql: str, parameters: Sequence[Any], column: str | None) -> Any: ...
    async def raw(self, sql: str, parameters: Sequence[Any], columnNames: bool) -> Any: ...
    async def batch(self, statements: Sequence[Sequence[Any]]) -> Any: ...


class D1PreparedStatement:
    """A statement and its parameters. It runs when one of its methods is awaited.

    Every method raises `BindingError` (`D1_ERROR: …`) when the database refuses.
    """

    __slots__ = ("_parameters", "_verbs", "statement")

    def __init__(self, verbs: Verbs, statement: str, parameters: list[Any]) -> None:
        self._verbs = verbs
        self.statement = statement
        self._parameters = parameters

    @property
    def params(self) -> list[Any]:
        """The bound parameters (a copy)."""
        return list(self._parameters)

    def bind(self, *values: Any) -> D1PreparedStatement:
        """A new statement with `values` in place of its parameters (db-cache.md §1.3).

        `int` is INTEGER, `float` REAL, `str` TEXT, `bool` 1 or 0, None NULL; bytes, a
        memoryview, an array or a list of numbers below 256 is a BLOB. Raises
        `TypeError` (`D1_TYPE_ERROR`) at once for anything else.
        """
        return D1PreparedStatement(self._verbs, self.statement, [_bound(v) for v in values])

    async def first(self, column: str | None = None) -> Any:
        """The first row, or the value of `column` in it; None when there is no row."""
        return await self._verbs.first(self.statement, self._parameters, column)

    async def run(self) -> Any:
        """`{success, meta, results}`: the same as `all`."""
        return await self._verbs.run(self.statement, self._parameters)

    async def all(self) -> Any:
        """`{success, meta, results}`, with `meta` as in db-cache.md §1.6."""
        return await self._verbs.all(self.statement, self._parameters)

    async def raw(
        self, given: Mapping[str, Any] | None = None, /, **keywords: Any
    ) -> list[list[Any]]:
        """Rows as lists; `columnNames=True`: the first one is the names."""
        named = options(given, keywords, ("columnNames",)).get("columnNames") is True
        found: list[list[Any]] = await self._verbs.raw(self.statement, self._parameters, named)
        return found

    def __repr__(self) -> str:
        return f"<D1PreparedStatement {self.statement!r} {self._parameters!r}>"


class _Preparing:
    """What a database and a session have in common."""

    _verbs: Verbs

    def prepare(self, sql: str) -> D1PreparedStatement:
        """A statement; nothing is sent, so bad SQL fails when it runs."""
        if not isinstance(sql, str):
            raise TypeError(f"prepare() takes SQL text, not {type(sql).__name__}")
        return D1PreparedStatement(self._verbs, sql, [])

    async def batch(self, statements: Iterable[D1PreparedStatement]) -> list[Record]:
        """Run statements in one transaction: all of them are kept, or none.

        What `all` gives, for each in order.
        """
        found: list[Record] = await self._verbs.batch(_entries(statements))
        return found


class D1Database(_Preparing):
    """`env.DB`: a SQL database (db-cache.md §1.1)."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._verbs: Verbs = operations

    async def exec(self, sql: str) -> Record:
        """Run each line of `sql` as one statement, together: `{count, duration}`.

        `duration` is in milliseconds. Raises `BindingError` (`D1_EXEC_ERROR: …`).
        """
        return await self._operations.exec(sql)

    async def dump(self) -> None:
        """Always raises `BindingError`, as today's platform does."""
        await self._operations.dump()

    async def query(self, *arguments: Any) -> None:
        """Always raises `BindingError`: an experiment that is off."""
        await self._operations.query(*arguments)

    def withSession(self, constraint: str | None = None) -> D1DatabaseSession:
        """A session: `first-primary`, `first-unconstrained` (default) or a bookmark."""
        return D1DatabaseSession(self._operations, constraint)

    with_session = withSession

    def __repr__(self) -> str:
        return f"<D1Database {self._operations.binding}>"


class D1DatabaseSession(_Preparing):
    """Statements in sequence: `getBookmark()` tells how far they saw (§1.8)."""

    def __init__(self, operations: Operations, constraint: str | None) -> None:
        if constraint is not None and not isinstance(constraint, str):
            raise TypeError("D1_SESSION_ERROR: invalid bookmark or constraint")
        self._session = _SessionVerbs(operations, (constraint or "").strip())
        self._verbs: Verbs = self._session

    def getBookmark(self) -> str | None:
        """The latest bookmark; None before the first response."""
        return self._session.bookmark

    get_bookmark = getBookmark


class _SessionVerbs:
    """The verbs of a session: each response brings a bookmark."""

    def __init__(self, operations: Operations, constraint: str) -> None:
        self._operations = operations
        known = constraint not in ("", UNCONSTRAINED, PRIMARY)
        self.bookmark: str | None = constraint if known else None

    async def all(self, *arguments: Any) -> Any:
        return await self._answer("all", arguments)

    async def run(self, *arguments: Any) -> Any:
        return await self._answer("run", arguments)

    async def first(self, *arguments: Any) -> Any:
        return await self._answer("first", arguments)

    async def raw(self, *arguments: Any) -> Any:
        return await self._answer("raw", arguments)

    async def batch(self, *arguments: Any) -> Any:
        return await self._answer("batch", arguments)

    async def _answer(self, verb: str, arguments: Sequence[Any]) -> Any:
        answer = await self._operations.session(verb, arguments)
        if self.bookmark is None or answer.bookmark > self.bookmark:
            self.bookmark = answer.bookmark
        return answer.value


def _entries(statements: Iterable[D1PreparedStatement]) -> list[list[Any]]:
    if isinstance(statements, (str, bytes, Mapping)) or not isinstance(statements, Iterable):
        raise TypeError(f"batch() takes a list of statements, not {type(statements).__name__}")
    found = list(statements)
    for entry in found:
        if not isinstance(entry, D1PreparedStatement):
            raise TypeError(f"batch() takes prepared statements, not {type(entry).__name__}")
    return [[entry.statement, entry._parameters] for entry in found]


def _bound(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_IS or (kind is int and is_int64(value)):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytearray, bytes)):
        return bytes(value)
    if isinstance(value, (memoryview, array.array)):
        return _elements(memoryview(value))
    if isinstance(value, tuple):
        raise unsupported(value)
    return parameter(value)


def _elements(view: memoryview) -> bytes:
    """Elements one by one, each modulo 256, as the platform copies typed arrays (§1.3)."""
    if view.format in ("B", "b", "c"):
        return view.tobytes()
    numbers = view.cast("B").cast(view.format).tolist()  # type: ignore[call-overload]  # of any format
    try:
        return bytes(int(number) % 256 for number in numbers)
    except (TypeError, ValueError, OverflowError):
        raise unsupported(view) from None
