"""Migrations: numbered SQL files, each applied once (db-cache.md §1.12).

Works through any `invoke(operation, arguments)` of one binding, so that it serves beside
a running server and without one.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import AerostackError, BindingError, ConfigError
from . import Database
from .script import place_of, quoted, read_script, sql_text

Invoke = Callable[[str, Sequence[Any]], Awaitable[Any]]
"""Calls an operation of the binding: `("batch", [statements])`."""
Progress = Callable[[str, bool], None]
"""Told each migration's name and whether it was applied."""

DIGITS = 4

_TABLE = """
CREATE TABLE IF NOT EXISTS {table} (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)"""
_LEADING = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations of one database: `folder`, its `pattern` within, and the `table`
    that remembers what was applied.
    """

    folder: Path
    pattern: str
    table: str

    @classmethod
    def of(cls, declaration: Database, root: Path) -> Migrations:
        """Those that a binding declares, its paths being relative to `root`.

        Raises `ConfigError` when the pattern does not lie in the folder.
        """
        folder = _plain(declaration.migrations_dir).rstrip("/")
        given = _plain(declaration.migrations_pattern)
        prefix = f"{folder}/" if folder else ""
        if given and not given.startswith(prefix):
            raise ConfigError(
                f"migrations_pattern {given!r} does not begin with migrations_dir {folder!r}",
                where=f"d1_databases.{declaration.binding}.migrations_pattern",
                hint=f'write it as "{prefix}*.sql"',
            )
        inner = given.removeprefix(prefix) or "*.sql"
        return cls(root / folder, inner, declaration.migrations_table)

    def names(self) -> list[str]:
        """All migrations in order: paths within the folder, with `/`.

        By the number each part of the path begins with, unnumbered ones last. Raises
        `AerostackError` when the folder is missing.
        """
        if not self.folder.is_dir():
            raise AerostackError(
                f"No migrations present at {self.folder}.",
                where=str(self.folder),
                hint="make one with `aerostack db migrate create NAME`",
            )
        return sorted(self._matching(), key=_order)

    def create(self, message: str, now: float) -> Path:
        """Write the next, empty migration. `now` is in seconds since the epoch.

        Raises `AerostackError` when the message cannot be part of a file's name.
        """
        text = message.strip()
        if not text or re.search(r"[/\\\0]", text):
            raise AerostackError(
                f"{message!r} cannot name a migration",
                hint="use some words without slashes, for instance: add users",
            )
        numbers = [int(found[0]) for name in self._matching() if (found := _LEADING.match(name))]
        number = f"{max(numbers, default=0) + 1:0{DIGITS}}"
        path = self.folder / f"{number}_{text.replace(' ', '_')}.sql"
        when = datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat(timespec="milliseconds")
        self._write(path, f"-- Migration number: {number} \t {when.replace('+00:00', 'Z')}\n")
        return path

    async def pending(self, invoke: Invoke) -> list[str]:
        """The names of those not yet applied, in order; makes the table if need be."""
        names = self.names()
        answers = await invoke(
            "batch",
            [
                [
                    [_TABLE.format(table=quoted(self.table)), []],
                    [f"SELECT name FROM {quoted(self.table)}", []],
                ]
            ],
        )
        applied = {row["name"] for row in answers[1]["results"]}
        return [name for name in names if name not in applied]

    async def apply(self, invoke: Invoke, progress: Progress = lambda *_: None) -> list[str]:
        """Apply what is pending, in order; the names of what was applied.

        Each is one transaction, together with its row in the table: it is there whole or
        not at all. The first that fails ends it, with an `AerostackError` that names the
        file and what stays applied.
        """
        pending = await self.pending(invoke)
        for index, name in enumerate(pending):
            try:
                await invoke("batch", [self._statements(name)])
            except AerostackError as error:
                progress(name, False)
                raise self._failure(pending, index, error) from error
            progress(name, True)
        return pending

    def _matching(self) -> list[str]:
        found = (path for path in self.folder.glob(self.pattern) if path.is_file())
        return [path.relative_to(self.folder).as_posix() for path in found]

    def _statements(self, name: str) -> list[list[Any]]:
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise AerostackError(f"cannot be read: {error.strerror}", where=str(path)) from error
        remember = f"INSERT INTO {quoted(self.table)} (name) VALUES (?)"
        found = [[statement, []] for statement in read_script(data, str(path))]
        return [*found, [remember, [name]]]

    def _write(self, path: Path, text: str) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise AerostackError(
                f"the migration cannot be written: {error.strerror}", where=str(path)
            ) from error
        if path.name not in self._matching():
            path.unlink()
            raise ConfigError(
                f"{path.name} would not match migrations_pattern ({self.pattern})",
                where=str(self.folder),
                hint="write the file by hand, or let the pattern match *.sql",
            )

    def _failure(self, pending: list[str], index: int, error: AerostackError) -> AerostackError:
        before, after = pending[:index], pending[index + 1 :]
        kept = f"applied and kept: {', '.join(before)}" if before else "nothing was applied"
        untried = f"; not tried: {', '.join(after)}" if after else ""
        prefix = "D1_ERROR: " if isinstance(error, BindingError) else ""
        return AerostackError(
            f"{pending[index]}: {error.message.removeprefix(prefix)}",
            where=self._place(pending[index], error.where),
            hint=f"{error.hint + '; ' if error.hint else ''}{kept}{untried}",
            code=error.code,
        )

    def _place(self, name: str, where: str) -> str:
        """The line of a migration that failed, where that is known."""
        path = self.folder / name
        try:
            return place_of(where, sql_text(path.read_bytes(), name), str(path)) or str(path)
        except (OSError, AerostackError):  # it was changed or removed meanwhile
            return str(path)


def _plain(path: str) -> str:
    path = path.replace("\\", "/").removeprefix("./")
    return "" if path == "." else path


def _order(name: str) -> list[tuple[int, int, str]]:
    parts = ((_LEADING.match(part), part) for part in name.split("/"))
    return [(0, int(found[0]), part) if found else (1, 0, part) for found, part in parts]
