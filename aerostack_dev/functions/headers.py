"""HTTP headers: names in any case, repeated names kept (queue-cron-dev.md §3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .pairs import Pairs

NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FORBIDDEN = re.compile(r"[\0\r\n]")
WHITESPACE = " \t\r\n"

RawHeaders = list[tuple[bytes, bytes]]
"""Headers as ASGI has them: lower-case names, raw values."""


class Headers(Pairs[str]):
    """The headers of a request or response, from a dict, pairs or other `Headers`.

    Names compare without case and are kept in lower case; a name may occur several
    times. `get` and `headers[name]` join the values of a name with `, `; `items` yields
    every pair, `get_all` and `getSetCookie` the single values. The headers of an incoming
    request cannot be changed: `TypeError`.
    """

    __slots__ = ("_frozen",)

    def __init__(self, init: Any = None) -> None:
        self._frozen = False
        self._items = []
        for name, value in _pairs(init):
            self.append(name, value)

    @classmethod
    def _received(cls, raw: Iterable[tuple[bytes, bytes]]) -> Headers:
        """The unchangeable headers of what came over the wire; no bytes are refused."""
        headers = cls()
        headers._items = [(name.decode("latin-1").lower(), decoded(value)) for name, value in raw]
        headers._frozen = True
        return headers

    def append(self, name: str, value: Any) -> None:
        """Add a value beside those that `name` already has."""
        key, text = _name(name), _value(name, value)
        self._writable().append((key, text))

    def set(self, name: str, value: Any) -> None:
        """Give `name` one value, in place of all it had."""
        key, text = _name(name), _value(name, value)
        self._writable()
        self._replace(key, text)

    def delete(self, name: str) -> None:
        """Remove `name`; a name that is not there is fine."""
        key = _name(name)
        self._writable()[:] = [item for item in self._items if item[0] != key]

    def get(self, name: str, default: Any = None) -> Any:
        """The values of `name` joined with `, `, or `default`."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def get_all(self, name: str) -> list[str]:
        """Every value of `name`, in order."""
        key = name.lower()
        return [value for known, value in self._items if known == key]

    def get_set_cookie(self) -> list[str]:
        """Every `Set-Cookie` value by itself."""
        return self.get_all("set-cookie")

    getAll = get_all
    getSetCookie = get_set_cookie

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(known == name.lower() for known, _ in self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._items == other._items

    __hash__ = None  # type: ignore[assignment]  # equal by content, and changeable

    def _raw(self) -> RawHeaders:
        return [(name.encode("ascii", "replace"), encoded(value)) for name, value in self._items]

    def _writable(self) -> list[tuple[str, str]]:
        if self._frozen:
            raise TypeError("Can't modify immutable headers.")
        return self._items


def decoded(value: bytes) -> str:
    """A header value as text: UTF-8, as the platform reads it, otherwise byte by byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def encoded(value: str) -> bytes:
    """A header value as it is sent."""
    return value.encode("utf-8", "replace")


def _pairs(init: Any) -> Iterable[tuple[str, Any]]:
    if init is None:
        return ()
    if isinstance(init, Mapping) or hasattr(init, "items"):
        return list(init.items())
    if isinstance(init, (str, bytes)) or not isinstance(init, Iterable):
        raise TypeError(
            f"headers must be a dict, a list of pairs or Headers, not {type(init).__name__}"
        )
    return [_pair(item) for item in init]


def _pair(item: Any) -> tuple[str, Any]:
    if isinstance(item, (str, bytes)) or not isinstance(item, Iterable):
        raise TypeError(f"each header must be a pair (name, value), not {item!r}")
    pair = tuple(item)
    if len(pair) != 2:
        raise TypeError(f"each header must be a pair (name, value), not {item!r}")
    return pair


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a header's name must be a str, not {type(name).__name__}")
    if not NAME.fullmatch(name):
        raise TypeError(f"Invalid header name: {name!r}")
    return name.lower()


def _value(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        value = decoded(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"the header {name!r} must be a str, not {type(value).__name__}")
    text = value.strip(WHITESPACE)
    if FORBIDDEN.search(text):
        raise TypeError(f"Invalid header value for {name!r}: it holds a line break or NUL")
    return text
