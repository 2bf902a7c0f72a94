"""What a query asks for: a vector from JSON, or from words through the project's AI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import AerostackError
from ..files import parsed, read_file

if TYPE_CHECKING:
    from ..choice import Chosen


def read_vector(text: str | None, file: str | None) -> list[float]:
    """The vector in `text`, or in a file (`-`: standard input). Raises `AerostackError`."""
    where = "--vector" if text is not None else str(file)
    given = text if text is not None else read_file(str(file))
    found = parsed(given, where)
    if isinstance(found, dict):  # as `vectorize get --json` writes it
        found = found.get("values")
    if not isinstance(found, list) or not found:
        raise AerostackError(
            "a vector is a JSON array of numbers", where=where, hint="for instance [0.1, 0.2, 0.3]"
        )
    return found


def query_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the binding's query. Raises `AerostackError` for a bad filter."""
    conditions = given["conditions"]
    options = {
        "topK": given["top_k"],
        "namespace": given["namespace"],
        "filter": None if conditions is None else parsed(conditions, "--filter"),
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    return {**chosen, "returnMetadata": given["metadata"], "returnValues": given["values"]}


def embedded(chosen: Chosen, text: str, model: str | None) -> list[float]:
    """The vector of a text, of the index's width. Raises `AerostackError` when nobody here
    makes such.
    """
    from ..choice import choose

    ai = choose(chosen.access.project, "ai", None, "")
    width = chosen.invoke("describe")["dimensions"]
    name = model or _model_of(width, ai.models)
    answer = chosen.access.invoke(ai.binding, "run", name, {"text": text})["body"]
    try:
        vector: list[float] = answer["data"][0]
    except (TypeError, KeyError, IndexError):
        hint = "name one that makes embeddings with --model; `aerostack ai models` lists them"
        raise AerostackError(f"{name} makes no embeddings", hint=hint) from None
    if width is not None and len(vector) != width:
        raise AerostackError(
            f"{name} makes vectors of {len(vector)} numbers; those of the index have {width}",
            hint="name the model that filled the index with --model",
        )
    return vector


def _model_of(width: int | None, mapped: Mapping[str, str]) -> str:
    """An embedding model of this width: one that the project maps, or the first."""
    from ...bindings.ai.models import MODELS, Task

    if width is None:
        raise AerostackError(
            "the index is empty, and its dimensions are not configured",
            hint="write vectors first, or name a model with --model",
        )
    fitting = [
        name
        for name, model in MODELS.items()
        if model.task is Task.EMBEDDINGS and model.width == width
    ]
    fitting.sort(key=lambda name: name not in mapped)
    if not fitting:
        raise AerostackError(
            f"no model is known that makes vectors of {width} numbers, as the index has",
            hint="name the model that filled the index with --model, or use --vector or --id",
        )
    return fitting[0]
