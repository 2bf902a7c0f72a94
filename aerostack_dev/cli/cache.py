"""`aerostack cache`: read and write the key-value caches (db-cache.md §2.9)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ..errors import AerostackError
from .completion import bindings, files
from .files import read_file
from .project import Place, argument, json_option, project_options

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .choice import Chosen

PAGE = 1000
UNKNOWN = 'No KV namespace with binding "{name}" was found in the "kv_namespaces" section of {file}'

EPILOG = """\b
Examples:
  aerostack cache put greeting hello --ttl 300
  aerostack cache get greeting
  aerostack cache list --prefix user:
"""
GET_EPILOG = """\b
Examples:
  aerostack cache get greeting
  aerostack cache get photo > photo.jpg
"""
PUT_EPILOG = """\b
Examples:
  aerostack cache put greeting hello --ttl 300
  aerostack cache put photo --path photo.jpg --metadata '{"width": 640}'
"""
DELETE_EPILOG = """\b
Example:
  aerostack cache delete greeting
"""
LIST_EPILOG = """\b
Example:
  aerostack cache list --prefix user: --json
"""
IMPORT_EPILOG = """\b
Examples:
  aerostack cache import entries.json
  echo '[{"key": "a", "value": "1"}]' | aerostack cache import -
"""


@click.group(epilog=EPILOG)
def cache() -> None:
    """Read and write the key-value caches."""


binding_option = click.option(
    "--binding",
    "-b",
    help="The cache, by binding or id; default the only one, or CACHE.",
    shell_complete=bindings("cache"),
)


@cache.command(epilog=GET_EPILOG, short_help="Write the value under KEY to standard output.")
@project_options
@binding_option
@json_option
@click.argument("key")
def get(place: Place, binding: str | None, as_json: bool, key: str) -> None:
    """Write the value under KEY, its bytes and nothing else, to standard output.

    The exit code is 1 when there is no such key. With --json: the value with its metadata
    and expiration.
    """
    from .output import print_json

    with _open(place, binding) as chosen:
        entry = chosen.invoke("get", key)
    if entry is None:
        raise AerostackError(
            "Value not found", where=key, hint="`aerostack cache list` lists the keys"
        )
    if as_json:
        present = {name: value for name, value in entry.items() if value is not None}
        print_json({"name": key, **present, "value": _shown(entry["value"])})
    else:
        click.echo(entry["value"], nl=False)


@cache.command(epilog=PUT_EPILOG)
@project_options
@binding_option
@json_option
@click.argument("key")
@click.argument("value", required=False)
@click.option(
    "--path", shell_complete=files, help="A file that holds the value; `-` is standard input."
)
@click.option("--ttl", type=int, help="Seconds until it expires, at least 60.")
@click.option("--expiration", type=int, help="When it expires, in seconds since the epoch.")
@click.option("--metadata", help="A JSON object that is kept with it.")
def put(
    place: Place,
    binding: str | None,
    as_json: bool,
    key: str,
    value: str | None,
    path: str | None,
    ttl: int | None,
    expiration: int | None,
    metadata: str | None,
) -> None:
    """Store VALUE under KEY, in place of what was there."""
    from .output import clean, print_json, say, size

    content = _content(value, path)
    given = {"expirationTtl": ttl, "expiration": expiration, "metadata": _metadata(metadata)}
    options = {name: option for name, option in given.items() if option is not None}
    with _open(place, binding) as chosen:
        chosen.invoke("put", key, content, options)
    if as_json:
        print_json({"name": key, "binding": chosen.binding, "size": len(content)})
    else:
        say(f"Stored {size(len(content))} under {clean(key)} in {chosen.binding}.")


@cache.command(epilog=DELETE_EPILOG)
@project_options
@binding_option
@json_option
@click.argument("key")
def delete(place: Place, binding: str | None, as_json: bool, key: str) -> None:
    """Remove the entry under KEY; a missing one is no error."""
    from .output import clean, print_json, say

    with _open(place, binding) as chosen:
        chosen.invoke("delete", key)
    if as_json:
        print_json({"name": key, "binding": chosen.binding})
    else:
        say(f"Deleted {clean(key)} from {chosen.binding}.")


@cache.command("list", epilog=LIST_EPILOG, short_help="List the keys.")
@project_options
@binding_option
@json_option
@click.option("--prefix", default="", help="Only keys that begin so.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; by default all.")
def list_keys(
    place: Place, binding: str | None, as_json: bool, prefix: str, limit: int | None
) -> None:
    """List the keys in the order of their bytes, with expiration and metadata."""
    from .output import print_json, print_table, say

    with _open(place, binding) as chosen:
        found = list(_keys(chosen, prefix, limit))
    if as_json:
        print_json(found)
    elif not found:
        say(f"No keys in {chosen.binding}.")
    else:
        print_table(("KEY", "EXPIRES (UTC)", "METADATA"), [_row(each) for each in found])


@cache.command("import", epilog=IMPORT_EPILOG, short_help="Store the entries of FILE, all or none.")
@project_options
@binding_option
@json_option
@click.argument("file")
def import_entries(place: Place, binding: str | None, as_json: bool, file: str) -> None:
    """Store the entries of FILE, all or none; `-` is standard input.

    FILE is a JSON array of {"key", "value"} with, if need be, "expiration",
    "expiration_ttl", "metadata" and "base64": true for a value of raw bytes.
    """
    from ..bindings.cache.bulk import read
    from ..config.model import Finding
    from .output import counted, print_json, say, say_finding

    bulk = read(read_file(file), file)
    for warning in bulk.warnings:
        say_finding(Finding("unknown-property", warning, where=file))
    with _open(place, binding) as chosen:
        written = chosen.invoke("putBulk", list(bulk.items))
    if as_json:
        print_json({"binding": chosen.binding, "written": written})
    else:
        say(f"Stored {counted(written, 'entry')} in {chosen.binding}.")


def _open(place: Place, binding: str | None) -> AbstractContextManager[Chosen]:
    from .choice import open_binding

    return open_binding(place, "cache", binding, UNKNOWN)


def _content(value: str | None, path: str | None) -> bytes:
    if value is None and path is None:
        raise click.UsageError(
            "Missing required option: exactly one of <value> and --path must be provided"
        )
    if path is None:
        return argument(str(value))
    if value is not None:
        raise click.UsageError(
            "Conflicting options: <value> and --path cannot be used together. "
            "Please provide only one."
        )
    return read_file(path)


def _metadata(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AerostackError(
            f"--metadata must be valid JSON. Received: {text}",
            hint="""quote it for the shell: --metadata '{"width": 640}'""",
        ) from error
    if not isinstance(value, dict):
        raise AerostackError(
            f"--metadata must be a JSON object. Received: {text}",
            hint="""for instance --metadata '{"width": 640}'""",
        )
    return value


def _keys(chosen: Chosen, prefix: str, limit: int | None) -> Iterator[dict[str, Any]]:
    """The keys of every page, `limit` of them at most."""
    cursor, left = "", limit
    while True:
        count = PAGE if left is None else min(PAGE, left)
        page = chosen.invoke("list", {"prefix": prefix, "limit": count, "cursor": cursor})
        yield from page["keys"]
        left = None if left is None else left - len(page["keys"])
        if page["list_complete"] or left == 0:
            return
        cursor = page["cursor"]


def _row(entry: dict[str, Any]) -> tuple[str, str, str]:
    expires, metadata = "", ""
    if "expiration" in entry:
        import datetime

        moment = datetime.datetime.fromtimestamp(entry["expiration"], datetime.UTC)
        expires = f"{moment:%Y-%m-%d %H:%M:%S}"
    if "metadata" in entry:
        metadata = json.dumps(entry["metadata"], ensure_ascii=False)
    return entry["name"], expires, metadata


def _shown(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
