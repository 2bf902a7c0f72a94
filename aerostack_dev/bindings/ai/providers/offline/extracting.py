"""Answers and summaries made of the sentences that were given, and of nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...chats import plain
from ...tokens import count
from .words import coverage, rarity, sentences, terms

HONEST = (
    "This is the offline provider of aerostack dev: it has no language model and answers only "
    "from text in the messages, where it found nothing about this. Set a provider in [ai] of "
    "aerostack.toml for real answers."
)
"""The answer when there is nothing to answer from."""
MOST_SENTENCES = 3
RELEVANT = 0.34
"""A sentence must cover this part of the question."""
NEAR_BEST = 0.75
"""A further sentence is quoted when it covers nearly as much as the best."""
SUMMARY_SENTENCES = 3
TOOL_ROLES = ("tool", "function")
CONTEXT_ROLES = ("system", "developer", "user", *TOOL_ROLES)

_ASKED = re.compile(r"(?:^|\n)\s*(?:question|query|user question|q)\s*:\s*(.+)", re.I | re.S)


def conversation(inputs: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The question of a chat call, and the sentences that it may be answered from."""
    messages = messages_of(inputs)
    asking = max((at for at, each in enumerate(messages) if each[0] == "user"), default=None)
    question, rest = _question(messages[asking][1]) if asking is not None else ("", [])
    context: list[str] = []
    for at, (role, text) in enumerate(messages):
        if at == asking:
            context += rest
        elif role in CONTEXT_ROLES:
            context += sentences(text)
    return question, context


def answer(question: str, context: Sequence[str]) -> str:
    """The sentences of `context` that say most about `question`, or the honest sentence."""
    wanted = terms(question)
    bags = [terms(sentence) for sentence in context]
    rare = rarity(bags)
    scores = [coverage(wanted, bag, rare) for bag in bags]
    best = max(scores, default=0.0)
    if best < RELEVANT:
        return HONEST
    ranked = sorted(range(len(context)), key=lambda at: (-scores[at], at))
    near = [at for at in ranked if scores[at] >= best * NEAR_BEST][:MOST_SENTENCES]
    said = dict.fromkeys(context[at] for at in sorted(near))
    return " ".join(said)


def tool_results(inputs: Mapping[str, Any]) -> str:
    """What tools answered after the last question; empty when there is nothing."""
    results: list[str] = []
    for role, text in messages_of(inputs):
        if role == "user":
            results.clear()
        elif role in TOOL_ROLES:
            results.append(text)
    return "\n".join(results)


def summary(text: str, limit: int, most: int = SUMMARY_SENTENCES) -> str:
    """The `most` sentences with the commonest words, in their order, in `limit` tokens."""
    found = sentences(text)
    counts = Counter(term for sentence in found for term in terms(sentence))
    scores = []
    for sentence in found:
        bag = terms(sentence)
        scores.append(sum(counts[term] for term in set(bag)) / (len(bag) or 1) ** 0.5)
    ranked = sorted(range(len(found)), key=lambda at: (-scores[at], at))
    chosen: list[int] = []
    for at in ranked[:most]:
        if not chosen or count(" ".join(found[each] for each in (*chosen, at))) <= limit:
            chosen.append(at)
    return " ".join(found[at] for at in sorted(chosen))


def messages_of(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Role and text of each message; a prompt is one of the user's."""
    given = inputs.get("messages", inputs.get("input"))
    if not isinstance(given, list):
        return [("user", plain(inputs.get("prompt", given)))]
    return [(str(each.get("role", "user")), plain(each.get("content"))) for each in given]


def _question(text: str) -> tuple[str, list[str]]:
    """The question inside a message, and the sentences beside it."""
    marked = list(_ASKED.finditer(text))
    if marked:
        asked = sentences(marked[-1][1])
        return asked[0] if asked else "", sentences(text[: marked[-1].start()]) + asked[1:]
    found = sentences(text)
    asking = [at for at, sentence in enumerate(found) if sentence.endswith(("?", "？"))]
    at = asking[-1] if asking else len(found) - 1
    return (found[at], found[:at] + found[at + 1 :]) if found else ("", [])
