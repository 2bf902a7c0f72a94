"""The platform's texts for what goes wrong (db-cache.md §1.7)."""

from __future__ import annotations

import re
from pathlib import Path

import apsw

from ...errors import BindingError, StateError
from ..sqlite import failure
from .script import STATEMENT

NO_STATEMENTS = "No SQL statements detected."
NO_STATEMENT = "SQL code did not contain a statement."
WRONG_PARAMETERS = "Wrong number of parameter bindings for SQL query."
EARLY_PARAMETERS = (
    "When executing multiple SQL statements in a single call, only the last statement can "
    "have parameters."
)
TOO_LONG = "statement too long: SQLITE_TOOBIG"
NUL = "the SQL text holds a NUL character: SQLITE_ERROR"
NOT_AUTHORIZED = "not authorized: SQLITE_AUTH"
NOT_TEXT = "the result holds text that is not valid UTF-8"

_CODE = re.compile(r": (SQLITE_[A-Z]+)(?: \(extended: SQLITE_[A-Z_]+\))?$")
TRANSACTIONS_HINT = "use env.DB.batch([…]): a batch is one transaction"

_FILE_TROUBLE = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.IOError,
    apsw.NotADBError,
    apsw.ReadOnlyError,
)


class RefusedError(Exception):
    """A statement failed: `text` is the platform's, without a prefix."""

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        code = _CODE.search(text)
        self.code = code[1] if code else "D1_ERROR"
        self.hint = hint
        self.where = ""
        self.position = 0
        """Which of several statements it is, from 1; 0 where there is only one."""

    def error(self, prefix: str = "D1_ERROR: ") -> BindingError:
        """What the author sees, to be raised from `bare()`."""
        kind = StateError if self.where else BindingError
        where = self.where or (f"{STATEMENT}{self.position}" if self.position else "")
        return kind(prefix + self.text, hint=self.hint, where=where, code=self.code)

    def bare(self, prefix: str = "") -> BindingError:
        """The cause of `error()`: the text without its code."""
        return BindingError(prefix + self.text, code=self.code)


def refusal(error: apsw.Error, path: Path) -> RefusedError:
    """SQLite's error in the platform's words; a file in trouble names its path."""
    refused = RefusedError(text_of(error))
    if isinstance(error, _FILE_TROUBLE):
        refused.where = str(path)
        refused.hint = failure(path, error).hint
    return refused


def text_of(error: apsw.Error) -> str:
    """`<message>[ at offset N]: <CODE>[ (extended: <CODE>)]`."""
    result, extended, offset = _details(error)
    place = f" at offset {offset}" if offset >= 0 else ""
    name = apsw.mapping_extended_result_codes.get(extended, extended)
    suffix = f" (extended: {name})" if extended != result else ""
    return f"{error}{place}: {_primary(error)}{suffix}"


def _primary(error: apsw.Error) -> str:
    return str(apsw.mapping_result_codes.get(_details(error)[0], "SQLITE_ERROR"))


def _details(error: apsw.Error) -> tuple[int, int, int]:
    """Result, extended result and offset: apsw's own errors (a misuse) have none."""
    result = getattr(error, "result", apsw.SQLITE_ERROR)
    return (
        result,
        getattr(error, "extendedresult", result),
        getattr(error, "error_offset", -1),
    )
