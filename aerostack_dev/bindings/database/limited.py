"""`DELETE` and `UPDATE` with `LIMIT`, which the SQLite at hand is built without.

They are rewritten to what SQLite itself makes of them: `WHERE rowid IN (SELECT rowid …)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from .plan import Piece
from .script import Token, quoted, tokens

_CLAUSES = frozenset({"SET", "WHERE", "RETURNING", "ORDER", "LIMIT"})

_WITHOUT_ROWID = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?)"
_PRIMARY_KEY = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"


def without_limit(piece: Piece, connection: apsw.Connection) -> Piece | None:
    """`piece` without its LIMIT, meaning the same; None when it has none to take out.

    A RETURNING clause with parameters stays as it is: its place in their order changes.
    """
    if piece.word not in ("DELETE", "UPDATE"):
        return None
    parts = _Parts(piece)
    returning = parts.clause("RETURNING")
    if "LIMIT" not in parts.starts or not parts.table or _has_parameters(returning):
        return None
    key = _key(connection, parts.table)
    wanted = "\n".join(parts.clause(name) for name in ("WHERE", "ORDER", "LIMIT"))
    inner = f"SELECT {key} FROM {parts.target}\n{wanted}"
    return Piece(f"{parts.head}\nWHERE ({key}) IN ({inner}\n)\n{returning}", piece.word)


class _Parts:
    """A DELETE or UPDATE, taken apart by the keywords outside of parentheses."""

    def __init__(self, piece: Piece) -> None:
        self._sql = piece.text
        self._seen = [t for t in tokens(piece.text) if t.kind not in ("space", "comment", "end")]
        self.starts = _starts(self._seen)
        self._marks = [*sorted(self.starts.values()), len(self._seen)]
        # DELETE FROM t …; UPDATE t …; UPDATE OR IGNORE t …
        words = [token.text.upper() for token in self._seen[:2]]
        begin = 1 if words[0] == "UPDATE" and words[1:] != ["OR"] else 2
        begin = 3 if words == ["UPDATE", "OR"] else begin
        self._target = self._seen[begin : self._marks[0]]

    @property
    def head(self) -> str:
        """Everything before WHERE, or before what stands in its place."""
        stop = min(at for at in self._marks if at != self.starts.get("SET"))
        return self._text(self._seen[:stop])

    @property
    def target(self) -> str:
        """The table, with its alias and index hint."""
        return self._text(self._target)

    @property
    def table(self) -> str:
        """The table's bare name; empty when there is none to be read."""
        named = self._target
        if len(named) > 2 and named[1].text == ".":
            named = named[2:]
        if not named or named[0].kind not in ("word", "quoted"):
            return ""
        text = named[0].text
        return text if named[0].kind == "word" else text[1:-1].replace(text[0] * 2, text[0])

    def clause(self, name: str) -> str:
        """The clause that begins with the keyword `name`; empty when there is none."""
        if name not in self.starts:
            return ""
        start = self.starts[name]
        return self._text(self._seen[start : self._marks[self._marks.index(start) + 1]])

    def _text(self, found: Sequence[Token]) -> str:
        return self._sql[found[0].start : found[-1].stop] if found else ""


def _starts(seen: Sequence[Token]) -> dict[str, int]:
    depth = 0
    starts: dict[str, int] = {}
    for index, token in enumerate(seen):
        depth += (token.text == "(") - (token.text == ")")
        word = token.text.upper()
        if depth == 0 and token.kind == "word" and word in _CLAUSES:
            starts.setdefault(word, index)
    return starts


def _has_parameters(clause: str) -> bool:
    return any(token.kind == "other" and token.text[0] in "?:@$" for token in tokens(clause))


def _key(connection: apsw.Connection, table: str) -> str:
    without_rowid = connection.execute(_WITHOUT_ROWID, (table,)).fetchone()
    if not without_rowid or not without_rowid[0]:
        return "_rowid_"
    columns: list[Any] = connection.execute(_PRIMARY_KEY, (table,)).fetchall()
    return ", ".join(quoted(column) for (column,) in columns)
