"""Python values as bytes, the way a structured clone keeps JavaScript's: the type `v8`.

A body is a mark and a JSON array of nodes. Node 0 is the value; a node is a JSON scalar,
or `[tag, payload]`, where payloads name other nodes by their index. So a value that
appears twice stays one value, and cycles are kept. Nothing in it is ever executed.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ...wire import Record

MARK = b"aerostack-clone-1\n"
EXACT = 2**53
"""Integers beyond are not exact in every JSON reader."""

_SHOWN = 60


def dumps(value: Any) -> bytes:
    """`value` as bytes.

    Holds None, bool, int, float, str, bytes, bytearray, list, tuple, dict (any keys),
    set, frozenset, datetime, date, time, timedelta, Decimal, UUID, compiled patterns,
    with cycles. Raises `TypeError` for anything else.
    """
    return MARK + msgspec.json.encode(_Writer().nodes(value))


def loads(body: bytes) -> Any:
    """The value that `dumps` wrote. Raises `ValueError` when it wrote none such."""
    if not body.startswith(MARK):
        raise ValueError(
            "this message is a clone of another language's value; read it with a function "
            "in the language that sent it, or send it as json"
        )
    try:
        nodes = msgspec.json.decode(body[len(MARK) :], type=list[Any])
        return _Reader(nodes).value()
    except (
        ArithmeticError,
        IndexError,
        KeyError,
        RecursionError,
        TypeError,
        ValueError,
        re.error,
    ) as error:
        raise ValueError(f"this message's body is damaged: {error}") from error


class _Writer:
    """Numbers values as they are met; a queue of its own, so depth does not matter."""

    def __init__(self) -> None:
        self._met: list[Any] = []
        self._numbers: dict[int, int] = {}

    def nodes(self, value: Any) -> list[Any]:
        self.number(value)
        return [self._node(met) for met in self._met]  # `_met` grows while it is walked

    def number(self, value: Any) -> int:
        known = self._numbers.get(id(value))
        if known is None:
            known = self._numbers[id(value)] = len(self._met)
            self._met.append(value)
        return known

    def _node(self, value: Any) -> Any:
        for kind, tag, write in _WRITERS:
            if isinstance(value, kind):
                payload = write(value, self)
                return payload if tag is None else [tag, payload]
        shown = repr(value)
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}…"
        raise TypeError(f"{shown} could not be cloned.")


def _scalar(value: Any, writer: _Writer) -> Any:
    return value


def _int(value: int, writer: _Writer) -> Any:
    return int(value) if abs(value) <= EXACT else ["int", hex(value)]


def _float(value: float, writer: _Writer) -> Any:
    finite = value == value and abs(value) != float("inf")
    return float(value) if finite else ["float", repr(float(value))]


def _str(value: str, writer: _Writer) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return ["str", _base64(value.encode("utf-8", "surrogatepass"), writer)]
    return str(value)


def _base64(value: Any, writer: _Writer) -> str:
    return base64.b64encode(value).decode()


def _items(value: Any, writer: _Writer) -> list[int]:
    return [writer.number(item) for item in value]


def _pairs(value: Mapping[Any, Any], writer: _Writer) -> list[list[int]]:
    return [[writer.number(key), writer.number(item)] for key, item in value.items()]


def _iso(value: Any, writer: _Writer) -> str:
    return str(value.isoformat())


def _moment(value: Any, writer: _Writer) -> list[Any]:
    # `fold` tells the second of two equal times at the end of summer time.
    return [value.isoformat(), value.fold]


def _span(value: datetime.timedelta, writer: _Writer) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _spelled(value: Any, writer: _Writer) -> str:
    return str(value)


def _pattern(value: re.Pattern[Any], writer: _Writer) -> list[Any]:
    return [writer.number(value.pattern), value.flags]


_WRITERS: tuple[tuple[Any, str | None, Callable[[Any, _Writer], Any]], ...] = (
    ((type(None), bool), None, _scalar),
    (str, None, _str),
    (int, None, _int),
    (float, None, _float),
    (dict, "dict", _pairs),
    (list, "list", _items),
    (tuple, "tuple", _items),
    (set, "set", _items),
    (frozenset, "frozenset", _items),
    (bytearray, "bytearray", _base64),
    ((bytes, memoryview), "bytes", _base64),
    (datetime.datetime, "datetime", _moment),
    (datetime.date, "date", _iso),
    (datetime.time, "time", _moment),
    (datetime.timedelta, "timedelta", _span),
    (decimal.Decimal, "decimal", _spelled),
    (uuid.UUID, "uuid", _spelled),
    (re.Pattern, "pattern", _pattern),
)
"""In order: bool before int, datetime before date."""


class _Reader:
    """Builds values from nodes. A list, dict or set exists before its content does."""

    def __init__(self, nodes: list[Any]) -> None:
        self._nodes = nodes
        self._built: dict[int, Any] = {}
        self._unfilled: list[tuple[Any, list[Any]]] = []

    def value(self) -> Any:
        root = self.build(0)
        for container, payload in self._unfilled:  # grows while it is walked
            _FILLERS[type(container)](container, payload, self)
        return root

    def build(self, number: int) -> Any:
        if number not in self._built:
            self._built[number] = self._made(self._nodes[number])
        return self._built[number]

    def _made(self, node: Any) -> Any:
        if not isinstance(node, list):
            return node
        tag, payload = node
        shell = _SHELLS.get(tag)
        if shell is None:
            return _BUILDERS[tag](payload, self)
        container = shell()
        self._unfilled.append((container, payload))
        return container


def _fill_list(container: list[Any], payload: list[int], reader: _Reader) -> None:
    container.extend(reader.build(number) for number in payload)


def _fill_set(container: set[Any], payload: list[int], reader: _Reader) -> None:
    container.update(reader.build(number) for number in payload)


def _fill_dict(container: dict[Any, Any], payload: list[list[int]], reader: _Reader) -> None:
    for key, item in payload:
        container[reader.build(key)] = reader.build(item)


def _tuple(payload: list[int], reader: _Reader) -> tuple[Any, ...]:
    return tuple(reader.build(number) for number in payload)


def _datetime(payload: list[Any], reader: _Reader) -> datetime.datetime:
    return datetime.datetime.fromisoformat(payload[0]).replace(fold=payload[1])


def _time(payload: list[Any], reader: _Reader) -> datetime.time:
    return datetime.time.fromisoformat(payload[0]).replace(fold=payload[1])


_SHELLS: Mapping[str, Callable[[], Any]] = {"list": list, "set": set, "dict": Record}

_FILLERS: Mapping[type, Callable[[Any, Any, _Reader], None]] = {
    list: _fill_list,
    set: _fill_set,
    Record: _fill_dict,
}

_BUILDERS: Mapping[str, Callable[[Any, _Reader], Any]] = {
    "tuple": _tuple,
    "frozenset": lambda payload, reader: frozenset(_tuple(payload, reader)),
    "int": lambda payload, _: int(payload, 16),
    "float": lambda payload, _: float(payload),
    "str": lambda payload, _: base64.b64decode(payload).decode("utf-8", "surrogatepass"),
    "bytes": lambda payload, _: base64.b64decode(payload),
    "bytearray": lambda payload, _: bytearray(base64.b64decode(payload)),
    "datetime": _datetime,
    "date": lambda payload, _: datetime.date.fromisoformat(payload),
    "time": _time,
    "timedelta": lambda payload, _: datetime.timedelta(*payload),
    "decimal": lambda payload, _: decimal.Decimal(payload),
    "uuid": lambda payload, _: uuid.UUID(payload),
    "pattern": lambda payload, reader: re.compile(reader.build(payload[0]), payload[1]),
}
