"""Queued requests: `run(model, {requests}, {queueRequest: true})` (§3.3).

They are answered in the background, one after the other, and kept in memory: the last
`KEPT_BATCHES`, until the server stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from .failures import AiError
from .identity import request_id

KEPT_BATCHES = 1000
POLL_SECONDS = 0.05
"""A poll waits so long for the answer: asking in a loop must not keep it from being made."""

Answer = Callable[[Any], Awaitable[Any]]
"""One request's inputs -> its result."""


@dataclass(slots=True)
class Batch:
    """Some requests under way."""

    model: str
    requests: Sequence[Any]
    status: str = "queued"
    task: asyncio.Task[None] | None = None
    responses: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """What a poll shows."""
        if self.status != "done":
            return {"status": self.status}
        usages = [_usage(response["result"]) for response in self.responses]
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        usage = {name: sum(each.get(name, 0) for each in usages) for name in names}
        return {"responses": self.responses, "usage": usage}


class Batches:
    """The queued requests of a project. `open_batches` yields it."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._kept: dict[str, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, model: str, requests: Sequence[Any], answer: Answer) -> dict[str, Any]:
        """Begin to answer `requests`; `{status, model, request_id}`."""
        name = request_id(self._entropy)
        batch = Batch(model, requests)
        self._kept[name] = batch
        while len(self._kept) > KEPT_BATCHES:
            del self._kept[next(iter(self._kept))]
        # A context of its own: it outlives the invocation that queued it, and its trace.
        task = asyncio.create_task(_run(batch, answer), context=Context())
        batch.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"status": "queued", "model": model, "request_id": name}

    async def poll(self, model: str, name: object) -> dict[str, Any]:
        """How far the batch of this id is. Raises `AiError` (5004) when `model` has none."""
        batch = self._found(model, name)
        if batch.task is not None and not batch.task.done():
            await asyncio.wait({batch.task}, timeout=POLL_SECONDS)
        return batch.document()

    def _found(self, model: str, name: object) -> Batch:
        batch = self._kept.get(name) if isinstance(name, str) else None
        if batch is None or batch.model != model:
            raise AiError(
                "5004",
                f"invalid data: {model} has no queued request {name}",
                400,
                hint="locally, queued requests are forgotten when the server stops",
            )
        return batch

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def open_batches(entropy: Callable[[int], bytes]) -> AsyncIterator[Batches]:
    """Room for queued requests; those under way at the end of the block are given up."""
    batches = Batches(entropy)
    try:
        yield batches
    finally:
        await batches.close()


async def _run(batch: Batch, answer: Answer) -> None:
    batch.status = "running"
    for index, request in enumerate(batch.requests):
        try:
            result, success = await answer(request), True
        except AiError as error:
            result, success = error.document(), False
        except Exception as error:  # a result among results: the others must go on
            result, success = {"name": type(error).__name__, "description": str(error)}, False
        batch.responses.append(
            {
                "id": index,
                "result": result,
                "success": success,
                "external_reference": _reference(request),
            }
        )
    batch.status = "done"


def _reference(request: Any) -> Any:
    return request.get("external_reference") if isinstance(request, dict) else None


def _usage(result: Any) -> dict[str, int]:
    usage = result.get("usage") if isinstance(result, dict) else None
    return usage if isinstance(usage, dict) else {}
