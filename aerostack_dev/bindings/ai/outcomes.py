"""What a provider answers, before it gets the platform's shape (`shapes.py`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .media import Media


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written."""

    prompt: int = 0
    completion: int = 0

    def document(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
        }


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called. `id` is empty where the provider has none."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A whole text: an answer, summary, translation or description."""

    content: str
    usage: Usage = field(default_factory=Usage)
    tool_calls: Sequence[ToolCall] = ()
    finish: str = "stop"
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text that is being written; the last one has `usage` and `finish`."""

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    usage: Usage | None = None
    finish: str = ""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text in pieces."""

    pieces: AsyncGenerator[Piece, None]


@dataclass(frozen=True, slots=True)
class Vectors:
    """An embedding per text, in their order."""

    vectors: Sequence[Sequence[float]]
    pooling: str = "mean"


@dataclass(frozen=True, slots=True)
class Scores:
    """How well each context fits the query, 0 to 1, in their order."""

    scores: Sequence[float]


@dataclass(frozen=True, slots=True)
class Labels:
    """Label -> score."""

    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Made:
    """A picture or a sound."""

    media: Media


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said. `words` are `{word, start, end}`, `segments` `{start, end, text}`, in
    seconds.
    """

    text: str
    words: Sequence[Mapping[str, Any]] = ()
    segments: Sequence[Mapping[str, Any]] = ()
    language: str = ""
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class Verbatim:
    """The platform's own answer: a JSON value, or bytes as they come."""

    body: Any
    content_type: str


Outcome = Text | Pieces | Vectors | Scores | Labels | Made | Transcript | Verbatim
