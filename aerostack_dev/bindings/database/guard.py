"""What SQL may do here: SQLite's authoriser and limits (db-cache.md §1.9, §1.10).

Where production and its local emulation differ, production's figure holds.
"""

from __future__ import annotations

import re

import apsw

MAX_SQL_BYTES = 100_000
MAX_VALUE_BYTES = 2_000_000
MAX_PARAMETERS = 100
MAX_COLUMNS = 100
MAX_ARGUMENTS = 32
MAX_PATTERN_BYTES = 50
MAX_COMPOUND_TERMS = 5
MAX_EXPRESSION_DEPTH = 100
MAX_VDBE_OPERATIONS = 25_000
MAX_TRIGGER_DEPTH = 10

LIMITS = {
    apsw.SQLITE_LIMIT_SQL_LENGTH: MAX_SQL_BYTES,
    apsw.SQLITE_LIMIT_LENGTH: MAX_VALUE_BYTES,
    apsw.SQLITE_LIMIT_VARIABLE_NUMBER: MAX_PARAMETERS,
    apsw.SQLITE_LIMIT_COLUMN: MAX_COLUMNS,
    apsw.SQLITE_LIMIT_FUNCTION_ARG: MAX_ARGUMENTS,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: MAX_PATTERN_BYTES,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: MAX_COMPOUND_TERMS,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: MAX_EXPRESSION_DEPTH,
    apsw.SQLITE_LIMIT_VDBE_OP: MAX_VDBE_OPERATIONS,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: MAX_TRIGGER_DEPTH,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
}

RESERVED = "_cf_"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES = ("fts5", "fts5vocab", "rtree", "rtree_i32")

FUNCTIONS = _words(
    """
    abs changes char coalesce concat concat_ws format glob hex ifnull iif instr
    last_insert_rowid length like likelihood likely lower ltrim max min nullif octet_length
    printf quote random randomblob replace round rtrim sign soundex substr substring
    total_changes trim typeof unhex unicode unlikely upper zeroblob load_extension
    date time datetime julianday unixepoch strftime timediff
    current_date current_time current_timestamp
    avg count group_concat string_agg sum total
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value
    nth_value
    acos acosh asin asinh atan atan2 atanh ceil cos cosh degrees exp floor ln log log2 mod pi
    pow radians sin sinh sqrt tan tanh trunc
    -> ->> match highlight bm25 snippet rtreecheck
    sqlite_rename_table sqlite_rename_column sqlite_rename_test sqlite_rename_quotefix
    sqlite_drop_column sqlite_fail
    """
)
"""By name; the last line is what ALTER TABLE itself calls, and SQL cannot."""
JSON_FUNCTIONS_DENIED = frozenset({"json_pretty", "json_error_position"})

_NAMED = _words("table_info table_xinfo foreign_key_list index_info index_list index_xinfo")
_BARE = frozenset({"table_list", "data_version", "page_size"})
SWITCHES = {
    "case_sensitive_like": False,
    "foreign_keys": True,
    "defer_foreign_keys": False,
    "ignore_check_constraints": False,
    "legacy_alter_table": False,
    "recursive_triggers": False,
    "reverse_unordered_selects": False,
}
"""The boolean pragmas and what they are when a request begins."""
_BOOLEANS = _words("true false yes no on off 1 0")

TRANSACTIONS = (
    "To execute a transaction, please use the state.storage.transaction() or "
    "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or "
    "SAVEPOINT statements."
)

_TEMPORARY = frozenset({"sqlite_temp_master", "sqlite_temp_schema"})
_ABSENT = frozenset({"carray"})
_DENIED = frozenset(
    {
        apsw.SQLITE_ATTACH,
        apsw.SQLITE_DETACH,
        apsw.SQLITE_CREATE_TEMP_INDEX,
        apsw.SQLITE_CREATE_TEMP_TABLE,
        apsw.SQLITE_CREATE_TEMP_TRIGGER,
        apsw.SQLITE_CREATE_TEMP_VIEW,
    }
)
_WRITES = frozenset({apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE, apsw.SQLITE_DELETE})
_TOUCHES = _WRITES | {apsw.SQLITE_READ}
_RENAME = re.compile(r"""\brename\s+to\s+["'`\[]?_cf_""", re.IGNORECASE)


class Guard:
    """The authoriser of one connection. `trusted` lets our own statements pass."""

    def __init__(self) -> None:
        self.trusted = False
        self.transaction_refused = False
        self.written: str | None = None
        """The table that the statement last prepared writes to, if any."""

    def install(self, connection: apsw.Connection) -> None:
        """Put the limits and this authoriser on `connection`."""
        connection.drop_modules(MODULES)
        for limit, value in LIMITS.items():
            connection.limit(limit, value)
        connection.authorizer = self

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        inner: str | None,
    ) -> int:
        if self.trusted or self._allowed(action, first or "", second or "", database, inner):
            return apsw.SQLITE_OK
        return apsw.SQLITE_DENY

    def _allowed(
        self, action: int, first: str, second: str, database: str | None, inner: str | None
    ) -> bool:
        if action == apsw.SQLITE_SELECT:
            return True
        if action == apsw.SQLITE_FUNCTION:
            return allowed_function(second)
        if action == apsw.SQLITE_PRAGMA:
            return database != "temp" and allowed_pragma(first, second or None)
        if action in _TOUCHES:
            return self._touch(action, first, database, inner)
        if action in (apsw.SQLITE_TRANSACTION, apsw.SQLITE_SAVEPOINT):
            self.transaction_refused = True
            return False
        if action == apsw.SQLITE_CREATE_VTABLE and second.lower() not in MODULES:
            return False
        return action not in _DENIED and not (is_reserved(first) or is_reserved(second))

    def _touch(self, action: int, table: str, database: str | None, inner: str | None) -> bool:
        if action in _WRITES and inner is None and self.written is None:
            self.written = table
        if database == "temp":
            return table in _TEMPORARY and action in (apsw.SQLITE_READ, apsw.SQLITE_UPDATE)
        return table not in _ABSENT and not is_reserved(table)


def allowed_function(name: str) -> bool:
    """Whether SQL may call the function `name`."""
    known = name.lower()
    if known.startswith("json"):
        return known not in JSON_FUNCTIONS_DENIED
    return known in FUNCTIONS


def allowed_pragma(name: str, argument: str | None) -> bool:
    """Whether SQL may use the pragma `name` with this argument (None: without one)."""
    known = name.lower()
    if known in _BARE:
        return argument is None
    if known in _NAMED:
        return argument is not None and not is_reserved(argument)
    if known in SWITCHES:
        return argument is None or argument.lower() in _BOOLEANS
    if known == "optimize":
        return argument is None or argument.isdecimal()
    if known in ("foreign_key_check", "quick_check"):
        return argument is None or not is_reserved(argument)
    return False


def is_reserved(name: str) -> bool:
    """Whether `name` belongs to the platform (any case)."""
    return name[: len(RESERVED)].lower() == RESERVED


def renames_to_reserved(sql: str) -> bool:
    """Whether an ALTER TABLE takes a reserved name: SQLite's authoriser is not told."""
    return _RENAME.search(sql) is not None
