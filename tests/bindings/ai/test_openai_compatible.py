"""The provider `openai-compatible` in front of a real server (storage-vectorize-ai.md §3.6)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from aerostack_dev.bindings.ai.failures import AiError, InferenceUpstreamError
from aerostack_dev.bindings.ai.providers.chat_requests import linked
from aerostack_dev.errors import ConfigError

from .conftest import BGE, GPT, LLAMA, collected
from .openai_server import ANSWER, MP3, PARTS, PNG, USAGE

WEATHER = {"name": "weather", "parameters": {"type": "object"}}


async def test_a_chat_is_sent_in_openais_form(open_server, server):
    async with open_server(models={LLAMA: "small"}, api_key="sk-secret") as room:
        answer = await room.env.AI.run(
            LLAMA,
            {
                "messages": [{"role": "user", "content": "hi"}],
                "temperature": 0.1,
                "seed": 3,
                "top_k": 4,
                "tools": [WEATHER],
                "tool_choice": "auto",
            },
        )
    assert answer.usage == USAGE
    assert server.last["path"] == "/v1/chat/completions"
    assert server.last["headers"]["authorization"] == "Bearer sk-secret"
    assert server.last["body"] == {
        "model": "small",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.1,
        "seed": 3,
        "max_tokens": 256,
        "tools": [{"type": "function", "function": WEATHER}],
        "tool_choice": "auto",
    }


async def test_a_prompt_is_a_message_and_a_raw_one_is_completed(open_server, server):
    async with open_server() as room:
        ai = room.env.AI
        await ai.run(LLAMA, {"prompt": "hi", "max_tokens": 9})
        assert server.last["body"]["messages"] == [{"role": "user", "content": "hi"}]
        assert server.last["body"]["max_tokens"] == 9
        assert server.last["body"]["model"] == "llama-3.2-3b-instruct"
        assert (await ai.run(LLAMA, {"prompt": "hi", "raw": True})).response == ANSWER
        assert server.last["path"] == "/v1/completions"
        assert server.last["body"]["prompt"] == "hi"
        assert "messages" not in server.last["body"]


@pytest.mark.parametrize(
    ("provider", "key", "extras", "limit"),
    [
        ("vllm", "", {"top_k": 5, "repetition_penalty": 1.1}, "max_tokens"),
        ("llama.cpp", "", {"top_k": 5, "repeat_penalty": 1.1}, "max_tokens"),
        ("openai", "k" * 8, {}, "max_completion_tokens"),
    ],
)
async def test_options_that_only_some_servers_know(
    open_server, server, provider, key, extras, limit
):
    async with open_server(provider, api_key=key) as room:
        await room.env.AI.run(LLAMA, {"prompt": "hi", "top_k": 5, "repetition_penalty": 1.1})
    known = {"model", "messages", limit}
    assert {k: v for k, v in server.last["body"].items() if k not in known} == extras


async def test_whose_name_a_model_goes_by(open_server, server):
    async def named(provider: str, model: str, inputs: Any, **models: str) -> str:
        async with open_server(provider, models=models, api_key="k" * 8) as room:
            await room.env.AI.run(model, inputs)
        return str(server.last["body"]["model"])

    prompt, text = {"prompt": "hi"}, {"text": "hi"}
    assert await named("ollama", "@cf/meta/llama-3.2-1b-instruct", prompt) == "llama3.2:1b"
    assert await named("ollama", "@cf/ibm-granite/granite-4.0-h-micro", prompt) == "llama3.1:8b"
    assert await named("ollama", LLAMA, prompt, **{LLAMA: "mine"}) == "mine"
    assert await named("ollama", LLAMA, prompt, **{"text-generation": "any"}) == "any"
    assert await named("ollama", "@cf/baai/bge-m3", text) == "bge-m3"
    assert await named("vllm", BGE, text) == "BAAI/bge-base-en-v1.5"
    assert await named("openai", LLAMA, prompt) == "gpt-4.1-mini"
    assert await named("anthropic", LLAMA, prompt) == "claude-haiku-4-5"
    assert await named("openai-compatible", BGE, text) == "bge-base-en-v1.5"
    assert await named("ollama", "my-own", prompt, **{"my-own": "qwen3:4b"}) == "qwen3:4b"
    assert await named("ollama", "my-bge", text, **{"my-bge": "nomic"}) == "nomic"


async def test_a_mapped_model_of_no_task_that_can_be_told(open_ai):
    async with open_ai(provider="offline", models={"mine": "x"}) as room:
        with pytest.raises(InferenceUpstreamError, match="5007: No such model mine or task"):
            await room.env.AI.run("mine", {"what": 1})


async def test_a_stream_is_framed_anew(open_server, server):
    async with open_server() as room:
        stream = await room.env.AI.run(LLAMA, {"prompt": "hi", "stream": True})
        text = (await collected(stream)).decode()
    assert server.last["body"]["stream_options"] == {"include_usage": True}
    documents = [json.loads(line[6:]) for line in text.split("\n\n")[:-2]]
    assert [each["response"] for each in documents] == [*PARTS, ""]
    assert documents[-1]["usage"] == USAGE


async def test_reasoning_is_kept_by_newer_models(open_server):
    async with open_server(models={GPT: "thinker"}) as room:
        text = await collected(await room.env.AI.run(GPT, {"prompt": "hi", "stream": True}))
    assert b'"reasoning_content":"because"' in text


async def test_embeddings_are_sorted_and_asked_for_in_their_width(open_server, server):
    async with open_server("openai", api_key="k" * 8) as room:
        result = await room.env.AI.run(BGE, {"text": ["a", "bcd"], "pooling": "cls"})
        assert [vector[0] for vector in result.data] == [1.0, 3.0]
        assert (result.shape, result.pooling) == ([2, 768], "cls")
        assert server.last["body"]["dimensions"] == 768
    async with open_server() as room:
        qwen = "@cf/qwen/qwen3-embedding-0.6b"
        await room.env.AI.run(qwen, {"queries": "a", "instruction": "find"})
        assert server.last["body"]["input"] == ["Instruct: find\nQuery: a"]


async def test_another_width_is_said_once(open_server):
    async with open_server(models={BGE: "narrow"}) as room:
        for _ in range(2):
            assert (await room.env.AI.run(BGE, {"text": "a"})).shape == [1, 3]
        (finding,) = room.findings
        assert "with 3 numbers per text; on the platform it has 768" in finding.message


async def test_scores_that_are_logits_become_probabilities(open_server):
    reranker = "@cf/baai/bge-reranker-base"
    async with open_server(models={reranker: "logits"}) as room:
        contexts = [{"text": "a"}, {"text": "abcd"}]
        result = await room.env.AI.run(reranker, {"query": "x", "contexts": contexts})
    assert [entry.id for entry in result.response] == [1, 0]
    assert result.response[0].score == pytest.approx(0.98201, abs=1e-5)


async def test_tasks_that_a_chat_model_does(open_server, server):
    async with open_server() as room:
        ai = room.env.AI
        result = await ai.run(
            "@cf/facebook/bart-large-cnn", {"input_text": "long", "max_length": 5}
        )
        assert result == {"summary": ANSWER}
        assert "at most 5 words" in server.last["body"]["messages"][0]["content"]
        result = await ai.run("@cf/meta/m2m100-1.2b", {"text": "hi {x}", "target_lang": "fr"})
        assert result == {"translated_text": ANSWER}
        said = server.last["body"]["messages"][0]["content"]
        assert "from the language en to the language fr" in said
        assert "hi {x}" in said
        result = await ai.run("@cf/llava-hf/llava-1.5-7b-hf", {"image": PNG, "prompt": "What?"})
        assert result == {"description": ANSWER}
        text, picture = server.last["body"]["messages"][0]["content"]
        assert text["text"] == "What?"
        assert picture["image_url"]["url"].startswith("data:image/png;base64,")
        assert server.last["body"]["max_tokens"] == 512
        with pytest.raises(AiError, match="5004: invalid data: not an array of bytes"):
            await ai.run("@cf/llava-hf/llava-1.5-7b-hf", {"image": [1, 999]})
        await ai.run("@cf/meta/llama-guard-3-8b", {"messages": [{"role": "user", "content": "x"}]})
        assert server.last["body"]["model"] == "llama-guard-3-8b"


async def test_speech_is_bytes_or_base64(open_server, server):
    async with open_server() as room:
        ai = room.env.AI
        stream = await ai.run("@cf/deepgram/aura-1", {"text": "hi", "speaker": "angus"})
        assert await collected(stream) == MP3
        assert server.last["body"]["voice"] == "angus"
        result = await ai.run("@cf/myshell-ai/melotts", {"prompt": "hi"})
        assert result.keys() == {"audio"}
        assert server.last["body"]["input"] == "hi"


async def test_a_picture_without_base64(open_server, server):
    flux = "@cf/black-forest-labs/flux-1-schnell"
    async with open_server(models={flux: "link"}) as room:
        with pytest.raises(AiError, match="its answer has no picture in b64_json"):
            await room.env.AI.run(flux, {"prompt": "a cat"})
    assert server.last["body"]["response_format"] == "b64_json"
    async with open_server("openai", api_key="k" * 8) as room:
        await room.env.AI.run(flux, {"prompt": "a cat"})
    assert "response_format" not in server.last["body"]


async def test_json_schemas_are_wrapped(open_server, server):
    schema = {"type": "object", "properties": {"capital": {"type": "string"}}}
    wanted = {"type": "json_schema", "json_schema": schema}
    async with open_server() as room:
        await room.env.AI.run(LLAMA, {"prompt": "hi", "response_format": wanted})
    assert server.last["body"]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema},
    }


@pytest.mark.parametrize(
    ("model", "schema"),
    [("prose", {}), ("any", {"type": "object", "required": ["nothing-of-it"]})],
)
async def test_json_that_does_not_fit(open_server, model, schema):
    wanted = {"type": "json_schema", "json_schema": schema}
    async with open_server(models={LLAMA: model}) as room:
        with pytest.raises(AiError, match=r"^JSON Mode couldn't be met$"):
            await room.env.AI.run(LLAMA, {"prompt": "hi", "response_format": wanted})
        text = {"prompt": "hi", "response_format": {"type": "text"}}
        assert isinstance((await room.env.AI.run(LLAMA, text)).response, str)


async def test_a_schema_that_is_none(open_server):
    wanted = {"type": "json_schema", "json_schema": {"type": "object", "properties": 5}}
    async with open_server() as room:
        with pytest.raises(AiError, match="5004: invalid data: json_schema is no JSON schema"):
            await room.env.AI.run(LLAMA, {"prompt": "hi", "response_format": wanted})


REFUSALS = ("html", "missing", "locked", "list-error", "silent")
"""Of the failures, those that come before a stream begins."""
FAILURES = [
    ("early", 502, "the connection broke before its answer was complete"),
    ("html", 502, "HTTP 502: a page of HTML where JSON belongs: 502 Bad Gateway"),
    ("html-ok", 502, "answered text/html that is no JSON object: <html>hello</html>"),
    ("no-choices", 502, "its answer has no choices"),
    ("error-in-200", 502, "out of memory"),
    ("missing", 404, 'HTTP 404: model "missing" not found, try pulling it first'),
    ("locked", 401, "HTTP 401: invalid key"),
    ("list-error", 400, "HTTP 400: odd"),
    ("silent", 500, "HTTP 500: no text"),
]


@pytest.mark.parametrize(
    ("model", "status", "said", "stream"),
    [
        *((*failure, False) for failure in FAILURES),
        *((*failure, True) for failure in FAILURES if failure[0] in REFUSALS),
    ],
)
async def test_what_a_server_does_wrong_reaches_the_author(
    open_server, model, status, said, stream
):
    async with open_server("ollama", models={LLAMA: model}) as room:
        ai = room.env.AI
        with pytest.raises(InferenceUpstreamError) as failed:
            await ai.run(LLAMA, {"prompt": "hi", "stream": stream})
        assert str(failed.value).startswith("ollama: ")
        assert said in str(failed.value)
        assert ai.lastRequestHttpStatusCode == status
        assert ai.lastRequestInternalStatusCode is None
    if model == "missing":
        assert "ollama pull" in failed.value.hint
    if model == "locked":
        assert "api_key" in failed.value.hint


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("half-frame", "its stream broke off inside a frame: 'data: {"),
        ("no-end", "its stream ended early, without saying that it was done"),
        ("bad-frame", "a frame of its stream is no JSON: '{oops'"),
        ("error-frame", "the GPU caught fire"),
    ],
)
async def test_a_stream_that_breaks_says_how(open_server, model, said):
    async with open_server(models={LLAMA: model}) as room:
        stream = await room.env.AI.run(LLAMA, {"prompt": "hi", "stream": True})
        heard = []
        with pytest.raises(AiError) as failed:
            async for chunk in stream:
                heard += [chunk]
    assert len(heard) >= len(PARTS)
    assert said in str(failed.value)


@pytest.mark.parametrize(
    ("model", "inputs", "said"),
    [
        ("bad-arguments", {"prompt": "hi", "tools": [WEATHER]}, "the arguments of its call of"),
        ("too-few", {"text": "a"}, "answered 0 data for 1 inputs"),
        ("no-data", {"text": "a"}, "its answer has no data: {"),
    ],
)
async def test_answers_that_make_no_sense(open_server, model, inputs, said):
    async with open_server(models={"mine": model}) as room:
        with pytest.raises(AiError, match=said):
            await room.env.AI.run("mine", inputs)


async def test_sentiment_from_a_model_that_will_not(open_server):
    distilbert = "@cf/huggingface/distilbert-sst-2-int8"
    async with open_server(models={distilbert: "prose"}) as room:
        with pytest.raises(AiError, match="gave no sentiment: 'I would rather not"):
            await room.env.AI.run(distilbert, {"text": "hm"})


async def test_a_server_that_hangs(open_server):
    async with open_server(models={LLAMA: "hang"}, timeout=0.1) as room:
        async with asyncio.timeout(3):
            with pytest.raises(AiError, match=r"^3007: openai-compatible was silent for 0\.1 s$"):
                await room.env.AI.run(LLAMA, {"prompt": "hi"})
        assert room.env.AI.lastRequestHttpStatusCode == 408


async def test_a_server_that_is_not_there(open_ai, unused_port):
    url = f"http://127.0.0.1:{unused_port}/v1"
    async with open_ai(provider="vllm", base_url=url) as room:
        with pytest.raises(AiError, match=f"vllm: cannot be reached at {url}") as failed:
            await room.env.AI.run(LLAMA, {"prompt": "hi"})
        assert failed.value.hint
        response = await room.env.AI.run(LLAMA, {"prompt": "hi"}, returnRawResponse=True)
        assert response.status == 503


async def test_an_answer_may_not_be_endless(open_server, monkeypatch):
    monkeypatch.setattr("aerostack_dev.bindings.ai.providers.http.LARGEST_JSON", 10)
    async with open_server() as room:
        with pytest.raises(AiError, match="its answer is larger than 10 bytes"):
            await room.env.AI.run(LLAMA, {"prompt": "hi"})


async def test_settings_that_are_missing(open_ai):
    async with open_ai(provider="openai-compatible") as room:
        with pytest.raises(ConfigError, match="needs a base_url"):
            await room.env.AI.run(LLAMA, {"prompt": "hi"})
    async with open_ai(provider="openai") as room:
        with pytest.raises(ConfigError, match="api_key is not set") as refused:
            await room.env.AI.run(LLAMA, {"prompt": "hi"})
        assert "OPENAI_API_KEY" in refused.value.hint
    async with open_ai(provider="openai", api_key="$MY_KEY") as room:
        with pytest.raises(ConfigError, match=r"\$MY_KEY is not set"):
            await room.env.AI.run(LLAMA, {"prompt": "hi"})


async def test_a_key_from_the_environment(open_ai, server):
    project = {"values": {"MY_KEY": "sk-mine-1"}, "environ": {"OPENAI_API_KEY": "sk-env-1"}}
    for key, sent in (("$MY_KEY", "sk-mine-1"), ("", "sk-env-1")):
        settings = {"provider": "openai", "base_url": f"{server.url}/v1", "api_key": key}
        async with open_ai(project=project, **settings) as room:
            await room.env.AI.run(LLAMA, {"prompt": "hi"})
        assert server.last["headers"]["authorization"] == f"Bearer {sent}"


async def test_a_provider_that_cannot(open_server):
    async with open_server("anthropic", api_key="k" * 8) as room:
        with pytest.raises(InferenceUpstreamError, match="anthropic cannot do Text Embed") as found:
            await room.env.AI.run(BGE, {"text": "a"})
        assert "cloudflare, local, openai-compatible, ollama" in found.value.hint


def test_replies_of_tools_are_linked_to_their_calls():
    """The platform links them by name, and needs no message that calls."""
    spelled = json.dumps({"name": "sum", "arguments": {"a": 1}})
    call = {"name": "sum", "arguments": {"a": 1}}
    reply = {"role": "tool", "name": "sum", "content": "3"}
    openai = {"id": "c9", "type": "function", "function": {"name": "sum", "arguments": "{}"}}
    asked = {"role": "user", "content": "?"}

    for messages, arguments in (
        ([asked, {"role": "assistant", "content": spelled}, reply], '{"a":1}'),
        ([asked, reply], "{}"),
        ([asked, {"role": "assistant", "content": "hm"}, reply], "{}"),
        ([asked, {"role": "assistant", "content": "", "tool_calls": [call]}, reply], '{"a":1}'),
        ([asked, {"role": "assistant", "content": "", "tool_calls": [openai]}, reply], "{}"),
    ):
        *_, calling, answering = linked(messages)
        (called,) = calling["tool_calls"]
        assert called["function"] == {"name": "sum", "arguments": arguments}
        assert answering == {"role": "tool", "content": "3", "tool_call_id": called["id"]}
    untouched = [asked, {"role": "tool", "tool_call_id": "x", "content": "3"}]
    assert linked(untouched) == untouched
