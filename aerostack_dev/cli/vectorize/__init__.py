"""`aerostack vectorize`: look into the vector indexes (storage-vectorize-ai.md §2)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from ...errors import AerostackError
from ..completion import bindings, files
from ..project import Place, json_option, project_options

if TYPE_CHECKING:
    from ..choice import Chosen

PAGE = 1000
READ_AT_ONCE = 20
DELETED_AT_ONCE = 100
HEADERS = ("ID", "NAMESPACE", "METADATA", "VALUES")
"""Of what `_row` gives."""
UNKNOWN = 'No index with binding "{name}" was found in the "vectorize" section of {file}'

EPILOG = """\b
Examples:
  aerostack vectorize info
  aerostack vectorize query --text "how do I reset my password?" --top-k 3
  aerostack vectorize get doc-1 --json
"""
INFO_EPILOG = """\b
Examples:
  aerostack vectorize info
  aerostack vectorize info --binding DOCS --json
"""
QUERY_EPILOG = """\b
Examples:
  aerostack vectorize query --text "how do I reset my password?"
  aerostack vectorize query --id doc-1 --top-k 3 --metadata all
  aerostack vectorize query --vector "[0.1, 0.2]" --filter '{"lang": "en"}'
  aerostack vectorize query --file vector.json --namespace docs --json
"""
GET_EPILOG = """\b
Examples:
  aerostack vectorize get doc-1
  aerostack vectorize get doc-1 doc-2 --json
"""
DELETE_EPILOG = """\b
Example:
  aerostack vectorize delete doc-1 doc-2
"""
LIST_EPILOG = """\b
Examples:
  aerostack vectorize list --limit 20
  aerostack vectorize list --json
"""


@click.group(epilog=EPILOG)
def vectorize() -> None:
    """Look into the vector indexes, and search them.

    An index is filled by the function (`env.VECTORIZE.upsert`).
    """


index_option = click.option(
    "--binding",
    "-b",
    help="The index, by binding or name; default the only one, or VECTORIZE.",
    shell_complete=bindings("vectorize"),
)


@vectorize.command(epilog=INFO_EPILOG, short_help="Show the index: vectors, dimensions, metric.")
@project_options
@index_option
@json_option
def info(place: Place, binding: str | None, as_json: bool) -> None:
    """Show how many vectors the index holds, their dimensions and its metric."""
    from ..output import print_json, say

    with _open(place, binding) as chosen:
        found = _described(chosen)
    if as_json:
        print_json(found)
        return
    for name, value in (
        ("index", found["name"]),
        ("vectors", found["vectorCount"]),
        ("dimensions", found["dimensions"] or "taken from the first vector written"),
        ("metric", found["metric"]),
        ("last write", found["processedUpToDatetime"] or "never"),
    ):
        say(f"{name:<12}{value}")


@vectorize.command(epilog=QUERY_EPILOG, short_help="Find the vectors most like a text or vector.")
@project_options
@index_option
@json_option
@click.option(
    "--text", metavar="WORDS", help="What to look for, in words: env.AI makes the vector."
)
@click.option("--vector", metavar="JSON", help="What to look for, as a JSON array of numbers.")
@click.option(
    "--file",
    metavar="PATH",
    shell_complete=files,
    help="A file that holds the vector as JSON; `-` is standard input.",
)
@click.option("--id", "vector_id", metavar="ID", help="Look for what is like this stored vector.")
@click.option(
    "--model", help="The embedding model for --text; by default one of the index's width."
)
@click.option("--top-k", type=int, help="How many matches, at most 100; by default 5.")
@click.option("--namespace", metavar="NAME", help="Only vectors of this namespace.")
@click.option("--filter", "conditions", help="Only vectors with this metadata, as a JSON object.")
@click.option(
    "--metadata",
    type=click.Choice(["none", "indexed", "all"]),
    default="all",
    show_default=True,
    help="Which metadata comes with each match.",
)
@click.option("--values", is_flag=True, help="The values of each match too.")
def query(
    place: Place,
    binding: str | None,
    as_json: bool,
    text: str | None,
    vector: str | None,
    file: str | None,
    vector_id: str | None,
    model: str | None,
    **options: Any,
) -> None:
    """Find the vectors most like a text, a vector or a stored vector, best first.

    With cosine and dot-product a higher score is better, with euclidean a lower one.
    """
    from ..output import print_json, print_table, say
    from .asking import embedded, query_options, read_vector

    given = {"--text": text, "--vector": vector, "--file": file, "--id": vector_id}
    if sum(value is not None for value in given.values()) != 1:
        raise click.UsageError(f"give exactly one of {', '.join(given)}")
    wanted = query_options(options)
    target = read_vector(vector, file) if vector is not None or file is not None else None
    with _open(place, binding) as chosen:
        if vector_id is not None:
            found = chosen.invoke("queryById", vector_id, wanted)
        else:
            target = embedded(chosen, str(text), model) if target is None else target
            found = chosen.invoke("query", target, wanted)
    if as_json:
        print_json(found)
    elif not found["matches"]:
        say("Nothing matches.")
    else:
        headers = ("SCORE", *(HEADERS if wanted["returnValues"] else HEADERS[:-1]))
        rows = [(f"{each['score']:.6f}", *_row(each)) for each in found["matches"]]
        print_table(headers, [row[: len(headers)] for row in rows])


@vectorize.command(epilog=GET_EPILOG)
@project_options
@index_option
@json_option
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def get(place: Place, binding: str | None, as_json: bool, ids: tuple[str, ...]) -> None:
    """Show the vectors with these IDs. Exit code 1: one of them does not exist."""
    from ..output import print_json, print_table

    with _open(place, binding) as chosen:
        found = [
            each for some in _some(ids, READ_AT_ONCE) for each in chosen.invoke("getByIds", some)
        ]
    missing = set(ids) - {each["id"] for each in found}
    if as_json:
        print_json(found)
    elif found:
        print_table(HEADERS, [_row(each) for each in found])
    if missing:
        raise AerostackError(
            "there is no vector of this id",
            where=", ".join(sorted(missing)),
            hint="`aerostack vectorize list` lists the ids",
        )


@vectorize.command(epilog=DELETE_EPILOG, short_help="Delete the vectors with these IDs.")
@project_options
@index_option
@json_option
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def delete(place: Place, binding: str | None, as_json: bool, ids: tuple[str, ...]) -> None:
    """Delete the vectors with these IDs; a missing one is no error."""
    from ..output import counted, print_json, say

    with _open(place, binding) as chosen:
        for some in _some(ids, DELETED_AT_ONCE):
            chosen.invoke("deleteByIds", some)
    if as_json:
        print_json({"ids": list(ids), "binding": chosen.binding})
    else:
        say(f"Deleted {counted(len(ids), 'id')} from {chosen.binding}.")


@vectorize.command("list", epilog=LIST_EPILOG, short_help="List the ids of the vectors.")
@project_options
@index_option
@json_option
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; by default all.")
def list_ids(place: Place, binding: str | None, as_json: bool, limit: int | None) -> None:
    """List the ids of the vectors, in the order in which they were written."""
    from ..output import clean, print_json, say

    with _open(place, binding) as chosen:
        names = _names(chosen, limit)
    if as_json:
        print_json([{"id": name} for name in names])
    elif not names:
        say(f"No vectors in {chosen.binding}.")
    for name in () if as_json else names:
        say(clean(name))


def _open(place: Place, binding: str | None) -> AbstractContextManager[Chosen]:
    from ..choice import open_binding

    return open_binding(place, "vectorize", binding, UNKNOWN)


def _described(chosen: Chosen) -> dict[str, Any]:
    from ...bindings.vectorize import resource

    name, metric = resource(chosen.declaration), chosen.declaration.metric
    return {"name": name, "metric": metric, **chosen.invoke("describe")}


def _some(names: tuple[str, ...], count: int) -> list[list[str]]:
    return [list(names[start : start + count]) for start in range(0, len(names), count)]


def _names(chosen: Chosen, limit: int | None) -> list[str]:
    names: list[str] = []
    cursor = None
    while True:
        count = PAGE if limit is None else min(PAGE, limit - len(names))
        page = chosen.invoke("list", {"count": count, "cursor": cursor})
        names += [each["id"] for each in page["vectors"]]
        cursor = page["nextCursor"]
        if cursor is None or len(names) == limit:
            return names


def _row(vector: dict[str, Any]) -> tuple[str, ...]:
    import json

    metadata = vector.get("metadata")
    shown = "" if metadata is None else json.dumps(metadata, ensure_ascii=False)
    return vector["id"], vector.get("namespace", ""), shown, _numbers(vector.get("values", []))


def _numbers(values: list[float], shown: int = 4) -> str:
    first = ", ".join(f"{value:.4g}" for value in values[:shown])
    return f"[{first}, … {len(values)} in all]" if len(values) > shown else f"[{first}]"
