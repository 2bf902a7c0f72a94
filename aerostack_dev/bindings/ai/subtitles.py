"""WebVTT, as the speech models answer it."""

from __future__ import annotations

from .outcomes import Transcript


def vtt(transcript: Transcript) -> str:
    """The transcript's segments as cues; without any, its words."""
    cues = [
        (part["start"], part["end"], str(part["text"]).strip()) for part in transcript.segments
    ] or [(word["start"], word["end"], str(word["word"]).strip()) for word in transcript.words]
    blocks = [f"{_moment(start)} --> {_moment(end)}\n{text}\n" for start, end, text in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _moment(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, float(seconds)), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02}:{minutes:02}:{rest:06.3f}"
