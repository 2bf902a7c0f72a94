"""`aerostack db export` and `import`: a database as SQL text, out and in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from ...errors import AerostackError
from ..project import Place, json_option, project_options
from .opened import batch, last_of, open_database, read_sql, reported

EXPORT_EPILOG = """\b
Examples:
  aerostack db export > my-db.sql
  aerostack db export --output users.sql --table users --no-schema
"""
IMPORT_EPILOG = """\b
Examples:
  aerostack db import my-db.sql
  aerostack db import my-db dump.sql
"""


@click.command(epilog=EXPORT_EPILOG)
@project_options
@click.argument("database", metavar="[DB]", required=False)
@click.option("--output", "-o", help="The file to write; by default standard output.")
@click.option("--table", "tables", multiple=True, help="Only this table; may be repeated.")
@click.option("--no-schema", is_flag=True, help="Only the rows.")
@click.option("--no-data", is_flag=True, help="Only the tables, indexes, triggers and views.")
def export(
    place: Place,
    database: str | None,
    output: str | None,
    tables: tuple[str, ...],
    no_schema: bool,
    no_data: bool,
) -> None:
    """Write the database as SQL text, as it is at one instant.

    A file is written whole or not at all. Databases with virtual tables cannot be
    exported.
    """
    from ..output import size

    if no_schema and no_data:
        raise click.UsageError("--no-schema and --no-data leave nothing to export")
    with reported(False), open_database(place, database) as chosen, _opened(output) as file:
        pieces = chosen.access.stream(
            chosen.binding, "export", list(tables), not no_schema, not no_data
        )
        written = sum(file.write(piece) for piece in pieces)
    if output is not None:
        click.echo(f"Wrote {size(written)} of SQL to {output}.", err=True)


@click.command("import", epilog=IMPORT_EPILOG)
@project_options
@json_option
@click.argument("words", metavar="[DB] FILE", nargs=-1)
def import_sql(place: Place, as_json: bool, words: tuple[str, ...]) -> None:
    """Run the SQL text in FILE, whole or not at all; `-` is standard input.

    Takes what `aerostack db export` and `sqlite3 .dump` write.
    """
    from ..output import counted, print_json, say

    database, file = last_of(words, "FILE")
    with reported(as_json), open_database(place, database) as chosen:
        statements = read_sql(file)
        results = batch(chosen, statements) if statements else []
    changes = sum(result["meta"]["changes"] for result in results)
    if as_json:
        print_json({"file": file, "statements": len(results), "changes": changes})
    else:
        done = f"{counted(len(results), 'statement')}, {counted(changes, 'row')} changed"
        say(f"Imported {file} into {chosen.declaration.resource}: {done}.")


@contextmanager
def _opened(output: str | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that is in its place once it is complete."""
    if output is None:
        yield sys.stdout.buffer
        return
    path = Path(output)
    if path.is_dir():
        raise AerostackError(
            "this is a folder", where=output, hint="give --output the name of a file"
        )
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    except OSError as error:
        raise AerostackError(
            f"the file cannot be written: {error.strerror or error}", where=output
        ) from error
    finally:
        draft.unlink(missing_ok=True)
