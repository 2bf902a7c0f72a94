"""From a parsed table to a checked struct; a complaint names its dotted path."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from ..errors import ConfigError
from .document import Document, shown
from .locate import KeyPath
from .model import Finding, Section
from .suggest import meant

S = TypeVar("S", bound=msgspec.Struct)

REMOTE = ("remote", "experimental_remote")
"""Keys of any binding that ask for the deployed resource; here everything is local."""

_COMPLAINT = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.([^.\[]+)")
_MISSING = re.compile(r"Object missing required field `(.+)`")


def entries(
    document: Document, section: Section, value: Any, path: KeyPath, findings: list[Finding]
) -> tuple[Any, ...]:
    """The decoded entries of a section, of which `value` stands at `path`.

    Raises `ConfigError` with the dotted path, the value and what is allowed.
    """
    if section.shorthand and isinstance(value, bool):
        value = {} if value else []
    if section.many and isinstance(value, dict):
        return (decode(document, value, section.shape, path, findings),)
    if isinstance(value, list) and (section.many or not value):
        return tuple(
            decode(document, entry, section.shape, (*path, index), findings)
            for index, entry in enumerate(value)
        )
    if section.many or isinstance(value, list):
        expected = "tables: write [[{}]]" if section.many else "one table: write [{}]"
        raise document.error(f"expected {expected.format(section.path)}, not {shown(value)}", path)
    return (decode(document, value, section.shape, path, findings),)


def decode(
    document: Document, value: Any, shape: type[S], path: KeyPath, findings: list[Finding]
) -> S:
    """`value` as a `shape`; keys that the struct does not have become findings."""
    if not isinstance(value, dict):
        raise document.error(f"expected a table, not {shown(value)}", path)
    known = _pruned(document, value, shape, path, findings)
    try:
        return msgspec.convert(known, shape)
    except msgspec.ValidationError as error:
        raise _complaint(document, str(error), known, shape, path) from None
    except ConfigError as error:
        if not error.where:
            error.where = document.where(path)
        raise


def _pruned(
    document: Document,
    table: dict[str, Any],
    shape: type[msgspec.Struct],
    path: KeyPath,
    findings: list[Finding],
) -> dict[str, Any]:
    """`table` without the keys that `shape` does not have, at any depth."""
    names = shape.__struct_encode_fields__
    known: dict[str, Any] = {}
    for key, value in table.items():
        place = (*path, key)
        if key in REMOTE and value is True:
            findings.append(_local_only(document, key, place))
        if key not in names and key not in REMOTE:
            said = f"unknown key `{key}`"
            findings.append(document.finding("unknown-key", said, place, meant(key, names)))
        elif key not in names:
            continue
        elif isinstance(value, (dict, list)):
            known[key] = _inner(document, value, _types(shape)[key], place, findings)
        else:
            known[key] = value
    return known


def _inner(
    document: Document, value: Any, kind: Any, path: KeyPath, findings: list[Finding]
) -> Any:
    shape, mapping = _struct_in(kind)
    if shape is None:
        return value
    if isinstance(value, list):
        return [
            _inner(document, item, kind, (*path, index), findings)
            for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    if mapping:
        return {
            key: _inner(document, item, shape, (*path, key), findings)
            for key, item in value.items()
        }
    return _pruned(document, value, shape, path, findings)


@functools.cache
def _types(shape: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(shape)}


def _struct_in(kind: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The struct inside an annotation, and whether it is the value of a mapping."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind, False
    origin = get_origin(kind)
    mapping = isinstance(origin, type) and issubclass(origin, Mapping)
    for argument in get_args(kind):
        shape, inner = _struct_in(argument)
        if shape is not None:
            return shape, mapping or inner
    return None, False


def _local_only(document: Document, key: str, path: KeyPath) -> Finding:
    return document.finding(
        "local-only",
        f"`{key} = true` has no effect: every binding is local here",
        path,
        "nothing deployed is read or written",
    )


def _complaint(
    document: Document,
    text: str,
    table: dict[str, Any],
    shape: type[msgspec.Struct],
    path: KeyPath,
) -> ConfigError:
    from .allowed import allowed

    match = _COMPLAINT.fullmatch(text)
    assert match is not None
    what = match["what"]
    inner = tuple(_steps(text, match["path"] or "", table, shape))
    place = (*path, *inner)
    if missing := _MISSING.fullmatch(what):
        words = allowed(shape, (*inner, missing[1]))
        return document.error(f"the key `{missing[1]}` is missing", place, f"it must be {words}")
    if not what.startswith(("Expected", "Invalid enum value", "Invalid value")):
        return document.error(what, place)  # said by the struct itself, in its own words
    key = next((step for step in reversed(place) if isinstance(step, str)), "")
    value = shown(_at(table, inner), key)
    return document.error(f"`{key}` cannot be {value}: it must be {allowed(shape, inner)}", place)


def _steps(
    text: str, path: str, table: dict[str, Any], shape: type[msgspec.Struct]
) -> Iterator[str | int]:
    """The keys and indices of a path of msgspec's; it writes `[...]` for any dict key."""
    walked: KeyPath = ()
    for index, key in _STEP.findall(path):
        step: str | int = key or index
        if index == "...":
            step = _culprit(text, table, shape, walked)
        elif index:
            step = int(index)
        walked = (*walked, step)
        yield step


def _culprit(text: str, table: dict[str, Any], shape: type[msgspec.Struct], path: KeyPath) -> str:
    """The key of the dict at `path` that earns the complaint `text` by itself."""
    *names, last = _at(table, path)
    for name in names:
        try:
            msgspec.convert(_only(table, path, name), shape)
        except msgspec.ValidationError as error:
            if str(error) == text:
                return str(name)
    return str(last)


def _only(table: Any, path: KeyPath, name: str) -> Any:
    """A copy of `table` in which the dict at `path` holds `name` alone."""
    if not path:
        return {name: table[name]}
    copy = table.copy()
    copy[path[0]] = _only(table[path[0]], path[1:], name)
    return copy


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        value = value[step]
    return value
