"""`aerostack db info`: what a database consists of."""

from __future__ import annotations

import click

from ..project import Place, json_option, project_options
from .opened import database_argument, open_database, reported

EPILOG = """\b
Example:
  aerostack db info --json
"""


@click.command(epilog=EPILOG, short_help="Show the file, the tables and their rows.")
@project_options
@json_option
@database_argument
def info(place: Place, as_json: bool, database: str | None) -> None:
    """Show the database's file and size, its tables with their rows and indexes."""
    from ..output import print_json, print_table, say, size

    with reported(as_json), open_database(place, database) as chosen:
        found = chosen.invoke("info")
    if as_json:
        print_json(found)
        return
    say(f"{found['name']}  {size(found['size'])}  {found['file']}")
    if found["tables"]:
        say()
        print_table(
            ("TABLE", "TYPE", "COLUMNS", "ROWS", "INDEXES"),
            [
                (
                    table["name"],
                    table["type"],
                    table["columns"],
                    "" if table["rows"] is None else table["rows"],
                    ", ".join(table["indexes"]),
                )
                for table in found["tables"]
            ],
        )
