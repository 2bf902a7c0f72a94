"""`[ai]` of aerostack.toml, the trace, and what opening the room costs (interface.md §2)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aerostack_dev.bindings.ai import KIND, Ai
from aerostack_dev.bindings.ai.models import MODELS, find
from aerostack_dev.bindings.ai.providers import PROVIDERS
from aerostack_dev.bindings.ai.validation import MismatchError, check, type_name
from aerostack_dev.bindings.kind import named
from aerostack_dev.bindings.spans import describe
from aerostack_dev.config.load import load
from aerostack_dev.errors import ConfigError
from aerostack_dev.runs import Recorded, entered
from aerostack_dev.runtime.trace import Trace

from .conftest import BGE, LLAMA


def loaded(tmp_path, text):
    (tmp_path / "aerostack.toml").write_text(text)
    return load(tmp_path, (KIND.section,)).sections["ai"]


def test_the_table_and_its_shorthand(tmp_path):
    assert loaded(tmp_path, "ai = true") == (Ai(),)
    text = '[ai]\nprovider = "ollama"\ntimeout = 5\n[ai.models]\n"@cf/a/b" = "c"'
    (ai,) = loaded(tmp_path, text)
    assert (ai.binding, ai.provider, ai.timeout) == ("AI", "ollama", 5)
    assert ai.models == {"@cf/a/b": "c"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('provider = "olama"', "there is no provider 'olama'; there are: auto, offline, local"),
        ('base_url = "localhost:11434"', "base_url must begin with http"),
        ("timeout = 0", "`timeout` cannot be 0"),
        ('cassette_mode = "play"', '`cassette_mode` cannot be "play"'),
    ],
)
def test_settings_that_are_wrong(tmp_path, text, said):
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, f"[ai]\n{text}")
    assert said in f"{refused.value} {refused.value.hint}"


def test_every_provider_can_be_opened():
    for target in PROVIDERS.values():
        assert callable(named(target))


def test_declaring_the_room_imports_no_client():
    code = (
        "import sys, aerostack_dev.bindings.ai.opening, aerostack_dev.bindings.ai.operations;"
        "print({'httpx', 'vaderSentiment', 'fastembed', 'numpy', 'openai'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_families_whose_members_are_still_to_come():
    assert find("@cf/moonshotai/kimi-k99").openai
    assert find("@cf/google/gemma-3-12b-it").deprecated
    assert find("@cf/x/y") is None
    assert all(model.schema["type"] == "object" for model in MODELS.values())


async def test_the_trace_names_the_provider(open_ai, open_server):
    for opening, name in (
        (open_ai(provider="offline"), "offline"),
        (open_server("vllm"), "vllm"),
    ):
        async with opening as room:
            trace = Trace(room.clock, room.services.entropy)
            invocation = trace.open("fetch", "GET /")
            with entered(Recorded(invocation)):
                await room.env.AI.run(BGE, {"text": "a"})
                with pytest.raises(TypeError):
                    await room.env.AI.run("nothing")
                describe("nobody is running")
            assert [span.subject for span in invocation.spans] == [f"{BGE} · {name}", "nothing"]


async def test_the_trace_tells_a_replay(open_server):
    async with open_server(cassette="a.jsonl") as room:
        for name in ("openai-compatible", "cassette"):
            invocation = Trace(room.clock, room.services.entropy).open("fetch", "GET /")
            with entered(Recorded(invocation)):
                await room.env.AI.run(LLAMA, {"prompt": "hi"})
            assert invocation.spans[0].subject == f"{LLAMA} · {name}"


async def test_queued_requests_end_with_the_room(open_server):
    async with open_server(models={LLAMA: "hang"}) as room:
        queued = await room.env.AI.run(LLAMA, {"prompt": "hi"}, queueRequest=True)
        assert (await room.env.AI.run(LLAMA, {"request_id": queued.request_id})) == {
            "status": "running"
        }


async def test_only_so_many_queued_requests_are_kept(open_ai, monkeypatch):
    monkeypatch.setattr("aerostack_dev.bindings.ai.batches.KEPT_BATCHES", 1)
    async with open_ai(provider="offline") as room:
        ids = [
            (await room.env.AI.run(BGE, {"text": "a"}, queueRequest=True)).request_id
            for _ in range(2)
        ]
        with pytest.raises(Exception, match="no queued request"):
            await room.env.AI.run(BGE, {"request_id": ids[0]})


async def test_a_queued_picture_is_no_json(open_server):
    sdxl = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
    async with open_server() as room:
        queued = await room.env.AI.run(sdxl, {"prompt": "a"}, queueRequest=True)
        found = {"status": "queued"}
        while "responses" not in found:
            found = await room.env.AI.run(sdxl, {"request_id": queued.request_id})
        assert found["responses"][0]["result"]["description"].endswith("are not JSON")


@pytest.mark.parametrize(
    ("value", "schema", "said"),
    [
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, "'number' not in 'string'"),
        ([1, "a"], {"items": {"type": "number"}}, "Type mismatch of '/1'"),
        (1, {"type": ["string", "null"]}, "'number' not in 'string,null'"),
        (1, {"const": 2}, "'/' must be one of '2'"),
        ("abc", {"maxLength": 2}, "length of '/' must be <= 2"),
        ([], {"minItems": 1}, "number of items of '/' must be >= 1"),
    ],
)
def test_what_a_schema_refuses(value, schema, said):
    with pytest.raises(MismatchError) as refused:
        check(value, schema)
    assert said in str(refused.value)


def test_what_a_schema_lets_through():
    check(2.0, {"type": "integer"})
    check(2, {"type": "number", "minimum": 1, "maximum": 2})
    check("a", {"minimum": 5, "items": {}, "properties": {}, "required": ["x"], "format": "date"})
    check({"a": 1}, {"additionalProperties": True})
    assert [type_name(each) for each in (True, 1, 1.5, "", [], b"", None, {})] == [
        "boolean",
        "integer",
        "number",
        "string",
        "array",
        "array",
        "null",
        "object",
    ]
