"""Recorded answers: one JSON object per line, played back for the same request.

A line is `{request: {model, inputs, options}, provider, reply: {contentType, body}}`, or
with `chunks` in place of `body` when the answer was a stream. Bytes and long lists of
numbers in a request are represented by their digest. Values of secrets are replaced by
`[redacted:NAME]` before anything is compared or written.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ... import wire
from ...config.model import Finding
from ...config.secrets import redactor
from ...errors import BindingError, StateError
from ...wire import Stream, close_chunks
from ..kind import Services
from . import Ai
from .media import Media
from .nearest import nearest
from .reply import Reply

LONGEST_NUMBERS = 256
"""A longer list of numbers is a picture or a sound: its digest will do."""
RELEVANT_OPTIONS = ("prefix",)
"""The others do not change an answer, and may hold secrets."""

Ask = Callable[[], Awaitable[tuple[Reply, str]]]
"""Asks the provider: the reply, and the provider's name."""


class Cassette:
    """One recording. `mode`: `auto`, `record` or `replay`."""

    def __init__(
        self,
        path: Path,
        mode: str,
        redact: Callable[[str], str],
        notify: Callable[[Finding], None],
    ) -> None:
        self._path = path
        self._mode = mode
        self._redact = redact
        self._notify = notify
        self._lines: dict[bytes, bytes] | None = None
        self._busy = asyncio.Lock()

    @classmethod
    def of(cls, declaration: Ai, services: Services) -> Cassette:
        """The cassette of a binding; its file is read when it is first used."""
        project = services.project
        path = project.root / declaration.cassette
        return cls(path, declaration.cassette_mode, redactor(project), services.notify)

    async def play(
        self, model: str, inputs: Mapping[str, Any], options: Mapping[str, Any], ask: Ask
    ) -> tuple[Reply, str]:
        """The recorded reply, or the provider's, which is then recorded.

        Raises `BindingError` (`cassette-miss`) in the mode `replay` for a request that was
        not recorded, naming the nearest; `StateError` for a file that is no cassette.
        """
        plain = {
            "model": model,
            "inputs": dict(inputs),
            "options": {name: options[name] for name in RELEVANT_OPTIONS if name in options},
        }
        request = _represented(plain, self._redact)
        key = _canonical(request)
        async with self._busy:
            if self._lines is None:
                self._lines = await asyncio.to_thread(_read, self._path)
        line = self._lines.get(key)
        if line is not None and self._mode != "record":
            return _replayed(wire.unpack(line)["reply"]), "cassette"
        if self._mode == "replay":
            raise self._missing(request)
        secret = request != _represented(plain, str)
        reply, provider = await ask()
        return await self._recorded(request, provider, reply, secret), provider

    def _missing(self, request: dict[str, Any]) -> BindingError:
        lines = list((self._lines or {}).values())
        recorded = [wire.unpack(line)["request"] for line in lines]
        return BindingError(
            f"{self._path.name} has no answer to this request to {request['model']}"
            f"{nearest(request, recorded)}",
            where=str(self._path),
            hint='record it with cassette_mode = "auto" in [ai]',
            code="cassette-miss",
        )

    async def _recorded(
        self, request: dict[str, Any], provider: str, reply: Reply, secret: bool
    ) -> Reply:
        """`reply`, written down; a stream is, when it has been read to its end."""
        entry = {"request": request, "provider": provider}
        if not isinstance(reply.body, Stream):
            body = _redacted(reply.body, self._redact)
            await self._write({**entry, "reply": {"contentType": reply.content_type, "body": body}})
            return reply
        if secret:
            # A model that repeats a secret cuts it into tokens, where nobody can find it.
            self._notify(
                Finding(
                    "ai-cassette",
                    f"a stream was not recorded: its request to {request['model']} holds a secret",
                    where=str(self._path),
                )
            )
            return reply
        chunks = self._listening(entry, reply.content_type, reply.body.chunks)
        return Reply(Stream(chunks, reply.body.size), reply.content_type)

    async def _listening(
        self, entry: dict[str, Any], content_type: str, chunks: Any
    ) -> AsyncGenerator[bytes, None]:
        heard: list[Any] = []
        try:
            async for chunk in chunks:
                heard.append(self._redact(text) if (text := _text(chunk)) is not None else chunk)
                yield chunk
        finally:
            await close_chunks(chunks)
        await self._write({**entry, "reply": {"contentType": content_type, "chunks": heard}})

    async def _write(self, entry: dict[str, Any]) -> None:
        line = wire.pack(entry)
        key = _canonical(entry["request"])
        async with self._busy:
            assert self._lines is not None
            if self._lines.get(key) != line:
                await asyncio.to_thread(_append, self._path, line)
                self._lines[key] = line


def _represented(value: Any, redact: Callable[[str], str]) -> Any:
    """A value of a request as it is compared and written."""
    if isinstance(value, Media):
        return {"type": value.type, **_digest(value.data)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _digest(bytes(value))
    if isinstance(value, list) and len(value) > LONGEST_NUMBERS and _numbers(value):
        return _digest(msgspec.json.encode(value))
    if isinstance(value, dict):
        return {key: _represented(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_represented(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value


def _numbers(values: list[Any]) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _digest(data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def _canonical(request: Any) -> bytes:
    return msgspec.json.encode(request, order="sorted")


def _text(chunk: bytes) -> str | None:
    try:
        return chunk.decode()
    except UnicodeDecodeError:
        return None


def _replayed(reply: dict[str, Any]) -> Reply:
    if "chunks" not in reply:
        return Reply(reply["body"], reply["contentType"])
    return Reply(Stream(_chunks(reply["chunks"])), reply["contentType"])


async def _chunks(recorded: list[Any]) -> AsyncGenerator[bytes, None]:
    for chunk in recorded:
        yield chunk.encode() if isinstance(chunk, str) else chunk


def _read(path: Path) -> dict[bytes, bytes]:
    """The lines of a cassette by their request; of two for one request, the later."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unusable(path, error) from error
    lines: dict[bytes, bytes] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            lines[_canonical(_entry(path, number, line)["request"])] = line
    return lines


def _entry(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        entry = wire.unpack(line)
        reply = entry["reply"]
        if "model" in entry["request"] and "contentType" in reply and len(reply) == 2:
            return dict(entry)
    except (ValueError, KeyError, TypeError):
        pass
    raise StateError(
        "this line is not a recorded answer",
        where=f"{path}:{number}",
        hint="remove the line, or restore the file",
    )


def _append(path: Path, line: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line + b"\n")
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"the cassette cannot be used: {error.strerror or error}",
        where=str(path),
        hint="check `cassette` in [ai], and the file's owner and mode",
    )
