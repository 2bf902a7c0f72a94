"""The provider `cloudflare`: the platform's own answers, unchanged."""

from __future__ import annotations

import json

import pytest

from aerostack_dev.bindings.ai.failures import InferenceUpstreamError
from aerostack_dev.errors import ConfigError

from .conftest import LLAMA, collected

WHISPER = "@cf/openai/whisper"


@pytest.fixture
def open_platform(open_ai, server):
    def opened(**ai):
        settings = {"api_key": "token-1", "account_id": "acc", "base_url": server.url, **ai}
        return open_ai(provider="cloudflare", **settings)

    return opened


@pytest.mark.spec("storage 3.8.19")
async def test_json_with_a_charset_is_json_to_the_author(open_platform, server):
    async with open_platform() as room:
        answer = await room.env.AI.run(LLAMA, {"prompt": "hi", "top_k": 3})
        assert answer == {"response": "from the platform"}
        assert server.last["path"] == f"/accounts/acc/ai/run/{LLAMA}"
        assert server.last["headers"]["authorization"] == "Bearer token-1"
        assert json.loads(server.last["content"]) == {"prompt": "hi", "top_k": 3}
        response = await room.env.AI.run(LLAMA, {"prompt": "hi"}, returnRawResponse=True)
        assert response.headers.get("content-type") == "application/json"


async def test_a_stream_passes_unchanged(open_platform):
    async with open_platform() as room:
        stream = await room.env.AI.run(LLAMA, {"prompt": "hi", "stream": True})
        frames = b'data: {"response":"a","p":"xyz"}\n\ndata: [DONE]\n\n'
        assert await collected(stream) == frames


async def test_bytes_are_numbers_and_streams_are_bytes(open_platform, server):
    async def sound():
        yield b"\x01"
        yield b"\x02"

    async with open_platform() as room:
        await room.env.AI.run(WHISPER, {"audio": b"\x01\x02"})
        assert json.loads(server.last["content"]) == {"audio": [1, 2]}
        audio = {"body": sound(), "contentType": "audio/mpeg"}
        await room.env.AI.run("@cf/deepgram/nova-3", {"audio": audio, "language": "en"})
        assert server.last["content"] == b"\x01\x02"
        assert server.last["headers"]["content-type"] == "audio/mpeg"
        assert server.last["query"] == {"language": "en"}


async def test_models_that_only_the_platform_knows(open_platform, server):
    async with open_platform() as room:
        await room.env.AI.run("@cf/brand/new", {"anything": [{"goes": b"\x05"}]})
        assert json.loads(server.last["content"]) == {"anything": [{"goes": [5]}]}
        with pytest.raises(InferenceUpstreamError, match="5007: No such model brand-new"):
            await room.env.AI.run("brand-new", {"anything": 1})


@pytest.mark.parametrize(
    ("model", "status", "said"),
    [
        ("refused", 429, "^3036: you have used up your daily free allocation$"),
        ("broken", 502, "^cloudflare: HTTP 502: a page of HTML where JSON belongs: Bad gateway$"),
        ("not-json", 502, "^cloudflare: its answer is no JSON: "),
        ("no-result", 502, "^cloudflare: its answer has no result: "),
    ],
)
async def test_errors_of_the_platform(open_platform, model, status, said):
    async with open_platform() as room:
        with pytest.raises(InferenceUpstreamError, match=said):
            await room.env.AI.run(f"@cf/x/{model}", {"prompt": "hi"})
        assert room.env.AI.lastRequestHttpStatusCode == status


async def test_the_account_and_token_must_be_set(open_platform):
    for setting, variable in (
        ("account_id", "CLOUDFLARE_ACCOUNT_ID"),
        ("api_key", "CLOUDFLARE_API_TOKEN"),
    ):
        async with open_platform(**{setting: ""}) as room:
            with pytest.raises(ConfigError, match=f"{setting} is not set") as refused:
                await room.env.AI.run(LLAMA, {"prompt": "hi"})
            assert variable in refused.value.hint
