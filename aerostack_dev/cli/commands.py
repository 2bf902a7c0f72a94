"""The commands by name. A command's module is imported when it is called, not before."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from ..errors import AerostackError
from ..version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

INTERRUPTED = 130
COMPLETING = "_AEROSTACK_COMPLETE"
"""Set when a shell asks for completions (`shells.VARIABLE`)."""


class Entry(NamedTuple):
    """A command: where it is, and what `aerostack --help` says of it."""

    target: str
    help: str


COMMANDS = {
    "init": Entry("aerostack_dev.cli.init:init", "Write a new project that runs as it is."),
    "dev": Entry("aerostack_dev.cli.dev.command:dev", "Run the project and reload it on save."),
    "check": Entry("aerostack_dev.cli.check:check", "Load the project and say what is wrong."),
    "types": Entry("aerostack_dev.cli.types:types", "Write the types of a TypeScript function."),
    "db": Entry("aerostack_dev.cli.db:db", "Query, migrate and inspect the SQL databases."),
    "cache": Entry("aerostack_dev.cli.cache:cache", "Read and write the key-value caches."),
    "storage": Entry(
        "aerostack_dev.cli.storage:storage", "Move objects in and out of the buckets."
    ),
    "queue": Entry("aerostack_dev.cli.queue:queue", "Look into the queues and fill them."),
    "vectorize": Entry("aerostack_dev.cli.vectorize:vectorize", "Look into the vector indexes."),
    "ai": Entry("aerostack_dev.cli.ai:ai", "Run AI models and see who answers."),
    "cron": Entry("aerostack_dev.cli.cron:cron", "List the crons and fire one by hand."),
    "clock": Entry("aerostack_dev.cli.clock:clock", "Move the time of a running server."),
    "state": Entry("aerostack_dev.cli.state:state", "Snapshot, restore or empty the state."),
    "completion": Entry(
        "aerostack_dev.cli.shells:completion", "Complete commands with Tab in your shell."
    ),
}

EXAMPLES = """\b
Examples:
  aerostack init my-api --template rest-api
  aerostack dev
  aerostack cron run "0 * * * *"
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name only, until one of them is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from .shells import of_commands

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return of_commands([(name, entry.help) for name, entry in COMMANDS.items()], incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no such command {args[0]!r}{_nearest(args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EXAMPLES, context_settings={"max_content_width": 100})
@click.version_option(__version__, message="aerostack %(version)s")
def aerostack() -> None:
    """Develop serverless functions on your own machine, offline.

    `aerostack COMMAND --help` explains a command.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code.

    Errors of the user's are one line and a hint on standard error.
    """
    if instruction := os.environ.get(COMPLETING):
        from .shells import answer

        return answer(aerostack, instruction)
    try:
        code = aerostack.main(list(arguments), prog_name="aerostack", standalone_mode=False)
    except click.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()  # the help itself
        return error.exit_code
    except click.ClickException as error:
        say_error(_misused(error))
        return error.exit_code
    except AerostackError as error:
        say_error(error)
        return 1
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; nothing can be said to it any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0


def _misused(error: click.ClickException) -> AerostackError:
    """A wrong command line in the form of every other error."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "aerostack"
    text = error.format_message()
    if type(error) is not click.UsageError:  # one of ours keeps its words: the platform's
        text = text[:1].lower() + text[1:].rstrip(".")
    return AerostackError(text, hint=f"see {command} --help")


def say_error(error: AerostackError) -> None:
    """Write an error to standard error: what and where, then what to do."""
    from .output import styled

    where = f"{error.where}: " if error.where else ""
    click.echo(f"{styled('error:', fg='red', bold=True)} {where}{error}", err=True)
    if error.hint:
        click.echo(f"{styled('hint:', fg='cyan')} {error.hint}", err=True)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, 1)
    return f"; did you mean {close[0]!r}?" if close else ""
