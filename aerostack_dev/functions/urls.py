"""JavaScript's `URL` and `URLSearchParams`, for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

PORTS = {"http": 80, "https": 443}
"""Those that go without saying."""


class URLSearchParams:
    """The parameters of a query string, in their order."""

    def __init__(self, init: Any = "") -> None:
        if isinstance(init, str):
            init = parse_qsl(init.removeprefix("?"), keep_blank_values=True)
        self._pairs = list(init.items() if isinstance(init, Mapping) else init)

    def getAll(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def get(self, name: str) -> str | None:
        return next(iter(self.getAll(name)), None)

    def has(self, name: str) -> bool:
        return bool(self.getAll(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def toString(self) -> str:
        return urlencode(self._pairs)

    __str__, entries = toString, __iter__
    new = classmethod(lambda cls, init="": cls(init))


class URL:
    """An absolute URL, to be read. Raises `TypeError` for what is none."""

    def __init__(self, url: Any, base: Any = None) -> None:
        try:
            parts = urlsplit(str(url) if base is None else urljoin(str(base), str(url)))
            port = parts.port
        except ValueError as error:
            raise TypeError(f"Invalid URL string: {error}") from error
        if not parts.scheme or not parts.hostname:
            raise TypeError(f"Invalid URL string: {url}")
        self.protocol = f"{parts.scheme}:"
        self.hostname = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.port = "" if port in (None, PORTS.get(parts.scheme)) else str(port)
        self.host = f"{self.hostname}:{self.port}" if self.port else self.hostname
        self.origin = f"{self.protocol}//{self.host}"
        self.pathname = parts.path or "/"
        self.search = f"?{parts.query}" if parts.query else ""
        self.hash = f"#{parts.fragment}" if parts.fragment else ""
        self.searchParams = URLSearchParams(parts.query)

    def toString(self) -> str:
        return f"{self.origin}{self.pathname}{self.search}{self.hash}"

    __str__ = toString
    href = property(toString)
    new = classmethod(lambda cls, url, base=None: cls(url, base))
