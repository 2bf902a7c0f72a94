"""`aerostack completion`: Tab in bash, zsh and fish."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from ..errors import AerostackError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "aerostack"
VARIABLE = "_AEROSTACK_COMPLETE"
"""Set by the scripts; its value is `bash_complete`, and likewise for the others."""

EPILOG = """\b
Examples:
  eval "$(aerostack completion bash)"     # in ~/.bashrc
  eval "$(aerostack completion zsh)"      # in ~/.zshrc, behind compinit
  aerostack completion fish > ~/.config/fish/completions/aerostack.fish
"""

BASH = """\
_aerostack_completion() {
    local kind value
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value; do
        case $kind in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F _aerostack_completion %(prog_name)s 2>/dev/null ||
    complete -F _aerostack_completion %(prog_name)s
"""

SPECIAL = re.compile(r"([^A-Za-z0-9_@%+:,./=-])")
"""What bash must not see bare."""
KEPT_BREAKS = "$@"
"""Characters that break a word for bash and still belong to the new one."""


class Bash(BashComplete):
    """Bash, with words that have spaces or stars (crons), colons or `@` (models)."""

    source_template = BASH

    def source(self) -> str:
        return ShellComplete.source(self)  # this script runs in old versions too

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        start, _ = unfinished(line)
        words = split_arg_string(line[start:])
        return split_arg_string(line[:start])[1:], words[0] if words else ""

    def format_completion(self, item: CompletionItem) -> str:
        line = os.environ["COMP_LINE"]
        start, quote = unfinished(line)
        if quote:
            return f"{item.type}\t{item.value}"
        breaks = os.environ.get("COMP_WORDBREAKS", "")
        word = line[start:]
        cut = max((word.rfind(sign) for sign in breaks if not sign.isspace()), default=-1)
        cut += cut < 0 or word[cut] not in KEPT_BREAKS
        escaped = SPECIAL.sub(r"\\\1", item.value)
        return f"{item.type}\t{escaped[cut:]}"


class Fish(FishComplete):
    """Fish, with words that have commas (crons)."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split -m 1 ","'
    )


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": ZshComplete, "fish": Fish}


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script that completes commands in SHELL when Tab is pressed.

    It completes commands and options, and from the project the names of bindings,
    databases, queues, crons, models, environments and snapshots.
    """
    click.echo(SHELLS[shell](click.Group(), {}, PROGRAM, VARIABLE).source().rstrip("\n"))


def answer(command: click.Command, instruction: str) -> int:
    """Print the completions that a script asked for; returns the exit code."""
    shell = SHELLS.get(instruction.partition("_")[0])
    if shell is None:
        return 1
    complete = shell(command, {}, PROGRAM, VARIABLE)
    try:
        if found := complete.complete():
            click.echo(found)
    except (click.ClickException, AerostackError, KeyError):
        return 1  # a line that makes no sense yet has nothing to complete
    return 0


def unfinished(line: str) -> tuple[int, str]:
    """Where the last word of a shell's line begins, and the quote it is within."""
    start, quote, escaped = 0, "", False
    for at, sign in enumerate(line):
        if escaped:
            escaped = False
        elif sign == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign.isspace():
            start = at + 1
    return start, quote


def of_commands(entries: Sequence[tuple[str, str]], begun: str) -> list[CompletionItem[Any]]:
    """The commands that begin so."""
    return [CompletionItem(name, help=text) for name, text in entries if name.startswith(begun)]
