"""The console of `aerostack db shell`: statements, commands with a dot, and how rows look."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import AerostackError
from .opened import open_database, read_file, reported
from .schema import Schema, read_schema

if TYPE_CHECKING:
    from ..choice import Chosen
    from ..project import Place

MODES = ("table", "line", "csv", "json")
HELP = """\
.tables            the tables and views
.schema [TABLE]    the SQL that made them
.indexes [TABLE]   the indexes
.mode [MODE]       how rows are shown: table, line, csv or json
.read FILE         run the statements in a file
.help              this
.quit              leave (Ctrl-D too)"""
ELSEWHERE = {
    ".dump": "aerostack db export",
    ".import": "aerostack db import",
    ".save": "aerostack state snapshot",
    ".backup": "aerostack state snapshot",
    ".open": "aerostack db shell DB",
}
"""What a user of sqlite3 may look for, and where it is."""


class Console:
    """Runs what is typed. The database is opened for each input anew, so that nothing
    is locked in between and a server may come and go.
    """

    def __init__(self, place: Place, root: Path, binding: str, mode: str) -> None:
        self.root = root
        self.binding = binding
        self.mode = mode
        self.remote = False
        """Whether the last statements went to a running server."""
        self._place = place
        self._schema: Schema | None = None
        self._commands: dict[str, Callable[[str], None]] = {
            ".tables": self._tables,
            ".schema": self._show_schema,
            ".indexes": self._indexes,
            ".mode": self._set_mode,
            ".read": self._read,
            ".help": lambda _: click.echo(HELP),
        }

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands with a dot."""
        return (*self._commands, ".quit")

    def run(self, text: str) -> None:
        """Run what was typed. Raises `AerostackError`; `EOFError` for `.quit`."""
        if text.lstrip().startswith("."):
            self._command(text.strip().rstrip(";"))
        else:
            self._statements(text, "", 1)

    def run_script(self, data: bytes, name: str) -> None:
        """Run a script, commands with a dot among it, up to the first that fails.

        Raises `AerostackError`, which tells the line; `EOFError` for `.quit`.
        """
        from ...bindings.database.script import sql_text

        begun, first = "", 1
        for number, line in enumerate(sql_text(data, name).splitlines(keepends=True), 1):
            if line.startswith(".") and finished(begun):
                self._statements(begun, name, first)
                self._command(line.strip())
                begun, first = "", number + 1
            else:
                begun += line
        self._statements(begun, name, first)

    def _statements(self, text: str, name: str, first: int) -> None:
        """Run statements, each for itself; `first` is the line in which `text` begins."""
        from ...bindings.database.script import segments
        from ..access import Remote

        found = [segment for segment in segments(text) if segment.words]
        if not found:
            return
        self._schema = None
        with open_database(self._place, self.binding) as chosen:
            self.remote = isinstance(chosen.access, Remote)
            for segment in found:
                statement = text[segment.first : segment.last]
                line = text.count("\n", 0, segment.first) + first
                self._run(chosen, statement, f"{name}, line {line}" if name else "")

    def schema(self) -> Schema:
        """The tables and columns, as they were after the last statement."""
        if self._schema is None:
            with reported(False), open_database(self._place, self.binding) as chosen:
                self._schema = read_schema(chosen)
        return self._schema

    def _run(self, chosen: Chosen, statement: str, where: str) -> None:
        try:
            with reported(False):
                (result,) = chosen.invoke("batch", [[statement, []]])
        except AerostackError as error:
            raise AerostackError(
                error.message, hint=error.hint, where=error.where or where
            ) from error
        self._show(result)

    def _command(self, text: str) -> None:
        word, _, argument = text.partition(" ")
        if word in (".quit", ".exit", ".q"):
            raise EOFError
        run = self._commands.get(word)
        if run is None:
            elsewhere = ELSEWHERE.get(word)
            raise AerostackError(
                f"there is no command {word}",
                hint=f"use `{elsewhere}`"
                if elsewhere
                else f"there are: {', '.join(self.commands)}",
            )
        run(argument.strip())

    def _tables(self, _: str) -> None:
        for name in self.schema().tables:
            click.echo(name)

    def _show_schema(self, table: str) -> None:
        for sql in self._known(table).sql(table):
            click.echo(f"{sql};")

    def _indexes(self, table: str) -> None:
        for name in self._known(table).indexes(table):
            click.echo(name)

    def _known(self, table: str) -> Schema:
        """The schema. Raises `AerostackError` when `table`, if given, is not in it."""
        schema = self.schema()
        if table and table not in schema.tables:
            known = ", ".join(schema.tables) or "none"
            raise AerostackError(f"there is no table {table!r}", hint=f"there are: {known}")
        return schema

    def _set_mode(self, mode: str) -> None:
        if not mode:
            click.echo(self.mode)
            return
        if mode not in MODES:
            raise AerostackError(
                f"there is no mode {mode!r}", hint=f"there are: {', '.join(MODES)}"
            )
        self.mode = mode

    def _read(self, file: str) -> None:
        if not file:
            raise AerostackError(".read needs the name of a file")
        self.run_script(*read_file(file))

    def _show(self, result: dict[str, Any]) -> None:
        if self.mode == "json":
            from ...wire import pack

            click.echo(pack(result))
            return
        rows = result["results"]
        if rows:
            {"table": _table, "line": _lines, "csv": _csv}[self.mode](rows)
        if self.mode == "table":
            _summary(result)


def finished(text: str) -> bool:
    """Whether Enter runs what was typed: nothing, a command, or statements with their `;`."""
    from ...bindings.database.script import is_complete

    return text.lstrip().startswith(".") or is_complete(text)


def _table(rows: list[dict[str, Any]]) -> None:
    from ..output import print_table

    print_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def _lines(rows: list[dict[str, Any]]) -> None:
    from ..output import clean

    widest = max(map(len, rows[0]))
    for number, row in enumerate(rows):
        if number:
            click.echo()
        for name, value in row.items():
            click.echo(f"{clean(name):>{widest}} = {clean(str(_cell(value)), keep_lines=True)}")


def _csv(rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_plain(value) for value in row.values()] for row in rows)
    click.echo(text.getvalue(), nl=False)


def _summary(result: dict[str, Any]) -> None:
    """How many rows, and how long it took; only for those who watch."""
    from ..output import counted, duration, say, terminal

    if not terminal():
        return
    rows, meta = result["results"], result["meta"]
    changed = f", {counted(meta['changes'], 'row')} changed" if meta["changes"] else ""
    took = duration(meta["duration"] / 1000)
    say(f"{counted(len(rows), 'row')}{changed} ({took})", dim=True)


def _cell(value: Any) -> Any:
    return "NULL" if value is None else _plain(value)


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value
