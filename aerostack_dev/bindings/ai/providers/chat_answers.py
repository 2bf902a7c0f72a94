"""Chat answers in OpenAI's protocol as outcomes: whole ones, and streams (§3.6)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from .... import wire
from .. import sse
from ..backend import Call
from ..chats import asked
from ..failures import AiError, upstream
from ..outcomes import Piece, Text, ToolCall, Usage
from ..tokens import count


def text_of(provider: str, document: Mapping[str, Any], call: Call) -> Text:
    """The text of a `chat.completion` (or `text_completion`). Raises `AiError`."""
    choice = _choice(provider, document)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        message = {"content": choice.get("text")}
    content = str(message.get("content") or "")
    given = document.get("usage")
    return Text(
        content,
        usage_of(given) or Usage(count(asked(call.inputs)), count(content)),
        [tool_call(provider, each) for each in message.get("tool_calls") or ()],
        str(choice.get("finish_reason") or "stop"),
        _reasoning(message),
    )


def usage_of(given: Any) -> Usage | None:
    """The tokens that a provider counted."""
    if not isinstance(given, Mapping):
        return None
    return Usage(int(given.get("prompt_tokens") or 0), int(given.get("completion_tokens") or 0))


def tool_call(provider: str, given: Mapping[str, Any]) -> ToolCall:
    """A call with its arguments parsed. Raises `AiError` when they are no JSON object."""
    function = given.get("function") or {}
    name, text = str(function.get("name") or ""), function.get("arguments") or "{}"
    try:
        arguments = wire.loads(text) if isinstance(text, str) else text
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise upstream(provider, f"the arguments of its call of {name!r} are no JSON: {text!r}")
    return ToolCall(name, arguments, str(given.get("id") or ""))


async def pieces_of(
    provider: str, chunks: AsyncGenerator[bytes, None]
) -> AsyncGenerator[Piece, None]:
    """The pieces of a stream of `chat.completion.chunk`s. Raises `AiError` in the midst."""
    gathered = _Calls(provider)
    finish, ended = "", False
    async with aclosing(chunks):
        async for data in _events(provider, chunks):
            if data.strip() == sse.DONE:
                ended = True
                break
            document = _frame(provider, data)
            piece = _piece(document, gathered)
            finish = piece.finish or finish
            if piece.text or piece.reasoning or piece.usage:
                yield piece
    if not (ended or finish):
        raise upstream(provider, "its stream ended early, without saying that it was done")
    if calls := gathered.done():
        yield Piece(tool_calls=calls, finish=finish)
    elif finish:
        yield Piece(finish=finish)


async def _events(provider: str, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[str, None]:
    try:
        async for data in sse.events(chunks):
            yield data
    except sse.FrameError as error:
        raise upstream(provider, str(error)) from error


def _frame(provider: str, data: str) -> Mapping[str, Any]:
    try:
        document = wire.loads(data)
    except ValueError:
        raise upstream(provider, f"a frame of its stream is no JSON: {data[:200]!r}") from None
    if not isinstance(document, Mapping):
        raise upstream(provider, f"a frame of its stream is no object: {data[:200]!r}")
    if document.get("error"):
        raise _refused(provider, document["error"])
    return document


def _refused(provider: str, error: Any) -> AiError:
    said = error.get("message") if isinstance(error, Mapping) else error
    return upstream(provider, str(said or error))


def _piece(document: Mapping[str, Any], gathered: _Calls) -> Piece:
    usage = usage_of(document.get("usage"))
    choices = document.get("choices")
    if not choices:
        return Piece(usage=usage)
    choice = choices[0]
    delta = choice.get("delta") or {"content": choice.get("text")}
    for part in delta.get("tool_calls") or ():
        gathered.add(part)
    finish = str(choice.get("finish_reason") or "")
    return Piece(str(delta.get("content") or ""), _reasoning(delta), usage=usage, finish=finish)


class _Calls:
    """Tool calls, whose names and arguments come in parts."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._parts: dict[int, dict[str, str]] = {}

    def add(self, part: Mapping[str, Any]) -> None:
        function = part.get("function") or {}
        call = self._parts.setdefault(
            int(part.get("index") or 0), {"id": "", "name": "", "arguments": ""}
        )
        call["id"] = call["id"] or str(part.get("id") or "")
        call["name"] += str(function.get("name") or "")
        call["arguments"] += str(function.get("arguments") or "")

    def done(self) -> Sequence[ToolCall]:
        return [
            tool_call(self._provider, {"id": call["id"], "function": call})
            for _, call in sorted(self._parts.items())
        ]


def _choice(provider: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = document.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0]
    if document.get("error"):
        raise _refused(provider, document["error"])
    raise upstream(provider, f"its answer has no choices: {wire.dumps(document).decode()[:200]}")


def _reasoning(message: Mapping[str, Any]) -> str:
    return str(message.get("reasoning_content") or message.get("reasoning") or "")
