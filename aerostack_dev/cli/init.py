"""`aerostack init`: write a project that runs as it is."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import AerostackError
from .completion import languages, templates
from .project import Place, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..config.model import Project
    from .templates import Template

SEED = "seed.sql"
DEFAULT_FOLDER = "my-api"
DEFAULT_TEMPLATE = "hello"
DEFAULT_LANGUAGE = "python"
TESTS = {"python": "python -m pytest", "typescript": "deno task test"}
"""How the tests of a project are run."""

EPILOG = """\b
Examples:
  aerostack init my-api --template rest-api --language python
  aerostack init my-api --template rest-api --language typescript
  aerostack init my-api
  aerostack init . --template hello --force
"""


@click.command(epilog=EPILOG)
@json_option
@click.argument("folder", metavar="[DIR]", required=False)
@click.option(
    "--template",
    "-t",
    help="What to begin with; a wrong name lists them all.",
    shell_complete=templates,
)
@click.option("--language", "-l", help="python or typescript.", shell_complete=languages)
@click.option("--force", is_flag=True, help="Write into a folder that is not empty.")
def init(
    as_json: bool, folder: str | None, template: str | None, language: str | None, force: bool
) -> None:
    """Write a new project into DIR, with its database ready, so that it runs as it is.

    What is missing is asked for on a terminal; elsewhere the template and the language
    default to hello and python.
    """
    from .output import print_json

    if folder is None:
        folder = _asked("Folder of the project", DEFAULT_FOLDER, "DIR is missing")
    target = Path(folder)
    _refuse(target, force)
    chosen = _template(template, language)
    from .templates import project_name

    name = project_name(target)
    files = chosen.write(target, name)
    if chosen.language == "typescript":
        from .types import write_types

        files.append(write_types(_place(target)).relative_to(target.resolve()))
    prepared = prepare(target)
    if as_json:
        print_json(
            {
                "directory": str(target.resolve()),
                "name": name,
                "template": chosen.name,
                "language": chosen.language,
                "files": [path.as_posix() for path in files],
                "migrations": prepared[:-1] if SEED in prepared else prepared,
                "seeded": SEED in prepared,
            }
        )
    else:
        _say(target, chosen, len(files), prepared)


def prepare(target: Path) -> list[str]:
    """Apply the migrations of a new project and sow its seeds; what was applied.

    Seeds are for an empty state: where there is one already, only what is new of the
    migrations is applied.
    """
    from ..runtime.seeding import usual_seeds

    place = _place(target)
    project = place.load()
    seeds = usual_seeds(project)
    return (_sown(place, project, seeds) if seeds else []) or _migrated(place, project)


def _place(target: Path) -> Place:
    return Place(target / "aerostack.toml", None, None)


def _sown(place: Place, project: Project, seeds: Sequence[Path]) -> list[str]:
    """What was applied to the empty state; nothing, and nothing was, if it is not empty."""
    import asyncio

    from ..bindings.kind import Services
    from ..bindings.kinds import all_kinds
    from ..clock import SystemClock
    from ..runtime.seeding import sow
    from .access import hold_state, running
    from .output import say_finding

    if running(project, place) is not None:
        return []
    with hold_state(place, project) as state:
        services = Services(project, state, SystemClock(), os.urandom, say_finding)
        return list(asyncio.run(sow(all_kinds(), services, seeds)))


def _migrated(place: Place, project: Project) -> list[str]:
    from ..bindings.database.migrations import Migrations
    from .choice import choose
    from .db.migrate import apply_all
    from .db.opened import UNKNOWN, open_database, reported

    declaration = choose(project, "database", None, UNKNOWN)
    migrations = Migrations.of(declaration, project.root)
    if not migrations.folder.is_dir():
        return []
    with reported(False), open_database(place, declaration.binding) as chosen:
        return apply_all(chosen, migrations)


def _asked(question: str, default: str, missing: str) -> str:
    from .output import interactive

    if not interactive():
        raise click.UsageError(missing)
    return str(click.prompt(question, default=default))


def _refuse(target: Path, force: bool) -> None:
    """Raise `AerostackError` unless `target` is free to be written to."""
    if target.exists() and not target.is_dir():
        raise AerostackError("this is a file, not a folder", where=str(target))
    try:
        occupied = target.is_dir() and any(target.iterdir())
    except OSError as error:
        raise AerostackError(
            f"the folder cannot be read: {error.strerror}", where=str(target)
        ) from error
    if occupied and not force:
        raise AerostackError(
            "the folder is not empty",
            where=str(target),
            hint="choose another, or use --force: files of the same names are replaced",
        )


def _template(name: str | None, language: str | None) -> Template:
    from .templates import available

    known = available()
    if name is None:
        name = _choice("Template", sorted(known), DEFAULT_TEMPLATE)
    if name not in known:
        raise AerostackError(
            f"there is no template {name!r}", hint=f"there are: {', '.join(sorted(known))}"
        )
    languages = known[name]
    if language is None:
        language = _choice("Language", sorted(languages), DEFAULT_LANGUAGE)
    if language not in languages:
        raise AerostackError(
            f"the template {name!r} is not written in {language!r}",
            hint=f"it is in: {', '.join(sorted(languages))}",
        )
    return languages[language]


def _choice(question: str, known: list[str], default: str) -> str:
    """One of `known`: the person's choice where there is one to make, and a person."""
    from .output import interactive

    default = default if default in known else known[0]
    if len(known) == 1 or not interactive():
        return default
    return str(click.prompt(question, type=click.Choice(known), default=default))


def _missing(template: Template) -> list[str]:
    """The command that installs what the template's language needs, if that is not there."""
    if template.language != "typescript":
        return []
    from ..errors import FunctionError
    from ..runtime.hosts.deno.process import find_deno

    try:
        find_deno()
    except FunctionError as error:
        return [error.hint]
    return []


def _say(target: Path, template: Template, count: int, prepared: list[str]) -> None:
    from .output import counted, say, styled

    where = os.path.relpath(target)
    say(f"Wrote {counted(count, 'file')} to {where} ({template.name}, {template.language}).")
    if prepared:
        say(f"Applied {', '.join(prepared)} to the local database.")
    steps = _missing(template)
    steps += [] if where == "." else [f"cd {shlex.quote(where)}"]
    steps.append("aerostack dev")
    if (template.folder / "tests").is_dir():
        steps.append(TESTS[template.language])
    say(f"\n{styled('Next:', bold=True)}")
    for step in steps:
        say(f"  {step}")
