"""What a key may hold, in words: read from the type of the struct that decodes it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

from .locate import KeyPath

_PLAIN: dict[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.DateType: "a date",
    inspect.DictType: "a table",
    inspect.StructType: "a table",
}
_LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def allowed(shape: type[msgspec.Struct], path: KeyPath) -> str:
    """What may stand at `path` inside an entry of `shape`: "an integer from 1 to 100"."""
    return _words(_at(inspect.type_info(shape), path))


def _at(kind: inspect.Type, path: KeyPath) -> inspect.Type:
    for step in path:
        kind = _inside(kind, step)
    return kind


def _inside(kind: inspect.Type, step: str | int) -> inspect.Type:
    if isinstance(kind, inspect.Metadata):
        return _inside(kind.type, step)
    if isinstance(kind, inspect.UnionType):
        inner = (_inside(member, step) for member in kind.types)
        return next((k for k in inner if not isinstance(k, inspect.AnyType)), inspect.AnyType())
    if isinstance(kind, inspect.StructType):
        fields = {field.encode_name: field.type for field in kind.fields}
        return fields.get(str(step), inspect.AnyType())
    if isinstance(kind, inspect.DictType):
        return kind.value_type
    if isinstance(kind, _LISTS):
        return kind.item_type
    return inspect.AnyType()


def _words(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        return _words(kind.type)
    if isinstance(kind, inspect.UnionType):
        members = [k for k in kind.types if not isinstance(k, inspect.NoneType)]
        return " or ".join(_words(member) for member in members)
    if isinstance(kind, (inspect.LiteralType, inspect.EnumType)):
        return "one of " + ", ".join(f'"{value}"' for value in _choices(kind))
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        noun = "an integer" if isinstance(kind, inspect.IntType) else "a number"
        return f"{noun}{_range(kind)}"
    if isinstance(kind, inspect.StrType):
        return f"a text{_text_rule(kind)}"
    if isinstance(kind, _LISTS):
        return f"a list, each item {_words(kind.item_type)}"
    return _PLAIN.get(type(kind), "another value")


def _choices(kind: inspect.LiteralType | inspect.EnumType) -> tuple[Any, ...]:
    if isinstance(kind, inspect.LiteralType):
        return kind.values
    return tuple(member.value for member in kind.cls)


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge} to {kind.le}"
    bounds = [
        f" {word} {getattr(kind, name)}"
        for name, word in _BOUNDS.items()
        if getattr(kind, name) is not None
    ]
    return " and".join(bounds)


def _text_rule(kind: inspect.StrType) -> str:
    if kind.pattern is not None:
        return f" that matches {kind.pattern}"
    if kind.max_length is not None:
        return f" of {kind.min_length or 0} to {kind.max_length} characters"
    return " that is not empty" if kind.min_length else ""
