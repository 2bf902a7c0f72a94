"""SQL text: its tokens, and where one statement ends and the next begins.

The rules are SQLite's own tokeniser's and `sqlite3_complete`'s: a `;` ends a statement
unless it stands in a string, a quoted name, a comment or the body of a trigger, which
ends with `; END ;` only. So a `CASE … END` needs no rule of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...errors import AerostackError

BLANK = " \t\n\f\r"
"""What counts as white space in SQL."""

STATEMENT = "statement "
"""`statement 3` is where a batch failed, until it is known of which file that is."""

SQLITE_HEADER = b"SQLite format 3"

_TOKEN = re.compile(
    r"""
    (?P<space>   [ \t\n\f\r]++ )
  | (?P<comment> --[^\n]*+ | /\*(?s:.*?)(?:\*/|\Z) )
  | (?P<quoted>  '(?:[^']++|'')*+'? | "(?:[^"]++|"")*+"? | `(?:[^`]++|``)*+`? | \[[^\]]*+\]? )
  | (?P<end>     ; )
  | (?P<word>    [^\W\d][\w$]*+ )
  | (?P<other>   [@:$\#][\w$]++ | \?\d*+ | \d[\w.]*+ | (?s:.) )
    """,
    re.VERBOSE,
)

_IGNORED = frozenset({"space", "comment"})
_SEVERAL_TRANSACTIONS = (
    "the file holds several transactions: only one BEGIN TRANSACTION is taken out of it"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL text: `kind` is space, comment, quoted, end, word or other."""

    kind: str
    text: str
    start: int

    @property
    def stop(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start` (not blank) up to `stop`: a statement, or what holds none.

    `words` are its first words in capitals (comments skipped); empty: no statement.
    """

    start: int
    stop: int
    words: tuple[str, ...]
    first: int
    """Where its first word or sign begins, behind any comments."""
    last: int
    """Where its last token ends, before the `;` and any comments."""


def tokens(sql: str) -> Iterator[Token]:
    """Every token of `sql`, white space and comments included: joined they are `sql`."""
    for match in _TOKEN.finditer(sql):
        yield Token(match.lastgroup or "other", match[0], match.start())


def segments(sql: str) -> Iterator[Segment]:
    """The statements of `sql` as positions; empty ones belong to the one that follows."""
    reader = _Reader()
    for token in tokens(sql):
        if reader.read(token):
            yield reader.segment()
            reader = _Reader()
    if reader.start is not None:
        yield reader.segment()


def statements(sql: str) -> list[str]:
    """The statements of `sql`, without their `;` and the comments around them."""
    return [sql[found.first : found.last] for found in segments(sql) if found.words]


def is_complete(sql: str) -> bool:
    """Whether the last statement of `sql` has its `;` (or there is none)."""
    reader = _Reader()
    for token in tokens(sql):
        if reader.read(token):
            reader = _Reader()
    return not reader.begun


def read_script(data: bytes, name: str) -> list[str]:
    """The statements of a SQL file, ready to run as one batch (db-cache.md §1.12).

    The first `BEGIN TRANSACTION` and `COMMIT` are taken out, since the batch is a
    transaction already. Raises `AerostackError` for a database file, for text that is
    not UTF-8 and for a file of several transactions.
    """
    return without_transaction(statements(sql_text(data, name)), name)


def sql_text(data: bytes, name: str) -> str:
    """The text of a SQL file. Raises `AerostackError` when it is none."""
    if data.startswith(SQLITE_HEADER):
        raise AerostackError(
            "this is a SQLite database, not SQL text",
            where=name,
            hint="write it as SQL first: sqlite3 FILE .dump > FILE.sql",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AerostackError(
            f"this is not UTF-8 text (byte {error.start})",
            where=name,
            hint="save the file as UTF-8",
        ) from error


def without_transaction(found: Iterable[str], name: str) -> list[str]:
    """`found` without its first BEGIN TRANSACTION and COMMIT.

    Raises `AerostackError` when another transaction begins in it.
    """
    outside = Outside(name)
    return [statement for statement in found if outside.keeps(statement)]


def place_of(where: str, text: str, name: str, before: int = 0) -> str:
    """`where` of the failure of a script, as `<name>:<line>` if it is one of its statements.

    The script, `text`, went over as the statements that `Outside` keeps; those of the
    batch that failed begin behind `before` of them.
    """
    if not where.startswith(STATEMENT):
        return where
    number = before + int(where.removeprefix(STATEMENT))
    outside = Outside(name)
    for found in segments(text):
        if found.words and outside.keeps(text[found.first : found.last]):
            number -= 1
            if number == 0:
                return f"{name}:{text.count(chr(10), 0, found.first) + 1}"
    return name


class Outside:
    """Which statements of a script are left when its one transaction is taken off."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = False
        self._ended = False

    def keeps(self, statement: str) -> bool:
        """Whether the next statement stays. Raises `AerostackError` at a second BEGIN."""
        word = _control(statement)
        if word == "BEGIN":
            if self._begun:
                hint = "remove BEGIN and COMMIT: the file is one batch"
                raise AerostackError(_SEVERAL_TRANSACTIONS, where=self._name, hint=hint)
            self._begun = True
            return False
        if word in ("COMMIT", "END") and not self._ended:
            self._ended = True
            return False
        return True


def quoted(name: str) -> str:
    """`name` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _control(statement: str) -> str:
    if statement[:1] not in "bBcCeE":  # statements begin with their first word
        return ""
    words = [token.text.upper() for token in tokens(statement) if token.kind not in _IGNORED]
    simple = {"BEGIN", "COMMIT", "END", "TRANSACTION", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"}
    return words[0] if words and simple.issuperset(words) else ""


class _Reader:
    """Reads one statement, token by token, until its end."""

    WORDS = 6
    """So many tell a trigger: EXPLAIN QUERY PLAN CREATE TEMP TRIGGER."""

    def __init__(self) -> None:
        self.start: int | None = None
        self._first: int | None = None
        self._last = 0
        self._stop = 0
        self._words: list[str] = []
        self._tail: tuple[str, str] = ("", "")

    @property
    def begun(self) -> bool:
        """Whether anything but comments was read."""
        return self._first is not None

    def read(self, token: Token) -> bool:
        """Take one token; True when the statement is complete."""
        if self.start is None and token.kind == "space":
            return False
        self.start = token.start if self.start is None else self.start
        if token.kind == "end":
            self._stop = token.stop
            return self._ended()
        if token.kind in _IGNORED:
            self._stop = self._stop if token.kind == "space" else token.stop
            return False
        self._take(token)
        return False

    def segment(self) -> Segment:
        first = self._first if self._first is not None else self._stop
        return Segment(self.start or 0, self._stop, tuple(self._words), first, self._last)

    def _take(self, token: Token) -> None:
        self._first = token.start if self._first is None else self._first
        self._last = self._stop = token.stop
        word = token.text.upper() if token.kind == "word" else token.text[:1]
        if len(self._words) < self.WORDS:
            self._words.append(word)
        self._tail = (self._tail[1], word)

    def _ended(self) -> bool:
        if self._first is None:
            return False
        if not self._is_trigger() or self._tail == (";", "END"):
            return True
        self._tail = (self._tail[1], ";")
        return False

    def _is_trigger(self) -> bool:
        words = self._words
        if words[:1] == ["EXPLAIN"]:
            words = words[3:] if words[1:3] == ["QUERY", "PLAN"] else words[1:]
        if words[:1] != ["CREATE"]:
            return False
        return words[1:2] == ["TRIGGER"] or (
            words[1:2] in (["TEMP"], ["TEMPORARY"]) and words[2:3] == ["TRIGGER"]
        )
