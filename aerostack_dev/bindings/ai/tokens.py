"""Tokens, roughly: a word with the space before it is one.

Real models cut words further; what matters locally is that a limit limits, that usage
adds up, and that the pieces of a text are the text.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\s*\S+|\s+$")


def pieces(text: str) -> list[str]:
    """`text` cut into tokens; joined, they are `text` again."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens `text` has."""
    return len(pieces(text))


def cut(text: str, limit: int) -> tuple[str, bool]:
    """The first `limit` tokens of `text`, and whether there were more."""
    found = pieces(text)
    return "".join(found[:limit]), len(found) > limit
