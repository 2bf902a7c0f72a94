"""The platform's shapes of answers (§3.3, §3.4), made of a provider's `Outcome`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from ... import wire
from ...wire import Stream, at_hand
from . import chats, sse
from .backend import Call
from .failures import AiError, json_mode_failed
from .models import Form, Task
from .outcomes import (
    Labels,
    Made,
    Outcome,
    Pieces,
    Scores,
    Text,
    Transcript,
    Vectors,
    Verbatim,
)
from .reply import Reply
from .schemas import Schema
from .subtitles import vtt
from .validation import check

TOP_LABELS = 5


def shaped(call: Call, outcome: Outcome, making: chats.Making) -> Reply:
    """`outcome` in the shape that `call.model` has on the platform."""
    if isinstance(outcome, Verbatim):
        return Reply(outcome.body, outcome.content_type)
    if isinstance(outcome, Made):
        return _made(call, outcome)
    if isinstance(outcome, Pieces):
        frames = chats.frames(call, outcome, making)
        return Reply(Stream(frames), sse.CONTENT_TYPE)
    return Reply(_SHAPES[type(outcome)](call, outcome, making))


def _made(call: Call, outcome: Made) -> Reply:
    if call.model.form is Form.BASE64:
        name = "image" if call.model.task is Task.TEXT_TO_IMAGE else "audio"
        return Reply({name: base64.b64encode(outcome.media.data).decode()})
    return Reply(at_hand(outcome.media.data), outcome.media.type)


def _text(call: Call, outcome: Text, making: chats.Making) -> Any:
    name = _TEXT_NAMES.get(call.model.task)
    if name:
        return {name: outcome.content}
    if call.model.openai:
        return chats.openai(call, outcome, making)
    document: dict[str, Any] = {"response": _response(call, outcome)}
    if outcome.tool_calls:
        document["tool_calls"] = [
            {"name": each.name, "arguments": dict(each.arguments)} for each in outcome.tool_calls
        ]
    document["usage"] = outcome.usage.document()
    return document


_TEXT_NAMES = {
    Task.SUMMARIZATION: "summary",
    Task.TRANSLATION: "translated_text",
    Task.IMAGE_TO_TEXT: "description",
}


def wanted_schema(inputs: Mapping[str, Any]) -> Schema | None:
    """The schema of JSON mode: `{}` for any object, None when text is wanted.

    OpenAI's `{name, schema}` around it is taken off.
    """
    wanted = inputs.get("response_format")
    if not isinstance(wanted, Mapping) or wanted.get("type") == "text":
        return None
    schema = wanted.get("json_schema") if wanted.get("type") == "json_schema" else None
    if not isinstance(schema, Mapping):
        return {}
    inner = schema.get("schema")
    return inner if isinstance(inner, Mapping) and "type" not in schema else schema


def _response(call: Call, outcome: Text) -> Any:
    """The text, or in JSON mode the object that it spells."""
    schema = wanted_schema(call.inputs)
    if schema is None or outcome.tool_calls:
        return outcome.content
    try:
        value = wire.loads(unfenced(outcome.content))
        check(value, schema)
    except ValueError:  # no JSON, or a `MismatchError`
        raise json_mode_failed() from None
    except (TypeError, AttributeError, KeyError):  # what the validator trips over
        raise AiError("5004", "invalid data: json_schema is no JSON schema", 400) from None
    return value


def unfenced(text: str) -> str:
    """JSON without the Markdown fence that models like to put around it."""
    stripped = text.strip()
    if not stripped.startswith("```") or not stripped.endswith("```"):
        return stripped
    return stripped[3:-3].removeprefix("json").strip()


def _vectors(call: Call, outcome: Vectors, making: chats.Making) -> Any:
    vectors = [list(vector) for vector in outcome.vectors]
    width = len(vectors[0]) if vectors else call.model.width
    shape = [len(vectors), width]
    if "contexts" in call.inputs:
        return {"response": vectors, "shape": shape, "pooling": outcome.pooling}
    pooling = {"pooling": outcome.pooling} if call.model.form is Form.POOLED else {}
    return {"shape": shape, "data": vectors, **pooling}


def _scores(call: Call, outcome: Scores, making: chats.Making) -> Any:
    ranked = [{"id": index, "score": score} for index, score in enumerate(outcome.scores)]
    ranked.sort(key=lambda entry: -entry["score"])
    return {"response": ranked[: call.inputs.get("top_k")]}


def _labels(call: Call, outcome: Labels, making: chats.Making) -> Any:
    labels = [{"label": label, "score": score} for label, score in outcome.scores.items()]
    if call.model.task is Task.SENTIMENT:
        return labels
    return sorted(labels, key=lambda entry: -float(str(entry["score"])))[:TOP_LABELS]


def _transcript(call: Call, outcome: Transcript, making: chats.Making) -> Any:
    words = [dict(word) for word in outcome.words]
    if call.model.form is Form.CHANNELS:
        heard = {"transcript": outcome.text, "confidence": 1.0, "words": words}
        return {"results": {"channels": [{"alternatives": [heard]}]}}
    document: dict[str, Any] = {"text": outcome.text, "word_count": len(outcome.text.split())}
    if call.model.form is Form.TURBO:
        document["transcription_info"] = {
            "language": outcome.language,
            "language_probability": 1.0,
            "duration": outcome.duration,
            "duration_after_vad": outcome.duration,
        }
        document["segments"] = [dict(segment) for segment in outcome.segments]
    else:
        document["words"] = words
    document["vtt"] = vtt(outcome)
    return document


_SHAPES: Mapping[type, Callable[[Call, Any, chats.Making], Any]] = {
    Text: _text,
    Vectors: _vectors,
    Scores: _scores,
    Labels: _labels,
    Transcript: _transcript,
}
