"""The command reference, made from the commands themselves.

python -m tests.docs.cli_reference    writes docs/reference/cli.md
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from aerostack_dev.cli.commands import aerostack

PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"
COMMON = ("config", "environment", "persist_to", "as_json")
"""Options that most commands have: explained once."""

INTRODUCTION = """\
# Command line

<!-- Written by `python -m tests.docs.cli_reference` from the commands: change them there. -->

`aerostack COMMAND --help` says the same at the terminal.

Commands find the project by walking up from the working directory to `aerostack.toml`. Those
that touch state work beside a running `aerostack dev`, through it, and without one. Results are
tables on a terminal and plain text in a pipe; errors are one line and a hint. Exit codes: 0 it
worked, 1 it failed, 2 the command line was wrong.

## JSON

With `--json`, times are ISO 8601 in UTC and durations are in milliseconds. Fields may be added
in later versions, and are never renamed. Warnings and errors are `{"code", "message", "where",
"hint"}`.

| Command | Gives |
|---|---|
| `check` | `{"ok", "name", "main", "handlers", "bindings", "crons", "warnings", "errors"}` |
| `cron list` | `[{"cron", "next": [t1, t2, t3]}]` |
| `cron run` | `{"cron", "outcome", "durationMs", "error"?}` |
| `queue list` | `[{"queue", "ready", "delayed", "inFlight", "consumer", "deadLetterQueue"}]` |
| `queue peek` | `[{"id", "body", "contentType", "attempts", "timestamp", "dueAt"}]` |
| `queue tail` | a line for each event: `{"time", "event", "queue"}`, and by the event `"id"`, `"body"`, `"contentType"`, `"delaySeconds"`, `"acked"`, `"total"`, `"ids"`, `"attempts"`, `"deadLetterQueue"`, `"from"`, `"count"` |
| `db execute` | `[{"results", "success", "meta"}]` |
| `db shell` | a line for each statement: `{"results", "success", "meta"}` |
| `db import` | `{"file", "statements", "changes"}` |
| `cache list` | `[{"name", "expiration"?, "metadata"?}]` |
| `storage list` | `[{"key", "size", "etag", "uploaded"}]`; for a group `{"prefix"}` |
| `vectorize info` | `{"name", "metric", "vectorCount", "dimensions", "processedUpToDatetime", "processedUpToMutation"}` |
| `vectorize query` | `{"matches": [{"id", "score", "values"?, "metadata"?, "namespace"?}], "count"}` |
| `vectorize get` | `[{"id", "values", "metadata"?, "namespace"?}]` |
| `vectorize list` | `[{"id"}]` |
| `ai run` | what `env.AI.run` gives; with `--stream` a line for each event |
| `ai models` | `[{"model", "task", "provider", "as", "configured"}]`; `provider` is null when nobody here can |
| `storage s3` | `{"endpoint", "accessKeyId", "secretAccessKey", "region", "buckets"}` |

## Common options

| Option | Means |
|---|---|
"""  # noqa: E501 - rows of a table


def page() -> str:
    """The whole page."""
    known = dict(commands())
    options = _options(known["aerostack check"])
    common = "".join(_row(option) for option in options if option.name in COMMON)
    return "\n".join([INTRODUCTION + common, *(_section(*each) for each in known.items())])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its path, groups before their members."""
    root = click.Context(aerostack, info_name="aerostack")
    yield from _below(aerostack, "aerostack", root)


def _below(
    group: click.Group, path: str, context: click.Context
) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _below(command, f"{path} {name}", context)


def _section(path: str, command: click.Command) -> str:
    level = "##" if path.count(" ") == 1 else "###"
    parts = [f"{level} {path}\n\n"]
    if not isinstance(command, click.Group):
        words = [path, *(_argument(each) for each in command.params), "[OPTIONS]"]
        parts.append(f"```text\n{' '.join(filter(None, words))}\n```\n\n")
    parts.append(inspect.cleandoc(command.help or "").replace("<", "&lt;") + "\n")
    own = [option for option in _options(command) if option.name not in COMMON]
    if own:
        parts.append("\n| Option | Means |\n|---|---|\n" + "".join(map(_row, own)))
    shared = [_names(option) for option in _options(command) if option.name in COMMON]
    if shared:
        also = ", ".join(f"`{names[0]}`" for names in shared)
        parts.append(f"\nAlso: {also} ([common options](#common-options)).\n")
    examples = re.sub(r"\A[\x08\s]*Examples?:\n", "", command.epilog or "").rstrip()
    if examples:
        parts.append(f"\n```bash\n{inspect.cleandoc(examples)}\n```\n")
    return "".join(parts)


def _argument(parameter: click.Parameter) -> str:
    if not isinstance(parameter, click.Argument):
        return ""
    return parameter.make_metavar(click.Context(click.Command("x")))


def _options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option)]


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}{_value(option)}`" for name in _names(option)[::-1])
    said = (option.help or "").rstrip(".")
    if isinstance(option.type, click.Choice) and not said:
        said = f"One of {', '.join(map(str, option.type.choices))}"
    more = "; may be repeated" if option.multiple and "repeated" not in said else ""
    default = option.show_default and option.default is not None and not option.is_flag
    shown = f" Default: `{option.default}`." if default else ""
    return f"| {names} | {said}{more}.{shown}{_range(option)} |\n"


def _names(option: click.Option) -> list[str]:
    return [*option.opts, *option.secondary_opts]


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " WORD"
    return (
        f" {'N' if isinstance(option.type, click.types.IntParamType) else option.metavar or 'TEXT'}"
    )


def _range(option: click.Option) -> str:
    kind = option.type
    if not isinstance(kind, click.IntRange):
        return ""
    return f" {kind.min} to {kind.max}." if kind.max is not None else f" At least {kind.min}."


if __name__ == "__main__":
    PAGE.write_text(page())
