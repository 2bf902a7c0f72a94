"""What `aerostack queue tail` does: the events of a queue, a line for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from ..errors import AerostackError, ControlError

if TYPE_CHECKING:
    from .project import Place

COLOURS = {"delivered": "green", "retried": "yellow", "dead-lettered": "red", "dropped": "red"}
LONGEST_WORD = len("dead-lettered")


def follow(place: Place, queue: str, *, as_json: bool) -> None:
    """Print what happens to the messages of `queue`, until Ctrl-C or the server's end.

    Raises `AerostackError` when no server runs, or when it stops.
    """
    from .output import clean, say, terminal

    if terminal() and not as_json:
        click.echo(f"Following {clean(queue)}; Ctrl-C ends it.", err=True)
    for line in _lines(place, queue):
        if as_json:
            click.echo(line)
        else:
            say(described(json.loads(line)))


def _lines(place: Place, queue: str) -> Iterator[str]:
    """The events as JSON. A server that opens its state anew is asked again."""
    from ..server.streams import STOPPING
    from .access import Remote, running

    project = place.load()
    begun = False
    while (live := running(project, place)) is not None:
        begun = True
        _, pieces = Remote(project, live).stream("queue", "tail", queue)
        try:
            with closing(pieces):
                for piece in pieces:
                    yield from piece.decode().splitlines()
        except ControlError as error:
            if error.code not in (STOPPING, ControlError.code):
                raise
    if begun:
        raise ControlError("the server has stopped", hint="start it with `aerostack dev`")
    raise AerostackError(
        "no server runs this project: its queues stand still",
        hint=f"start `aerostack dev`, or look once with `aerostack queue peek {queue}`",
    )


def described(event: dict[str, Any]) -> str:
    """An event for people: `09:00:01.250  sent  <id>  {"type": "email"}`."""
    from .output import clean, styled

    word = event["event"]
    shown = styled(word.ljust(LONGEST_WORD), fg=COLOURS.get(word))
    moment = event["time"].partition("T")[2].removesuffix("Z")
    return f"{styled(moment, dim=True)}  {shown}  {clean(_details(event))}"


def _details(event: dict[str, Any]) -> str:
    from .output import counted

    name = event.get("id", "")
    match event["event"]:
        case "sent":
            delay = f"  due in {event['delaySeconds']} s" if event["delaySeconds"] else ""
            return f"{name}  {_body(event)}{delay}"
        case "delivered":
            return f"{event['acked']}/{event['total']} {_listed(event['ids'])}".rstrip()
        case "retried":
            when = f"in {event['delaySeconds']} s" if event["delaySeconds"] else "at once"
            return f"{name}  after attempt {event['attempts']}, again {when}"
        case "dead-lettered":
            return f"{name}  after {_attempts(event)}, to {event['deadLetterQueue']}"
        case "dropped":
            return f"{name}  after {_attempts(event)}: there is no dead letter queue"
        case "arrived":
            what = name or counted(event["count"], "message")
            return f"{what}  from {event['from']}"
        case _:
            return counted(event["count"], "message" if event["event"] == "purged" else "event")


def _body(event: dict[str, Any]) -> str:
    from .output import shortened

    body = event["body"]
    return shortened(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))


def _attempts(event: dict[str, Any]) -> str:
    from .output import counted

    return counted(event["attempts"], "attempt")


def _listed(names: list[str]) -> str:
    return f" {', '.join(names)}" if names else ""
