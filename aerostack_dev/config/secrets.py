"""Secrets never appear in a log, a trace or a page: they are replaced by value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from .model import Project

SHORTEST = 6
"""Characters from which a secret is replaced; a shorter one would blank out common words."""


def redactor(project: Project) -> Callable[[str], str]:
    """What replaces every secret value in a text by `[redacted:NAME]` (interface §2).

    Covers the value as it is, as JSON writes it and as a URL does; of two values that
    start alike the longer one is found. Without secrets it returns the text itself.
    """
    spellings: dict[str, str] = {}
    for name, text in _hidden(project):
        if len(text) >= SHORTEST:
            for spelling in _spellings(text):
                spellings.setdefault(spelling, name)
    if not spellings:
        return _unchanged
    longest_first = sorted(spellings, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: pattern.sub(lambda match: f"[redacted:{spellings[match[0]]}]", text)


def _spellings(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote(text, safe="")
    yield quote(text)


def _hidden(project: Project) -> Iterator[tuple[str, str]]:
    for name in sorted(project.secrets & project.values.keys()):
        for text in _texts(project.values[name]):
            yield name, text
    yield from project.hidden.items()


def _texts(value: Any) -> Iterator[str]:
    """The texts inside a JSON value; a number counts as it is written."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield value if isinstance(value, str) else json.dumps(value)


def _unchanged(text: str) -> str:
    return text
