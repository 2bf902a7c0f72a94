"""The inputs of a model, from the words and the JSON on a command line."""

from __future__ import annotations

from typing import Any

import click

from ...errors import AerostackError
from ..files import parsed, read_file


def inputs_of(
    model: str, prompt: str | None, json_inputs: str | None, file: str | None
) -> dict[str, Any]:
    """What the model gets: JSON over the place of the prompt. Raises `AerostackError`."""
    if prompt is None and json_inputs is None and file is None:
        raise click.UsageError("give a PROMPT, --json-inputs or --input")
    inputs = {} if prompt is None else _prompted(model, prompt)
    if file is not None:
        inputs.update(_object(read_file(file), file))
    if json_inputs is not None:
        inputs.update(_object(json_inputs, "--json-inputs"))
    return inputs


def _prompted(name: str, prompt: str) -> dict[str, Any]:
    """`prompt` where a model of this name takes words."""
    from ...bindings.ai.models import Task, find

    model = find(name)
    if model is None or model.task in (Task.GENERATION, Task.MODERATION, Task.UNKNOWN):
        return {"messages": [{"role": "user", "content": prompt}]}
    if model.task is Task.EMBEDDINGS:
        return {"text": prompt}
    if model.task is Task.RERANKING:
        return {"query": prompt}
    for place in ("input_text", "text", "prompt"):
        if place in model.schema.get("properties", {}):
            return {place: prompt}
    raise AerostackError(
        f"{name} takes no words ({model.task})",
        hint="give its inputs with --json-inputs or --input",
    )


def _object(text: str | bytes, where: str) -> dict[str, Any]:
    found = parsed(text, where)
    if not isinstance(found, dict):
        raise AerostackError(
            "the inputs of a model are a JSON object",
            where=where,
            hint='for instance {"prompt": "Say hello"}',
        )
    return found
