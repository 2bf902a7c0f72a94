"""`aerostack db export` and `import`: a database as SQL text, out and in."""

from __future__ import annotations

from contextlib import closing

import click

from ..completion import files
from ..project import Place, json_option, project_options
from .opened import database_argument, database_or_file, last_of, open_database, reported

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


@click.command(epilog=EXPORT_EPILOG, short_help="Write the database as SQL text.")
@project_options
@database_argument
@click.option(
    "--output", "-o", shell_complete=files, help="The file to write; by default standard output."
)
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
    from ..files import writing
    from ..output import size

    if no_schema and no_data:
        raise click.UsageError("--no-schema and --no-data leave nothing to export")
    with reported(False), open_database(place, database) as chosen, writing(output) as file:
        _, pieces = chosen.stream("export", list(tables), not no_schema, not no_data)
        with closing(pieces):
            written = sum(file.write(piece) for piece in pieces)
    if output is not None:
        click.echo(f"Wrote {size(written)} of SQL to {output}.", err=True)


@click.command("import", epilog=IMPORT_EPILOG, short_help="Run a file of SQL, whole or not at all.")
@project_options
@json_option
@click.argument("words", metavar="[DB] FILE", nargs=-1, shell_complete=database_or_file)
def import_sql(place: Place, as_json: bool, words: tuple[str, ...]) -> None:
    """Run the SQL text in FILE, whole or not at all; `-` is standard input.

    Takes what `aerostack db export` and `sqlite3 .dump` write. Other requests to the
    database wait until the import has ended. Ctrl-C ends it, and nothing of it is kept.
    """
    from ..output import counted, print_json, say
    from .importing import run_import

    database, file = last_of(words, "FILE")
    with reported(as_json), open_database(place, database) as chosen:
        count, changes = run_import(chosen, file)
    if as_json:
        print_json({"file": file, "statements": count, "changes": changes})
    else:
        done = f"{counted(count, 'statement')}, {counted(changes, 'row')} changed"
        say(f"Imported {file} into {chosen.declaration.resource}: {done}.")
