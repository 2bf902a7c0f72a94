"""Any server that speaks OpenAI's protocol, on this machine or elsewhere (§3.6)."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from .... import wire
from ....config.model import Finding
from ...kind import Services
from .. import Ai
from ..backend import Call
from ..failures import upstream
from ..media import Media, media_of, sniffed
from ..models import Task
from ..outcomes import Labels, Made, Outcome, Pieces, Scores, Text, Transcript, Vectors
from ..shapes import unfenced
from .chat_answers import pieces_of, text_of
from .chat_requests import chat_request, prompt_request
from .http import Http, base_url, open_http, secret
from .presets import CHAT_TASKS, PRESETS, Preset

DEFAULT_VOICE = "alloy"
DEFAULT_SIZE = 1024
"""Pixels of a picture's side."""


class OpenAICompatible:
    """A `Provider` over HTTP. `open_provider` yields it."""

    def __init__(
        self,
        name: str,
        preset: Preset,
        models: Mapping[str, str],
        http: Http,
        notify: Callable[[Finding], None],
    ) -> None:
        self.name = name
        self._preset = preset
        self._models = models
        self._http = http
        self._notify = notify
        self._said: set[str] = set()
        self._tasks: Mapping[Task, Callable[[Call], Awaitable[Outcome]]] = {
            **dict.fromkeys(CHAT_TASKS, self._chat),
            Task.MODERATION: self._chat,
            Task.SENTIMENT: self._sentiment,
            Task.EMBEDDINGS: self._embed,
            Task.RERANKING: self._rerank,
            Task.TEXT_TO_IMAGE: self._picture,
            Task.SPEECH_RECOGNITION: self._listen,
            Task.TEXT_TO_SPEECH: self._speak,
        }

    def chosen(self, call: Call) -> OpenAICompatible:
        return self

    def offers(self, call: Call) -> bool:
        return self._task(call) in self._preset.tasks

    def knows(self, call: Call) -> bool:
        """Whether a name for this model has been given, not made up."""
        name, task = call.model.name, self._task(call)
        chat = task in CHAT_TASKS and task is not Task.IMAGE_TO_TEXT
        named = name in self._models or task in self._models or name in self._preset.names
        return self.offers(call) and (named or chat)

    async def answer(self, call: Call) -> Outcome:
        return await self._tasks[self._task(call)](call)

    def _task(self, call: Call) -> Task:
        # bge-m3 embeds, and ranks when there is a query.
        return Task.RERANKING if {"query", "contexts"} <= call.inputs.keys() else call.model.task

    def naming(self, call: Call) -> str:
        """The server's name of the model: the project's, ours, or the platform's bare one."""
        name, task = call.model.name, self._task(call)
        return (
            self._models.get(name)
            or self._models.get(task)
            or self._preset.names.get(name)
            or self._preset.fallback.get(task)
            or name.rpartition("/")[2]
        )

    async def _chat(self, call: Call) -> Outcome:
        raw = bool(call.inputs.get("raw")) and "prompt" in call.inputs
        raw = raw and call.model.task is Task.GENERATION
        request = prompt_request if raw else chat_request
        path = "completions" if raw else "chat/completions"
        body = request(call, self.naming(call), self._preset)
        if body.get("stream"):
            response = await self._http.send(path, json=body)
            return Pieces(pieces_of(self.name, self._http.chunks(response)))
        return text_of(self.name, await self._http.json(path, json=body), call)

    async def _sentiment(self, call: Call) -> Outcome:
        text = await self._chat(replace(call, inputs={"text": call.inputs["text"]}))
        assert isinstance(text, Text)  # as nothing asks for a stream
        try:
            positive = float(wire.loads(unfenced(text.content))["positive"])
        except (ValueError, KeyError, TypeError):
            raise upstream(self.name, f"gave no sentiment: {text.content[:200]!r}") from None
        positive = min(1.0, max(0.0, positive))
        return Labels({"NEGATIVE": 1 - positive, "POSITIVE": positive})

    async def _embed(self, call: Call) -> Outcome:
        body: dict[str, Any] = {
            "model": self.naming(call),
            "input": texts_of(call),
            "encoding_format": "float",
        }
        if self._preset.dimensions and call.model.width:
            body["dimensions"] = call.model.width
        document = await self._http.json("embeddings", json=body)
        entries = self._entries(document, "data", len(body["input"]))
        vectors = [list(entry["embedding"]) for entry in sorted(entries, key=_index)]
        self._check_width(call, vectors)
        return Vectors(vectors, str(call.inputs.get("pooling", "mean")))

    def _check_width(self, call: Call, vectors: list[list[float]]) -> None:
        found = len(vectors[0]) if vectors else 0
        if call.model.width in (0, found) or not found or call.model.name in self._said:
            return
        self._said.add(call.model.name)
        self._notify(
            Finding(
                "ai-width",
                f"{self.name} answers {call.model.name} with {found} numbers per text; "
                f"on the platform it has {call.model.width}",
                hint="name a model of that width in [ai.models]",
            )
        )

    async def _rerank(self, call: Call) -> Outcome:
        contexts = [str(each["text"]) for each in call.inputs["contexts"]]
        body = {"model": self.naming(call), "query": call.inputs["query"], "documents": contexts}
        document = await self._http.json("rerank", json=body)
        entries = self._entries(document, "results", len(contexts))
        found = [float(entry["relevance_score"]) for entry in sorted(entries, key=_index)]
        return Scores(normalised(found))

    async def _picture(self, call: Call) -> Outcome:
        sides = (call.inputs.get(side, DEFAULT_SIZE) for side in ("width", "height"))
        body = {
            "model": self.naming(call),
            "prompt": call.inputs["prompt"],
            "size": "x".join(map(str, sides)),
            "n": 1,
        }
        if self._preset.image_format:
            body["response_format"] = "b64_json"
        document = await self._http.json("images/generations", json=body)
        try:
            data = base64.b64decode(self._entries(document, "data", 1)[0]["b64_json"])
        except (KeyError, TypeError, binascii.Error):
            raise upstream(self.name, "its answer has no picture in b64_json") from None
        return Made(Media(data, sniffed(data)))

    async def _listen(self, call: Call) -> Outcome:
        audio = media_of(call.inputs["audio"])
        fields = {
            "model": self.naming(call),
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["word", "segment"],
        }
        if language := call.inputs.get("language"):
            fields["language"] = language
        suffix = audio.type.partition("/")[2] or "bin"
        files = {"file": (f"audio.{suffix}", audio.data, audio.type)}
        document = await self._http.json("audio/transcriptions", data=fields, files=files)
        return Transcript(
            str(document.get("text") or "").strip(),
            document.get("words") or (),
            document.get("segments") or (),
            str(document.get("language") or ""),
            float(document.get("duration") or 0),
        )

    async def _speak(self, call: Call) -> Outcome:
        body = {
            "model": self.naming(call),
            "input": call.inputs.get("text", call.inputs.get("prompt")),
            "voice": call.inputs.get("speaker", DEFAULT_VOICE),
            "response_format": "mp3",
        }
        data, kind = await self._http.read("audio/speech", json=body)
        return Made(Media(data, kind or sniffed(data)))

    def _entries(self, document: Mapping[str, Any], name: str, count: int) -> list[Any]:
        """The list `name` of an answer, which has `count` objects."""
        entries = document.get(name)
        if isinstance(entries, list) and all(isinstance(each, Mapping) for each in entries):
            if len(entries) == count:
                return entries
            raise upstream(self.name, f"answered {len(entries)} {name} for {count} inputs")
        said = wire.dumps(dict(document)).decode()[:200]
        raise upstream(self.name, f"its answer has no {name}: {said}")


@asynccontextmanager
async def open_provider(declaration: Ai, services: Services) -> AsyncIterator[OpenAICompatible]:
    """The server that `declaration.provider` is the preset of."""
    name = declaration.provider
    async with open_server(name, declaration, services) as server:
        yield server


@asynccontextmanager
async def open_server(
    name: str, declaration: Ai, services: Services
) -> AsyncIterator[OpenAICompatible]:
    """The server of the preset `name`, its client closed at the end of the block."""
    preset = PRESETS[name]
    key = secret(declaration.api_key, preset.key, services, "api_key", needed=True)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    url = base_url(declaration, preset.base_url)
    async with open_http(name, url, headers, declaration.timeout, preset.hint) as http:
        yield OpenAICompatible(name, preset, declaration.models, http, services.notify)


def texts_of(call: Call) -> list[str]:
    """The texts that are to be embedded."""
    inputs = call.inputs
    if "contexts" in inputs:
        return [str(each["text"]) for each in inputs["contexts"]]
    given = next(inputs[name] for name in ("text", "queries", "documents") if name in inputs)
    texts = [given] if isinstance(given, str) else list(given)
    instruction = inputs.get("instruction")
    if instruction and "queries" in inputs:
        return [f"Instruct: {instruction}\nQuery: {text}" for text in texts]
    return texts


def normalised(scores: list[float]) -> list[float]:
    """Scores between 0 and 1; raw logits go through the logistic function."""
    if all(0 <= score <= 1 for score in scores):
        return scores
    return [0.5 * (1 + math.tanh(score / 2)) for score in scores]


def _index(entry: Mapping[str, Any]) -> int:
    return int(entry.get("index") or 0)
