"""The provider `local` with fastembed itself, over a small ONNX model made on the spot."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from aerostack_dev.bindings.ai import KIND, Ai
from aerostack_dev.bindings.ai.failures import InferenceUpstreamError
from tests.support.rooms import open_room

BGE = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "sea", "blue", "bread", "brown"]
WIDTH = 384


def write_tokenizer(folder: Path) -> None:
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
    }
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64, **special}))
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0}))


def save(folder: Path, file: str, nodes, weights, output) -> None:
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    graph = helper.make_graph(nodes, "small", ids, [output], weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.checker.check_model(model)
    (folder / file).parent.mkdir(exist_ok=True)
    onnx.save(model, folder / file)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each token's state is the mean of the word vectors of its sentence."""
    folder = tmp_path_factory.mktemp("embedder")
    write_tokenizer(folder)
    table = np.random.default_rng(1).normal(size=(len(WORDS), WIDTH)).astype(np.float32)
    table[:4] = 0
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("ReduceMean", ["words"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["words", "none"], ["nothing"]),
        helper.make_node("Add", ["nothing", "mean"], ["last_hidden_state"]),
    ]
    weights = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.zeros(1, np.float32), "none"),
    ]
    shape = ["batch", "length", WIDTH]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)
    save(folder, "model_optimized.onnx", nodes, weights, output)
    return folder


@pytest.fixture(scope="module")
def ranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logit of a pair is the sum of its words' numbers: `blue` counts 2, `bread` -5."""
    folder = tmp_path_factory.mktemp("ranker")
    write_tokenizer(folder)
    table = np.zeros((len(WORDS), 1), np.float32)
    table[WORDS.index("blue")], table[WORDS.index("bread")] = 2, -5
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("ReduceSum", ["words", "axes"], ["logits"], keepdims=0),
    ]
    weights = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([1], np.int64), "axes"),
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])
    save(folder, "onnx/model.onnx", nodes, weights, output)
    return folder


async def test_embeddings(embedder, tmp_path):
    settings = Ai(provider="local", models={BGE: str(embedder)})
    async with open_room(tmp_path, KIND, settings) as room:
        texts = ["sea blue", "blue sea", "bread brown"]
        result = await room.env.AI.run(BGE, {"text": texts})
        assert (result.shape, result.pooling) == ([3, WIDTH], "cls")
        sea, again, bread = result.data
        assert math.isclose(sum(number * number for number in sea), 1, rel_tol=1e-4)
        assert sum(a * b for a, b in zip(sea, again, strict=True)) > 0.99
        assert sum(a * b for a, b in zip(sea, bread, strict=True)) < 0.5
        assert [finding.code for finding in room.findings] == []


async def test_ranking(ranker, tmp_path):
    settings = Ai(provider="local", models={RERANKER: str(ranker)})
    async with open_room(tmp_path, KIND, settings) as room:
        contexts = [{"text": "bread"}, {"text": "blue"}, {"text": "brown"}]
        result = await room.env.AI.run(RERANKER, {"query": "sea", "contexts": contexts})
        assert [entry.id for entry in result.response] == [1, 2, 0]
        logistic = [1 / (1 + math.exp(-logit)) for logit in (2, 0, -5)]
        assert [entry.score for entry in result.response] == pytest.approx(logistic, abs=1e-4)


async def test_a_folder_without_a_model(tmp_path):
    (tmp_path / "empty").mkdir()
    settings = Ai(provider="local", models={BGE: "empty"})
    async with open_room(tmp_path, KIND, settings) as room:
        with pytest.raises(InferenceUpstreamError, match=r"local: .* cannot be loaded"):
            await room.env.AI.run(BGE, {"text": "sea"})


async def test_auto_prefers_it_to_offline(embedder, tmp_path):
    settings = Ai(base_url="http://127.0.0.1:9/v1", models={BGE: str(embedder)})
    async with open_room(tmp_path, KIND, settings) as room:
        assert (await room.env.AI.run(BGE, {"text": "sea"})).pooling == "cls"
        assert room.findings == []
