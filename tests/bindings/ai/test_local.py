"""The provider `local`: what it asks of fastembed, whose place a small module takes here.

The library itself is tested by `scripts/test-providers`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import ClassVar

import pytest

from aerostack_dev.bindings.ai.failures import InferenceUpstreamError
from aerostack_dev.bindings.ai.providers import local
from aerostack_dev.errors import ConfigError

from .conftest import BGE, LLAMA

RERANKER = "@cf/baai/bge-reranker-base"


class Embedding:
    loaded: ClassVar[list[tuple[str, dict]]] = []

    def __init__(self, name: str, **options) -> None:
        if name == "unheard-of":
            raise ValueError("Model unheard-of is not supported")
        self.loaded.append((name, options))

    def embed(self, texts):
        for text in texts:
            if text == "burst":
                raise MemoryError("out of memory")
            yield [float(len(text)), 0.5]


class CrossEncoder(Embedding):
    def rerank(self, query, documents):
        return (float(len(document)) - 3 for document in documents)


@pytest.fixture
def fastembed(monkeypatch):
    """A stand-in for the library; its list of what was loaded."""
    library, rerank, encoder = (ModuleType(f"fastembed{part}") for part in ("", ".r", ".c"))
    library.TextEmbedding, encoder.TextCrossEncoder = Embedding, CrossEncoder
    monkeypatch.setitem(sys.modules, "fastembed", library)
    monkeypatch.setitem(sys.modules, "fastembed.rerank", rerank)
    monkeypatch.setitem(sys.modules, "fastembed.rerank.cross_encoder", encoder)
    monkeypatch.setattr(local, "installed", lambda: True)
    monkeypatch.setattr(Embedding, "loaded", [])
    return Embedding.loaded


async def test_a_model_is_loaded_once_and_says_so(open_ai, fastembed):
    project = {"environ": {"FASTEMBED_CACHE_PATH": "/models"}}
    async with open_ai(provider="local", project=project) as room:
        assert fastembed == []
        for _ in range(2):
            result = await room.env.AI.run(BGE, {"text": ["a", "bcd"]})
        assert result.data == [[1.0, 0.5], [3.0, 0.5]]
        assert result.pooling == "cls"
        assert fastembed == [("BAAI/bge-base-en-v1.5", {"cache_dir": "/models"})]
        assert [finding.message for finding in room.findings] == [
            "loading BAAI/bge-base-en-v1.5 (its first use on this machine downloads it)",
            "BAAI/bge-base-en-v1.5 is loaded",
        ]


async def test_scores_are_between_0_and_1(open_ai, fastembed):
    async with open_ai(provider="local") as room:
        contexts = [{"text": "a"}, {"text": "abcdefgh"}]
        result = await room.env.AI.run(RERANKER, {"query": "x", "contexts": contexts})
        assert [entry.id for entry in result.response] == [1, 0]
        assert result.response[0].score == pytest.approx(0.99331, abs=1e-5)


async def test_a_folder_holds_a_model_of_the_projects_own(open_ai, fastembed, tmp_path):
    (tmp_path / "bge").mkdir()
    async with open_ai(provider="local", models={BGE: "bge", "mine": "own-name"}) as room:
        await room.env.AI.run(BGE, {"text": "a"})
        assert fastembed[0][0] == "BAAI/bge-base-en-v1.5"
        assert fastembed[0][1]["specific_model_path"] == str(tmp_path / "bge")
        assert room.findings == []
        await room.env.AI.run("mine", {"text": "a"})
        assert fastembed[1][0] == "own-name"


async def test_what_goes_wrong(open_ai, fastembed):
    async with open_ai(provider="local", models={"mine": "unheard-of"}) as room:
        for _ in range(2):  # it is tried again
            with pytest.raises(InferenceUpstreamError, match="local: unheard-of cannot be loaded"):
                await room.env.AI.run("mine", {"text": "a"})
        with pytest.raises(InferenceUpstreamError, match="local: the model failed: out of memory"):
            await room.env.AI.run(BGE, {"text": "burst"})
        with pytest.raises(InferenceUpstreamError, match="local cannot do Text Generation"):
            await room.env.AI.run(LLAMA, {"prompt": "hi"})
        with pytest.raises(InferenceUpstreamError, match="local cannot do Text Embeddings"):
            await room.env.AI.run("@cf/baai/bge-m3", {"text": "a"})  # fastembed has none


async def test_without_the_extra(open_ai, monkeypatch):
    monkeypatch.setattr(local, "installed", lambda: False)
    async with open_ai(provider="local") as room:
        with pytest.raises(ConfigError, match="needs fastembed") as refused:
            await room.env.AI.run(BGE, {"text": "a"})
        assert "aerostack-dev[models]" in refused.value.hint


def test_whether_it_is_installed_is_only_looked_up():
    assert local.installed() in (True, False)
    assert "fastembed" not in sys.modules
