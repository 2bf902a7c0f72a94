"""What a model answered, for people and for programs: text, JSON, bytes, or as it comes."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import click

from ...errors import AerostackError

JSON = "application/json"
EVENTS = "text/event-stream"
DONE = "[DONE]"
TEXTS = ("response", "summary", "translated_text", "description", "text")
"""Where the text of an answer is, by the model's task."""


def print_answer(
    result: dict[str, Any],
    pieces: Generator[bytes, None, None],
    *,
    as_json: bool,
    output: str | None,
) -> None:
    """Print what `run` gave. Raises `AerostackError` for bytes at a terminal."""
    with closing(pieces):
        if result["contentType"] == EVENTS:
            _print_events(pieces, as_json=as_json)
        elif result["contentType"] != JSON:
            _write(result["contentType"], pieces, output, as_json=as_json)
        else:
            _print(result["body"], as_json=as_json)


def _print(body: Any, *, as_json: bool) -> None:
    from ..output import clean, print_json, say

    text = None if as_json else text_of(body)
    if text is None:
        print_json(body)
    else:
        say(clean(text, keep_lines=True))


def text_of(body: Any) -> str | None:
    """The text of an answer; None when it is not made of text."""
    if not isinstance(body, dict):
        return None
    for name in TEXTS:
        if isinstance(body.get(name), str) and not body.get("tool_calls"):
            return str(body[name])
    for choice in body.get("choices") or ():
        said = choice.get("message") or choice.get("delta") or {}
        if isinstance(said.get("content"), str) and not said.get("tool_calls"):
            return str(said["content"])
    return None


def _print_events(pieces: Iterator[bytes], *, as_json: bool) -> None:
    from ..output import clean

    last = "\n"
    for data in events(pieces):
        if as_json:
            click.echo(data)
            continue
        text = text_of(json.loads(data)) or ""
        click.echo(clean(text, keep_lines=True), nl=False)
        last = text[-1:] or last
    if not as_json and last != "\n":
        click.echo()


def events(pieces: Iterator[bytes]) -> Iterator[str]:
    """The data of each server-sent event that is JSON; frames may be cut anywhere."""
    rest = b""
    for piece in pieces:
        *frames, rest = (rest + piece).split(b"\n\n")
        for frame in frames:
            for line in frame.decode("utf-8", "replace").splitlines():
                data = line.removeprefix("data:").strip()
                if line.startswith("data:") and data != DONE:
                    yield data


def _write(
    content_type: str, pieces: Iterator[bytes], output: str | None, *, as_json: bool
) -> None:
    from ..files import writing
    from ..output import print_json, size, terminal

    if output is None and (terminal() or as_json):
        raise AerostackError(
            f"the answer is {content_type}, which is not text",
            hint="give --output the name of a file",
        )
    with writing(output) as file:
        written = sum(file.write(piece) for piece in pieces)
    if as_json:
        print_json({"file": output, "contentType": content_type, "size": written})
    elif output is not None:
        click.echo(f"Wrote {size(written)} ({content_type}) to {output}.", err=True)
