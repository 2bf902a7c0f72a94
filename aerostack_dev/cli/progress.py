"""Progress bars on standard error, for those who wait at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click


class Bar:
    """Progress that nobody sees."""

    def update(self, count: int) -> None:
        """Take note of `count` more."""


@contextmanager
def progress(length: int, label: str, *, above: int) -> Iterator[Any]:
    """A bar that fills up to `length`, when that is `above` a size worth waiting for."""
    if length <= above or not sys.stderr.isatty():
        yield Bar()
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar
