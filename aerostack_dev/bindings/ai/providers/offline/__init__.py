"""The provider `offline`: deterministic, instant, downloads nothing, and says what it is.

Embeddings are feature hashes (`embedding`), chat quotes from its own messages
(`extracting`), JSON mode and tools fill schemas from the text (`filling`, `tools`),
sentiment is VADER's lexicon, ranking is lexical. It has no model: what needs one
(pictures, speech, translation, moderation) is refused with the providers that can.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ..... import wire
from .....config.model import Finding
from ....kind import Services
from ... import Ai
from ...backend import Call
from ...chats import asked
from ...models import Task
from ...outcomes import Labels, Outcome, Piece, Pieces, Scores, Text, ToolCall, Usage, Vectors
from ...shapes import wanted_schema
from ...tokens import count, cut, pieces
from ..chat_requests import DEFAULT_MAX_TOKENS, DEFAULT_SUMMARY
from ..openai_compatible import texts_of
from . import extracting, filling, tools
from .embedding import cosine, embed
from .summarising import summarised
from .words import coverage, rarity, terms

LEXICAL_SHARE = 0.8
"""Of a ranking's score; the rest is the likeness of the embeddings."""
LONG_TEXTS = 20_000
"""Characters from which embedding leaves the event loop."""
ANY_WIDTH = 768
"""Of a model whose width nobody knows."""


class Offline:
    """A `Provider` without a model. `open_provider` yields it."""

    name = "offline"

    def __init__(self, notify: Callable[[Finding], None]) -> None:
        self._notify = notify
        self._said = False
        self._sentiment: Any = None
        self._tasks: Mapping[Task, Callable[[Call], Awaitable[Outcome]]] = {
            Task.GENERATION: self._chat,
            Task.EMBEDDINGS: self._embed,
            Task.RERANKING: self._rerank,
            Task.SENTIMENT: self._feel,
            Task.SUMMARIZATION: self._summarize,
        }

    def chosen(self, call: Call) -> Offline:
        return self

    def offers(self, call: Call) -> bool:
        return call.model.task in self._tasks

    def naming(self, call: Call) -> str:
        return ""

    async def answer(self, call: Call) -> Outcome:
        if not self._said:
            self._said = True
            self._notify(
                Finding(
                    "ai-offline",
                    "env.AI answers from the offline provider: no model, only the text it is given",
                    hint='for a real model start Ollama, or set provider = "openai" (or another) '
                    "and api_key in [ai]",
                )
            )
        return await self._tasks[call.model.task](call)

    async def _chat(self, call: Call) -> Outcome:
        inputs = call.inputs
        question, context = extracting.conversation(inputs)
        calls = _tool_calls(inputs, question)
        said = "" if calls else _said(inputs, question, context)
        limit = inputs.get("max_tokens", DEFAULT_MAX_TOKENS)
        text, longer = (said, False) if _json_wanted(inputs) else cut(said, limit)
        finish = "tool_calls" if calls else "length" if longer else "stop"
        usage = Usage(count(asked(inputs)), count(text))
        whole = Text(text, usage, calls, finish)
        return Pieces(_streamed(whole)) if inputs.get("stream") else whole

    async def _embed(self, call: Call) -> Outcome:
        if "query" in call.inputs and "contexts" in call.inputs:
            return await self._rerank(call)
        texts = texts_of(call)
        width = call.model.width or ANY_WIDTH
        if sum(map(len, texts)) > LONG_TEXTS:
            vectors = await asyncio.to_thread(embed, texts, width)
        else:
            vectors = embed(texts, width)
        return Vectors(vectors, str(call.inputs.get("pooling", "mean")))

    async def _rerank(self, call: Call) -> Outcome:
        query = str(call.inputs["query"])
        contexts = [str(each["text"]) for each in call.inputs["contexts"]]
        return Scores(await asyncio.to_thread(rank, query, contexts))

    async def _feel(self, call: Call) -> Outcome:
        if self._sentiment is None:
            self._sentiment = await asyncio.to_thread(_analyzer)
        compound = float(self._sentiment.polarity_scores(call.inputs["text"])["compound"])
        positive = (1 + compound) / 2
        return Labels({"NEGATIVE": 1 - positive, "POSITIVE": positive})

    async def _summarize(self, call: Call) -> Outcome:
        limit = int(call.inputs.get("max_length", DEFAULT_SUMMARY))
        text, _ = cut(extracting.summary(call.inputs["input_text"], limit), limit)
        return Text(text, Usage(count(call.inputs["input_text"]), count(text)))


def rank(query: str, contexts: list[str]) -> list[float]:
    """How well each context fits `query`, 0 to 1: shared terms, the rare ones counting more."""
    wanted = terms(query)
    bags = [terms(text) for text in contexts]
    rare = rarity(bags)
    own, *vectors = embed([query, *contexts], ANY_WIDTH)
    return [
        LEXICAL_SHARE * coverage(wanted, bag, rare)
        + (1 - LEXICAL_SHARE) * max(0.0, cosine(own, vector))
        for bag, vector in zip(bags, vectors, strict=True)
    ]


def _tool_calls(inputs: Mapping[str, Any], question: str) -> list[ToolCall]:
    if not inputs.get("tools") or extracting.tool_results(inputs):
        return []
    call = tools.chosen(inputs["tools"], inputs.get("tool_choice"), question)
    return [call] if call else []


def _said(inputs: Mapping[str, Any], question: str, context: list[str]) -> str:
    """The answer: what tools found, the JSON that was asked for, or quoted sentences."""
    schema = wanted_schema(inputs)
    if schema is None:
        return extracting.tool_results(inputs) or _quoted(inputs, question, context)
    if not schema:
        return wire.dumps({"answer": _quoted(inputs, question, context)}).decode()
    # The question itself is text too: "Extract the name: Ada Lovelace" has all in one.
    return wire.dumps(filling.filled(schema, "\n".join([*context, question]))).decode()


def _quoted(inputs: Mapping[str, Any], question: str, context: list[str]) -> str:
    """A summary where one is asked for, or an answer."""
    limit = int(inputs.get("max_tokens", DEFAULT_MAX_TOKENS))
    return summarised(inputs, limit) or extracting.answer(question, context)


def _json_wanted(inputs: Mapping[str, Any]) -> bool:
    return wanted_schema(inputs) is not None


async def _streamed(whole: Text) -> AsyncGenerator[Piece, None]:
    for piece in pieces(whole.content):
        yield Piece(piece)
    yield Piece(tool_calls=whole.tool_calls, usage=whole.usage, finish=whole.finish)


def _analyzer() -> Any:
    return importlib.import_module("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()


@asynccontextmanager
async def open_provider(declaration: Ai, services: Services) -> AsyncIterator[Offline]:
    """The provider that is always there."""
    yield Offline(services.notify)
