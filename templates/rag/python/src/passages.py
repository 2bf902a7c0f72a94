"""Cutting a text into passages: small enough to be about one thing, large enough to tell it."""

import re
import textwrap

SIZE = 800
"""Characters of a passage. The embedding model reads 512 tokens, about 2000 characters."""
OVERLAP = 120
"""Characters of the passage before that a passage may begin with."""
GAP = "\n\n"


def passages(text: str) -> list[str]:
    """`text` as passages of whole paragraphs, where they fit.

    Every passage but the first begins with the last words of the one before it, so that a
    paragraph is found with what it refers to.
    """
    found: list[str] = []
    for paragraph in _paragraphs(text):
        if not found:
            found.append(paragraph)
        elif len(found[-1]) + len(GAP) + len(paragraph) <= SIZE:
            found[-1] += GAP + paragraph
        else:
            found.append(GAP.join(filter(None, (_tail(found[-1]), paragraph))))
    return found


def _paragraphs(text: str) -> list[str]:
    """The paragraphs, a long one in pieces that leave room for the overlap."""
    room = SIZE - OVERLAP - len(GAP)
    return [
        piece
        for paragraph in re.split(r"\n\s*\n", text)
        for piece in textwrap.wrap(paragraph, room)
    ]


def _tail(passage: str) -> str:
    """The last whole words of a passage; nothing of a word longer than the overlap."""
    return " ".join(passage[-OVERLAP:].split(" ")[1:]) if len(passage) > OVERLAP else passage
