"""Chat answers in both of the platform's shapes, whole and as frames (§3.3)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ... import wire
from .backend import Call
from .identity import request_id
from .outcomes import Piece, Pieces, Text, ToolCall, Usage
from .sse import DONE_FRAME, frame
from .tokens import count

PADDING = "abcdefghijklmnopqrstuvwxyz0123456789"
"""A stream's `p` is a part of this of random length, so that sizes tell nothing."""


@dataclass(frozen=True, slots=True)
class Making:
    """What an answer needs beside its content: the time (s since the epoch) and chance."""

    now: float
    entropy: Callable[[int], bytes]


def asked(inputs: Mapping[str, Any]) -> str:
    """All text that a chat model is given."""
    if "messages" in inputs:
        return "\n".join(plain(message.get("content")) for message in inputs["messages"])
    return plain(inputs.get("prompt", inputs.get("input")))


def plain(content: Any) -> str:
    """The text of a message's content, which may consist of parts."""
    if isinstance(content, list):
        return "\n".join(plain(part.get("text") or part.get("content")) for part in content)
    return content if isinstance(content, str) else ""


def openai(call: Call, text: Text, making: Making) -> dict[str, Any]:
    """A `chat.completion`, or a `response` when the call had an `input`."""
    if "input" in call.inputs:
        return _response(call, text, making)
    message: dict[str, Any] = {"role": "assistant", "content": text.content}
    if text.reasoning:
        message["reasoning_content"] = text.reasoning
    if text.tool_calls:
        message["tool_calls"] = _openai_calls(text.tool_calls, making)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": text.finish}
    return {
        **_head(call, making, "chat.completion"),
        "choices": [choice],
        "usage": text.usage.document(),
    }


async def frames(call: Call, outcome: Pieces, making: Making) -> AsyncGenerator[bytes, None]:
    """The pieces as the stream that this model sends, `[DONE]` last."""
    framing = _framing(call)(call, making)
    written: list[str] = []
    usage = None
    async with aclosing(outcome.pieces) as pieces:
        async for piece in pieces:
            written += (piece.text, piece.reasoning)
            usage = piece.usage or usage
            for document in framing.of(piece):
                yield frame(document)
    usage = usage or Usage(count(asked(call.inputs)), count("".join(written)))
    for document in framing.end(usage):
        yield frame(document)
    yield DONE_FRAME


def _framing(call: Call) -> type[_Plain | _Chunks | _Events]:
    if not call.model.openai:
        return _Plain
    return _Events if "input" in call.inputs else _Chunks


class _Plain:
    """`{"response": …, "p": …}`, the usage in the last frame."""

    def __init__(self, call: Call, making: Making) -> None:
        self._making = making

    def of(self, piece: Piece) -> Iterator[dict[str, Any]]:
        if piece.tool_calls:
            calls = [
                {"name": each.name, "arguments": dict(each.arguments)} for each in piece.tool_calls
            ]
            yield {"response": piece.text, "tool_calls": calls, "p": self._padding()}
        elif piece.text:
            yield {"response": piece.text, "p": self._padding()}

    def end(self, usage: Usage) -> Iterator[dict[str, Any]]:
        yield {"response": "", "usage": usage.document(), "p": self._padding()}

    def _padding(self) -> str:
        return PADDING[: self._making.entropy(1)[0] % (len(PADDING) + 1)]


class _Chunks:
    """`chat.completion.chunk` frames."""

    def __init__(self, call: Call, making: Making) -> None:
        self._making = making
        self._head = _head(call, making, "chat.completion.chunk")
        self._finish = "stop"

    def of(self, piece: Piece) -> Iterator[dict[str, Any]]:
        self._finish = piece.finish or self._finish
        delta: dict[str, Any] = {}
        if piece.text:
            delta["content"] = piece.text
        if piece.reasoning:
            delta["reasoning_content"] = piece.reasoning
        if piece.tool_calls:
            calls = _openai_calls(piece.tool_calls, self._making)
            delta["tool_calls"] = [{"index": at, **each} for at, each in enumerate(calls)]
        if delta:
            yield self._chunk(delta, None)

    def end(self, usage: Usage) -> Iterator[dict[str, Any]]:
        yield self._chunk({}, self._finish)
        yield {**self._head, "choices": [], "usage": usage.document()}

    def _chunk(self, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**self._head, "choices": [choice]}


class _Events:
    """The events of the Responses API."""

    def __init__(self, call: Call, making: Making) -> None:
        self._call = call
        self._making = making
        self._text: list[str] = []

    def of(self, piece: Piece) -> Iterator[dict[str, Any]]:
        if piece.text:
            self._text.append(piece.text)
            yield {"type": "response.output_text.delta", "output_index": 0, "delta": piece.text}

    def end(self, usage: Usage) -> Iterator[dict[str, Any]]:
        text = Text("".join(self._text), usage)
        response = _response(self._call, text, self._making)
        yield {"type": "response.completed", "response": response}


def _response(call: Call, text: Text, making: Making) -> dict[str, Any]:
    output: list[dict[str, Any]] = []
    if text.reasoning:
        parts = [{"type": "reasoning_text", "text": text.reasoning}]
        output.append({"type": "reasoning", "content": parts})
    for each in _openai_calls(text.tool_calls, making):
        called = {"type": "function_call", "call_id": each["id"], **each["function"]}
        output.append(called)
    if text.content or not output:
        part: dict[str, Any] = {"type": "output_text", "text": text.content, "annotations": []}
        message = {"type": "message", "role": "assistant", "status": "completed"}
        output.append({**message, "content": [part]})
    usage = text.usage
    return {
        "id": f"resp_{making.entropy(12).hex()}",
        "object": "response",
        "created_at": int(making.now),
        "status": "completed",
        "model": call.model.name,
        "output": output,
        "usage": {
            "input_tokens": usage.prompt,
            "output_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion,
        },
    }


def _head(call: Call, making: Making, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request_id(making.entropy)}",
        "object": kind,
        "created": int(making.now),
        "model": call.model.name,
    }


def _openai_calls(calls: Sequence[ToolCall], making: Making) -> list[dict[str, Any]]:
    return [
        {
            "id": each.id or f"call_{making.entropy(12).hex()}",
            "type": "function",
            "function": {
                "name": each.name,
                "arguments": wire.dumps(dict(each.arguments)).decode(),
            },
        }
        for each in calls
    ]
