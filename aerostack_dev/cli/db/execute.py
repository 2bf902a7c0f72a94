"""`aerostack db execute`: run SQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..completion import files
from ..project import Place, json_option, project_options
from .opened import batch, database_argument, located, open_database, read_file, reported

if TYPE_CHECKING:
    from ..choice import Chosen

EPILOG = """\b
Examples:
  aerostack db execute --command "SELECT * FROM users LIMIT 3"
  aerostack db execute my-db --file seed.sql
  aerostack db execute --command "SELECT count(*) FROM users" --json
"""


@click.command(epilog=EPILOG, short_help="Run SQL statements as one transaction.")
@project_options
@json_option
@database_argument
@click.option("--command", metavar="SQL", help="The SQL to run; several statements end with `;`.")
@click.option(
    "--file", metavar="PATH", shell_complete=files, help="A file of SQL; `-` is standard input."
)
def execute(
    place: Place, as_json: bool, database: str | None, command: str | None, file: str | None
) -> None:
    """Run SQL statements as one transaction: all of them, or none if one fails.

    Results are tables on a terminal, and JSON otherwise or with --json.
    """
    from ..output import print_json, terminal

    if command is None and file is None:
        raise click.UsageError("Missing required option --command or --file.")
    if command is not None and file is not None:
        raise click.UsageError("can't provide both --command and --file.")
    with reported(as_json), open_database(place, database) as chosen:
        results = _of_file(chosen, file) if file else _of_text(chosen, str(command))
    if as_json or not terminal():
        print_json([_shown(result) for result in results])
    else:
        _print(results)


def _of_text(chosen: Chosen, command: str) -> list[dict[str, Any]]:
    """Run SQL; text without a statement goes as it is, for the platform to refuse."""
    from ...bindings.database.script import statements, without_transaction

    return batch(chosen, without_transaction(statements(command), "--command") or [command])


def _of_file(chosen: Chosen, file: str) -> list[dict[str, Any]]:
    """Run the SQL in a file. A failure names its line."""
    from ...bindings.database.script import read_script, sql_text

    data, name = read_file(file)
    found = read_script(data, name) or [""]
    with located(sql_text(data, name), name):
        return batch(chosen, found)


def _shown(result: dict[str, Any]) -> dict[str, Any]:
    rows = [{name: _value(value) for name, value in row.items()} for row in result["results"]]
    return {"results": rows, "success": result["success"], "meta": result["meta"]}


def _value(value: Any) -> Any:
    """A BLOB, a list of numbers, is shown as the text "[1, 2]" (§1.12)."""
    return json.dumps(value) if isinstance(value, list) else value


def _print(results: list[dict[str, Any]]) -> None:
    from ..output import counted, duration, print_table, say

    for result in results:
        rows = result["results"]
        if rows:
            print_table(list(rows[0]), [[_text(value) for value in row.values()] for row in rows])
            say()
    changes = sum(result["meta"]["changes"] for result in results)
    took = sum(result["meta"]["duration"] for result in results)
    changed = f"{counted(changes, 'row')} changed, " if changes else ""
    say(
        f"{counted(len(results), 'command')} executed successfully "
        f"({changed}{duration(took / 1000)}).",
        dim=True,
    )


def _text(value: Any) -> Any:
    return "NULL" if value is None else _value(value)
