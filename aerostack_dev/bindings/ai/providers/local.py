"""Models in this process: fastembed, for embeddings and reranking (extra `models`).

Its bge embeddings are CLS-pooled and normalised, where the platform's default is the mean
of the tokens: vectors of the two do not belong in one index (§3.6). A model is loaded
once, when it is first used, and runs in a thread.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ....config.model import Finding
from ....errors import ConfigError
from ...kind import Services
from .. import Ai
from ..backend import Call
from ..catalogue import LOCAL_TASKS
from ..failures import AiError, upstream
from ..models import Task
from ..outcomes import Outcome, Scores, Vectors
from .openai_compatible import normalised, texts_of

INSTALL = "pip install 'aerostack-dev[models]'"
NAMES: Mapping[str, str] = {
    "@cf/baai/bge-small-en-v1.5": "BAAI/bge-small-en-v1.5",
    "@cf/baai/bge-base-en-v1.5": "BAAI/bge-base-en-v1.5",
    "@cf/baai/bge-large-en-v1.5": "BAAI/bge-large-en-v1.5",
    "@cf/baai/bge-reranker-base": "BAAI/bge-reranker-base",
    "@cf/google/embeddinggemma-300m": "google/embeddinggemma-300m",
    "@cf/qwen/qwen3-embedding-0.6b": "Qwen/Qwen3-Embedding-0.6B",
}
"""The platform's models that fastembed has; `[ai.models]` names others of its."""
CACHE = "FASTEMBED_CACHE_PATH"
"""The variable that says where downloaded models are kept."""


class Local:
    """A `Provider` over fastembed. `open_provider` yields it."""

    name = "local"

    def __init__(self, declaration: Ai, services: Services) -> None:
        self._models = declaration.models
        self._root = services.project.root
        self._notify = services.notify
        self._cache = services.project.environ.get(CACHE) or os.environ.get(CACHE)
        self._loaded: dict[str, asyncio.Task[Any]] = {}

    def chosen(self, call: Call) -> Local:
        return self

    def offers(self, call: Call) -> bool:
        known = call.model.name in self._models or call.model.name in NAMES
        return _task(call) in LOCAL_TASKS and known

    def naming(self, call: Call) -> str:
        return self._models.get(call.model.name) or NAMES.get(call.model.name, "")

    async def answer(self, call: Call) -> Outcome:
        model = await self._model(call)
        if _task(call) is Task.RERANKING:
            contexts = [str(each["text"]) for each in call.inputs["contexts"]]
            ranked = await self._in_thread(model.rerank, call.inputs["query"], contexts)
            return Scores(normalised([float(score) for score in ranked]))
        vectors = await self._in_thread(model.embed, texts_of(call))
        return Vectors([[float(number) for number in vector] for vector in vectors], "cls")

    async def close(self) -> None:
        """Wait for what is being loaded."""
        await asyncio.gather(*self._loaded.values(), return_exceptions=True)

    async def _model(self, call: Call) -> Any:
        name = call.model.name
        loading = self._loaded.get(name)
        if loading is None or (loading.done() and loading.exception() is not None):
            loading = asyncio.create_task(self._load(call))
            self._loaded[name] = loading
        return await asyncio.shield(loading)

    async def _load(self, call: Call) -> Any:
        name = call.model.name
        usual = NAMES.get(name, "")
        given = self._models.get(name, usual)
        folder = self._root / given
        if usual and folder.is_dir():
            return await self._opened(call, usual, folder)
        self._notify(
            Finding("ai-model", f"loading {given} (its first use on this machine downloads it)")
        )
        model = await self._opened(call, given, None)
        self._notify(Finding("ai-model", f"{given} is loaded"))
        return model

    async def _opened(self, call: Call, model: str, folder: Path | None) -> Any:
        where = {"specific_model_path": str(folder)} if folder else {}
        try:
            return await asyncio.to_thread(_open, _task(call), model, self._cache, where)
        except Exception as error:  # the library and its runtime raise of every kind
            raise upstream(
                self.name,
                f"{model} cannot be loaded: {error}",
                hint="name one of fastembed's models or a folder with an ONNX model in "
                '[ai.models], or set provider = "offline"',
            ) from error

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Sequence[Any]:
        try:
            return await asyncio.to_thread(lambda: list(work(*arguments)))
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> AiError:
        return upstream(self.name, f"the model failed: {error}")


def _open(task: Task, model: str, cache: str | None, where: dict[str, str]) -> Any:
    if task is Task.RERANKING:
        module = importlib.import_module("fastembed.rerank.cross_encoder")
        return module.TextCrossEncoder(model, cache_dir=cache, **where)
    return importlib.import_module("fastembed").TextEmbedding(model, cache_dir=cache, **where)


def installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("fastembed") is not None


def _task(call: Call) -> Task:
    return Task.RERANKING if {"query", "contexts"} <= call.inputs.keys() else call.model.task


@asynccontextmanager
async def open_provider(declaration: Ai, services: Services) -> AsyncIterator[Local]:
    """Models in this process. Raises `ConfigError` when fastembed is not installed."""
    if not installed():
        raise ConfigError(
            '[ai] provider = "local" needs fastembed', where="ai.provider", hint=INSTALL
        )
    local = Local(declaration, services)
    try:
        yield local
    finally:
        await local.close()
