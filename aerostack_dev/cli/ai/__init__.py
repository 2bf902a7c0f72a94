"""`aerostack ai`: run a model, and see who answers (storage-vectorize-ai.md §3)."""

from __future__ import annotations

from typing import Any

import click

from ...errors import AerostackError
from ..completion import bindings, files, models_known, tasks
from ..project import Place, json_option, project_options

UNKNOWN = 'No AI with binding "{name}" was found in the "ai" section of {file}'

EPILOG = """\b
Examples:
  aerostack ai models
  aerostack ai run @cf/meta/llama-3.2-3b-instruct "Say hello in French"
  aerostack ai run @cf/baai/bge-base-en-v1.5 "some words" --json
"""
RUN_EPILOG = """\b
Examples:
  aerostack ai run @cf/meta/llama-3.2-3b-instruct "Say hello" --stream
  aerostack ai run @cf/meta/llama-3.2-3b-instruct --input chat.json --json
  aerostack ai run @cf/meta/m2m100-1.2b --json-inputs '{"text": "Hi"}'
  aerostack ai run @cf/leonardo/phoenix-1.0 "a red fox" --output fox.jpg
"""
MODELS_EPILOG = """\b
Examples:
  aerostack ai models
  aerostack ai models --task text-embeddings
  aerostack ai models --search llama --json
"""


@click.group(epilog=EPILOG)
def ai() -> None:
    """Run AI models, and see which provider answers for each."""


binding_option = click.option(
    "--binding",
    "-b",
    help="The binding of [ai]; default the only one.",
    shell_complete=bindings("ai"),
)


@ai.command(epilog=RUN_EPILOG)
@project_options
@binding_option
@json_option
@click.argument("model", shell_complete=models_known)
@click.argument("prompt", required=False)
@click.option("--json-inputs", help="The model's inputs, or further ones, as a JSON object.")
@click.option(
    "--input", "file", shell_complete=files, help="The same from a file; `-` is standard input."
)
@click.option("--stream", is_flag=True, help="Print the answer as it comes.")
@click.option(
    "--output",
    "-o",
    shell_complete=files,
    help="Where a picture or a sound goes; by default standard output.",
)
def run(
    place: Place,
    binding: str | None,
    as_json: bool,
    model: str,
    prompt: str | None,
    json_inputs: str | None,
    file: str | None,
    stream: bool,
    output: str | None,
) -> None:
    """Run MODEL as the function would, and print its answer.

    PROMPT goes where the model takes words: a chat's message, the text to embed, to
    classify, to summarise or to translate, the description of a picture. Everything else
    comes with --json-inputs or --input. The text of an answer is printed alone; with
    --json the whole answer, and with --stream too a line for each event.
    """
    from ..choice import open_binding
    from .answers import print_answer
    from .inputs import inputs_of

    inputs = inputs_of(model, prompt, json_inputs, file)
    if stream:
        inputs["stream"] = True
    with open_binding(place, "ai", binding, UNKNOWN) as chosen:
        result, pieces = chosen.stream("run", model, inputs)
        print_answer(result, pieces, as_json=as_json, output=output)


@ai.command(epilog=MODELS_EPILOG)
@project_options
@binding_option
@json_option
@click.option("--task", help="Only models for this task.", shell_complete=tasks)
@click.option("--search", default="", help="Only models with this in their name.")
def models(place: Place, binding: str | None, as_json: bool, task: str | None, search: str) -> None:
    """List the models: who answers for each here, and under what name.

    Those that [ai.models] of the project names come first, marked with `*`. A model
    without a provider cannot run here: nothing on this machine does its task.
    """
    from ..choice import open_binding
    from ..output import print_json, print_table, say

    with open_binding(place, "ai", binding, UNKNOWN) as chosen:
        found = chosen.invoke("routes")
    _check_task(task, found)
    found = [
        each
        for each in found
        if task in (None, each["task"]) and search.lower() in each["model"].lower()
    ]
    if as_json:
        print_json(found)
    elif not found:
        say("No such models.")
    else:
        print_table(("", "MODEL", "TASK", "PROVIDER", "ANSWERS AS"), [_row(each) for each in found])


def _check_task(task: str | None, found: list[dict[str, Any]]) -> None:
    known = sorted({each["task"] for each in found if each["task"]})
    if task is not None and task not in known:
        raise AerostackError(f"there is no task {task!r}", hint=f"there are: {', '.join(known)}")


def _row(found: dict[str, Any]) -> tuple[Any, ...]:
    mark = "*" if found["configured"] else ""
    return mark, found["model"], found["task"], found["provider"] or "–", found["as"]
