"""Chats that ask for a summary: which text they mean, and its chief sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .extracting import CONTEXT_ROLES, SUMMARY_SENTENCES, messages_of, summary
from .words import sentences

NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
INSTRUCTING = ("system", "developer")

_VERB = r"(?:summari[sz]e|sum\s+up|condense|tl;?\s?dr)"
_NOUN = r"(?:(?:give|write|make|provide|create)\s+(?:me\s+|us\s+)?an?\s+(?:[\w-]+\s+){0,3}summary)"
_ASKING = re.compile(
    rf"\s*(?:please[\s,]+|(?:can|could|would|will)\s+you\s+(?:please\s+)?)?(?:{_VERB}|{_NOUN})\b"
    r"[^\n:]*?(?:[:\n]|[.!?](?=\s|$)|$)",
    re.I,
)
_ROLE = re.compile(rf"\b(?:{_VERB}s?|{_NOUN}|summari[sz]er|summaries)\b", re.I)
_LENGTH = re.compile(
    r"\b(an?|one|two|three|four|five|six|\d{1,2})(?:\s|-)(?:\w+\s)?sentences?\b", re.I
)


def summarised(inputs: Mapping[str, Any], limit: int) -> str:
    """The summary that a chat asks for, in at most `limit` tokens; empty if it asks for none.

    The text follows the request, comes before it, or is what the other messages hold;
    a request in a system message means whatever the user sends.
    """
    messages = messages_of(inputs)
    at = max((at for at, each in enumerate(messages) if each[0] == "user"), default=None)
    if at is None:
        return ""
    asked, text = _request(messages[at][1])
    if asked and not text:
        text = _others([*messages[:at], *messages[at + 1 :]])
    if not asked:
        asked = " ".join(said for role, said in messages if role in INSTRUCTING)
        text = (
            messages[at][1] if _ROLE.search(asked) and len(sentences(messages[at][1])) > 1 else ""
        )
    return summary(text, limit, _length(asked)) if text else ""


def _request(text: str) -> tuple[str, str]:
    """What asks for a summary in a message, and the rest of it."""
    first = _ASKING.match(text)
    if first:
        return first[0], text[first.end() :].strip()
    *before, last = sentences(text) or [""]
    if before and _ASKING.fullmatch(last):
        return last, text.rstrip().removesuffix(last)
    return "", ""


def _others(messages: Sequence[tuple[str, str]]) -> str:
    """What other messages say, without what they tell the model about itself."""
    found = [
        sentence
        for role, text in messages
        if role in CONTEXT_ROLES
        for sentence in sentences(text)
        if not sentence.startswith("You ")
    ]
    return "\n".join(found) if len(found) > 1 else ""


def _length(asked: str) -> int:
    found = _LENGTH.search(asked)
    if found is None:
        return SUMMARY_SENTENCES
    word = found[1].lower().replace("an", "a")
    return max(1, NUMBERS[word] if word in NUMBERS else int(word))
