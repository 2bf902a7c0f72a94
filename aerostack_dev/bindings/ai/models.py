"""The platform's models: task, shape of inputs and answers (storage-vectorize-ai.md §3.3, §3.4)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from . import schemas
from .schemas import Schema


class Task(StrEnum):
    """What a model is for. Its value may stand in `[ai.models]`."""

    GENERATION = "text-generation"
    MODERATION = "moderation"
    EMBEDDINGS = "text-embeddings"
    RERANKING = "reranking"
    SENTIMENT = "text-classification"
    SUMMARIZATION = "summarization"
    TRANSLATION = "translation"
    IMAGE_TO_TEXT = "image-to-text"
    IMAGE_CLASSIFICATION = "image-classification"
    OBJECT_DETECTION = "object-detection"
    TEXT_TO_IMAGE = "text-to-image"
    SPEECH_RECOGNITION = "automatic-speech-recognition"
    TEXT_TO_SPEECH = "text-to-speech"
    UNKNOWN = "unknown"
    """Of a model that only the platform itself knows."""


TITLES: Mapping[Task, str] = {
    Task.GENERATION: "Text Generation",
    Task.MODERATION: "Text Generation",
    Task.EMBEDDINGS: "Text Embeddings",
    Task.RERANKING: "Text Classification",
    Task.SENTIMENT: "Text Classification",
    Task.SUMMARIZATION: "Summarization",
    Task.TRANSLATION: "Translation",
    Task.IMAGE_TO_TEXT: "Image-to-Text",
    Task.IMAGE_CLASSIFICATION: "Image Classification",
    Task.OBJECT_DETECTION: "Object Detection",
    Task.TEXT_TO_IMAGE: "Text-to-Image",
    Task.SPEECH_RECOGNITION: "Automatic Speech Recognition",
    Task.TEXT_TO_SPEECH: "Text-to-Speech",
}
"""The platform's own names of the tasks; two of ours may share one."""


class Form(StrEnum):
    """How an answer looks where models of one task differ."""

    PLAIN = "plain"
    OPENAI = "openai"
    """Chat completions as OpenAI has them."""
    POOLED = "pooled"
    """Embeddings that name their pooling."""
    BASE64 = "base64"
    """JSON that holds base64; other images and sounds are streams of bytes."""
    TURBO = "turbo"
    CHANNELS = "channels"


class Model(Struct, frozen=True):
    """One model. `width`: numbers per embedding. `media`: the type of a byte answer."""

    name: str
    task: Task
    schema: Schema
    form: Form = Form.PLAIN
    width: int = 0
    media: str = ""
    deprecated: bool = False

    @property
    def openai(self) -> bool:
        """Whether its chat answers have OpenAI's shapes."""
        return self.form is Form.OPENAI


_CHAT = (
    "@cf/meta/llama-3.1-8b-instruct-fp8",
    "@cf/meta/llama-3.1-8b-instruct-awq",
    "@cf/meta/llama-3.1-8b-instruct-fast",
    "@cf/meta/llama-3.2-1b-instruct",
    "@cf/meta/llama-3.2-3b-instruct",
    "@cf/meta/llama-3.2-11b-vision-instruct",
    "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
    "@cf/meta/llama-4-scout-17b-16e-instruct",
    "@cf/meta-llama/llama-2-7b-chat-hf-lora",
    "@cf/mistral/mistral-7b-instruct-v0.2-lora",
    "@cf/mistralai/mistral-small-3.1-24b-instruct",
    "@cf/google/gemma-2b-it-lora",
    "@cf/google/gemma-7b-it-lora",
    "@cf/qwen/qwen2.5-coder-32b-instruct",
    "@cf/qwen/qwq-32b",
    "@cf/qwen/qwen3-30b-a3b-fp8",
    "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b",
    "@cf/ibm-granite/granite-4.0-h-micro",
    "@cf/aisingapore/gemma-sea-lion-v4-27b-it",
)
_DEPRECATED_CHAT = (
    "@cf/meta/llama-3.1-8b-instruct",
    "@cf/meta/llama-3-8b-instruct",
    "@cf/meta/llama-3-8b-instruct-awq",
    "@hf/meta-llama/meta-llama-3-8b-instruct",
    "@cf/meta/llama-3.1-70b-instruct",
    "@cf/meta/llama-2-7b-chat-fp16",
    "@cf/meta/llama-2-7b-chat-int8",
    "@cf/mistral/mistral-7b-instruct-v0.1",
    "@hf/mistral/mistral-7b-instruct-v0.2",
    "@hf/google/gemma-7b-it",
    "@cf/google/gemma-3-12b-it",
    "@hf/nousresearch/hermes-2-pro-mistral-7b",
    "@cf/microsoft/phi-2",
    "@cf/defog/sqlcoder-7b-2",
)
_OPENAI_CHAT = (
    "@cf/openai/gpt-oss-20b",
    "@cf/openai/gpt-oss-120b",
    "@cf/zai-org/glm-4.7-flash",
    "@cf/moonshotai/kimi-k2.5",
    "@cf/google/gemma-4-26b-a4b-it",
)
_OPENAI_FAMILIES = ("@cf/moonshotai/kimi-*", "@cf/zai-org/glm-*", "@cf/google/gemma-4-*")
"""Whose coming members answer alike."""
_STREAMED_IMAGES = (
    "@cf/stabilityai/stable-diffusion-xl-base-1.0",
    "@cf/bytedance/stable-diffusion-xl-lightning",
    "@cf/lykon/dreamshaper-8-lcm",
    "@cf/runwayml/stable-diffusion-v1-5-img2img",
    "@cf/runwayml/stable-diffusion-v1-5-inpainting",
)


def _chat(name: str, form: Form = Form.PLAIN, *, deprecated: bool = False) -> Model:
    schema = schemas.OPENAI_GENERATION if form is Form.OPENAI else schemas.GENERATION
    return Model(name, Task.GENERATION, schema, form, deprecated=deprecated)


def _all() -> Iterator[Model]:
    yield from map(_chat, _CHAT)
    for name in _DEPRECATED_CHAT:
        yield _chat(name, deprecated=True)
    for name in _OPENAI_CHAT:
        yield _chat(name, Form.OPENAI)
    yield Model("@cf/meta/llama-guard-3-8b", Task.MODERATION, schemas.GENERATION)
    for size, width in (("small", 384), ("base", 768), ("large", 1024)):
        name = f"@cf/baai/bge-{size}-en-v1.5"
        yield Model(name, Task.EMBEDDINGS, schemas.EMBEDDINGS, Form.POOLED, width)
    yield Model("@cf/baai/bge-m3", Task.EMBEDDINGS, schemas.BGE_M3, Form.POOLED, 1024)
    yield Model(
        "@cf/google/embeddinggemma-300m", Task.EMBEDDINGS, schemas.PLAIN_EMBEDDINGS, width=768
    )
    yield Model(
        "@cf/qwen/qwen3-embedding-0.6b", Task.EMBEDDINGS, schemas.QUERY_EMBEDDINGS, width=1024
    )
    yield Model("@cf/baai/bge-reranker-base", Task.RERANKING, schemas.RERANKING)
    yield Model("@cf/huggingface/distilbert-sst-2-int8", Task.SENTIMENT, schemas.TEXT)
    yield Model(
        "@cf/facebook/bart-large-cnn", Task.SUMMARIZATION, schemas.SUMMARIZATION, deprecated=True
    )
    yield Model("@cf/meta/m2m100-1.2b", Task.TRANSLATION, schemas.TRANSLATION)
    yield Model("@cf/microsoft/resnet-50", Task.IMAGE_CLASSIFICATION, schemas.IMAGE)
    yield Model("@cf/facebook/detr-resnet-50", Task.OBJECT_DETECTION, schemas.IMAGE)
    yield Model("@cf/llava-hf/llava-1.5-7b-hf", Task.IMAGE_TO_TEXT, schemas.IMAGE_TO_TEXT)
    yield Model(
        "@cf/unum/uform-gen2-qwen-500m",
        Task.IMAGE_TO_TEXT,
        schemas.IMAGE_TO_TEXT,
        deprecated=True,
    )
    yield from _makers()
    yield from _listeners()


def _makers() -> Iterator[Model]:
    for name in _STREAMED_IMAGES:
        yield Model(name, Task.TEXT_TO_IMAGE, schemas.DIFFUSION, media="image/png")
    yield Model(
        "@cf/black-forest-labs/flux-1-schnell", Task.TEXT_TO_IMAGE, schemas.FLUX, Form.BASE64
    )
    yield Model("@cf/leonardo/lucid-origin", Task.TEXT_TO_IMAGE, schemas.PROMPT, Form.BASE64)
    yield Model("@cf/leonardo/phoenix-1.0", Task.TEXT_TO_IMAGE, schemas.PROMPT, media="image/jpeg")
    yield Model("@cf/myshell-ai/melotts", Task.TEXT_TO_SPEECH, schemas.MELOTTS, Form.BASE64)
    yield Model("@cf/deepgram/aura-1", Task.TEXT_TO_SPEECH, schemas.AURA, media="audio/mpeg")


def _listeners() -> Iterator[Model]:
    for name in ("@cf/openai/whisper", "@cf/openai/whisper-tiny-en"):
        yield Model(name, Task.SPEECH_RECOGNITION, schemas.WHISPER)
    turbo = "@cf/openai/whisper-large-v3-turbo"
    yield Model(turbo, Task.SPEECH_RECOGNITION, schemas.WHISPER_TURBO, Form.TURBO)
    yield Model("@cf/deepgram/nova-3", Task.SPEECH_RECOGNITION, schemas.NOVA, Form.CHANNELS)


MODELS: Mapping[str, Model] = {model.name: model for model in _all()}
"""By the platform's name."""


def find(name: str) -> Model | None:
    """The model of this name, or of a family that it belongs to."""
    model = MODELS.get(name)
    if model is None and any(fnmatchcase(name, family) for family in _OPENAI_FAMILIES):
        return _chat(name, Form.OPENAI)
    return model


def guessed(name: str, inputs: Mapping[str, Any]) -> Model | None:
    """A model that the project maps and the platform does not have, by its inputs' keys."""
    for keys, like in _LIKE:
        if keys <= inputs.keys():
            return replace(like, name=name, width=0, deprecated=False)
    return None


_LIKE: tuple[tuple[frozenset[str], Model], ...] = tuple(
    (frozenset(keys), MODELS[like])
    for keys, like in (
        (("query", "contexts"), "@cf/baai/bge-reranker-base"),
        (("text", "target_lang"), "@cf/meta/m2m100-1.2b"),
        (("image", "prompt"), "@cf/llava-hf/llava-1.5-7b-hf"),
        (("messages",), "@cf/meta/llama-3.2-3b-instruct"),
        (("prompt",), "@cf/meta/llama-3.2-3b-instruct"),
        (("text",), "@cf/baai/bge-base-en-v1.5"),
        (("audio",), "@cf/openai/whisper"),
    )
)


def listed(model: Model) -> dict[str, Any]:
    """An entry of `models()` (§3.4)."""
    title = TITLES[model.task]
    properties = {"planned_deprecation_date": "2026-05-30"} if model.deprecated else {}
    if model.width:
        properties["output_dimensions"] = str(model.width)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, model.name)),
        "source": 1,
        "name": model.name,
        "description": f"{title} model by {author(model)}",
        "task": {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, title)),
            "name": title,
            "description": f"Models of the family {title}",
        },
        "tags": [],
        "properties": [{"property_id": name, "value": value} for name, value in properties.items()],
    }


def author(model: Model) -> str:
    """Whose model it is: the part of its name between the slashes."""
    return model.name.split("/")[1]
