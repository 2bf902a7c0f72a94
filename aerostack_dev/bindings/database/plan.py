"""What a statement text consists of, found once per text: the pieces that SQLite runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .failures import NUL, TOO_LONG
from .guard import MAX_SQL_BYTES, SWITCHES
from .script import BLANK, segments

PLANS_KEPT = 2048
LONGEST_KEPT = 8192
"""The plan of a text with more characters is made anew each time, to spare memory."""

_DROPPED = re.compile(r"^\s+--.*", re.MULTILINE)
_SIMPLE = re.compile(r"\s*(?P<word>[A-Za-z]+)\b")
_READING = frozenset({"SELECT", "VALUES", "EXPLAIN", "PRAGMA"})
_ALONE = frozenset({"SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"})
_WRITING = re.compile(r"\b(?:insert|replace|update|delete)\b", re.IGNORECASE)
_RETURNING = re.compile(r"\breturning\b", re.IGNORECASE)
_SCHEMA = frozenset({"CREATE", "DROP", "ALTER"})


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One SQL statement: `word` is its first keyword, in capitals."""

    text: str
    word: str

    @property
    def reading(self) -> bool:
        """Whether it surely writes nothing (a WITH may introduce either)."""
        if self.word == "WITH":
            return _WRITING.search(self.text) is None
        return self.word in _READING

    @property
    def alone(self) -> bool:
        """Whether it is atomic without a BEGIN, even if its rows cannot all be read."""
        return self.word in _ALONE and (self.reading or not _RETURNING.search(self.text))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A statement as the author wrote it, which may hold several (db-cache.md §1.5)."""

    early: tuple[Piece, ...]
    """What runs first: its results are not seen, and it may not have parameters."""
    final: Piece | None
    """What gives the result. None: the text ends with something that is no statement,
    which is an error once the rest ran."""
    dropped: bool
    """Whether the platform passes over this text without a word (db-cache.md §1.2)."""
    refused: str
    """Why SQLite will not be asked at all, as the platform's text; empty: it will."""
    alone: bool
    """One statement that is atomic by itself and needs no BEGIN: it behaves the same."""
    reading: bool
    """Whether nothing in it takes the write lock."""
    changes_schema: bool
    switches: tuple[str, ...]
    """The pragmas that it may have set, to be set back: they last for one request."""


def plan(sql: str) -> Plan:
    """The plan of a statement text."""
    return _kept(sql) if len(sql) <= LONGEST_KEPT else _made(sql)


def _made(sql: str) -> Plan:
    pieces, rest = _pieces(sql)
    pragmas = " ".join(piece.text.lower() for piece in pieces if piece.word == "PRAGMA")
    return Plan(
        early=pieces if rest else pieces[:-1],
        final=None if rest else pieces[-1],
        dropped=not _DROPPED.sub("", sql).strip(),
        refused=_refused(sql),
        alone=len(pieces) == 1 and not rest and pieces[0].alone,
        reading=all(piece.reading for piece in pieces),
        changes_schema=any(piece.word in _SCHEMA for piece in pieces),
        switches=tuple(name for name in SWITCHES if name in pragmas),
    )


_kept = lru_cache(PLANS_KEPT)(_made)


def _refused(sql: str) -> str:
    if len(sql.encode("utf-8", "replace")) > MAX_SQL_BYTES:
        return TOO_LONG
    return NUL if "\0" in sql else ""


def _pieces(sql: str) -> tuple[tuple[Piece, ...], bool]:
    simple = _SIMPLE.match(sql)
    if simple and sql.find(";") in (-1, len(sql.rstrip(BLANK)) - 1):
        return (Piece(sql, simple["word"].upper()),), False
    found = list(segments(sql))
    pieces = tuple(
        # The first keeps what precedes it: errors tell offsets from the text's start.
        Piece(sql[segment.start if index else 0 : segment.stop], segment.words[0])
        for index, segment in enumerate(found)
        if segment.words
    )
    return pieces, not found or not found[-1].words
