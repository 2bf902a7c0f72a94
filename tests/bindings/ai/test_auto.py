"""The provider `auto`: what there is on this machine (interface.md §2)."""

from __future__ import annotations

import asyncio

import pytest

from aerostack_dev.bindings.ai.failures import AiError
from aerostack_dev.bindings.ai.providers import auto, local
from aerostack_dev.clock import stopwatch

from .conftest import BGE, LLAMA
from .openai_server import ANSWER

SAID = {"prompt": "The sea is blue. What is the sea?"}


@pytest.fixture(autouse=True)
def no_local_models(monkeypatch):
    """As without the extra `models`, whatever is installed here."""
    monkeypatch.setattr(local, "installed", lambda: False)


async def test_without_a_server_it_is_offline(open_ai, unused_port):
    async with open_ai(base_url=f"http://127.0.0.1:{unused_port}/v1") as room:
        assert (await room.env.AI.run(LLAMA, SAID)).response == "The sea is blue."
        assert [finding.code for finding in room.findings] == ["ai-offline"]
        with pytest.raises(AiError, match="the provider offline cannot do Text-to-Image"):
            await room.env.AI.run("@cf/black-forest-labs/flux-1-schnell", {"prompt": "a cat"})


async def test_a_server_that_answers_is_asked(open_ai, server):
    async with open_ai(base_url=f"{server.url}/v1", api_key="$NOT_SET") as room:
        assert (await room.env.AI.run(LLAMA, SAID)).response == ANSWER
        assert "authorization" not in server.last["headers"]
        assert room.findings == []
        # A server has no name for this model, unless the project gives one.
        assert (await room.env.AI.run(BGE, {"text": "a"})).shape == [1, 768]
        assert server.last["path"] == "/v1/chat/completions"
    async with open_ai(base_url=f"{server.url}/v1", models={BGE: "bge"}) as room:
        await room.env.AI.run(BGE, {"text": "a"})
        assert server.last["path"] == "/v1/embeddings"


async def test_a_port_that_is_open_but_silent_costs_a_fifth_of_a_second(open_ai):
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        started = stopwatch()
        assert not await auto.answers(f"http://127.0.0.1:{port}/v1")
        assert 0.15 < stopwatch() - started < 2
        await gone.wait()


async def test_what_is_elsewhere_is_taken_at_the_authors_word(unused_port):
    assert await auto.answers("https://models.example.org/v1")
    assert not await auto.answers(f"https://127.0.0.1:{unused_port}")


async def test_a_tls_port_is_only_knocked_at(server):
    assert await auto.answers(server.url.replace("http", "https"))


async def test_the_search_happens_once_and_at_the_first_call(open_ai, monkeypatch):
    asked = []

    async def answers(url: str) -> bool:
        asked.append(url)
        return False

    monkeypatch.setattr(auto, "answers", answers)
    async with open_ai() as room:
        assert asked == []
        await room.env.AI.run(LLAMA, SAID)
        await room.env.AI.run(LLAMA, SAID)
        assert asked == ["http://127.0.0.1:11434/v1"]


async def test_local_models_come_before_offline(open_ai, monkeypatch, unused_port):
    monkeypatch.setattr(local, "installed", lambda: True)
    async with open_ai(base_url=f"http://127.0.0.1:{unused_port}/v1") as room:
        provider = await room.backend.provider(room.services.project.sections["ai"][0])
        assert [each.name for each in provider._providers] == ["local", "offline"]
        assert (await room.env.AI.run(LLAMA, SAID)).response == "The sea is blue."
