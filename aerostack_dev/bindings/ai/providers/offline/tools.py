"""Choosing a tool without a model: only one that the question names, with all it needs.

A tool is called when its name or description shares words with the question, and the
question says every required argument. Otherwise none is, and the answer is text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...outcomes import ToolCall
from .filling import arguments, name_words
from .words import STOPWORDS, stem, terms

_VERBS = "get fetch find search look lookup list show read run call make create"
VERBS = frozenset(_VERBS.split())
"""Words of a tool's name that say nothing about which tool it is."""


def chosen(tools: Sequence[Mapping[str, Any]], choice: Any, question: str) -> ToolCall | None:
    """The call that `question` asks for; None when no tool fits.

    `choice` is the call's `tool_choice`: `none` forbids, `{function: {name}}` names one.
    """
    if choice == "none" or not question:
        return None
    wanted = choice.get("function", choice).get("name") if isinstance(choice, Mapping) else None
    best: tuple[int, ToolCall] | None = None
    for each in tools:
        tool = each.get("function") if isinstance(each.get("function"), Mapping) else each
        assert isinstance(tool, Mapping)
        score = _score(tool, question)
        if wanted not in (None, tool.get("name")) or not (score or wanted):
            continue
        given = arguments(tool.get("parameters") or {}, question)
        if given is not None and (best is None or score > best[0]):
            best = score, ToolCall(str(tool.get("name", "")), given)
    return best[1] if best else None


def _score(tool: Mapping[str, Any], question: str) -> int:
    """How many words of the question speak of the tool; those of its name count double."""
    asked = set(terms(question))
    named = {stem(word) for word in name_words(str(tool.get("name", ""))) if word not in VERBS}
    described = set(terms(str(tool.get("description", "")))) - named
    described -= {stem(word) for word in (*VERBS, *STOPWORDS)}
    return 2 * len(asked & named) + len(asked & described)
