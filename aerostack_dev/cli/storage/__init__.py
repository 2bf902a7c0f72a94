"""`aerostack storage`: objects in and out, and the keys of the S3 endpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from ...errors import AerostackError
from ..completion import bindings, files
from ..project import Place, json_option, project_options

if TYPE_CHECKING:
    from ..choice import Chosen

PAGE = 1000
UNKNOWN = 'No R2 bucket with binding "{name}" was found in the "r2_buckets" section of {file}'

EPILOG = """\b
Examples:
  aerostack storage put photos/cat.jpg --file cat.jpg
  aerostack storage list --prefix photos/
  aerostack storage s3
"""
GET_EPILOG = """\b
Examples:
  aerostack storage get photos/cat.jpg > cat.jpg
  aerostack storage get photos/cat.jpg --file cat.jpg
"""
PUT_EPILOG = """\b
Examples:
  aerostack storage put photos/cat --file cat.jpg --content-type image/jpeg
  tar c src | aerostack storage put backups/src.tar --file -
"""
HEAD_EPILOG = """\b
Example:
  aerostack storage head photos/cat.jpg --json
"""
DELETE_EPILOG = """\b
Example:
  aerostack storage delete photos/cat.jpg photos/dog.jpg
"""
LIST_EPILOG = """\b
Examples:
  aerostack storage list --prefix photos/ --json
  aerostack storage list --delimiter /
"""
S3_EPILOG = """\b
Examples:
  aerostack storage s3
  aerostack storage s3 --json
"""


@click.group(epilog=EPILOG)
def storage() -> None:
    """Move objects in and out of the storage buckets."""


bucket_option = click.option(
    "--bucket",
    "-b",
    "binding",
    help="The bucket, by name or binding; default the only one, or STORAGE.",
    shell_complete=bindings("storage"),
)


@storage.command(epilog=GET_EPILOG, short_help="Write the content under KEY to a file.")
@project_options
@bucket_option
@json_option
@click.argument("key")
@click.option(
    "--file",
    "-f",
    "path",
    shell_complete=files,
    help="The file to write; by default standard output.",
)
def get(place: Place, binding: str | None, as_json: bool, key: str, path: str | None) -> None:
    """Write the content under KEY, its bytes and nothing else, to standard output or a file.

    A file appears whole or not at all. The exit code is 1 when there is no such key. With
    --json: what `head` prints, the content going to --file.
    """
    from ..files import writing
    from ..output import print_json, size
    from .transfer import download

    if as_json and path is None:
        raise click.UsageError("--json needs --file: the content goes there")
    with _open(place, binding) as chosen:
        found = chosen.invoke("head", key)
        if found is None:
            raise _missing(key)
        with writing(path) as file:
            download(chosen, found, file)
    if as_json:
        print_json(_shown(found))
    elif path is not None:
        click.echo(f"Wrote {size(found['size'])} to {path}.", err=True)


@storage.command(epilog=PUT_EPILOG)
@project_options
@bucket_option
@json_option
@click.argument("key")
@click.option(
    "--file",
    "-f",
    "path",
    required=True,
    shell_complete=files,
    help="The file to store; `-` is standard input.",
)
@click.option("--content-type", help="Its media type; by default guessed from the file's name.")
@click.option("--cache-control", help="How long it may be cached, as a header says it.")
@click.option("--metadata", "-m", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
def put(
    place: Place,
    binding: str | None,
    as_json: bool,
    key: str,
    path: str,
    content_type: str | None,
    cache_control: str | None,
    metadata: tuple[str, ...],
) -> None:
    """Store a file under KEY, in place of what was there.

    Content of more than 8 MiB is uploaded in parts, and its etag is then that of parts.
    """
    from ..files import reading
    from ..output import clean, print_json, say, size
    from .transfer import upload

    options = _options(path, content_type, cache_control, metadata)
    with reading(path) as (file, length), _open(place, binding) as chosen:
        stored = upload(chosen, key, file, length, options)
    if as_json:
        print_json(_shown(stored))
    else:
        say(f"Stored {size(stored['size'])} under {clean(key)} in {chosen.binding}.")


@storage.command(epilog=HEAD_EPILOG)
@project_options
@bucket_option
@json_option
@click.argument("key")
def head(place: Place, binding: str | None, as_json: bool, key: str) -> None:
    """Show the object under KEY without its content. Exit code 1: there is none."""
    from ..output import clean, print_json, say

    with _open(place, binding) as chosen:
        found = chosen.invoke("head", key)
    if found is None:
        raise _missing(key)
    shown = _shown(found)
    if as_json:
        print_json(shown)
        return
    for name, value in _lines(shown):
        say(f"{name:<16}{clean(str(value))}")


@storage.command(epilog=DELETE_EPILOG)
@project_options
@bucket_option
@json_option
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def delete(place: Place, binding: str | None, as_json: bool, keys: tuple[str, ...]) -> None:
    """Delete the objects under the KEYs; a missing one is no error."""
    from ..output import counted, print_json, say

    with _open(place, binding) as chosen:
        for start in range(0, len(keys), PAGE):
            chosen.invoke("delete", list(keys[start : start + PAGE]))
    if as_json:
        print_json({"keys": list(keys), "binding": chosen.binding})
    else:
        say(f"Deleted {counted(len(keys), 'key')} from {chosen.binding}.")


@storage.command("list", epilog=LIST_EPILOG)
@project_options
@bucket_option
@json_option
@click.option("--prefix", default="", help="Only keys that begin so.")
@click.option("--delimiter", default="", help="Show what shares a name up to it as one group.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; by default all.")
def list_objects(
    place: Place,
    binding: str | None,
    as_json: bool,
    prefix: str,
    delimiter: str,
    limit: int | None,
) -> None:
    """List the objects in the order of their keys' bytes.

    Groups (with --delimiter) are listed too: by their name in the table, as
    {"prefix": name} with --json.
    """
    from ..output import print_json, print_table, say

    with _open(place, binding) as chosen:
        found = list(_entries(chosen, {"prefix": prefix, "delimiter": delimiter}, limit))
    if as_json:
        print_json(found)
    elif not found:
        say(f"No objects in {chosen.binding}.")
    else:
        print_table(("KEY", "SIZE", "UPLOADED (UTC)", "ETAG"), [_row(each) for each in found])


@storage.command(epilog=S3_EPILOG, short_help="Show how S3 clients reach the buckets.")
@project_options
@json_option
def s3(place: Place, as_json: bool) -> None:
    """Show how S3 clients reach the buckets: the address, the keys, and their settings.

    The keys are made once for each state folder, and open nothing but this endpoint. It
    answers while `aerostack dev` runs.
    """
    from ..output import print_json, say
    from .s3 import access_of, settings

    found = access_of(place)
    if as_json:
        print_json(found)
        return
    for line in settings(found):
        say(line)


def _open(place: Place, binding: str | None) -> AbstractContextManager[Chosen]:
    from ..choice import open_binding

    return open_binding(place, "storage", binding, UNKNOWN)


def _missing(key: str) -> AerostackError:
    return AerostackError(
        "there is no object of this key",
        where=key,
        hint="`aerostack storage list` lists the keys",
    )


def _options(
    path: str, content_type: str | None, cache_control: str | None, metadata: tuple[str, ...]
) -> dict[str, Any]:
    from mimetypes import guess_type

    http = {
        "contentType": content_type or guess_type(path)[0],
        "cacheControl": cache_control,
    }
    custom: dict[str, str] = {}
    for each in metadata:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise click.UsageError(f"--metadata must be NAME=VALUE, not {each!r}")
        custom[name] = value
    found = {name: value for name, value in http.items() if value is not None}
    return {"httpMetadata": found, "customMetadata": custom}


def _entries(
    chosen: Chosen, options: dict[str, Any], limit: int | None
) -> Iterator[dict[str, Any]]:
    """The objects and groups of every page, `limit` of them at most, in order."""
    left = math.inf if limit is None else limit
    cursor: str | None = ""
    while cursor is not None and left > 0:
        page = chosen.invoke("list", {**options, "limit": int(min(PAGE, left)), "cursor": cursor})
        found = [_listed(each) for each in page["objects"]]
        found += [{"prefix": group} for group in page["delimitedPrefixes"]]
        found.sort(key=lambda each: each.get("key", each.get("prefix", "")).encode())
        yield from found
        left -= len(found)
        cursor = page["cursor"]


def _listed(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": found["key"],
        "size": found["size"],
        "etag": found["etag"],
        "uploaded": _iso(found["uploaded"]),
    }


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    """An object as JSON for people: times as text, checksums in hex."""
    http = dict(found["httpMetadata"])
    if "cacheExpiry" in http:
        http["cacheExpiry"] = _iso(http["cacheExpiry"])
    return {
        **_listed(found),
        "version": found["version"],
        "storageClass": found["storageClass"],
        "httpMetadata": http,
        "customMetadata": found["customMetadata"],
        "checksums": {name: digest.hex() for name, digest in found["checksums"].items()},
    }


def _lines(shown: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in shown.items():
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value


def _row(entry: dict[str, Any]) -> tuple[str, Any, str, str]:
    if "prefix" in entry:
        return entry["prefix"], "", "", ""
    uploaded = entry["uploaded"].removesuffix("Z").replace("T", " ").partition(".")[0]
    return entry["key"], entry["size"], uploaded, entry["etag"]


def _iso(ms: int) -> str:
    import datetime

    when = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"
