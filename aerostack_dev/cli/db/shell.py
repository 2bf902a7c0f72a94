"""`aerostack db shell`: SQL at a prompt, or from a pipe."""

from __future__ import annotations

import sys
from contextlib import suppress

import click

from ..project import Place, json_option, project_options
from .opened import UNKNOWN, database_argument, reported

EPILOG = """\b
Examples:
  aerostack db shell
  aerostack db shell my-db
  echo "SELECT * FROM users" | aerostack db shell
  aerostack db shell --json < report.sql
"""


@click.command(epilog=EPILOG)
@project_options
@json_option
@database_argument
def shell(place: Place, as_json: bool, database: str | None) -> None:
    """Type SQL at a prompt, or run what comes from a pipe.

    A statement ends with `;` and may take several lines. Each is a transaction of its
    own, and the server may start and stop meanwhile. Tab completes keywords, tables and
    columns; the arrow keys and Ctrl-R go through the history; Ctrl-C clears the line;
    Ctrl-D ends. `.help` lists the commands of the shell.

    From a pipe, the first statement that fails ends it, with exit code 1. With --json
    each statement prints one line, {"results", "success", "meta"}.
    """
    from ..choice import choose
    from ..output import interactive
    from .console import Console

    with reported(False):
        project = place.load()
        declaration = choose(project, "database", database, UNKNOWN)
        mode = "json" if as_json else "table"
        console = Console(place, project.root, declaration.binding, mode)
        if not interactive():
            with suppress(EOFError):  # .quit
                console.run_script(sys.stdin.buffer.read(), "standard input")
            return
        from .prompting import converse

        converse(console)
