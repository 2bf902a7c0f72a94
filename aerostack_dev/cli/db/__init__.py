"""`aerostack db`: query, migrate and inspect the SQL databases (db-cache.md §1.12)."""

from __future__ import annotations

import click

from .execute import execute
from .files import export, import_sql
from .info import info
from .migrate import migrate
from .shell import shell

EPILOG = """\b
Examples:
  aerostack db migrate create "add users"
  aerostack db migrate apply
  aerostack db execute --command "SELECT * FROM users"
"""


@click.group(epilog=EPILOG)
def db() -> None:
    """Query, migrate and inspect the SQL databases.

    DB is a binding or a database's name; without it the only database, or the one that is
    bound as DB.
    """


for command in (execute, shell, migrate, info, export, import_sql):
    db.add_command(command)
