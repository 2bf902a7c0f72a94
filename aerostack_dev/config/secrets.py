"""Secrets never appear in a log, a trace or a page: they are replaced by value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from .model import Project

SHORTEST = 6
"""Characters from which a secret is replaced; a shorter one would blank out common words."""


class Redactor:
    """Replaces every secret value in a text by `[redacted:NAME]` (interface §2).

    Covers the value as it is, as JSON writes it and as a URL does; of two values that
    start alike the longer one is found. Without secrets it returns the text itself.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, project: Project) -> None:
        """Hide the secrets of `project` too; those learnt before stay hidden, since
        requests under way still hold them.
        """
        before = len(self._names)
        for name, text in _hidden(project):
            if len(text) >= SHORTEST:
                for spelling in _spellings(text):
                    self._names.setdefault(spelling, name)
        if len(self._names) > before:
            longest_first = sorted(self._names, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: f"[redacted:{self._names[match[0]]}]", text)


def redactor(project: Project) -> Redactor:
    """A `Redactor` that knows the secrets of `project`."""
    redact = Redactor()
    redact.learn(project)
    return redact


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
