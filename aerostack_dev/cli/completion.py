"""What the shells are told when Tab is pressed on names of the project.

Each function is a click `shell_complete`. The project is read, never opened: a running
server is not in the way, and a broken configuration completes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from ..errors import AerostackError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..config.model import Project

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]


def bindings(kind: str) -> Completer:
    """The bindings of one kind, and the names of what is behind them."""

    def complete(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
        from ..bindings.kind import named
        from ..bindings.kinds import KINDS

        project = _project(ctx)
        if project is None:
            return []
        found = named(KINDS[kind])
        names: dict[str, str] = {}
        for entry in found.declarations(project):
            names[entry.binding] = found.title
            if found.section.many:
                names.setdefault(found.resource(entry), f"{found.title} {entry.binding}")
        return _items(names.items(), begun)

    return complete


def files(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """Files, of an option that takes `-` too and so is no `click.Path`."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="file")]


def queues(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The queues that are produced to or consumed, and their dead letter queues."""
    from ..bindings.queue.policy import configured

    project = _project(ctx)
    return _items(((name, "") for name in configured(project)) if project else (), begun)


def crons(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The cron expressions of the project."""
    project = _project(ctx)
    return _items(((each, "") for each in project.crons) if project else (), begun)


def environments(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The names of `[env.NAME]`."""
    from ..config.load import config_file
    from .project import Place

    try:
        import tomli

        file = config_file(Place(ctx.params.get("config"), None, None).start())
        found = tomli.loads(file.read_text()).get("env", {})
    except (AerostackError, OSError, ValueError):
        return []
    return _items(((name, "") for name in found if isinstance(found, dict)), begun)


def templates(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The templates of `aerostack init`, with their languages."""
    from .templates import available

    return _items(((name, ", ".join(found)) for name, found in available().items()), begun)


def languages(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The languages of the template that was chosen, or of all."""
    from .templates import available

    found = available()
    chosen = found.get(ctx.params.get("template") or "")
    names = {name for each in ([chosen] if chosen else found.values()) for name in each}
    return _items(((name, "") for name in sorted(names)), begun)


def snapshots(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The snapshots of the project's state."""
    from ..bindings.state import FOLDER

    project = _project(ctx)
    if project is None:
        return []
    folder = project.root / FOLDER / "snapshots"
    names = [path.name for path in folder.glob("*") if path.is_dir() and path.name[0] != "."]
    return _items(((name, "") for name in sorted(names)), begun)


def models_known(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The platform's AI models, after those that the project names."""
    from ..bindings.ai.models import MODELS, TITLES, find

    project = _project(ctx)
    sections = project.sections.get("ai", ()) if project else ()
    names = dict.fromkeys([name for entry in sections for name in entry.models])
    models = {name: find(name) for name in (*names, *MODELS)}
    return _items(
        ((name, TITLES.get(model.task, "") if model else "") for name, model in models.items()),
        begun,
    )


def tasks(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """What models are for."""
    from ..bindings.ai.models import Task

    return _items(((str(task), "") for task in Task if task is not Task.UNKNOWN), begun)


def _project(ctx: click.Context) -> Project | None:
    """The project that the command line so far means; None when it cannot be read."""
    from .project import Place

    place = Place(ctx.params.get("config"), ctx.params.get("environment"), None)
    try:
        return place.load()
    except AerostackError:
        return None  # the command itself will say it


def _items(found: Iterable[tuple[str, Any]], begun: str) -> list[CompletionItem[str]]:
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name, help=text or None) for name, text in found if name.startswith(begun)
    ]
