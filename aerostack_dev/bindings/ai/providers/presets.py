"""OpenAI-compatible servers: where they listen, whose key they want, what they call things.

Sources: storage-vectorize-ai.md §3.6 and §3.7. `[ai.models]` of a project wins over
every name here.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from ..models import Task

CHAT_TASKS = frozenset(
    {
        Task.GENERATION,
        Task.SENTIMENT,
        Task.SUMMARIZATION,
        Task.TRANSLATION,
        Task.IMAGE_TO_TEXT,
    }
)
"""What any chat model can be asked for."""
TEXT_TASKS = CHAT_TASKS | {Task.EMBEDDINGS}
SERVER_TASKS = TEXT_TASKS | {Task.MODERATION, Task.RERANKING}
EVERYTHING = SERVER_TASKS | {Task.TEXT_TO_IMAGE, Task.SPEECH_RECOGNITION, Task.TEXT_TO_SPEECH}

LLAMA = "@cf/meta/llama-"

OLLAMA_NAMES: Mapping[str, str] = {
    f"{LLAMA}3-8b-instruct": "llama3:8b",
    f"{LLAMA}3.1-8b-instruct": "llama3.1:8b",
    f"{LLAMA}3.1-8b-instruct-fp8": "llama3.1:8b",
    f"{LLAMA}3.1-8b-instruct-awq": "llama3.1:8b",
    f"{LLAMA}3.1-8b-instruct-fast": "llama3.1:8b",
    f"{LLAMA}3.1-70b-instruct": "llama3.1:70b",
    f"{LLAMA}3.2-1b-instruct": "llama3.2:1b",
    f"{LLAMA}3.2-3b-instruct": "llama3.2:3b",
    f"{LLAMA}3.2-11b-vision-instruct": "llama3.2-vision:11b",
    f"{LLAMA}3.3-70b-instruct-fp8-fast": "llama3.3:70b",
    f"{LLAMA}guard-3-8b": "llama-guard3:8b",
    "@cf/mistral/mistral-7b-instruct-v0.1": "mistral:7b",
    "@cf/google/gemma-3-12b-it": "gemma3:12b",
    "@cf/qwen/qwen2.5-coder-32b-instruct": "qwen2.5-coder:32b",
    "@cf/qwen/qwq-32b": "qwq:32b",
    "@cf/qwen/qwen3-30b-a3b-fp8": "qwen3:30b-a3b",
    "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b": "deepseek-r1:32b",
    "@cf/openai/gpt-oss-20b": "gpt-oss:20b",
    "@cf/openai/gpt-oss-120b": "gpt-oss:120b",
    "@cf/llava-hf/llava-1.5-7b-hf": "llava:7b",
    "@cf/baai/bge-large-en-v1.5": "bge-large",
    "@cf/baai/bge-m3": "bge-m3",
    "@cf/google/embeddinggemma-300m": "embeddinggemma:300m",
    "@cf/qwen/qwen3-embedding-0.6b": "qwen3-embedding:0.6b",
}

HUGGING_FACE_NAMES: Mapping[str, str] = {
    f"{LLAMA}3.1-8b-instruct": "meta-llama/Llama-3.1-8B-Instruct",
    f"{LLAMA}3.1-8b-instruct-fp8": "meta-llama/Llama-3.1-8B-Instruct",
    f"{LLAMA}3.1-8b-instruct-awq": "meta-llama/Llama-3.1-8B-Instruct",
    f"{LLAMA}3.1-8b-instruct-fast": "meta-llama/Llama-3.1-8B-Instruct",
    f"{LLAMA}3.2-1b-instruct": "meta-llama/Llama-3.2-1B-Instruct",
    f"{LLAMA}3.2-3b-instruct": "meta-llama/Llama-3.2-3B-Instruct",
    f"{LLAMA}3.3-70b-instruct-fp8-fast": "meta-llama/Llama-3.3-70B-Instruct",
    "@cf/mistral/mistral-7b-instruct-v0.1": "mistralai/Mistral-7B-Instruct-v0.1",
    "@cf/google/gemma-3-12b-it": "google/gemma-3-12b-it",
    "@cf/qwen/qwen2.5-coder-32b-instruct": "Qwen/Qwen2.5-Coder-32B-Instruct",
    "@cf/qwen/qwq-32b": "Qwen/QwQ-32B",
    "@cf/qwen/qwen3-30b-a3b-fp8": "Qwen/Qwen3-30B-A3B-FP8",
    "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
    "@cf/openai/gpt-oss-20b": "openai/gpt-oss-20b",
    "@cf/openai/gpt-oss-120b": "openai/gpt-oss-120b",
    "@cf/llava-hf/llava-1.5-7b-hf": "llava-hf/llava-1.5-7b-hf",
    "@cf/baai/bge-small-en-v1.5": "BAAI/bge-small-en-v1.5",
    "@cf/baai/bge-base-en-v1.5": "BAAI/bge-base-en-v1.5",
    "@cf/baai/bge-large-en-v1.5": "BAAI/bge-large-en-v1.5",
    "@cf/baai/bge-m3": "BAAI/bge-m3",
    "@cf/baai/bge-reranker-base": "BAAI/bge-reranker-base",
    "@cf/google/embeddinggemma-300m": "google/embeddinggemma-300m",
    "@cf/qwen/qwen3-embedding-0.6b": "Qwen/Qwen3-Embedding-0.6B",
}

OPENROUTER_NAMES: Mapping[str, str] = {
    f"{LLAMA}3.1-8b-instruct": "meta-llama/llama-3.1-8b-instruct",
    f"{LLAMA}3.3-70b-instruct-fp8-fast": "meta-llama/llama-3.3-70b-instruct",
    "@cf/openai/gpt-oss-20b": "openai/gpt-oss-20b",
    "@cf/openai/gpt-oss-120b": "openai/gpt-oss-120b",
}

GROQ_NAMES: Mapping[str, str] = {
    f"{LLAMA}3.3-70b-instruct-fp8-fast": "llama-3.3-70b-versatile",
    "@cf/openai/gpt-oss-20b": "openai/gpt-oss-20b",
    "@cf/openai/gpt-oss-120b": "openai/gpt-oss-120b",
    "@cf/openai/whisper-large-v3-turbo": "whisper-large-v3-turbo",
}


class Preset(Struct, frozen=True):
    """One server. `key`: the variable that holds its key, when it wants one.

    `names`: the platform's model -> its own; `fallback`: per task, for models it does
    not have; a task without one gets the platform's name without `@cf/vendor/`.
    `extras`: sampling options beyond OpenAI's that it knows. `dimensions`: embeddings
    can be asked for in a width. `image_format`: images take a `response_format`.
    """

    base_url: str = ""
    key: str = ""
    tasks: frozenset[Task] = SERVER_TASKS
    names: Mapping[str, str] = field(default_factory=dict)
    fallback: Mapping[Task, str] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
    dimensions: bool = False
    image_format: bool = True
    token_limit: str = "max_tokens"  # noqa: S105 - the name of a parameter
    hint: str = ""
    """What to do when a model is missing."""


def chat_model(name: str) -> dict[Task, str]:
    """The one chat model that stands for all of the platform's."""
    return dict.fromkeys(CHAT_TASKS, name)


PRESETS: Mapping[str, Preset] = {
    "openai-compatible": Preset(tasks=EVERYTHING),
    "ollama": Preset(
        base_url="http://127.0.0.1:11434/v1",
        tasks=TEXT_TASKS | {Task.MODERATION},
        names=OLLAMA_NAMES,
        fallback=chat_model("llama3.1:8b"),
        hint="`ollama pull NAME` fetches a model; [ai.models] chooses another",
    ),
    "llama.cpp": Preset(
        base_url="http://127.0.0.1:8080/v1",
        names=HUGGING_FACE_NAMES,
        extras=("top_k", "repeat_penalty"),
        hint="llama-server serves the one model it was started with",
    ),
    "vllm": Preset(
        base_url="http://127.0.0.1:8000/v1",
        tasks=SERVER_TASKS | {Task.SPEECH_RECOGNITION},
        names=HUGGING_FACE_NAMES,
        extras=("top_k", "repetition_penalty"),
        hint="vLLM serves the model it was started with; name it in [ai.models]",
    ),
    "lm-studio": Preset(
        base_url="http://127.0.0.1:1234/v1", tasks=TEXT_TASKS, names=HUGGING_FACE_NAMES
    ),
    "litellm": Preset(base_url="http://127.0.0.1:4000/v1", key="LITELLM_API_KEY", tasks=EVERYTHING),
    "openai": Preset(
        base_url="https://api.openai.com/v1",
        key="OPENAI_API_KEY",
        tasks=EVERYTHING - {Task.MODERATION, Task.RERANKING},
        fallback={
            **chat_model("gpt-4.1-mini"),
            Task.EMBEDDINGS: "text-embedding-3-large",
            Task.TEXT_TO_IMAGE: "gpt-image-1",
            Task.SPEECH_RECOGNITION: "whisper-1",
            Task.TEXT_TO_SPEECH: "gpt-4o-mini-tts",
        },
        dimensions=True,
        image_format=False,
        token_limit="max_completion_tokens",  # noqa: S106 - the name of a parameter
    ),
    "anthropic": Preset(
        base_url="https://api.anthropic.com/v1",
        key="ANTHROPIC_API_KEY",
        tasks=CHAT_TASKS,
        fallback=chat_model("claude-haiku-4-5"),
    ),
    "google": Preset(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key="GEMINI_API_KEY",
        tasks=TEXT_TASKS,
        fallback={**chat_model("gemini-2.5-flash"), Task.EMBEDDINGS: "gemini-embedding-001"},
        dimensions=True,
    ),
    "groq": Preset(
        base_url="https://api.groq.com/openai/v1",
        key="GROQ_API_KEY",
        tasks=CHAT_TASKS | {Task.SPEECH_RECOGNITION},
        names=GROQ_NAMES,
        fallback={
            **chat_model("llama-3.1-8b-instant"),
            Task.SPEECH_RECOGNITION: "whisper-large-v3",
        },
    ),
    "mistral": Preset(
        base_url="https://api.mistral.ai/v1",
        key="MISTRAL_API_KEY",
        tasks=TEXT_TASKS,
        fallback={**chat_model("mistral-small-latest"), Task.EMBEDDINGS: "mistral-embed"},
    ),
    "openrouter": Preset(
        base_url="https://openrouter.ai/api/v1",
        key="OPENROUTER_API_KEY",
        tasks=CHAT_TASKS,
        names=OPENROUTER_NAMES,
        fallback=chat_model("meta-llama/llama-3.1-8b-instruct"),
    ),
}
"""Name of a provider -> its server. A new one is one entry."""
