"""The verbs of `env.DB`, for every language (db-cache.md §1)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ...errors import BindingError
from ...wire import Record
from ..kind import Services
from ..spans import operation
from . import Database as Declaration
from . import failures
from .backend import Backend, Outcome, Statement, View
from .failures import RefusedError
from .plan import Plan, plan
from .values import is_int64, parameters, unsupported

T = TypeVar("T")

EXEC_ERROR = "D1_EXEC_ERROR: "
FIRST_LINE = "Error in line 1: "
DUMP_REFUSED = "Status 404"
QUERY_REFUSED = "query() needs the experimental flag d1_binding_jsrpc"

SUBJECTS_SHOWN = 20
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


def _result(outcome: Outcome) -> Record:
    results = [Record(zip(outcome.columns, row, strict=True)) for row in outcome.rows]
    return Record(success=True, meta=outcome.meta, results=results)


def _first(outcome: Outcome) -> Record | None:
    if not outcome.rows:
        return None
    return Record(zip(outcome.columns, outcome.rows[0], strict=True))


def _arrays(outcome: Outcome) -> list[list[Any]]:
    return [list(row) for row in outcome.rows]


def _named_arrays(outcome: Outcome) -> list[list[Any]]:
    return [list(outcome.columns), *_arrays(outcome)]


def _duration(outcome: Outcome) -> float:
    return float(outcome.meta["duration"]) if outcome.meta else 0.0


RESULT = View(_result, measured=True)
FIRST = View(_first)
ARRAYS = View(_arrays)
NAMED_ARRAYS = View(_named_arrays, named=True)
DURATION = View(_duration, measured=True)


def _batch_subject(statements: Sequence[Any]) -> str:
    shown = statements[:SUBJECTS_SHOWN] if isinstance(statements, list) else []
    return "; ".join(str(entry[0]) for entry in shown if isinstance(entry, (list, tuple)))


def _session_subject(verb: str, arguments: Sequence[Any]) -> str:
    first = arguments[0] if arguments else ""
    return first if isinstance(first, str) else _batch_subject(first)


class Operations:
    """One binding of a database. Parameters are wire values: a number stays what it is,
    bytes or a list of numbers below 256 is a BLOB (§1.3). A failing statement raises
    `BindingError` with the platform's text; then nothing of its request is kept.
    """

    def __init__(self, declaration: Declaration, backend: Backend, services: Services) -> None:
        self.binding = declaration.binding
        self._database = backend.database(declaration.resource)
        self._verbs: dict[str, Callable[..., Awaitable[Any]]] = {
            "all": self._all,
            "run": self._all,
            "first": self._one,
            "raw": self._raw,
            "batch": self._batch,
        }

    @operation()
    async def all(self, sql: str, parameters: Sequence[Any] = ()) -> Record:
        """Run `sql`: `{success, meta, results}`, a row being a dict (§1.5, §1.6).

        `meta.rows_read` is approximate: the rows given back or changed, whichever is
        more; so is `rows_written`: the rows changed times one more than their table has
        indexes.
        """
        return await self._all(sql, parameters)

    @operation()
    async def run(self, sql: str, parameters: Sequence[Any] = ()) -> Record:
        """The same as `all`: rows are given back too."""
        return await self._all(sql, parameters)

    @operation()
    async def first(
        self, sql: str, parameters: Sequence[Any] = (), column: str | None = None
    ) -> Any:
        """The first row as a dict, or its `column`; None when there is no row.

        Raises `BindingError` (`D1_COLUMN_NOTFOUND`) when the row has no such column.
        """
        return await self._one(sql, parameters, column)

    @operation()
    async def raw(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        columnNames: bool = False,
    ) -> list[list[Any]]:
        """Rows as lists, after a first one of the column names if `columnNames`."""
        return await self._raw(sql, parameters, columnNames)

    @operation(_batch_subject)
    async def batch(self, statements: Sequence[Sequence[Any]]) -> list[Record]:
        """Run `[[sql, parameters], …]` in one transaction; what `all` gives, for each."""
        return await self._batch(statements)

    @operation()
    async def exec(self, sql: str) -> Record:
        """Run each line of `sql` as a statement, in one transaction: `{count, duration}`.

        `duration` is in milliseconds. Raises `BindingError` (`D1_EXEC_ERROR`).
        """
        lines = _text(sql).strip().split("\n")
        try:
            durations = await self._request([(line, ()) for line in lines], DURATION)
        except RefusedError as refused:
            line = f"{FIRST_LINE}{lines[0]}: "
            raise refused.error(f"{EXEC_ERROR}{line}") from refused.bare(line)
        return Record(count=len(durations), duration=sum(durations))

    @operation()
    async def dump(self) -> None:
        """Always raises `BindingError`: only the platform's alpha databases had it."""
        raise _caused(f"D1_DUMP_ERROR: {DUMP_REFUSED.replace(' ', ' + ')}", DUMP_REFUSED)

    @operation()
    async def query(self, *_: Any) -> None:
        """Always raises `BindingError`: an experiment of the platform's."""
        raise _caused(f"D1_ERROR: {QUERY_REFUSED}", QUERY_REFUSED)

    @operation(_session_subject)
    async def session(self, verb: str, arguments: Sequence[Any]) -> Record:
        """One of the verbs within a session: `{value, bookmark}` (§1.8)."""
        if verb not in self._verbs:
            known = ", ".join(self._verbs)
            raise BindingError(f"D1_ERROR: a session has no {verb!r}", hint=f"it has: {known}")
        value = await self._verbs[verb](*arguments)
        return Record(value=value, bookmark=self._database.bookmark())

    @operation()
    async def info(self) -> Record:
        """`{name, file, size, tables: [{name, type, columns, rows, indexes}]}`."""
        return await self._reported(self._database.info())

    @operation(lambda *_, **__: "")
    async def export(
        self, tables: Sequence[str] = (), schema: bool = True, data: bool = True
    ) -> AsyncIterator[bytes]:
        """The database, or these tables of it, as SQL text in pieces (§1.12)."""
        return self._exported(tables, schema, data)

    @operation()
    async def beginImport(self) -> str:
        """Begin an import, a transaction over several calls; returns its name.

        Until it ends every other request to the database waits. It ends by itself,
        undone, after `importing.IDLE_SECONDS` without a call.
        """
        return await self._reported(self._database.begin_import())

    @operation(lambda name, statements: _batch_subject(statements))
    async def continueImport(self, name: str, statements: Sequence[Sequence[Any]]) -> int:
        """Run `[[sql, parameters], …]` as part of it; how many rows they changed.

        Raises as `batch`; then the import has ended, and nothing of it is kept.
        """
        prepared = [_prepared(*_entry(statement)) for statement in statements]
        kept = [statement for statement in prepared if not statement[0].dropped]
        return await self._reported(self._database.go_on_importing(name, kept))

    @operation()
    async def finishImport(self, name: str) -> None:
        """Keep what was imported. Raises as `batch`; then nothing is kept."""
        await self._reported(self._database.end_import(name, keep=True))

    @operation()
    async def abandonImport(self, name: str) -> None:
        """End an import; nothing of it is kept."""
        await self._reported(self._database.end_import(name, keep=False))

    async def _reported(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except RefusedError as refused:
            raise refused.error() from refused.bare()

    async def _exported(
        self, tables: Sequence[str], schema: bool, data: bool
    ) -> AsyncIterator[bytes]:
        try:
            async for piece in self._database.export(tables, schema, data):
                yield piece
        except RefusedError as refused:
            raise refused.error() from refused.bare()

    async def _all(self, sql: str, parameters: Sequence[Any] = ()) -> Record:
        found: Record = await self._single(sql, parameters, RESULT)
        return found

    async def _one(
        self, sql: str, parameters: Sequence[Any] = (), column: str | None = None
    ) -> Any:
        row = await self._single(sql, parameters, FIRST)
        if row is None or column is None:
            return row
        if column not in row:
            text = "Column not found"
            raise _caused(f"D1_COLUMN_NOTFOUND: {text} ({column})", text, "D1_COLUMN_NOTFOUND")
        return row[column]

    async def _raw(
        self, sql: str, parameters: Sequence[Any] = (), columnNames: bool = False
    ) -> list[list[Any]]:
        view = NAMED_ARRAYS if columnNames is True else ARRAYS
        found: list[list[Any]] = await self._single(sql, parameters, view)
        return found

    async def _batch(self, statements: Sequence[Sequence[Any]]) -> list[Record]:
        return await self._answered([_entry(statement) for statement in statements], RESULT)

    async def _single(self, sql: str, parameters: Sequence[Any], view: View) -> Any:
        found = await self._answered([(sql, parameters)], view)
        return found[0]

    async def _answered(
        self, statements: Sequence[tuple[str, Sequence[Any]]], view: View
    ) -> list[Any]:
        return await self._reported(self._request(statements, view))

    async def _request(
        self, statements: Sequence[tuple[str, Sequence[Any]]], view: View
    ) -> list[Any]:
        """Run a request, without the texts that the platform passes over (§1.2)."""
        prepared = [_prepared(sql, values) for sql, values in statements]
        kept = [statement for statement in prepared if not statement[0].dropped]
        if not kept:
            raise RefusedError(failures.NO_STATEMENTS)
        try:
            return await self._database.run(kept, view)
        except OverflowError:
            raise _too_large(statements) from None
        except UnicodeEncodeError:
            # Half a surrogate pair: the platform writes U+FFFD in its place.
            return await self._request([_scrubbed(*statement) for statement in statements], view)


def _prepared(sql: str, values: Sequence[Any]) -> Statement:
    found: Plan = plan(_text(sql))
    return found, parameters(values)


def _entry(statement: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    if isinstance(statement, (list, tuple)) and len(statement) in (1, 2):
        return statement[0], statement[1] if len(statement) == 2 else ()
    raise TypeError(f"a statement is [sql, parameters], not {type(statement).__name__}")


def _text(sql: Any) -> str:
    if isinstance(sql, str):
        return sql
    raise TypeError(f"SQL is a string, not {type(sql).__name__}")


def _too_large(statements: Sequence[tuple[str, Sequence[Any]]]) -> TypeError:
    """The error for the first whole number that has no room in SQLite's 64 bits."""
    values = [value for _, parameters in statements for value in parameters]
    return unsupported(next(v for v in values if isinstance(v, int) and not is_int64(v)))


def _scrubbed(sql: str, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    whole = [value.translate(_SURROGATES) if isinstance(value, str) else value for value in values]
    return sql.translate(_SURROGATES), whole


def _caused(message: str, text: str, code: str = "D1_ERROR") -> BindingError:
    error = BindingError(message, code=code)
    error.__cause__ = BindingError(text, code=code)
    return error
