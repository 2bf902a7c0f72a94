"""`Request`: what came in, or what `fetch` sends out (queue-cron-dev.md §3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from ..wire import Record
from .body import Readable, content
from .headers import Headers, decoded
from .incoming import Incoming, Receive, Scope

BODYLESS = ("GET", "HEAD")
KNOWN_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
REDIRECT_MODES = ("follow", "error", "manual")

URL_CHARACTERS = "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What stays as it is in a path or query; other bytes are percent-encoded."""

_PLAIN = re.compile(rb"[\w.~%s-]*" % re.escape(URL_CHARACTERS.encode())).fullmatch
"""For what `quote` would return as it is."""

PLACE: Mapping[str, Any] = {
    "asOrganization": "",
    "asn": 395747,
    "city": "Austin",
    "colo": "DFW",
    "continent": "NA",
    "country": "US",
    "latitude": "30.27130",
    "longitude": "-97.74260",
    "metroCode": "635",
    "postalCode": "78701",
    "region": "Texas",
    "regionCode": "TX",
    "timezone": "America/Chicago",
}
"""Where a request seems to come from: the place that the platform's own tools show offline."""


class Request(Readable):
    """An HTTP request.

    `Request(url, method=…, headers=…, body=…)` makes one for `fetch`; a `Request` in
    place of the URL is copied, its body with it. An incoming one has unchangeable
    headers, and is parsed only as far as it is asked for. Raises `TypeError` for a URL
    that is not absolute, and for a body with GET or HEAD.
    """

    method: str
    _scope: Scope
    _receive: Receive | None = None
    _arriving: Incoming | None = None
    _headers: Headers | None = None
    _url: str | None = None
    _cf: Record | None = None
    redirect = "manual"
    """What `fetch` does at a redirect: `follow`, `manual` or `error`."""

    def __init__(
        self,
        input: str | Request,  # noqa: A002 - the platform's own name
        *,
        method: str | None = None,
        headers: Any = None,
        body: Any = None,
        redirect: str | None = None,
        cf: Mapping[str, Any] | None = None,
    ) -> None:
        other = input if isinstance(input, Request) else None
        self._url = absolute(input.url if isinstance(input, Request) else input)
        self.method = _method(method or (other.method if other else "GET"))
        self._headers = Headers(headers if headers is not None or not other else other.headers)
        self._cf = Record(cf if cf is not None else other.cf if other else {})
        self._source, kind = content(other.body if body is None and other else body)
        if self._source is not None and self.method in BODYLESS:
            raise TypeError("Request with a GET or HEAD method cannot have a body.")
        if kind and "content-type" not in self._headers:
            self._headers.append("content-type", kind)
        self.redirect = redirect or (other.redirect if other else "follow")
        if self.redirect not in REDIRECT_MODES:
            raise TypeError(f"redirect must be one of {', '.join(REDIRECT_MODES)}: {redirect!r}")

    @classmethod
    def _received(cls, scope: Scope, receive: Receive) -> Request:
        """The request of an ASGI server; nothing is parsed yet."""
        request = cls.__new__(cls)
        request._scope = scope
        request._receive = receive
        request.method = scope["method"]
        return request

    @property
    def url(self) -> str:
        """The whole URL as the client asked for it, percent-encoded."""
        if self._url is None:
            self._url = _url(self._scope)
        return self._url

    @property
    def headers(self) -> Headers:
        """The headers; an incoming request's own cannot be changed."""
        if self._headers is None:
            self._headers = Headers._received(received_headers(self._scope))
        return self._headers

    @property
    def cf(self) -> Record:
        """What the platform's edge says of an incoming request; here a fixed place."""
        if self._cf is None:
            version = self._scope.get("http_version", "1.1")
            self._cf = Record(
                PLACE,
                httpProtocol=f"HTTP/{version}",
                clientAcceptEncoding=self.headers.get("accept-encoding", ""),
            )
        return self._cf

    def clone(self) -> Request:
        """A second request with the same body. Raises `OSError` once that is used."""
        twin = Request.__new__(Request)
        twin.__dict__.update(self.__dict__)
        twin._headers = Headers(self.headers)
        twin._headers._frozen = self.headers._frozen
        twin._source, twin._stream, twin._receive = self._split(), None, None
        return twin

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url}>"

    def _content(self) -> Any:
        if self._source is None and self._receive is not None and _has_body(self.headers):
            self._source = self._pieces()
        return self._source

    def _pieces(self) -> Incoming:
        """The body as it arrives (and who leaves meanwhile)."""
        if self._arriving is None:
            assert self._receive is not None
            self._arriving = Incoming(self._receive)
        return self._arriving

    def _header(self, name: str) -> str:
        value: str = self.headers.get(name, "")
        return value


def absolute(url: Any) -> str:
    """`url` when it is a whole http(s) URL, otherwise `TypeError`."""
    if not isinstance(url, str):
        raise TypeError(f"a URL must be a str, not {type(url).__name__}")
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole:
        raise TypeError(f"Invalid URL: {url}")
    return url


def received_headers(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    """The headers of a request with `CF-Connecting-IP`, which the platform adds."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    client = scope.get("client")
    if client is None or b"cf-connecting-ip" in dict(headers):
        return headers
    return [*headers, (b"cf-connecting-ip", str(client[0]).encode())]


def _url(scope: Scope) -> str:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    if not host:
        name, port = scope.get("server") or ("localhost", None)
        host = (name if port is None else f"{name}:{port}").encode()
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    query = scope.get("query_string", b"")
    raw = path + b"?" + query if query else path
    target = raw.decode() if _PLAIN(raw) else quote(raw, safe=URL_CHARACTERS)
    return f"{scope.get('scheme', 'http')}://{decoded(host)}{target}"


def _has_body(headers: Headers) -> bool:
    length = headers.get("content-length")
    return "transfer-encoding" in headers or length not in (None, "")


def _method(name: Any) -> str:
    if not isinstance(name, str) or not name.isascii() or not name.replace("-", "").isalnum():
        raise TypeError(f"Invalid HTTP method string: {name}")
    return name.upper() if name.upper() in KNOWN_METHODS else name
