"""The provider `litellm` (and with it every OpenAI-compatible one) against LiteLLM's proxy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.ai import KIND, Ai
from aerostack_dev.bindings.ai.failures import InferenceUpstreamError
from tests.support.rooms import open_room

LLAMA = "@cf/meta/llama-3.2-3b-instruct"
ANSWER = "Paris is the capital of France."


async def run(root: Path, proxy: str, model: str, inputs: Any, key: str = "sk-providers") -> Any:
    settings = Ai(provider="litellm", base_url=proxy, api_key=key, models={LLAMA: model})
    async with open_room(root, KIND, settings) as room:
        result = await room.env.AI.run(LLAMA, inputs)
        if inputs.get("stream"):
            return b"".join([chunk async for chunk in result]).decode()
        return result


async def test_a_chat(proxy, tmp_path):
    answer = await run(tmp_path, proxy, "chat", {"prompt": "What is the capital of France?"})
    assert answer.response == ANSWER
    assert answer.usage.total_tokens > 0


async def test_a_stream(proxy, tmp_path):
    text = await run(tmp_path, proxy, "chat", {"prompt": "And?", "stream": True})
    *frames, done, _ = text.split("\n\n")
    assert done == "data: [DONE]"
    documents = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert "".join(each["response"] for each in documents) == ANSWER
    assert documents[-1]["usage"]["total_tokens"] > 0


async def test_json_mode(proxy, tmp_path):
    schema = {"type": "object", "properties": {"capital": {"type": "string"}}}
    wanted = {"type": "json_schema", "json_schema": schema}
    answer = await run(tmp_path, proxy, "json", {"prompt": "Which?", "response_format": wanted})
    assert answer.response == {"capital": "Paris"}


@pytest.mark.parametrize(
    ("model", "key", "status"),
    [
        ("limited", "sk-providers", 429),
        ("chat", "sk-wrong", 40),
        ("unheard-of", "sk-providers", 40),
    ],
)
async def test_its_errors_reach_the_author(proxy, tmp_path, model, key, status):
    with pytest.raises(InferenceUpstreamError, match=f"litellm: HTTP {status}") as failed:
        await run(tmp_path, proxy, model, {"prompt": "hi"}, key)
    assert len(str(failed.value)) > 30
