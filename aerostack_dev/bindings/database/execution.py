"""Running statements: what happens in the thread of a database's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw

from ...clock import stopwatch
from ...wire import Record
from . import failures
from .backend import QUERY_SECONDS, Outcome, Statement, View
from .failures import RefusedError, refusal
from .guard import SWITCHES, TRANSACTIONS, Guard, renames_to_reserved
from .limited import without_limit
from .plan import Piece, Plan
from .undecodable import read_with_replacement
from .values import plain_rows

SERVED_BY = "aerostack-dev.db"
PROGRESS_STEPS = 1_000_000
"""How many of SQLite's steps pass between two looks at the time."""
TABLES_KEPT = 2048

Result = TypeVar("Result")

# Marked, for SQLite's statements are cached by text, and a cached one is not authorised
# again: the author's own BEGIN must never be mistaken for these.
_BEGIN = "BEGIN /* aerostack-dev */"
_BEGIN_IMMEDIATE = "BEGIN IMMEDIATE /* aerostack-dev */"
_COMMIT = "COMMIT /* aerostack-dev */"
_ROLLBACK = "ROLLBACK /* aerostack-dev */"
_PAGES = "PRAGMA main.page_count /* aerostack-dev */"
_FREE = "PRAGMA main.freelist_count /* aerostack-dev */"
_INDEXES = "SELECT count(*) FROM pragma_index_list(?) /* aerostack-dev */"


class Executor:
    """Runs requests on one connection, in its thread. `prepare` hands it over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.guard = Guard()
        self.closing = False
        self._connection: apsw.Connection
        self._cursor: apsw.Cursor
        self._page_size = 0
        self._sized = (-1, 0)
        """The file's version when its size was last asked for, and that size."""
        self._deadline = 0.0
        self._position = 0
        """Of the statement that runs, among several."""
        self._tables: dict[str, str] = {}
        self._indexes: dict[str, int] = {}

    def prepare(self, connection: apsw.Connection) -> None:
        """Take a new connection: put limits and guard on it."""
        self._connection = connection
        self._cursor = connection.cursor()
        self._page_size = int(connection.pragma("page_size"))
        self.guard.install(connection)
        connection.set_progress_handler(self._overdue, PROGRESS_STEPS)

    def interrupt(self) -> None:
        """Stop long statements, running or waiting; from any thread, before the end.

        By the progress handler: SQLite's own interrupt would also keep the closing
        connection from moving its log into the file.
        """
        self.closing = True

    def run(
        self, connection: apsw.Connection, statements: Sequence[Statement], view: View
    ) -> list[Any]:
        """Run a request. Raises `RefusedError`; then nothing of it is kept."""
        try:
            plan = statements[0][0]
            if len(statements) == 1 and plan.alone and (plan.reading or not view.measured):
                return [view.shape(self._outcome(*statements[0], view))]
            return self._transaction(statements, view)
        except apsw.Error as error:
            raise self._refusal(error) from None
        except UnicodeDecodeError:  # in the name of a column
            raise RefusedError(failures.NOT_TEXT) from None
        finally:
            if connection.in_transaction:
                self._roll_back()
                self._indexes.clear()

    def held(
        self, connection: apsw.Connection, statements: Sequence[Statement], view: View
    ) -> list[Any]:
        """Run statements in a transaction that stays open until `commit`.

        Raises `RefusedError`; then nothing of the transaction is kept.
        """
        with self._keeping(connection):
            if not connection.in_transaction:
                self._control(_BEGIN_IMMEDIATE)
            return [view.shape(outcome) for outcome in self._each(statements, view)]

    def commit(self, connection: apsw.Connection) -> None:
        """End the transaction of `held`. Raises as it does."""
        with self._keeping(connection):
            if connection.in_transaction:
                self._control(_COMMIT)

    def trusted(
        self, connection: apsw.Connection, work: Callable[[apsw.Connection], Result]
    ) -> Result:
        """Run work of ours, which the guard lets pass. Raises `RefusedError`."""
        self.guard.trusted = True
        self._deadline = stopwatch() + QUERY_SECONDS
        try:
            return work(connection)
        except apsw.Error as error:
            raise self._refusal(error) from None
        finally:
            self.guard.trusted = False

    def _each(
        self, statements: Sequence[Statement], view: View, first: int = 1
    ) -> Iterator[Outcome]:
        """Run statements that failures count from `first`; 0: there is only one."""
        for self._position, statement in enumerate(statements, first):
            if self.closing:  # many short statements never meet the progress handler
                raise apsw.InterruptError("interrupted")
            try:
                yield self._outcome(*statement, view)
            except RefusedError as refused:
                refused.position, self._position = self._position, 0
                raise
        self._position = 0

    @contextmanager
    def _keeping(self, connection: apsw.Connection) -> Iterator[None]:
        """The transaction is undone when the block fails."""
        try:
            yield
        except BaseException as error:
            if connection.in_transaction:
                self._roll_back()
            if isinstance(error, apsw.Error):
                raise self._refusal(error) from None
            if isinstance(error, UnicodeDecodeError):
                raise RefusedError(failures.NOT_TEXT) from None
            raise

    def _transaction(self, statements: Sequence[Statement], view: View) -> list[Any]:
        reading = all(plan.reading for plan, _ in statements)
        self._control(_BEGIN if reading else _BEGIN_IMMEDIATE)
        try:
            outcomes = self._each(statements, view, 1 if len(statements) > 1 else 0)
            results = [view.shape(outcome) for outcome in outcomes]
            self._control(_COMMIT)
        finally:
            self._reset({name for plan, _ in statements for name in plan.switches})
        return results

    def _outcome(self, plan: Plan, parameters: Sequence[Any], view: View) -> Outcome:
        self._deadline = stopwatch() + QUERY_SECONDS
        if view.measured:
            return self._measured(plan, parameters, view)
        return Outcome(*self._ran(plan, parameters, view), None)

    def _measured(self, plan: Plan, parameters: Sequence[Any], view: View) -> Outcome:
        connection = self._connection
        size = 0 if plan.reading else self._size()
        changed, rowid = connection.total_changes(), connection.last_insert_rowid()
        started = stopwatch()
        columns, rows = self._ran(plan, parameters, view)
        seconds = stopwatch() - started
        changes = connection.total_changes() - changed
        new_rowid, new_size = connection.last_insert_rowid(), self._size()
        changed_db = changes != 0 or new_rowid != rowid or new_size != size
        meta = Record(
            served_by=SERVED_BY,
            duration=round(seconds * 1000, 3),
            changes=changes,
            last_row_id=new_rowid,
            changed_db=changed_db and not plan.reading,
            size_after=new_size,
            rows_read=max(len(rows), changes),
            rows_written=changes * self._weight(plan) if changes else 0,
        )
        return Outcome(columns, rows, meta)

    def _ran(
        self, plan: Plan, parameters: Sequence[Any], view: View
    ) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        if plan.refused:
            raise RefusedError(plan.refused)
        for piece in plan.early:
            self._piece(piece, (), failures.EARLY_PARAMETERS)
        if plan.final is None:
            raise RefusedError(failures.NO_STATEMENT)
        if plan.changes_schema:
            self._indexes.clear()
        return self._piece(plan.final, parameters, failures.WRONG_PARAMETERS, view.named)

    def _piece(
        self, piece: Piece, parameters: Sequence[Any], mismatch: str, named: bool = False
    ) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        self.guard.written = None
        if piece.word == "ALTER" and renames_to_reserved(piece.text):
            raise RefusedError(failures.NOT_AUTHORIZED)
        try:
            columns, rows = self._fetched(piece, parameters, named)
        except apsw.BindingsError:
            raise RefusedError(mismatch) from None
        except apsw.SQLError:
            rewritten = without_limit(piece, self._connection)
            if rewritten is None:
                raise
            return self._piece(rewritten, parameters, mismatch, named)
        except UnicodeDecodeError:
            # The statement is still at its row, and would keep the file locked there.
            self._cursor.close(True)
            self._cursor = self._connection.cursor()
            columns, rows = read_with_replacement(self._connection, piece.text, parameters)
        if self.guard.written is not None:
            self._note(piece.text, self.guard.written)
        return columns, plain_rows(rows)

    def _fetched(
        self, piece: Piece, parameters: Sequence[Any], named: bool
    ) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        if named:
            return _with_names(self._connection, piece.text, parameters)
        cursor = self._cursor
        cursor.execute(piece.text, parameters)
        row = cursor.fetchone()
        if row is None:
            return (), []
        columns = [column[0] for column in cursor.get_description()]
        return columns, [row, *cursor.fetchall()]

    def _control(self, text: str) -> None:
        self._deadline = stopwatch() + QUERY_SECONDS
        self.guard.trusted = True
        try:
            self._connection.execute(text)
        finally:
            self.guard.trusted = False

    def _roll_back(self) -> None:
        try:
            self._control(_ROLLBACK)
        except apsw.InterruptError:  # on the loop, whose moment may end in the midst of it
            self._control(_ROLLBACK)

    def _own(self, text: str, *parameters: Any) -> Any:
        self.guard.trusted = True
        try:
            return self._connection.execute(text, parameters).get
        finally:
            self.guard.trusted = False

    def _size(self) -> int:
        """Bytes in use. Outside of a transaction, asked of the file only when it changed."""
        connection = self._connection
        version = -1 if connection.in_transaction else connection.data_version()
        if version < 0 or version != self._sized[0]:
            self._sized = version, int((self._own(_PAGES) - self._own(_FREE)) * self._page_size)
        return self._sized[1]

    def _reset(self, switches: set[str]) -> None:
        """Pragmas last for their request only, as in production (db-cache.md §1.9)."""
        for name in switches:
            self._control(f"PRAGMA {name} = {int(SWITCHES[name])}")

    def _note(self, text: str, table: str) -> None:
        if len(self._tables) >= TABLES_KEPT:
            self._tables.clear()
        self._tables[text] = table

    def _weight(self, plan: Plan) -> int:
        """Rows written for each change: the row itself and an entry of each index."""
        table = self._tables.get(plan.final.text, "") if plan.final else ""
        if table not in self._indexes:
            self._indexes[table] = self._own(_INDEXES, table)
        return 1 + self._indexes[table]

    def _overdue(self) -> bool:
        return self.closing or stopwatch() > self._deadline

    def _refusal(self, error: apsw.Error) -> RefusedError:
        refused, self.guard.transaction_refused = self.guard.transaction_refused, False
        if refused and isinstance(error, apsw.AuthError):
            return RefusedError(TRANSACTIONS, hint=failures.TRANSACTIONS_HINT)
        found = refusal(error, self.path)
        found.position, self._position = self._position, 0
        if isinstance(error, apsw.InterruptError):
            found.hint = f"a statement may take {QUERY_SECONDS:g} seconds"
        return found


def _with_names(
    connection: apsw.Connection, text: str, parameters: Sequence[Any]
) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    """The rows and, even when there are none, the names of the columns."""
    names: list[str] = []

    def note(cursor: apsw.Cursor, _text: str, _parameters: Any) -> bool:
        names[:] = [column[0] for column in cursor.get_description()]
        return True

    cursor = connection.cursor()
    cursor.exec_trace = note
    # Uncached, for a cached statement still has the names of an older schema here.
    rows = cursor.execute(text, parameters, can_cache=False).fetchall()
    return names, rows
