"""What the commands of `aerostack db` share: the chosen database, its errors, SQL files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import AerostackError, BindingError
from ..completion import bindings
from ..files import read_input

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..choice import Chosen
    from ..project import Place

PREFIX = "D1_ERROR: "
UNKNOWN = "Couldn't find a D1 DB with the name or binding '{name}' in your {file} file."


database_argument = click.argument(
    "database", metavar="[DB]", required=False, shell_complete=bindings("database")
)


def database_or_file(
    ctx: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem[str]]:
    """What may follow: the databases, and files."""
    from click.shell_completion import CompletionItem

    files = CompletionItem(begun, type="file")
    return [*bindings("database")(ctx, parameter, begun), files]


def open_database(place: Place, given: str | None) -> AbstractContextManager[Chosen]:
    """The database that is meant (`choice.open_binding`)."""
    from ..choice import open_binding

    return open_binding(place, "database", given, UNKNOWN)


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Errors of the block in the platform's form: SQLite's text alone, with `--json` as
    `{"error": {"text"}}` on standard output.
    """
    try:
        yield
    except AerostackError as error:
        text = error.message.removeprefix(PREFIX)
        if not as_json:
            raise AerostackError(
                text, hint=error.hint, where=error.where, code=error.code
            ) from error
        from ..output import print_json

        further = {"where": error.where, "hint": error.hint}
        shown = {name: value for name, value in further.items() if value}
        print_json({"error": {"text": text, **shown}})
        raise click.exceptions.Exit(1) from error


@contextmanager
def located(text: str, name: str, before: int = 0) -> Iterator[None]:
    """A failure of the block names the line of the script `text` (`place_of`)."""
    from ...bindings.database.script import place_of

    try:
        yield
    except BindingError as error:
        error.where = place_of(error.where, text, name, before)
        raise


def read_file(file: str) -> tuple[bytes, str]:
    """What is in a file, `-` being standard input, and its name. Raises `AerostackError`."""
    if file == "-":
        return read_input(), "standard input"
    try:
        return Path(file).read_bytes(), file
    except OSError as error:
        raise AerostackError(
            f'Unable to read SQL text file "{file}". Please check the file path and try again.',
            hint=error.strerror or "",
        ) from error


def batch(chosen: Chosen, statements: list[str]) -> list[dict[str, Any]]:
    """Run statements as one transaction; a result for each."""
    results: list[dict[str, Any]] = chosen.invoke("batch", [[text, []] for text in statements])
    return results


def last_of(words: tuple[str, ...], what: str) -> tuple[str | None, str]:
    """`[DB] WHAT` from the command line, where the optional word comes first."""
    if len(words) == 1:
        return None, words[0]
    if len(words) == 2:
        return words[0], words[1]
    problem = "missing" if not words else "too many words: quote"
    raise click.UsageError(f"{problem} {what}")
