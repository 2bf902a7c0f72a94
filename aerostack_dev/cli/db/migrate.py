"""`aerostack db migrate`: numbered SQL files, each applied once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..project import Place, json_option, project_options
from .opened import UNKNOWN, database_argument, last_of, open_database, reported

if TYPE_CHECKING:
    from ...bindings.database.migrations import Migrations, Progress
    from ..choice import Chosen

EPILOG = """\b
Examples:
  aerostack db migrate create "add users"
  aerostack db migrate list
  aerostack db migrate apply
"""
CREATE_EPILOG = """\b
Examples:
  aerostack db migrate create "add users"
  aerostack db migrate create my-db "add users"
"""
LIST_EPILOG = """\b
Example:
  aerostack db migrate list --json
"""
APPLY_EPILOG = """\b
Example:
  aerostack db migrate apply --yes
"""
NOTHING = "No migrations to apply."


@click.group(epilog=EPILOG)
def migrate() -> None:
    """Write migrations and apply them to the local database.

    A migration is a numbered file of SQL in the folder `migrations`, or the one that the
    database's `migrations_dir` names.
    """


@migrate.command(epilog=CREATE_EPILOG, short_help="Write the next, empty migration.")
@project_options
@json_option
@click.argument("words", metavar="[DB] MESSAGE", nargs=-1)
def create(place: Place, as_json: bool, words: tuple[str, ...]) -> None:
    """Write the next, empty migration; MESSAGE becomes part of its name."""
    import os

    from ...bindings.database.migrations import Migrations
    from ...clock import SystemClock
    from ..choice import choose
    from ..output import print_json, say

    database, message = last_of(words, "MESSAGE")
    with reported(as_json):
        project = place.load()
        declaration = choose(project, "database", database, UNKNOWN)
        migrations = Migrations.of(declaration, project.root)
        path = migrations.create(message, SystemClock().now())
    if as_json:
        print_json({"name": path.name, "path": str(path)})
    else:
        say(f"Wrote {os.path.relpath(path)}.")


@migrate.command("list", epilog=LIST_EPILOG, short_help="List the migrations that are not applied.")
@project_options
@json_option
@database_argument
def list_migrations(place: Place, as_json: bool, database: str | None) -> None:
    """List the migrations that are not applied yet, in their order."""
    from ..output import print_json, print_table, say

    with reported(as_json), open_database(place, database) as chosen:
        names = _pending(chosen, _migrations(chosen))
    if as_json:
        print_json([{"name": name} for name in names])
    elif not names:
        say(NOTHING)
    else:
        print_table(("TO BE APPLIED",), [(name,) for name in names])


@migrate.command(epilog=APPLY_EPILOG, short_help="Apply the migrations that are not applied.")
@project_options
@json_option
@database_argument
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def apply(place: Place, as_json: bool, database: str | None, yes: bool) -> None:
    """Apply the migrations that are not applied yet, in their order.

    Each is there whole or not at all. The first that fails ends it: those before it stay
    applied, those behind it are not tried.
    """
    from ..output import counted, interactive, print_json, say, styled

    def progress(name: str, applied: bool) -> None:
        if not as_json:
            say(f"{styled('✓', fg='green') if applied else styled('✗', fg='red')} {name}")

    with reported(as_json), open_database(place, database) as chosen:
        migrations = _migrations(chosen)
        pending = _pending(chosen, migrations)
        if pending and not yes and interactive():
            say(f"About to apply: {', '.join(pending)}")
            click.confirm(f"Apply {counted(len(pending), 'migration')}?", abort=True)
        applied = apply_all(chosen, migrations, progress) if pending else []
    if as_json:
        print_json([{"name": name} for name in applied])
    elif not applied:
        say(NOTHING)
    else:
        say(f"Applied {counted(len(applied), 'migration')} to {chosen.declaration.resource}.")


def apply_all(
    chosen: Chosen, migrations: Migrations, progress: Progress = lambda *_: None
) -> list[str]:
    """Apply what is pending; the names of what was applied. Raises as `Migrations.apply`."""
    return chosen.access.run(
        chosen.binding,
        lambda invoke: migrations.apply(invoke, progress),
    )


def _pending(chosen: Chosen, migrations: Migrations) -> list[str]:
    return chosen.access.run(chosen.binding, migrations.pending)


def _migrations(chosen: Chosen) -> Migrations:
    from ...bindings.database.migrations import Migrations

    return Migrations.of(chosen.declaration, chosen.access.project.root)
