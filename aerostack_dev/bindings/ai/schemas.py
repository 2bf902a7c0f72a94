"""What the inputs of a model may be: JSON schemas, as far as `validation` knows them.

`binary` beside a type is ours: a stream with a content type will do too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

MAX_TEXTS = 100
MAX_QUERIES = 32
MAX_TOP_K = 50
MAX_TEMPERATURE = 5
MAX_STEPS = 20
MAX_FLUX_STEPS = 8
MAX_FLUX_PROMPT = 2048
SIDES = {"type": "integer", "minimum": 256, "maximum": 2048}

STRING: Schema = {"type": "string"}
WORDS: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
BYTES: Schema = {"type": "array", "items": NUMBER, "binary": True}
"""`number[]`, each a byte."""


def inputs(required: tuple[str, ...] = (), /, **properties: Schema) -> dict[str, Any]:
    """An object with these properties, others allowed."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def _texts(limit: int) -> Schema:
    return {"oneOf": [WORDS, {"type": "array", "items": WORDS, "maxItems": limit}]}


def _messages(content: Schema) -> Schema:
    message = inputs(("role",), role=WORDS, content=content)
    return {"type": "array", "items": message}


_SAMPLING: dict[str, Schema] = {
    "raw": BOOLEAN,
    "stream": BOOLEAN,
    "max_tokens": {"type": "integer", "minimum": 1},
    "temperature": {"type": "number", "minimum": 0, "maximum": MAX_TEMPERATURE},
    "top_p": NUMBER,
    "top_k": {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K},
    "seed": INTEGER,
    "repetition_penalty": NUMBER,
    "frequency_penalty": NUMBER,
    "presence_penalty": NUMBER,
    "lora": STRING,
    "tools": OBJECTS,
    "functions": OBJECTS,
    "response_format": inputs(("type",), type={"enum": ["json_object", "json_schema", "text"]}),
}

_PARTS: Schema = {"oneOf": [STRING, OBJECTS]}
_PARTS_OR_NULL: Schema = {"oneOf": [STRING, OBJECTS, {"type": "null"}]}


def _generation(content: Schema, *others: Schema) -> Schema:
    """Sampling options, and exactly one way of saying what is wanted."""
    ways = [
        inputs(("prompt",), prompt=WORDS),
        inputs(("messages",), messages=_messages(content)),
        *others,
    ]
    return {**inputs((), **_SAMPLING), "oneOf": ways}


GENERATION = _generation(_PARTS)
OPENAI_GENERATION = _generation(_PARTS_OR_NULL, inputs(("input",), input=_PARTS))

EMBEDDINGS = inputs(("text",), text=_texts(MAX_TEXTS), pooling={"enum": ["mean", "cls"]})
PLAIN_EMBEDDINGS = inputs(("text",), text=_texts(MAX_TEXTS))
QUERY_EMBEDDINGS: Schema = {
    **inputs(instruction=STRING),
    "anyOf": [
        {"required": [name], "properties": {name: _texts(MAX_QUERIES)}}
        for name in ("text", "queries", "documents")
    ],
}
_CONTEXTS: Schema = {"type": "array", "items": inputs(("text",), text=WORDS), "minItems": 1}
BGE_M3: Schema = {
    **inputs(query=WORDS, truncate_inputs=BOOLEAN),
    "oneOf": [
        inputs(("text",), text=_texts(MAX_TEXTS)),
        inputs(("contexts",), contexts=_CONTEXTS),
    ],
}
RERANKING = inputs(
    ("query", "contexts"),
    query=WORDS,
    contexts=_CONTEXTS,
    top_k={"type": "integer", "minimum": 1},
)
TEXT = inputs(("text",), text=WORDS)
SUMMARIZATION = inputs(("input_text",), input_text=WORDS, max_length=INTEGER)
TRANSLATION = inputs(("text", "target_lang"), text=WORDS, source_lang=STRING, target_lang=WORDS)

IMAGE = inputs(("image",), image=BYTES)
IMAGE_TO_TEXT = inputs(
    ("image",),
    image=BYTES,
    prompt=STRING,
    max_tokens=INTEGER,
    temperature=NUMBER,
    raw=BOOLEAN,
)
PROMPT = inputs(("prompt",), prompt=WORDS)
DIFFUSION = inputs(
    ("prompt",),
    prompt=WORDS,
    negative_prompt=STRING,
    width=SIDES,
    height=SIDES,
    num_steps={"type": "integer", "maximum": MAX_STEPS},
    guidance=NUMBER,
    strength=NUMBER,
    seed=INTEGER,
    image=BYTES,
    image_b64=STRING,
    mask=BYTES,
)
FLUX: Schema = {
    **inputs(
        ("prompt",),
        prompt={"type": "string", "minLength": 1, "maxLength": MAX_FLUX_PROMPT},
        steps={"type": "integer", "maximum": MAX_FLUX_STEPS},
    ),
    "additionalProperties": False,
}

WHISPER = inputs(("audio",), audio=BYTES)
WHISPER_TURBO = inputs(
    ("audio",),
    audio={**WORDS, "binary": True},
    task=STRING,
    language=STRING,
    vad_filter=BOOLEAN,
    initial_prompt=STRING,
    prefix=STRING,
)
NOVA = inputs(("audio",), audio={"type": "object", "required": ["body"], "binary": True})
MELOTTS = inputs(("prompt",), prompt=WORDS, lang=STRING)
AURA = inputs(("text",), text=WORDS, speaker=STRING, encoding=STRING, container=STRING)
ANYTHING: Schema = {"type": "object"}
