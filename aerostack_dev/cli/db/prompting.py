"""The prompt of `aerostack db shell`: history, completion, several lines (prompt_toolkit)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer

from ...bindings.database.backend import QUERY_SECONDS
from ...bindings.database.script import quoted, tokens
from ...errors import AerostackError
from ..commands import say_error
from .console import MODES, Console, finished

if TYPE_CHECKING:
    from .schema import Schema


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


HISTORY = "db_history"
GOES_ON = f"Not waited for: the server goes on with it, for up to {QUERY_SECONDS:g} seconds."
KEYWORDS = _words(
    """
    ABORT ADD AFTER ALL ALTER ANALYZE AND AS ASC AUTOINCREMENT BEFORE BETWEEN BY CASCADE CASE
    CAST CHECK COLLATE COLUMN CONFLICT CONSTRAINT CREATE CROSS CURRENT_DATE CURRENT_TIME
    CURRENT_TIMESTAMP DEFAULT DELETE DESC DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXISTS
    EXPLAIN FALSE FILTER FOR FOREIGN FROM FULL GLOB GROUP HAVING IF IGNORE IN INDEX INNER INSERT
    INTERSECT INTO IS JOIN KEY LEFT LIKE LIMIT MATERIALIZED NATURAL NOT NULL OFFSET ON OR ORDER
    OUTER OVER PARTITION PLAN PRAGMA PRIMARY QUERY RECURSIVE REFERENCES RENAME REPLACE RETURNING
    RIGHT SELECT SET TABLE THEN TO TRIGGER TRUE UNION UNIQUE UPDATE USING VALUES VIEW VIRTUAL
    WHEN WHERE WINDOW WITH WITHOUT INTEGER TEXT REAL BLOB STRICT ROWID
    count sum avg min max total group_concat coalesce ifnull nullif iif length lower upper trim
    substr replace instr printf round abs date time datetime julianday unixepoch strftime
    json json_extract json_each json_array json_object random typeof
    """
)
_KEYWORDS = frozenset(word.upper() for word in KEYWORDS)
_TABLES_FOLLOW = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "REFERENCES"})
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BEGUN = re.compile(r"[.\w]*$")
STYLES = {"quoted": "ansigreen", "comment": "ansibrightblack"}
"""Of tokens by their kind."""
_DOTTED_TABLES = (".schema", ".indexes")


def converse(console: Console) -> None:
    """Ask and answer until Ctrl-D or `.quit`."""
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(_history(console.root))),
        completer=SqlCompleter(console),
        lexer=SqlLexer(),
        auto_suggest=AutoSuggestFromHistory(),
        key_bindings=_keys(),
        multiline=True,
        prompt_continuation=lambda width, line, wrapped: "...> ".rjust(width),
        complete_while_typing=False,
        complete_in_thread=True,
    )
    click.echo(f"{console.binding} of {console.root.name}: end statements with `;`, .help for help")
    while True:
        try:
            answer(console, session.prompt(f"{console.binding}> "))
        except KeyboardInterrupt:
            continue  # the line is cleared
        except EOFError:
            return


def answer(console: Console, text: str) -> None:
    """Run what was typed. Raises `EOFError` for `.quit`."""
    try:
        console.run(text)
    except KeyboardInterrupt:
        click.echo(f"\n{GOES_ON if console.remote else 'Interrupted.'}", err=True)
    except AerostackError as error:
        say_error(error)


def _history(root: Path) -> Path:
    """The file of the history, readable by its owner alone."""
    from ...bindings.state import PRIVATE_FILE, own_folder

    file = own_folder(root) / HISTORY
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE))
    file.chmod(PRIVATE_FILE)
    return file


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.apply_completion(buffer.complete_state.current_completion)
        elif finished(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=False)

    return keys


class SqlLexer(Lexer):
    """Colours keywords, texts and comments."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines: list[StyleAndTextTuples] = [[]]
        for token in tokens(document.text):
            style = STYLES.get(token.kind, "")
            if token.kind == "word" and token.text.upper() in _KEYWORDS:
                style = "ansiblue"
            first, *more = token.text.split("\n")
            lines[-1].append((style, first))
            lines.extend([(style, line)] for line in more)
        return lambda number: lines[number] if number < len(lines) else []


class SqlCompleter(Completer):
    """Completes the word before the cursor by what may stand there."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if before.lstrip().startswith("."):
            return _of_commands(before.lstrip(), self._console)
        try:
            schema = self._console.schema()
        except AerostackError:
            return ()  # what is wrong with the database, the next statement will say
        return completions(before, schema)


def completions(before: str, schema: Schema) -> Iterator[Completion]:
    """What may follow `before`, which ends in the word that is begun."""
    match = _BEGUN.search(before)
    begun = match[0] if match else ""
    words = [
        token.text for token in tokens(before[: len(before) - len(begun)]) if token.kind == "word"
    ]
    columns = schema.columns or {}
    owner, dot, begun = begun.rpartition(".")
    if dot:
        table = _aliases(before).get(owner.lower(), owner)
        known = {name.lower(): found for name, found in columns.items()}
        yield from _fitting(known.get(table.lower(), ()), begun, table)
        return
    last = words[-1].upper() if words else ""
    yield from _fitting(schema.tables, begun, "table")
    if last in _TABLES_FOLLOW:
        return
    mentioned = {token.text.lower() for token in tokens(before) if token.kind in ("word", "quoted")}
    near = [name for name in columns if name.lower() in mentioned] or list(columns)
    yield from _fitting(
        dict.fromkeys(each for name in near for each in columns[name]), begun, "column"
    )
    if begun:
        lower = begun.islower()
        shown = (word.lower() if lower else word.upper() for word in KEYWORDS)
        yield from _fitting(shown, begun, "")


def _aliases(before: str) -> dict[str, str]:
    """Alias -> table, from the FROM and JOIN clauses so far."""
    pattern = re.compile(r"\b(?:from|join|,)\s+(\w+)\s+(?:as\s+)?(\w+)", re.IGNORECASE)
    return {alias.lower(): table for table, alias in pattern.findall(before)}


def _fitting(names: Iterable[str], begun: str, kind: str) -> Iterator[Completion]:
    for name in names:
        if name.lower().startswith(begun.lower()):
            text = name if _SIMPLE.fullmatch(name) else quoted(name)
            yield Completion(text, -len(begun), display=name, display_meta=kind)


def _of_commands(text: str, console: Console) -> Iterator[Completion]:
    word, space, rest = text.partition(" ")
    if not space:
        yield from (
            Completion(each, -len(word)) for each in console.commands if each.startswith(word)
        )
    elif word in _DOTTED_TABLES:
        yield from _fitting(console.schema().tables, rest, "table")
    elif word == ".mode":
        yield from _fitting(MODES, rest, "")
