"""What every provider's answers look like to the author (storage-vectorize-ai.md §3.8)."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from aerostack_dev import BindingError
from aerostack_dev.bindings.ai.failures import (
    AbortError,
    AiError,
    AiInternalError,
    InferenceUpstreamError,
)
from aerostack_dev.wire import Stream

from .conftest import BGE, GPT, LLAMA, collected
from .openai_server import MP3, PNG

FLUX = "@cf/black-forest-labs/flux-1-schnell"
SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
WHISPER = "@cf/openai/whisper"
TURBO = "@cf/openai/whisper-large-v3-turbo"
RERANKER = "@cf/baai/bge-reranker-base"
DISTILBERT = "@cf/huggingface/distilbert-sst-2-int8"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "Weather of a city", "parameters": CITY}


async def frames(stream: Any) -> list[str]:
    text = (await collected(stream)).decode()
    assert text.endswith("\n\n")
    return [frame.removeprefix("data: ") for frame in text.removesuffix("\n\n").split("\n\n")]


async def pieces(*chunks: bytes) -> Any:
    for chunk in chunks:
        yield chunk


@pytest.mark.spec("storage 3.8.1")
async def test_a_prompt_is_answered_with_text_and_usage(ai):
    answer = await ai.run(LLAMA, {"prompt": "hi"})
    assert isinstance(answer.response, str)
    assert answer.response
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0


@pytest.mark.spec("storage 3.8.2")
async def test_a_streamed_answer_is_bytes_of_events_that_end_with_done(ai):
    found = await frames(await ai.run(LLAMA, {"prompt": "hi", "stream": True}))
    assert found[-1] == "[DONE]"
    last = json.loads(found[-2])
    assert last["response"] == ""
    assert last["usage"]["total_tokens"] > 0
    assert all({"response", "p"} <= json.loads(frame).keys() for frame in found[:-1])


@pytest.mark.spec("storage 3.8.3")
async def test_the_parts_of_a_stream_are_the_whole_answer(ai):
    asked = {"messages": [{"role": "user", "content": "What? The sea is blue."}], "seed": 1}
    whole = await ai.run(LLAMA, asked)
    found = await frames(await ai.run(LLAMA, {**asked, "stream": True}))
    parts = [json.loads(frame)["response"] for frame in found[:-1]]
    assert len(parts) > 2
    assert "".join(parts) == whole.response


@pytest.mark.spec("storage 3.8.4")
async def test_one_text_gives_one_nested_vector(ai):
    result = await ai.run(BGE, {"text": "a"})
    assert result.shape == [1, 768]
    assert len(result.data) == 1
    assert len(result.data[0]) == 768
    assert result.pooling == "mean"


@pytest.mark.spec("storage 3.8.5")
async def test_vectors_come_in_the_order_of_the_texts(ai):
    result = await ai.run(BGE, {"text": ["a", "bcd"]})
    assert result.shape == [2, 768]
    for text, vector in zip(["a", "bcd"], result.data, strict=True):
        assert (await ai.run(BGE, {"text": text})).data == [vector]


@pytest.mark.spec("storage 3.8.6")
@pytest.mark.parametrize("text", [["a"] * 101, "", ["a", ""]])
async def test_too_many_texts_and_empty_ones_are_refused(ai, text):
    with pytest.raises(AiError, match=r"^5006: Error: ") as refused:
        await ai.run(BGE, {"text": text})
    assert refused.value.code == "5006"
    assert len((await ai.run(BGE, {"text": ["a"] * 100})).data) == 100


@pytest.mark.spec("storage 3.8.7")
async def test_a_missing_property_is_named(ai):
    with pytest.raises(AiError, match=r"^5006: Error: required properties at '/' are 'text'$"):
        await ai.run(BGE, {})


@pytest.mark.spec("storage 3.8.8")
async def test_neither_prompt_nor_messages(ai):
    with pytest.raises(AiError) as refused:
        await ai.run(LLAMA, {})
    assert str(refused.value) == (
        "5006: Error: oneOf at '/' not met, 0 matches: "
        "required properties at '/' are 'prompt', required properties at '/' are 'messages'"
    )


async def test_both_prompt_and_messages(ai):
    both = {"prompt": "a", "messages": [{"role": "user", "content": "b"}]}
    with pytest.raises(AiError, match=r"oneOf at '/' not met, 2 matches$"):
        await ai.run(LLAMA, both)


@pytest.mark.spec("storage 3.8.9")
async def test_an_unknown_model(ai):
    with pytest.raises(InferenceUpstreamError) as refused:
        await ai.run("@cf/x/y", {"prompt": "hi"})
    assert str(refused.value) == "5007: No such model @cf/x/y or task"
    assert isinstance(refused.value, BindingError)
    assert ai.lastRequestHttpStatusCode == 400
    assert ai.lastRequestInternalStatusCode == ai.last_request_internal_status_code == 5007
    with pytest.raises(InferenceUpstreamError, match=r"^5007: No such model 5 or task$"):
        await ai.run(5, {"prompt": "hi"})


@pytest.mark.spec("storage 3.8.10")
async def test_a_raw_response_of_a_refusal(ai):
    response = await ai.run("@cf/x/y", {"prompt": "hi"}, {"returnRawResponse": True})
    assert response.status == 400
    errors = (await response.json())["errors"]
    assert errors == [{"code": 5007, "message": "No such model @cf/x/y or task"}]
    response = await ai.run(BGE, {}, return_raw_response=True)
    assert (response.status, (await response.json())["internalCode"]) == (400, 5006)


@pytest.mark.spec("storage 3.8.11")
async def test_json_mode_answers_an_object(ai):
    schema = {
        "type": "object",
        "properties": {"capital": {"type": "string"}, "people": {"type": "integer"}},
        "required": ["capital"],
    }
    asked = "The capital is Paris. It has 2 people. Which capital?"
    for wanted in (schema, {"name": "x", "schema": schema}):
        answer = await ai.run(
            LLAMA,
            {"prompt": asked, "response_format": {"type": "json_schema", "json_schema": wanted}},
        )
        assert answer.response.capital == "Paris"
        assert answer.response.people == 2
    answer = await ai.run(LLAMA, {"prompt": asked, "response_format": {"type": "json_object"}})
    assert isinstance(answer.response, dict)


async def test_json_mode_is_not_for_streams(ai):
    asked = {"prompt": "a", "response_format": {"type": "json_object"}, "stream": True}
    with pytest.raises(AiError, match=r"5004: .*streaming"):
        await ai.run(LLAMA, asked)


@pytest.mark.spec("storage 3.8.12")
@pytest.mark.parametrize("tool", [WEATHER, {"type": "function", "function": WEATHER}])
async def test_the_arguments_of_a_tool_call_are_an_object(ai, tool):
    asked = {
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
        "tools": [tool],
    }
    answer = await ai.run(LLAMA, asked)
    assert answer.tool_calls == [{"name": "get_weather", "arguments": {"city": "Paris"}}]
    streamed = await frames(await ai.run(LLAMA, {**asked, "stream": True}))
    (calls,) = [json.loads(each)["tool_calls"] for each in streamed[:-1] if "tool_calls" in each]
    assert calls == answer.tool_calls


async def test_newer_models_answer_in_the_shapes_of_openai(ai):
    asked = {"messages": [{"role": "user", "content": "What is the weather in Paris?"}]}
    answer = await ai.run(GPT, asked)
    assert (answer.object, answer.model) == ("chat.completion", GPT)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    answer = await ai.run(GPT, {**asked, "tools": [WEATHER]})
    call = answer.choices[0].message.tool_calls[0]
    assert call.type == "function"
    assert call.id
    assert json.loads(call.function.arguments) == {"city": "Paris"}

    found = await frames(await ai.run(GPT, {**asked, "stream": True}))
    chunks = [json.loads(frame) for frame in found[:-1]]
    assert found[-1] == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] > 0
    found = await frames(await ai.run(GPT, {**asked, "stream": True, "tools": [WEATHER]}))
    deltas = [json.loads(f)["choices"][0]["delta"] for f in found[:-2]]
    (calls,) = [delta["tool_calls"] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["index"] == 0


async def test_gpt_oss_takes_the_input_of_the_responses_api(ai):
    answer = await ai.run(GPT, {"input": "hi"})
    assert answer.object == "response"
    text = answer.output[0].content[0].text
    assert text
    found = await frames(await ai.run(GPT, {"input": "hi", "stream": True}))
    events = [json.loads(frame) for frame in found[:-1]]
    deltas = [each["delta"] for each in events if each["type"] == "response.output_text.delta"]
    assert "".join(deltas) == text
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == text
    parts = [{"role": "user", "content": [{"type": "input_text", "text": "What is up?"}]}]
    answer = await ai.run(GPT, {"input": parts, "tools": [WEATHER]})
    assert {each.type for each in answer.output} <= {"message", "function_call"}


@pytest.mark.spec("storage 3.8.13")
async def test_flux_answers_base64_and_sdxl_bytes(open_server):
    async with open_server() as room:
        ai = room.env.AI
        flux = await ai.run(FLUX, {"prompt": "a cat"})
        assert base64.b64decode(flux.image) == PNG
        sdxl = await ai.run(SDXL, {"prompt": "a cat", "width": 512})
        assert await collected(sdxl) == PNG
        raw = await ai.run(SDXL, {"prompt": "a cat"}, returnRawResponse=True)
        assert raw.headers.get("content-type") == "image/png"
        assert await raw.bytes() == PNG


@pytest.mark.spec("storage 3.8.14")
async def test_flux_takes_no_other_keys(ai):
    with pytest.raises(AiError) as refused:
        await ai.run(FLUX, {"prompt": "a cat", "num_steps": 4})
    assert str(refused.value) == (
        "5006: Error: Additional or unevaluated properties '/num_steps' at '/' not allowed"
    )


async def test_whisper_hears_numbers_and_bytes_but_no_typed_array(open_server, server):
    async with open_server() as room:
        ai = room.env.AI
        for audio in (list(MP3), MP3, bytearray(MP3), memoryview(MP3)):
            heard = await ai.run(WHISPER, {"audio": audio})
            assert (heard.text, heard.word_count) == ("good day", 2)
            assert heard.words[0] == {"word": "good", "start": 0.0, "end": 0.5}
            assert "00:00:00.000 --> 00:00:01.000\ngood day" in heard.vtt
            assert server.last["file"] == MP3
        typed = {str(index): byte for index, byte in enumerate(MP3)}  # as JavaScript writes it
        with pytest.raises(
            AiError, match=r"5006: Error: Type mismatch of '/audio', 'object' not in"
        ):
            await ai.run(WHISPER, {"audio": typed})


@pytest.mark.spec("storage 3.8.16")
async def test_turbo_hears_base64_only(open_server, server):
    async with open_server() as room:
        ai = room.env.AI
        with pytest.raises(
            AiError, match=r"5006: Error: Type mismatch of '/audio', 'array' not in"
        ):
            await ai.run(TURBO, {"audio": list(MP3)})
        with pytest.raises(AiError, match=r"5004: .*base64"):
            await ai.run(TURBO, {"audio": "no base64!"})
        encoded = base64.b64encode(MP3).decode()
        heard = await ai.run(TURBO, {"audio": encoded, "language": "xx"})
        assert heard.transcription_info.duration == 1.0
        assert heard.segments == []
        assert "00:00:00.500 --> 00:00:01.000\nday" in heard.vtt
        assert server.last["file"] == MP3
        await ai.run(TURBO, {"audio": f"data:audio/mpeg;base64,{encoded}"})
        assert server.last["file"] == MP3


@pytest.mark.spec("storage 3.8.17")
async def test_the_reranker_tells_the_best_by_their_positions(ai):
    texts = ["rain", "the sea is blue and deep and wide", "wind", "sea water is blue", "sun"]
    contexts = [{"text": text} for text in texts]
    asked = {"query": "sea blue deep wide", "contexts": contexts}
    result = await ai.run(RERANKER, {**asked, "top_k": 2})
    assert [entry.id for entry in result.response] == [1, 3]
    everything = (await ai.run(RERANKER, asked)).response
    scores = [entry.score for entry in everything]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    ranked = await ai.run("@cf/baai/bge-m3", asked)
    assert {entry.id for entry in ranked.response} == set(range(5))


@pytest.mark.spec("storage 3.8.18")
async def test_sentiment_is_a_bare_list_of_both_labels(ai):
    result = await ai.run(DISTILBERT, {"text": "I love this wonderful thing", "stream": True})
    assert [entry.label for entry in result] == ["NEGATIVE", "POSITIVE"]
    assert result[1].score > 0.8
    assert sum(entry.score for entry in result) == pytest.approx(1)


@pytest.mark.spec("storage 3.8.20")
async def test_two_streams_are_refused(offline):
    streams = {"a": {"body": pieces(b"x"), "contentType": "audio/mpeg"}, "b": pieces(b"y")}
    with pytest.raises(AiInternalError) as refused:
        await offline.run(WHISPER, streams)
    assert str(refused.value) == (
        "Multiple ReadableStreams are not supported. Found streams in keys: [a, b]"
    )


async def test_a_stream_needs_a_content_type_and_no_gateway(offline):
    with pytest.raises(AiInternalError, match=r"^Content-Type is required with ReadableStream"):
        await offline.run(WHISPER, {"audio": {"body": pieces(b"x")}})
    with pytest.raises(AiInternalError, match=r"^Content-Type is required with ReadableStream"):
        await offline.run(WHISPER, {"audio": Stream(pieces(b"x"))})
    stream = {"body": pieces(b"x"), "contentType": "audio/mpeg"}
    with pytest.raises(
        AiInternalError, match=r"^AI Gateway does not support ReadableStreams yet\."
    ):
        await offline.run(WHISPER, {"audio": stream}, gateway={"id": "g"})


async def test_a_stream_and_bytes_with_their_type_are_heard(open_server, server):
    nova = "@cf/deepgram/nova-3"
    async with open_server() as room:
        for body in (pieces(MP3[:3], MP3[3:]), MP3):
            audio = {"body": body, "contentType": "audio/mpeg"}
            heard = await room.env.AI.run(nova, {"audio": audio})
            assert heard.results.channels[0].alternatives[0].transcript == "good day"
            assert server.last["file"] == MP3
        heard = await room.env.AI.run(
            WHISPER, {"audio": {"body": pieces(MP3), "contentType": "audio/mpeg"}}
        )
        assert heard.text == "good day"


async def test_a_stream_may_not_be_endless(offline, monkeypatch):
    monkeypatch.setattr("aerostack_dev.bindings.ai.media.LARGEST_BYTES", 3)
    stream = {"body": pieces(b"ab", b"cd"), "contentType": "audio/mpeg"}
    with pytest.raises(AiError, match=r"3006: Request is too large"):
        await offline.run(WHISPER, {"audio": stream})


@pytest.mark.spec("storage 3.8.21")
async def test_without_inputs(ai):
    with pytest.raises(TypeError, match=r"^Cannot convert undefined or null to object$"):
        await ai.run("m")


async def test_inputs_that_are_no_object(ai):
    with pytest.raises(
        AiError, match=r"5006: Error: Type mismatch of '/', 'string' not in 'object'"
    ):
        await ai.run(BGE, "text")


@pytest.mark.spec("storage 3.8.22")
async def test_what_the_last_request_was(ai):
    assert (ai.lastRequestId, ai.lastRequestHttpStatusCode) == (None, None)
    response = await ai.run(BGE, {"text": "a"}, returnRawResponse=True)
    assert ai.lastRequestHttpStatusCode == ai.last_request_http_status_code == 200
    assert ai.lastRequestId == ai.last_request_id == response.headers.get("cf-ai-req-id")
    assert ai.lastRequestInternalStatusCode is None
    assert ai.aiGatewayLogId is ai.ai_gateway_log_id is None
    assert response.headers.get("content-type") == "application/json"
    before = ai.lastRequestId
    await ai.run(BGE, {"text": "a"})
    assert ai.lastRequestId != before


@pytest.mark.spec("storage 3.8.24")
async def test_a_queued_request_is_answered_later(ai):
    requests = [{"text": "a", "external_reference": "first"}, {"text": ""}, "what"]
    queued = await ai.run(BGE, {"requests": requests}, {"queueRequest": True})
    assert queued == {"status": "queued", "model": BGE, "request_id": queued.request_id}
    done = await finished(ai, BGE, queued.request_id)
    first, second, third = done.responses
    assert (first.id, first.success, first.external_reference) == (0, True, "first")
    assert first.result.shape == [1, 768]
    assert (second.success, second.result.internalCode) == (False, 5006)
    assert (third.success, third.result.internalCode) == (False, 5006)
    single = await ai.run(LLAMA, {"prompt": "hi", "stream": True}, queue_request=True)
    done = await finished(ai, LLAMA, single.request_id)
    assert done.responses[0].result.response
    assert done.usage.total_tokens == done.responses[0].result.usage.total_tokens > 0


async def finished(ai: Any, model: str, request_id: str) -> Any:
    async with asyncio.timeout(10):
        while True:
            found = await ai.run(model, {"request_id": request_id})
            if "responses" in found:
                return found
            assert found.status in ("queued", "running")


async def test_a_queued_request_of_an_unknown_id_or_model(ai):
    with pytest.raises(AiError, match=r"5004: .*no queued request nobody"):
        await ai.run(BGE, {"request_id": "nobody"})
    with pytest.raises(AiError, match=r"5007: No such model"):
        await ai.run("@cf/x/y", {"text": "a"}, queueRequest=True)


@pytest.mark.spec("storage 3.8.25")
async def test_an_aborted_signal(ai):
    signal = asyncio.Event()
    assert (await ai.run(BGE, {"text": "a"}, signal=signal)).shape == [1, 768]
    stream = await ai.run(LLAMA, {"prompt": "hi", "stream": True}, signal=signal)
    assert await anext(stream)
    signal.set()
    with pytest.raises(AbortError, match=r"The operation was aborted"):
        await anext(stream)
    assert ai.lastRequestHttpStatusCode == 200
    with pytest.raises(AbortError):
        await ai.run(BGE, {"text": "a"}, {"signal": signal})
    with pytest.raises(TypeError, match=r"signal must be an asyncio\.Event"):
        await ai.run(BGE, {"text": "a"}, signal=5)


async def test_a_stream_with_a_signal_ends_as_one_without(ai):
    stream = await ai.run(LLAMA, {"prompt": "hi", "stream": True}, signal=asyncio.Event())
    assert (await frames(stream))[-1] == "[DONE]"


async def test_aborting_while_the_provider_thinks(open_server):
    async with open_server(models={LLAMA: "hang"}) as room:
        signal = asyncio.Event()
        run = asyncio.ensure_future(room.env.AI.run(LLAMA, {"prompt": "hi"}, signal=signal))
        asyncio.get_running_loop().call_later(0.02, signal.set)
        async with asyncio.timeout(3):
            with pytest.raises(AbortError):
                await run


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"prompt": "a", "top_k": 51}, "'/top_k' must be <= 50"),
        ({"prompt": "a", "top_k": 0}, "'/top_k' must be >= 1"),
        ({"prompt": "a", "temperature": 5.5}, "'/temperature' must be <= 5"),
        ({"prompt": "a", "stream": "yes"}, "Type mismatch of '/stream', 'string' not in 'boolean'"),
        ({"prompt": "a", "seed": 1.5}, "Type mismatch of '/seed', 'number' not in 'integer'"),
        ({"prompt": "a", "lora": 3}, "Type mismatch of '/lora', 'number' not in 'string'"),
        (
            {"messages": "a"},
            "oneOf at '/' not met, 0 matches: required properties at '/' are 'prompt', "
            "Type mismatch of '/messages', 'string' not in 'array'",
        ),
        (
            {"prompt": "a", "response_format": {"type": "yaml"}},
            "'/response_format/type' must be one of 'json_object', 'json_schema', 'text'",
        ),
    ],
)
async def test_the_words_of_the_validator(offline, inputs, said):
    with pytest.raises(AiError) as refused:
        await offline.run(LLAMA, inputs)
    assert str(refused.value) == f"5006: Error: {said}"


async def test_null_content_is_for_newer_models_only(offline):
    messages = [{"role": "assistant", "content": None}, {"role": "user", "content": "hi"}]
    with pytest.raises(AiError, match=r"'null' not in 'string'"):
        await offline.run(LLAMA, {"messages": messages})
    assert (await offline.run(GPT, {"messages": messages})).choices


async def test_content_may_consist_of_parts(ai):
    parts = [{"type": "text", "text": "The sea is blue."}, {"type": "text", "text": "Is it?"}]
    answer = await ai.run(LLAMA, {"messages": [{"role": "user", "content": parts}]})
    assert answer.response


async def test_other_shapes_of_embeddings(offline):
    m3 = await offline.run("@cf/baai/bge-m3", {"contexts": [{"text": "a"}, {"text": "b"}]})
    assert (m3.shape, m3.pooling, len(m3.response[0])) == ([2, 1024], "mean", 1024)
    gemma = await offline.run("@cf/google/embeddinggemma-300m", {"text": "a"})
    assert gemma.keys() == {"shape", "data"}
    assert gemma.shape == [1, 768]
    qwen = "@cf/qwen/qwen3-embedding-0.6b"
    queries = await offline.run(qwen, {"queries": ["a"], "instruction": "find"})
    assert queries.shape == [1, 1024]
    assert (await offline.run(qwen, {"documents": "a"})).shape == [1, 1024]
    with pytest.raises(AiError, match=r"anyOf at '/' not met, 0 matches"):
        await offline.run(qwen, {"documents": ["a"] * 33})


async def test_members_that_need_the_platforms_network(ai):
    for member in (lambda: ai.gateway("g"), lambda: ai.autorag("r"), ai.aiSearch, ai.ai_search):
        with pytest.raises(BindingError, match=r"is not available locally") as refused:
            member()
        assert refused.value.code == "unavailable"
    with pytest.raises(BindingError, match=r"env\.AI\.fetch\(\) is not available locally"):
        await ai.fetch("https://example.org")
    with pytest.raises(BindingError, match=r"websocket is not available locally"):
        await ai.run(LLAMA, {"prompt": "hi"}, websocket=True)
    assert await ai.getLogs() == await ai.get_logs() == []


async def test_models_can_be_searched(ai):
    everything = await ai.models()
    assert {"id", "source", "name", "description", "task", "tags", "properties"} <= set(
        everything[0]
    )
    embeddings = await ai.models({"task": "Text Embeddings", "author": "baai"})
    assert [model.name.rpartition("/")[2] for model in embeddings] == [
        "bge-small-en-v1.5",
        "bge-base-en-v1.5",
        "bge-large-en-v1.5",
        "bge-m3",
    ]
    assert {"property_id": "output_dimensions", "value": "768"} in embeddings[1].properties
    assert await ai.models(per_page=2, page=2) == everything[2:4]
    assert await ai.models(search="FLUX") == [m for m in everything if "flux" in m.name]
    assert await ai.models(source=2) == []
    assert await ai.models(page="x") == everything


async def test_a_deprecated_model_answers_and_warns_once(open_ai):
    async with open_ai(provider="offline") as room:
        for _ in range(2):
            await room.env.AI.run("@cf/meta/llama-3.1-8b-instruct", {"prompt": "hi"})
        (finding,) = [each for each in room.findings if each.code == "ai-deprecated"]
        assert "llama-3.1-8b-instruct is deprecated" in finding.message


async def test_a_gateway_changes_nothing_and_says_so_once(open_ai):
    async with open_ai(provider="offline") as room:
        for _ in range(2):
            await room.env.AI.run(LLAMA, {"prompt": "hi"}, gateway={"id": "g", "skipCache": True})
        assert [each.code for each in room.findings].count("ai-gateway") == 1


async def test_operations_can_be_called_by_name(open_ai):
    async with open_ai(provider="offline") as room:
        reply = await room.bindings.invoke("AI", "run", [BGE, {"text": "a"}])
        assert (reply["status"], reply["contentType"]) == (200, "application/json")
        assert reply["body"]["shape"] == [1, 768]
        with pytest.raises(BindingError, match=r"env\.AI\.gateway is not available locally"):
            await room.bindings.invoke("AI", "unavailable", ["gateway"])


async def test_a_face_shows_itself(offline):
    assert repr(offline) == "<AI AI>"
