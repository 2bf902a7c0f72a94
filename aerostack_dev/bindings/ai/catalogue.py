"""What there is: the listing of `models()`, and which providers do what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .models import MODELS, TITLES, Model, Task, author, listed
from .providers.presets import PRESETS

PAGE_SIZE = 50
LOCAL_TASKS = frozenset({Task.EMBEDDINGS, Task.RERANKING})
"""What the provider `local` does."""


def search(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models that fit `params`, a page of them (§3.4)."""
    found = [listed(model) for model in MODELS.values() if _fits(model, params)]
    page = max(1, _whole(params.get("page"), 1))
    size = max(1, _whole(params.get("per_page"), len(found) or PAGE_SIZE))
    return found[(page - 1) * size : page * size]


def providers(task: Task) -> str:
    """The providers that do `task`, for a hint."""
    names = [name for name, preset in PRESETS.items() if task in preset.tasks]
    local = ["local"] if task in LOCAL_TASKS else []
    return ", ".join(["cloudflare", *local, *names])


def _fits(model: Model, params: Mapping[str, Any]) -> bool:
    wanted_author, wanted_task, text = (
        str(params.get(name) or "").casefold() for name in ("author", "task", "search")
    )
    task = TITLES[model.task].casefold()
    return (
        wanted_author in ("", author(model).casefold())
        and wanted_task in ("", task, task.replace(" ", "-"))
        and text in f"{model.name} {task}".casefold()
        and _whole(params.get("source"), 1) == 1
    )


def _whole(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default
