"""`aerostack state`: where the state is, snapshots of it, an empty one (interface.md §7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from ..errors import AerostackError
from .completion import snapshots as known_snapshots
from .project import Place, json_option, project_options

if TYPE_CHECKING:
    from ..bindings.contents import Contents
    from ..bindings.snapshots import Snapshots
    from ..config.model import Project
    from .access import Remote

EPILOG = """\b
Examples:
  aerostack state snapshot before-import
  aerostack state restore before-import --yes
  aerostack state list
"""
PATH_EPILOG = """\b
Example:
  sqlite3 "$(aerostack state path)/db/my-db.sqlite"
"""
SNAPSHOT_EPILOG = """\b
Example:
  aerostack state snapshot before-import
"""
RESTORE_EPILOG = """\b
Examples:
  aerostack state restore before-import
  aerostack state restore before-import --yes
"""
LIST_EPILOG = """\b
Example:
  aerostack state list --json
"""
DELETE_EPILOG = """\b
Example:
  aerostack state delete before-import
"""
RESET_EPILOG = """\b
Examples:
  aerostack state reset
  aerostack state reset --yes
"""


class Kept(Protocol):
    """The state of a project, through its server or directly; results as `--json` shows them."""

    path: Path

    def snapshot(self, name: str) -> dict[str, Any]: ...
    def restore(self, name: str) -> dict[str, Any]: ...
    def reset(self) -> dict[str, Any]: ...


@click.group(epilog=EPILOG)
def state() -> None:
    """Keep the state under a name, go back to it, or begin anew.

    The state is what all bindings hold: databases, caches, queues, objects, vectors.
    """


yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@state.command(epilog=PATH_EPILOG, short_help="Print the folder of the state.")
@project_options
@json_option
def path(place: Place, as_json: bool) -> None:
    """Print the folder of the state; a running server's, if there is one."""
    from .access import running
    from .output import print_json

    project = place.load()
    live = running(project, place)
    folder = live.state if live is not None else str(place.state(project))
    if as_json:
        print_json({"path": folder})
    else:
        click.echo(folder)


@state.command(epilog=SNAPSHOT_EPILOG)
@project_options
@json_option
@click.argument("name")
def snapshot(place: Place, as_json: bool, name: str) -> None:
    """Keep the state of all bindings, at one instant, under NAME.

    A running server goes on: writes wait for the instant, and are all in the snapshot or
    all after it. Objects are not copied, as long as state and snapshots share a disk.
    """
    from ..bindings.snapshots import check_name
    from .output import counted, duration, print_json, say, size

    check_name(name)
    with _opened(place) as kept:
        made = kept.snapshot(name)
    if as_json:
        print_json(made)
        return
    took, paused = (duration(made[name] / 1000) for name in ("durationMs", "pausedMs"))
    say(
        f"Made the snapshot {name}: {counted(made['files'], 'file')}, {size(made['bytes'])}, "
        f"in {took}; writes waited {paused}."
    )


@state.command(epilog=RESTORE_EPILOG, short_help="Go back to the snapshot NAME.")
@project_options
@json_option
@yes_option
@click.argument("name", shell_complete=known_snapshots)
def restore(place: Place, as_json: bool, yes: bool, name: str) -> None:
    """Put the snapshot NAME in the place of the present state, which is lost.

    All of it or nothing. A running server finishes what it does, for up to 5 seconds, and
    goes on with the restored state. Messages that were being handled are ready again.
    """
    from .output import duration, print_json, say

    project = place.load()
    _snapshots(project).find(name)
    _ask(f"Replace the present state by the snapshot {name}?", yes)
    with _opened(place) as kept:
        done = kept.restore(name)
    if as_json:
        print_json(done)
    else:
        say(f"Restored the snapshot {name} in {duration(done['durationMs'] / 1000)}.")


@state.command("list", epilog=LIST_EPILOG, short_help="List the snapshots.")
@project_options
@json_option
def list_snapshots(place: Place, as_json: bool) -> None:
    """List the snapshots of the project: when they were made, and how large they are.

    Sizes are those of the files; objects that the state still has take no room of their own.
    """
    from ..bindings.snapshots import shown
    from ..clock import SystemClock
    from .dev.times import span, told
    from .output import print_json, print_table, say, size

    known, now = _snapshots(place.load()).all(), SystemClock().now()
    ages = {name: max(now - each.created.timestamp(), 0) for name, each in known.items()}
    if as_json:
        print_json(
            [{**shown(name, known[name]), "ageMs": round(ages[name] * 1000)} for name in known]
        )
    elif not known:
        say("There are no snapshots: make one with `aerostack state snapshot NAME`.")
    else:
        rows = [
            (
                name,
                told(each.created.timestamp()),
                _rounded(span, ages[name]),
                each.files,
                size(each.size),
            )
            for name, each in known.items()
        ]
        print_table(("NAME", "MADE", "AGE", "FILES", "SIZE"), rows)


@state.command(epilog=DELETE_EPILOG)
@project_options
@json_option
@click.argument("name", shell_complete=known_snapshots)
def delete(place: Place, as_json: bool, name: str) -> None:
    """Remove the snapshot NAME. The present state stays as it is."""
    from .output import print_json, say

    _snapshots(place.load()).delete(name)
    if as_json:
        print_json({"name": name})
    else:
        say(f"Removed the snapshot {name}.")


@state.command(epilog=RESET_EPILOG)
@project_options
@json_option
@yes_option
def reset(place: Place, as_json: bool, yes: bool) -> None:
    """Empty the state of every binding; snapshots stay.

    The seeds of `[dev] seed` are sown again: at once by a running server, else by the next
    `aerostack dev`.
    """
    from .output import duration, print_json, say

    _ask("Delete the state of every binding: databases, caches, queues, objects, vectors?", yes)
    with _opened(place) as kept:
        done = kept.reset()
    if as_json:
        print_json(done)
        return
    say(f"Emptied the state in {duration(done['durationMs'] / 1000)}.")
    if done["seeded"]:
        say(f"Applied {', '.join(done['seeded'])}.")


class _Remote:
    """Through the control port of a running server."""

    def __init__(self, remote: Remote, path: Path) -> None:
        self.path = path
        self._remote = remote

    def snapshot(self, name: str) -> dict[str, Any]:
        return self._post("snapshot", {"name": name})

    def restore(self, name: str) -> dict[str, Any]:
        return self._post("restore", {"name": name})

    def reset(self) -> dict[str, Any]:
        return self._post("reset", {})

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._remote.call("POST", f"/api/state/{what}", body)
        return answer


class _Direct:
    """In this process, which holds the state."""

    def __init__(self, project: Project, path: Path) -> None:
        self.path = path
        self._project = project

    def snapshot(self, name: str) -> dict[str, Any]:
        from ..bindings.snapshots import shown
        from ..clock import SystemClock

        took = _timed()
        made = _snapshots(self._project).take(self.path, name, SystemClock().now())
        return {**shown(name, made), "durationMs": took()}

    def restore(self, name: str) -> dict[str, Any]:
        from ..bindings.snapshots import shown

        took = _timed()
        found = _snapshots(self._project).restore(self.path, name)
        return {**shown(name, found), "durationMs": took()}

    def reset(self) -> dict[str, Any]:
        from ..bindings.snapshots import reset

        took = _timed()
        reset(_contents(), self.path)
        return {"seeded": [], "durationMs": took()}


def _timed() -> Callable[[], float]:
    """Tells the milliseconds since this call."""
    from ..clock import stopwatch

    started = stopwatch()
    return lambda: round((stopwatch() - started) * 1000, 1)


@contextmanager
def _opened(place: Place) -> Iterator[Kept]:
    from .access import Remote, hold_state, running

    project = place.load()
    live = running(project, place)
    if live is not None:
        yield _Remote(Remote(project, live), Path(live.state))
        return
    with hold_state(place, project) as held:
        yield _Direct(project, held.root)


def _snapshots(project: Project) -> Snapshots:
    from ..bindings.snapshots import Snapshots

    return Snapshots.of(project.root, _contents())


def _contents() -> Contents:
    from ..bindings.contents import Contents
    from ..bindings.kinds import all_kinds

    return Contents.of(all_kinds())


def _ask(question: str, yes: bool) -> None:
    """Go on only if a person agrees. Raises `AerostackError` when there is none to ask."""
    from .output import interactive

    if yes:
        return
    if not interactive():
        raise AerostackError(
            "this deletes what the state holds, and nobody is here to be asked",
            hint="give it --yes if that is meant",
        )
    click.confirm(question, abort=True)


def _rounded(span: Any, seconds: float) -> str:
    """An age by its largest unit: `3 h`."""
    return " ".join(span(seconds).split()[:2])
