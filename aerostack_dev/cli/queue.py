"""`aerostack queue`: look into the queues, fill and empty them (queue-cron-dev §1)."""

from __future__ import annotations

import json
from typing import Any

import click

from ..errors import AerostackError
from .completion import queues
from .files import read_input
from .project import Place, argument, json_option, project_options

BODY_SHOWN = 60
DEFAULT_PEEK = 10
MAX_PEEK = 1000
MAX_DELAY = 86_400
CONTENT_TYPES = ("json", "text", "bytes")

EPILOG = """\b
Examples:
  aerostack queue list
  aerostack queue send default '{"type": "email"}' --delay 60
  aerostack queue peek default --limit 3
"""
LIST_EPILOG = """\b
Example:
  aerostack queue list --json
"""
PEEK_EPILOG = """\b
Example:
  aerostack queue peek default --limit 3
"""
SEND_EPILOG = """\b
Examples:
  aerostack queue send default '{"type": "email"}'
  aerostack queue send default "plain words" --content-type text --delay 60
  cat message.json | aerostack queue send default -
"""
TAIL_EPILOG = """\b
Examples:
  aerostack queue tail default
  aerostack queue tail default --json | grep dead-lettered
"""
PURGE_EPILOG = """\b
Example:
  aerostack queue purge default --yes
"""
REDRIVE_EPILOG = """\b
Example:
  aerostack queue redrive default-dlq
"""


@click.group(epilog=EPILOG)
def queue() -> None:
    """Look into the queues, send to them, empty them.

    QUEUE is the queue's own name ("default"), not that of a binding.
    """


@queue.command("list", epilog=LIST_EPILOG, short_help="List the queues and their depths.")
@project_options
@json_option
def list_queues(place: Place, as_json: bool) -> None:
    """List the queues: how many messages are ready, delayed and in flight."""
    from .output import print_json, print_table

    queues = _invoke(place, "list")
    if as_json:
        print_json(queues)
        return
    print_table(
        ("QUEUE", "READY", "DELAYED", "IN FLIGHT", "CONSUMER", "DEAD LETTERS TO"),
        [
            (
                each["queue"],
                each["ready"],
                each["delayed"],
                each["inFlight"],
                "yes" if each["consumer"] else "no",
                each["deadLetterQueue"],
            )
            for each in queues
        ],
    )


@queue.command(epilog=PEEK_EPILOG)
@project_options
@json_option
@click.argument("name", metavar="QUEUE", shell_complete=queues)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_PEEK),
    default=DEFAULT_PEEK,
    show_default=True,
    help="Show at most so many messages.",
)
def peek(place: Place, as_json: bool, name: str, limit: int) -> None:
    """Show the first messages of QUEUE without consuming them."""
    from .output import print_json, print_table, say

    messages = _invoke(place, "peek", name, limit)
    if as_json:
        print_json(messages)
    elif not messages:
        say(f"{name} is empty.")
    else:
        print_table(
            ("ID", "TYPE", "ATTEMPTS", "SENT", "DUE", "BODY"), [_row(each) for each in messages]
        )


@queue.command(epilog=SEND_EPILOG)
@project_options
@json_option
@click.argument("name", metavar="QUEUE", shell_complete=queues)
@click.argument("body")
@click.option("--delay", type=click.IntRange(0, MAX_DELAY), help="Seconds before it is delivered.")
@click.option(
    "--content-type",
    type=click.Choice(CONTENT_TYPES),
    default="json",
    show_default=True,
    help="What the consumer gets as the body.",
)
def send(
    place: Place, as_json: bool, name: str, body: str, delay: int | None, content_type: str
) -> None:
    """Send BODY to QUEUE; `-` reads it from standard input.

    BODY is JSON, or with --content-type the text or the (UTF-8) bytes themselves.
    """
    from .output import print_json, say

    options: dict[str, Any] = {"contentType": content_type}
    if delay is not None:
        options["delaySeconds"] = delay
    sent = _invoke(place, "send", name, _value(body, content_type), options)
    if as_json:
        print_json({"id": sent, "queue": name})
    else:
        say(f"Sent {sent} to {name}{f', due in {delay} s' if delay else ''}.")


@queue.command(epilog=TAIL_EPILOG, short_help="Follow the messages of QUEUE as they come.")
@project_options
@json_option
@click.argument("name", metavar="QUEUE", shell_complete=queues)
def tail(place: Place, as_json: bool, name: str) -> None:
    """Follow QUEUE: its messages as they come, and what becomes of them.

    Prints a line for each message sent, for each batch delivered (how many of its
    messages were acknowledged), and for each message retried, moved to a dead letter
    queue or dropped. Needs a running `aerostack dev`, for messages move only there. Goes
    on until Ctrl-C. Times are UTC; with --json each line is an object.
    """
    from .following import follow

    follow(place, name, as_json=as_json)


@queue.command(epilog=PURGE_EPILOG, short_help="Delete every message of QUEUE.")
@project_options
@json_option
@click.argument("name", metavar="QUEUE", shell_complete=queues)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def purge(place: Place, as_json: bool, name: str, yes: bool) -> None:
    """Delete every message of QUEUE, delayed ones and those in flight too."""
    from .output import counted, interactive, print_json, say

    if not yes and interactive():
        click.confirm(f"Delete every message of {name}?", abort=True)
    purged = _invoke(place, "purge", name)
    if as_json:
        print_json({"queue": name, "purged": purged})
    else:
        say(f"Deleted {counted(purged, 'message')} of {name}.")


@queue.command(epilog=REDRIVE_EPILOG, short_help="Move dead letters back where they came from.")
@project_options
@json_option
@click.argument("name", metavar="DLQ", shell_complete=queues)
def redrive(place: Place, as_json: bool, name: str) -> None:
    """Move the messages of the dead letter queue DLQ back to where they came from."""
    from .output import counted, print_json, say

    moved = _invoke(place, "redrive", name)
    if as_json:
        print_json({"queue": name, "moved": moved})
    else:
        say(f"Moved {counted(moved, 'message')} out of {name}.")


def _invoke(place: Place, operation: str, *arguments: Any) -> Any:
    from .access import open_access

    with open_access(place) as access:
        return access.invoke("queue", operation, *arguments)


def _value(body: str, content_type: str) -> Any:
    """The body as a wire value. Raises `AerostackError` when it is not what it should be."""
    raw = read_input() if body == "-" else argument(body)
    if content_type == "bytes":
        return raw
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise AerostackError(
            f"the body is not UTF-8 text (byte {error.start})", hint="use --content-type bytes"
        ) from error
    if content_type == "text":
        return text
    from ..wire import loads

    try:
        return loads(text)
    except (ValueError, RecursionError) as error:
        raise AerostackError(
            f"the body is not JSON: {error}",
            hint="""quote it for the shell ('{"a": 1}', '"words"'), """
            "or send it as it is with --content-type text",
        ) from error


def _row(message: dict[str, Any]) -> tuple[Any, ...]:
    body = message["body"]
    if isinstance(body, bytes):
        shown = f"{len(body)} bytes: {body[: BODY_SHOWN // 2].hex()}"
    elif message["contentType"] == "text":
        shown = body
    else:
        shown = json.dumps(body, ensure_ascii=False)
    return (
        message["id"],
        message["contentType"],
        message["attempts"],
        message["timestamp"],
        message["dueAt"],
        shown,
    )
