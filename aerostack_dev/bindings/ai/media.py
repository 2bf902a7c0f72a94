"""Pictures and sounds among the inputs: number[], bytes, base64, or one stream (§3.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...wire import Stream
from .failures import AiError, AiInternalError

LARGEST_BYTES = 100 * 1024 * 1024
"""A stream among the inputs holds so much at most."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
)
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes with their content type."""

    data: bytes
    type: str


async def with_streams_read(
    inputs: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """`inputs` with the one stream that may be among them read into a `Media`.

    A stream is a `Stream`, an async iterator or `{body, contentType}` around one. Raises
    `AiInternalError` in the platform's words, `AiError` (3006) when it is too large.
    """
    streams = {name: value for name, value in inputs.items() if _chunks(value) is not None}
    if not streams:
        return {name: _with_body(value) for name, value in inputs.items()}
    if len(streams) > 1:
        names = ", ".join(streams)
        raise AiInternalError(
            f"Multiple ReadableStreams are not supported. Found streams in keys: [{names}]"
        )
    ((name, value),) = streams.items()
    kind = value.get("contentType") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or not kind:
        raise AiInternalError("Content-Type is required with ReadableStream inputs")
    if options.get("gateway"):
        raise AiInternalError("AI Gateway does not support ReadableStreams yet.")
    chunks = _chunks(value)
    assert chunks is not None
    return {**inputs, name: Media(await _read(chunks), kind)}


def media_of(value: Any) -> Media:
    """A valid `image` or `audio` input as bytes. Raises `AiError` (5004) when it is none."""
    if isinstance(value, Media):
        return value
    if isinstance(value, str):
        return _from_text(value)
    try:
        data = bytes(value)
    except (TypeError, ValueError) as error:
        raise AiError("5004", f"invalid data: not an array of bytes: {error}", 400) from None
    return Media(data, sniffed(data))


def sniffed(data: bytes) -> str:
    """The content type that the first bytes tell."""
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12], _UNKNOWN)
    return next((kind for start, kind in SIGNATURES if data.startswith(start)), _UNKNOWN)


def data_url(media: Media) -> str:
    """`media` as a `data:` URL."""
    return f"data:{media.type};base64,{base64.b64encode(media.data).decode()}"


def _from_text(text: str) -> Media:
    head, _, content = text.rpartition(",") if text.startswith("data:") else ("", "", text)
    try:
        data = base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise AiError("5004", f"invalid data: not base64: {error}", 400) from None
    return Media(data, head[5:].partition(";")[0] or sniffed(data))


def _chunks(value: Any) -> AsyncIterator[bytes] | None:
    body = value.get("body") if isinstance(value, Mapping) else value
    if isinstance(body, Stream):
        return body.chunks
    return aiter(body) if isinstance(body, AsyncIterable) else None


def _with_body(value: Any) -> Any:
    """`{body: bytes, contentType}` counts as a stream that has been read."""
    if isinstance(value, Mapping) and isinstance(value.get("body"), bytes):
        return Media(value["body"], str(value.get("contentType") or sniffed(value["body"])))
    return value


async def _read(chunks: AsyncIterator[bytes]) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > LARGEST_BYTES:
            limit = f"{LARGEST_BYTES // 1024**2} MiB"
            raise AiError("3006", f"Request is too large: a stream holds at most {limit}", 413)
    return bytes(content)
