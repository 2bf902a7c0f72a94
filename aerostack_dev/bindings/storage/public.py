"""Objects of public buckets over HTTP: `/cdn-cgi/local/storage/<bucket>/<key>` (interface §4).

A stored object is whatever its author let somebody upload, and is served from the
function's own origin: so a browser is told to run nothing in it, to guess no type, and
to show it to pages of this machine only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from ...errors import BindingError
from ...functions.incoming import Receive, Scope, Send, while_connected
from ...wire import Stream, close_chunks
from .conditions import Conditions, tags_of
from .failures import BAD_KEY, WRONG_SSEC_KEY
from .http_date import http_date, milliseconds
from .metadata import headers_of
from .operations import Operations
from .ranges import is_beyond

Headers = list[tuple[str, str]]

PREFIX = "/cdn-cgi/local/storage/"
METHODS = ("GET", "HEAD")
DEFAULT_TYPE = "application/octet-stream"
GUARDS: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'"),
    ("Cross-Origin-Resource-Policy", "same-site"),
]
CONTROLS = frozenset(chr(code) for code in (*range(32), 127)) - {"\t"}

OK, PARTIAL, NOT_MODIFIED = 200, 206, 304
BAD_REQUEST, FORBIDDEN, NOT_FOUND, NOT_ALLOWED = 400, 403, 404, 405
PRECONDITION_FAILED, NOT_SATISFIABLE, FAILED = 412, 416, 500


class PublicObjects:
    """The ASGI application of the buckets that are declared `public = true`.

    It answers GET and HEAD below `PREFIX`, with ranges (206, 416), etags and dates
    (304, 412). Keys are exact: the percent-decoded rest of the path, never a file's path.
    """

    def __init__(self, buckets: Iterable[Operations]) -> None:
        self._buckets = {each.bucket: each for each in buckets if each.public}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (an ASGI `http` scope)."""
        method = scope["method"]
        if method not in METHODS:
            extra = [("Allow", ", ".join(METHODS))]
            await _say(send, method, NOT_ALLOWED, "only GET and HEAD are possible here", extra)
            return
        try:
            bucket, key = _address(scope)
        except ValueError:
            await _say(send, method, BAD_REQUEST, "the path is not UTF-8")
            return
        operations = self._buckets.get(bucket)
        if operations is None:
            await _say(send, method, NOT_FOUND, "there is no public bucket of this name")
            return
        await _serve(operations, key, method, _headers(scope), receive, send)


async def _serve(
    operations: Operations,
    key: str,
    method: str,
    headers: Mapping[str, str],
    receive: Receive,
    send: Send,
) -> None:
    wanted = headers.get("range") if method == "GET" else None
    try:
        found: Any = await (
            operations.head(key)
            if method == "HEAD"
            else operations.get(key, {"range": [["range", wanted]]} if wanted else None)
        )
        if found is not None and wanted and not _range_applies(headers, found):
            found = await operations.get(key)
            wanted = None
    except BindingError as error:
        await _say(send, method, _status_of(error), error.message)
        return
    if found is None:
        await _say(send, method, NOT_FOUND, "there is no object of this key")
    elif found["ssecKeyMd5"] is not None:
        await _say(send, method, FORBIDDEN, "the object was stored with an SSE-C key")
    else:
        await _answer(found, method, headers, wanted, receive, send)


async def _answer(
    found: Mapping[str, Any],
    method: str,
    headers: Mapping[str, str],
    wanted: str | None,
    receive: Receive,
    send: Send,
) -> None:
    body: Stream | None = found.get("body")
    try:
        status = _precondition(headers, found)
        described = _described(found)
        if status is not None:
            await _end(send, status, described)
        elif wanted and is_beyond(wanted, found["size"]):
            extra = [("Content-Range", f"bytes */{found['size']}")]
            await _say(send, method, NOT_SATISFIABLE, "the range is behind the end", extra)
        else:
            status, sizes = _extent(found)
            await _start(send, status, [*described, *_content(found), *sizes])
            await _send_body(body, receive, send)
    finally:
        await close_chunks(body and body.chunks)


async def _send_body(body: Stream | None, receive: Receive, send: Send) -> None:
    """Send the content, until its end or until the client has gone."""
    async with while_connected(_left(receive)):
        if body is not None:
            async for chunk in body.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _address(scope: Scope) -> tuple[str, str]:
    """The bucket and the key of the path. Raises `ValueError` (not UTF-8)."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    path = raw.partition(b"?")[0].removeprefix(PREFIX.encode())
    bucket, _, key = path.partition(b"/")
    return unquote_to_bytes(bucket).decode(), unquote_to_bytes(key).decode()


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _precondition(headers: Mapping[str, str], found: Mapping[str, Any]) -> int | None:
    """412 or 304 when a condition of the request says so (RFC 9110 §13.2.2).

    A header that is malformed is ignored.
    """
    etag, uploaded = found["etag"], found["uploaded"]
    matches, differs = _tags(headers, "if-match"), _tags(headers, "if-none-match")
    before = milliseconds(headers.get("if-unmodified-since"))
    after = milliseconds(headers.get("if-modified-since"))
    expected = Conditions(matches=matches.matches, before=_next_second(before))
    if not expected.hold(etag, uploaded):
        return PRECONDITION_FAILED
    changed = Conditions(differs=differs.matches, after=after, whole_seconds=True)
    return None if changed.hold(etag, uploaded) else NOT_MODIFIED


def _next_second(moment: int | None) -> int | None:
    """Headers know no milliseconds: what was written within the second is not later."""
    return None if moment is None else moment + 1000


def _tags(headers: Mapping[str, str], name: str) -> Conditions:
    try:
        return Conditions(matches=tags_of(headers, name))
    except BindingError:
        return Conditions()


def _range_applies(headers: Mapping[str, str], found: Mapping[str, Any]) -> bool:
    """Whether `If-Range`, if there is one, names the object as it is."""
    condition = headers.get("if-range")
    if condition is None:
        return True
    stamp: str = http_date(found["uploaded"])
    return condition.strip() in (found["httpEtag"], stamp)


def _described(found: Mapping[str, Any]) -> Headers:
    """The headers of every answer about the object, a 304 too."""
    stored = [
        (name, value)
        for name, value in headers_of(found["httpMetadata"])
        if name in ("Cache-Control", "Expires") and not CONTROLS & set(value)
    ]
    return [("ETag", found["httpEtag"]), ("Last-Modified", http_date(found["uploaded"])), *stored]


def _content(found: Mapping[str, Any]) -> Headers:
    """The headers of the content, as far as they are what a header can hold."""
    http: Mapping[str, Any] = {"contentType": DEFAULT_TYPE, **found["httpMetadata"]}
    return [
        (name, value)
        for name, value in headers_of(http)
        if name.startswith("Content-") and not CONTROLS & set(value)
    ]


def _extent(found: Mapping[str, Any]) -> tuple[int, Headers]:
    """200 or 206, with the headers that tell how much of the content comes."""
    offset, length, size = found["range"]["offset"], found["range"]["length"], found["size"]
    sizes = [("Accept-Ranges", "bytes"), ("Content-Length", str(length))]
    if length == size:
        return OK, sizes
    return PARTIAL, [*sizes, ("Content-Range", f"bytes {offset}-{offset + length - 1}/{size}")]


def _status_of(error: BindingError) -> int:
    return {str(BAD_KEY): NOT_FOUND, WRONG_SSEC_KEY: FORBIDDEN}.get(error.code, FAILED)


async def _say(
    send: Send, method: str, status: int, text: str, extra: Iterable[tuple[str, str]] = ()
) -> None:
    """Answer with a line of text."""
    body = f"{text}\n".encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    await _start(send, status, [*headers, *extra])
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


async def _end(send: Send, status: int, headers: Headers) -> None:
    """Answer without content."""
    length = [] if status == NOT_MODIFIED else [("Content-Length", "0")]
    await _start(send, status, [*headers, *length])
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, status: int, headers: Headers) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in [*headers, *GUARDS]]
    await send({"type": "http.response.start", "status": status, "headers": raw})
