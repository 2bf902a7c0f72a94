"""`Response`: what `fetch` returns, and what the outgoing `fetch` gives (§3.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, overload
from urllib.parse import quote, urlsplit

from ..wire import Ready, Stream, dumps
from .body import TEXT_TYPE, Readable, Source, content, utf8
from .headers import Headers, RawHeaders
from .request import URL_CHARACTERS

NULL_BODY = (101, 204, 205, 304)
REDIRECTS = (301, 302, 303, 307, 308)
LOWEST_STATUS = 200
HIGHEST_STATUS = 599

OUT_OF_RANGE = (
    f"Responses may only be constructed with status codes in the range {LOWEST_STATUS} to "
    f"{HIGHEST_STATUS}, inclusive."
)
NULL_WITH_BODY = "Response with null body status (101, 204, 205, or 304) cannot have a body."

CONTENT_LENGTH = b"content-length"
CONNECTION_HEADERS = frozenset((b"connection", b"keep-alive", b"transfer-encoding"))
"""They describe the connection, which is the server's own business."""

TEXT: tuple[bytes, bytes] = (b"content-type", TEXT_TYPE.encode())


class Json:
    """`json` of a response: on the class it makes one, on a response it reads it."""

    @overload
    def __get__(self, response: None, owner: type[Response]) -> Callable[..., Response]: ...
    @overload
    def __get__(
        self, response: Response, owner: type[Response]
    ) -> Callable[[], Awaitable[Any]]: ...
    def __get__(self, response: Response | None, owner: type[Response]) -> Callable[..., Any]:
        return owner.from_json if response is None else super(Response, response).json


class Response(Readable):
    """An HTTP response.

    `body` is `str`, `bytes`, None, `FormData`, a `Blob` or an async iterator of bytes,
    which is streamed. `status` is 200 to 599. Raises `TypeError` for another body, for a
    body with a status that has none, and for bad headers; `ValueError` for a bad status.
    """

    _headers: Headers | None = None
    _size: int | None = None
    url = ""
    """Where a fetched response came from."""
    redirected = False
    """Whether `fetch` followed a redirect to it."""
    type = "default"

    def __init__(
        self, body: Any = None, status: int = 200, status_text: str = "", headers: Any = None
    ) -> None:
        if type(body) is str:
            self._source: Source = utf8(body)
            self._kind = TEXT_TYPE
        else:
            self._source, self._kind = content(body)
            self._size = body.size if isinstance(body, (Stream, Ready)) else None
        if status != 200:
            _check_status(status, self._source)
        self._status = status
        self._status_text = status_text
        if headers is not None:
            self._headers = self._named(Headers(headers))

    @property
    def status(self) -> int:
        """The status code."""
        return int(self._status)

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self._status <= 299

    @property
    def status_text(self) -> str:
        """The phrase after the status code; the server here always sends the standard one."""
        return self._status_text

    statusText = status_text

    @property
    def headers(self) -> Headers:
        """The headers; a fetched response's own cannot be changed."""
        if self._headers is None:
            self._headers = self._named(Headers())
        return self._headers

    @classmethod
    def from_json(
        cls, data: Any, status: int = 200, status_text: str = "", headers: Any = None
    ) -> Response:
        """A response that holds `data` as JSON (datetimes as ISO strings).

        Raises `TypeError` for what JSON cannot hold. `Response.json` is the same.
        """
        response = cls(dumps(data), status, status_text)
        response._kind = "application/json"
        if headers is not None:
            response._headers = response._named(Headers(headers))
        return response

    json = Json()  # type: ignore[assignment]  # the platform has both under one name

    @classmethod
    def redirect(cls, url: str, status: int = 302) -> Response:
        """A redirect to an absolute `url`.

        Raises `TypeError` for a relative URL, `ValueError` for a status that is no redirect.
        """
        if status not in REDIRECTS:
            raise ValueError(
                f"{status} is not a redirect status code. "
                "It must be one of: 301, 302, 303, 307, or 308."
            )
        return cls(None, status, headers={"location": _parsed(url)})

    def clone(self) -> Response:
        """A second response with the same body. Raises `OSError` once that is used."""
        twin = Response.__new__(Response)
        twin.__dict__.update(self.__dict__)
        twin._headers = Headers(self.headers)
        twin._source, twin._stream = self._split(), None
        return twin

    def __repr__(self) -> str:
        return f"<Response {self.status}>"

    def _named(self, headers: Headers) -> Headers:
        """`headers` with the content type that the body brings, unless they have one."""
        if self._kind and "content-type" not in headers:
            headers.append("content-type", self._kind)
        return headers

    def _header(self, name: str) -> str:
        value: str = self.headers.get(name, "")
        return value

    def _raw(self, method: str) -> RawHeaders:
        """The headers as they are sent, with the content length where it is known."""
        source = self._source
        if self._headers is None and type(source) is bytes and self._kind is TEXT_TYPE:
            return [TEXT, (CONTENT_LENGTH, b"%d" % len(source))]
        raw = [item for item in self.headers._raw() if item[0] not in CONNECTION_HEADERS]
        length = self._length(method)
        if length is None:
            return raw
        return [*(item for item in raw if item[0] != CONTENT_LENGTH), (CONTENT_LENGTH, length)]

    def _length(self, method: str) -> bytes | None:
        if self._source is None:
            silent = self._status in (204, 304) or method == "HEAD"
            return None if silent else b"0"
        if isinstance(self._source, bytes):
            return b"%d" % len(self._source)
        return None if self._size is None else b"%d" % self._size


def _check_status(status: Any, source: Source) -> None:
    if isinstance(status, bool) or not isinstance(status, int):
        raise TypeError(f"a status must be an int, not {type(status).__name__}")
    if source is not None and status in NULL_BODY:
        raise TypeError(NULL_WITH_BODY)
    if not LOWEST_STATUS <= status <= HIGHEST_STATUS:
        raise ValueError(OUT_OF_RANGE)


def _parsed(url: Any) -> str:
    text = str(url)
    try:
        parts = urlsplit(text)
        whole = bool(parts.scheme) and (bool(parts.netloc) or bool(parts.path))
    except ValueError:
        whole = False
    if not whole:
        raise TypeError(f"Unable to parse URL: {text}")
    return quote(text.strip(), safe=URL_CHARACTERS)
