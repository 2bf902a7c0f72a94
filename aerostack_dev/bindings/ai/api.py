"""`env.AI` as a Python author holds it (interface.md §5, storage-vectorize-ai.md §3).

Bytes-like values among the inputs stand for the platform's `number[]`: `{"audio": data}`
is `{"audio": [...new Uint8Array(data)]}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine, Mapping
from typing import Any

from ... import wire
from ...wire import Stream, close_chunks
from ..options import options as chosen
from .failures import AbortError, AiError, unavailable
from .operations import RUN_OPTIONS, Operations

FACE_OPTIONS = (*RUN_OPTIONS, "signal")


class Ai:
    """The models. Refusals raise `BindingError` with the platform's text, misuse `TypeError`.

    After a call `lastRequestId`, `lastRequestHttpStatusCode` and
    `lastRequestInternalStatusCode` tell about it; `aiGatewayLogId` is always None.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self.lastRequestId: str | None = None
        self.lastRequestHttpStatusCode: int | None = None
        self.lastRequestInternalStatusCode: int | None = None
        self.aiGatewayLogId: str | None = None

    def __repr__(self) -> str:
        return f"<AI {self._operations.binding}>"

    async def run(
        self,
        model: str,
        inputs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Any:
        """Run a model: a `Record`, or what is no JSON as an async iterator of bytes.

        `inputs` are the model's own; a stream among them is `{"body": async iterator,
        "contentType": …}`. Options: `returnRawResponse` (a `Response`, also of a
        refusal), `queueRequest`, `signal` (an `asyncio.Event`: once it is set the call
        and its stream raise `AbortError`), and those that change nothing locally:
        `gateway`, `rejectIfBusy`, `tags`, `prefix`, `extraHeaders`, `sessionOptions`.
        """
        given = chosen(options, keywords, FACE_OPTIONS)
        signal = _event(given.pop("signal", None))
        run = self._operations.run(model, _wire(inputs), _wire(given))
        try:
            reply = await _unless(signal, run)
        except AbortError:
            raise  # there was no answer to tell about
        except AiError as error:
            self._note(error.request_id, error.status, error.internal_code)
            raise
        self._note(reply["requestId"], reply["status"], None)
        body = reply["body"]
        if isinstance(body, Stream) and signal is not None:
            body = Stream(_watched(body.chunks, signal), body.size)
        if given.get("returnRawResponse"):
            return _response(body, reply)
        return body.chunks if isinstance(body, Stream) else wire.record(body)

    async def models(self, params: Mapping[str, Any] | None = None, **keywords: Any) -> Any:
        """The platform's models: `[{id, source, name, description, task, tags, properties}]`.

        Params: `author`, `search`, `task`, `source`, `hide_experimental`, `page`, `per_page`.
        """
        return wire.record(await self._operations.models({**(params or {}), **keywords}))

    def toMarkdown(self, files: Any = None, options: Mapping[str, Any] | None = None) -> Any:
        """Convert a file `{name, blob}` to Markdown, or a list of them to a list.

        `blob` is bytes-like, a str or a `Blob`. Awaiting it gives `{id, name, mimeType,
        format, tokens, data}`; `format` is `error` for a file that cannot be converted.
        Without files: an object with `transform(files)` and `supported()`.
        """
        service = MarkdownService(self._operations)
        return service if files is None else service.transform(files, options)

    async def getLogs(self) -> list[Any]:
        """Deprecated on the platform: always empty."""
        return []

    def gateway(self, gatewayId: str) -> Any:
        """AI Gateway: raises `BindingError`, it is not available locally."""
        raise unavailable("gateway()")

    def autorag(self, autoragId: str) -> Any:
        """AutoRAG: raises `BindingError`, it is not available locally."""
        raise unavailable("autorag()")

    def aiSearch(self) -> Any:
        """AI Search: raises `BindingError`, it is not available locally."""
        raise unavailable("aiSearch()")

    async def fetch(self, *arguments: Any, **keywords: Any) -> Any:
        """The platform's raw endpoint: raises `BindingError`, it is not available locally."""
        raise unavailable("fetch()")

    to_markdown = toMarkdown
    get_logs = getLogs
    ai_search = aiSearch

    @property
    def last_request_id(self) -> str | None:
        """The same as `lastRequestId`."""
        return self.lastRequestId

    @property
    def last_request_http_status_code(self) -> int | None:
        """The same as `lastRequestHttpStatusCode`."""
        return self.lastRequestHttpStatusCode

    @property
    def last_request_internal_status_code(self) -> int | None:
        """The same as `lastRequestInternalStatusCode`."""
        return self.lastRequestInternalStatusCode

    @property
    def ai_gateway_log_id(self) -> str | None:
        """The same as `aiGatewayLogId`."""
        return self.aiGatewayLogId

    def _note(self, request_id: str, status: int, internal: int | None) -> None:
        self.lastRequestId = request_id
        self.lastRequestHttpStatusCode = status
        self.lastRequestInternalStatusCode = internal


class MarkdownService:
    """What `toMarkdown()` without files gives."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def transform(self, files: Any, options: Mapping[str, Any] | None = None) -> Any:
        """As `toMarkdown(files)`."""
        several = isinstance(files, (list, tuple))
        given = [await _file(file) for file in (files if several else [files])]
        results = wire.record(await self._operations.toMarkdown(given, options))
        return results if several else results[0]

    async def supported(self) -> Any:
        """The formats that are converted: `[{extension, mimeType}]`."""
        return wire.record(await self._operations.supported())


async def _file(file: Any) -> dict[str, Any]:
    if not isinstance(file, Mapping) or "blob" not in file:
        raise TypeError("a file to convert is a dict with `name` and `blob`")
    blob = file["blob"]
    if hasattr(blob, "bytes") and hasattr(blob, "content_type"):
        return {
            "name": file.get("name"),
            "mimeType": blob.content_type,
            "data": await blob.bytes(),
        }
    data = blob.encode() if isinstance(blob, str) else _wire(blob)
    return {"name": file.get("name"), "mimeType": file.get("mimeType", ""), "data": data}


def _wire(value: Any) -> Any:
    """`value` as wire values: tuples become lists, buffers bytes."""
    if isinstance(value, Mapping):
        return {str(key): _wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_wire(item) for item in value]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return value


def _response(body: Any, reply: Mapping[str, Any]) -> Any:
    from ...functions.response import Response

    headers = {"content-type": reply["contentType"], "cf-ai-req-id": reply["requestId"]}
    content = body if isinstance(body, Stream) else wire.dumps(body)
    return Response(content, reply["status"], headers=headers)


def _event(signal: Any) -> asyncio.Event | None:
    if signal is None or isinstance(signal, asyncio.Event):
        return signal
    raise TypeError(f"signal must be an asyncio.Event, not {type(signal).__name__}")


async def _unless(signal: asyncio.Event | None, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of `work`; raises `AbortError` as soon as `signal` is set."""
    if signal is None:
        return await work
    if signal.is_set():
        work.close()
        raise AbortError
    return await _first(asyncio.ensure_future(work), signal)


async def _first(task: asyncio.Future[Any], signal: asyncio.Event) -> Any:
    stopped = asyncio.ensure_future(signal.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise AbortError
        return task.result()
    finally:
        stopped.cancel()
        task.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


async def _watched(
    chunks: AsyncIterator[bytes], signal: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    """`chunks` until `signal` is set; then `AbortError`."""
    try:
        while True:
            try:
                yield await _unless(signal, _next(chunks))
            except StopAsyncIteration:
                return
    finally:
        await close_chunks(chunks)


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    following: Awaitable[bytes] = anext(chunks)
    return await following
