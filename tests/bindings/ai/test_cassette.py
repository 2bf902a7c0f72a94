"""Cassettes: recorded once, replayed for ever (interface.md §2)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aerostack_dev.bindings.ai.nearest import nearest
from aerostack_dev.errors import BindingError, StateError

from .conftest import BGE, LLAMA, collected
from .openai_server import ANSWER, PNG

ASKED = {"messages": [{"role": "user", "content": "Where is Paris?"}]}
SECRET = "sk-very-secret"
HELD = {"values": {"KEY": SECRET}, "secrets": frozenset({"KEY"})}


@pytest.fixture
def tape(open_server, server):
    """Opens the room with a cassette: `tape("replay")`."""

    def opened(mode: str = "auto", cassette: str = "tests/ai.jsonl", **others):
        return open_server(cassette=cassette, cassette_mode=mode, **others)

    return opened


def lines(path: Path):
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_an_answer_is_recorded_and_replayed(tape, server, tmp_path):
    async with tape() as room:
        first = await room.env.AI.run(LLAMA, ASKED)
        assert await room.env.AI.run(LLAMA, {**ASKED}) == first
    async with tape("replay") as room:
        assert await room.env.AI.run(LLAMA, ASKED) == first
        first.response = "changed by the author"
        assert (await room.env.AI.run(LLAMA, ASKED)).response == ANSWER
    assert len(server.requests) == 1
    (line,) = lines(tmp_path / "tests/ai.jsonl")
    assert line["request"] == {"model": LLAMA, "inputs": ASKED, "options": {}}
    assert line["provider"] == "openai-compatible"
    assert line["reply"]["contentType"] == "application/json"


async def test_a_stream_is_replayed_in_its_chunks(tape, server):
    asked = {**ASKED, "stream": True}
    async with tape() as room:
        recorded = [chunk async for chunk in await room.env.AI.run(LLAMA, asked)]
    async with tape("replay") as room:
        assert [chunk async for chunk in await room.env.AI.run(LLAMA, asked)] == recorded
    assert len(server.requests) == 1


async def test_bytes_are_replayed(tape, server, tmp_path):
    sdxl = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
    inputs = {"prompt": "a cat", "image": list(range(256)) * 2, "mask": b"mask"}
    for mode in ("auto", "replay"):
        async with tape(mode) as room:
            assert await collected(await room.env.AI.run(sdxl, inputs)) == PNG
    assert len(server.requests) == 1
    (line,) = lines(tmp_path / "tests/ai.jsonl")
    assert line["request"]["inputs"]["image"].keys() == {"sha256", "size"}
    assert line["request"]["inputs"]["mask"]["size"] == 4


async def test_a_stream_among_the_inputs_is_recognised(tape, server):
    async def sound():
        yield b"ID3"

    for mode in ("auto", "replay"):
        async with tape(mode) as room:
            audio = {"body": sound(), "contentType": "audio/mpeg"}
            assert (await room.env.AI.run("@cf/openai/whisper", {"audio": audio})).word_count == 2
    assert len(server.requests) == 1


async def test_a_stream_that_is_left_early_is_not_recorded(tape, tmp_path):
    async with tape() as room:
        stream = await room.env.AI.run(LLAMA, {**ASKED, "stream": True})
        await anext(stream)
        await stream.aclose()
    assert not (tmp_path / "tests/ai.jsonl").exists()


async def test_the_mode_record_asks_again(tape, server, tmp_path):
    async with tape() as room:
        await room.env.AI.run(LLAMA, ASKED)
    for models in ({}, {LLAMA: "prose"}):
        async with tape("record", models=models) as room:
            await room.env.AI.run(LLAMA, ASKED)
    assert len(server.requests) == 3
    assert len(lines(tmp_path / "tests/ai.jsonl")) == 2  # the same answer is not written twice
    async with tape("replay") as room:  # of two answers, the later
        assert (await room.env.AI.run(LLAMA, ASKED)).response == "I would rather not."


async def test_a_miss_shows_the_nearest_request(tape, server):
    async with tape() as room:
        await room.env.AI.run(LLAMA, ASKED)
        await room.env.AI.run(BGE, {"text": "Where is Rome?"})
        server.requests.clear()
    other = {"messages": [{"role": "user", "content": "Where is Rome?"}]}
    async with tape("replay") as room:
        with pytest.raises(BindingError) as missed:
            await room.env.AI.run(LLAMA, other)
    assert missed.value.code == "cassette-miss"
    assert str(missed.value) == (
        f"ai.jsonl has no answer to this request to {LLAMA}; the nearest one has at "
        'inputs.messages[0].content "Where is Paris?", this one "Where is Rome?"'
    )
    assert missed.value.where.endswith("tests/ai.jsonl")
    assert server.requests == []


async def test_a_miss_of_an_empty_cassette(tape):
    async with tape("replay") as room:
        with pytest.raises(BindingError, match=r"to @cf/baai/bge-base-en-v1\.5: it is empty$"):
            await room.env.AI.run(BGE, {"text": "a"})


def test_differences_of_every_kind():
    one = {"model": "m", "inputs": {"a": [1, 2]}}
    assert nearest(one, [{"model": "m", "inputs": {"a": [1]}}]).endswith(
        "at inputs.a[1] nothing, this one 2"
    )
    assert "this one nothing" in nearest(one, [{"model": "m", "inputs": {"a": [1, 2], "b": 1}}])
    assert 'at model "n", this one "m"' in nearest(one, [{**one, "model": "n"}])
    long = {"model": "m", "inputs": {"a": "x" * 300}}
    assert "…" in nearest(long, [one])


async def test_secrets_are_never_written(tape, server, tmp_path):
    asked = {"prompt": f"My key is {SECRET}"}
    async with tape(project=HELD, api_key=SECRET) as room:
        await room.env.AI.run(LLAMA, asked, extraHeaders={"authorization": SECRET})
        stream = await room.env.AI.run(LLAMA, {**asked, "stream": True})
        assert b"[DONE]" in await collected(stream)
        codes = [finding.code for finding in room.findings]
        assert codes == ["ai-cassette"]  # of the stream, which was not recorded
    written = (tmp_path / "tests/ai.jsonl").read_text()
    assert SECRET not in written
    assert "[redacted:KEY]" in written
    assert len(written.splitlines()) == 1
    another = {"values": {"KEY": "sk-another-one"}, "secrets": frozenset({"KEY"})}
    async with tape("replay", project=another) as room:  # replays whatever the secret is
        assert await room.env.AI.run(LLAMA, {"prompt": "My key is sk-another-one"})
    assert len(server.requests) == 2


async def test_replaying_needs_no_provider(tape, open_ai, unused_port, server):
    async with tape() as room:
        await room.env.AI.run(LLAMA, ASKED)
    settings = {"cassette": "tests/ai.jsonl", "cassette_mode": "replay"}
    async with open_ai(provider="openai", **settings) as room:  # no key, no network
        assert (await room.env.AI.run(LLAMA, ASKED)).response == ANSWER


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"request": {}}', '{"request": {"model": "m"}, "reply": {"body": 1}}']
)
async def test_a_line_that_is_no_recording(tape, tmp_path, line):
    (tmp_path / "ai.jsonl").write_text(f"\n{line}\n")
    async with tape(cassette="ai.jsonl") as room:
        with pytest.raises(StateError, match="not a recorded answer") as refused:
            await room.env.AI.run(LLAMA, ASKED)
    assert refused.value.where.endswith("ai.jsonl:2")


async def test_a_file_that_cannot_be_used(tape, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for cassette in ("folder", "file/ai.jsonl"):
        async with tape(cassette=cassette) as room:
            with pytest.raises(StateError, match="the cassette cannot be used"):
                await room.env.AI.run(LLAMA, ASKED)


async def test_a_file_that_cannot_be_written(tape, tmp_path):
    async with tape(cassette="new/ai.jsonl") as room:
        (tmp_path / "new").write_text("")
        with pytest.raises(StateError, match="the cassette cannot be used"):
            await room.env.AI.run(LLAMA, ASKED)
