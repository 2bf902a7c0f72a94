"""`aerostack vectorize` and `aerostack ai` (interface §3): the same calls as the bindings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aerostack_dev.cli.access import open_access
from aerostack_dev.cli.project import Place

from .conftest import Cli, at_terminal, invoke

LLAMA = "@cf/meta/llama-3.2-3b-instruct"
SMALL = "@cf/baai/bge-small-en-v1.5"
OLLAMA = """
[ai]
provider = "ollama"
base_url = "http://127.0.0.1:1"

[ai.models]
"my/model" = "mine:7b"
"text-embeddings" = "nomic"
"""
VECTORS = [
    {"id": "a", "values": [1.0, 0.0], "metadata": {"lang": "en"}},
    {"id": "b", "values": [0.0, 1.0], "namespace": "docs"},
    {"id": "c\x1b", "values": [1.0, 1.0]},
]


def fill(root: Path, binding: str, vectors: list[dict]) -> None:
    with open_access(Place(root / "aerostack.toml", None, None)) as access:
        names = [each["id"] for each in access.invoke(binding, "list")["vectors"]]
        access.invoke(binding, "deleteByIds", names)
        access.invoke(binding, "upsert", vectors)


@pytest.fixture
def index(project: Path, cli: Cli) -> Cli:
    """Three vectors of two numbers in VECTORIZE."""
    fill(project, "VECTORIZE", VECTORS)
    return cli


def query(cli: Cli, *arguments: str, **options: bytes) -> list[str]:
    done = cli("vectorize", "query", *arguments, "--json", **options)
    assert done.code == 0, done.err
    assert done.json["count"] == len(done.json["matches"])
    return [each["id"] for each in done.json["matches"]]


def test_what_an_index_is(index: Cli):
    found = index("vectorize", "info", "--json").json
    assert found["vectorCount"] == 3
    assert (found["name"], found["dimensions"], found["metric"]) == ("VECTORIZE", 2, "cosine")
    lines = dict(
        line.split(maxsplit=1) for line in index("vectorize", "info").out.splitlines()[:-1]
    )
    assert lines == {"index": "VECTORIZE", "vectors": "3", "dimensions": "2", "metric": "cosine"}


def test_a_query_by_vector_file_or_id(index: Cli, tmp_path: Path):
    assert query(index, "--vector", "[1, 0]") == ["a", "c\x1b", "b"]
    assert query(index, "--id", "b", "--top-k", "2") == ["b", "c\x1b"]
    file = tmp_path / "vector.json"
    file.write_text("[0, 1]")
    assert query(index, "--file", str(file), "--top-k", "1") == ["b"]
    one = index("vectorize", "get", "a", "--json").raw
    assert query(
        index, "--file", "-", "--top-k", "1", stdin=json.dumps(json.loads(one)[0]).encode()
    ) == ["a"]


def test_the_options_of_a_query(index: Cli):
    assert query(index, "--vector", "[1, 0]", "--namespace", "docs") == ["b"]
    assert query(index, "--vector", "[0, 1]", "--filter", '{"lang": "en"}') == ["a"]
    done = index("vectorize", "query", "--vector", "[1, 0]", "--values", "--top-k", "1", "--json")
    assert done.json["matches"][0]["values"] == [1.0, 0.0]
    assert done.json["matches"][0]["metadata"] == {"lang": "en"}
    bare = index("vectorize", "query", "--vector", "[1, 0]", "--metadata", "none", "--json")
    assert "metadata" not in bare.json["matches"][0]


def test_matches_as_a_table(index: Cli):
    done = index("vectorize", "query", "--vector", "[1, 0]", "--values")
    header, *rows = done.out.splitlines()
    assert header.split() == ["SCORE", "ID", "NAMESPACE", "METADATA", "VALUES"]
    assert rows[0].split() == ["1.000000", "a", '{"lang":', '"en"}', "[1,", "0]"]
    assert rows[1].split()[:2] == ["0.707107", "c\\x1b"]
    nothing = index("vectorize", "query", "--vector", "[1, 0]", "--namespace", "none")
    assert nothing.out == "Nothing matches.\n"


def test_a_query_in_words(project: Path, cli: Cli):
    texts = {"reset": "how to reset your password", "ship": "when does my parcel arrive"}
    vectors = [
        {"id": name, "values": cli("ai", "run", SMALL, text, "--json").json["data"][0]}
        for name, text in texts.items()
    ]
    fill(project, "DOCS", vectors)
    assert query(cli, "--text", "password reset", "--top-k", "1", "-b", "docs") == ["reset"]
    named = query(cli, "--text", "parcel", "--top-k", "1", "-b", "DOCS", "--model", SMALL)
    assert named == ["ship"]


def test_words_that_fit_no_index(index: Cli):
    done = index("vectorize", "query", "--text", "x")
    assert done.code == 1
    assert "no model is known that makes vectors of 2 numbers" in done.err
    wrong = index("vectorize", "query", "--text", "x", "--model", SMALL)
    assert "makes vectors of 384 numbers; those of the index have 2" in wrong.err
    chat = index(
        "vectorize", "query", "--text", "x", "--model", "@cf/huggingface/distilbert-sst-2-int8"
    )
    assert "makes no embeddings" in chat.err
    assert all("\nhint: " in each.err for each in (done, wrong, chat))


def test_get_delete_and_list(index: Cli):
    got = index("vectorize", "get", "b", "a", "--json").json
    assert [(each["id"], each["values"]) for each in got] == [("b", [0.0, 1.0]), ("a", [1.0, 0.0])]
    assert index("vectorize", "get", "b").out.splitlines()[1].split() == ["b", "docs", "[0,", "1]"]
    missing = index("vectorize", "get", "a", "nope")
    assert missing.code == 1
    assert missing.err.startswith("error: nope: there is no vector of this id\n")
    assert "a" in missing.out
    assert index("vectorize", "list", "--json").json == [{"id": "a"}, {"id": "b"}, {"id": "c\x1b"}]
    assert index("vectorize", "list", "--limit", "2").out == "a\nb\n"
    assert index("vectorize", "delete", "a", "nope").out == "Deleted 2 ids from VECTORIZE.\n"
    deleted = index("vectorize", "delete", "b", "c\x1b", "--json").json
    assert deleted == {"ids": ["b", "c\x1b"], "binding": "VECTORIZE"}
    assert index("vectorize", "list").out == "No vectors in VECTORIZE.\n"


def test_more_ids_than_one_call_takes(project: Path, cli: Cli):
    vectors = [{"id": f"v{number:03}", "values": [1.0, number]} for number in range(110)]
    fill(project, "VECTORIZE", vectors)
    ids = [each["id"] for each in vectors]
    assert [each["id"] for each in cli("vectorize", "get", *ids, "--json").json] == ids
    assert cli("vectorize", "delete", *ids).out == "Deleted 110 ids from VECTORIZE.\n"


def test_an_answer_in_text_and_whole(cli: Cli):
    done = cli("ai", "run", LLAMA, "Say hello")
    assert (done.code, "offline provider" in done.out) == (0, True)
    whole = cli("ai", "run", LLAMA, "Say hello", "--json").json
    assert whole["response"] + "\n" == done.out
    assert whole["usage"]["total_tokens"] > 0


def test_an_answer_as_it_comes(cli: Cli):
    whole = cli("ai", "run", LLAMA, "Say hello").out
    streamed = cli("ai", "run", LLAMA, "Say hello", "--stream")
    assert streamed.out == whole
    lines = cli("ai", "run", LLAMA, "Say hello", "--stream", "--json").out.splitlines()
    said = "".join(json.loads(line).get("response") or "" for line in lines)
    assert (said + "\n", len(lines) > 5) == (whole, True)


def test_inputs_in_json(cli: Cli, tmp_path: Path):
    inputs = {"messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 3}
    file = tmp_path / "inputs.json"
    file.write_text(json.dumps(inputs))
    short = cli("ai", "run", LLAMA, "--input", str(file)).out
    assert short == cli("ai", "run", LLAMA, "--json-inputs", json.dumps(inputs)).out
    assert short == cli("ai", "run", LLAMA, "--input", "-", stdin=file.read_bytes()).out
    assert short == cli("ai", "run", LLAMA, "Say hello", "--json-inputs", '{"max_tokens": 3}').out
    assert len(short.split()) < 5


@pytest.mark.parametrize(
    ("model", "words", "found"),
    [
        (SMALL, "some words", lambda body: body["shape"] == [1, 384]),
        ("@cf/facebook/bart-large-cnn", "One. Two. Three.", lambda body: body["summary"]),
        ("@cf/huggingface/distilbert-sst-2-int8", "lovely", lambda body: len(body) == 2),
    ],
)
def test_words_go_where_the_model_takes_them(cli: Cli, model: str, words: str, found):
    assert found(cli("ai", "run", model, words, "--json").json)


def test_what_is_not_text_is_json_too(cli: Cli):
    assert cli("ai", "run", SMALL, "x").json["shape"] == [1, 384]


def test_models_and_who_answers(cli: Cli):
    found = cli("ai", "models", "--json").json
    assert found[0] == {
        "model": LLAMA, "task": "text-generation", "provider": "offline", "as": "",
        "configured": True,
    }  # fmt: skip
    by_name = {each["model"]: each for each in found}
    assert by_name["@cf/openai/whisper"]["provider"] is None
    assert len(by_name) == len(found) > 50
    header, first, *_ = cli("ai", "models").out.splitlines()
    assert header.split() == ["MODEL", "TASK", "PROVIDER", "ANSWERS", "AS"]
    assert first.split() == ["*", LLAMA, "text-generation", "offline"]
    few = cli("ai", "models", "--task", "text-embeddings", "--search", "BGE-S", "--json").json
    assert [each["model"] for each in few] == [SMALL]
    assert cli("ai", "models", "--search", "nothing").out == "No such models.\n"


def test_what_providers_call_the_models(here):
    here({"aerostack.toml": OLLAMA})
    found = {each["model"]: each for each in invoke("ai", "models", "--json").json}
    assert (found["my/model"]["provider"], found["my/model"]["as"]) == ("ollama", "mine:7b")
    assert (found[SMALL]["as"], found[SMALL]["configured"]) == ("nomic", True)
    assert found["@cf/meta/llama-3.1-8b-instruct"]["as"] == "llama3.1:8b"
    assert found["@cf/leonardo/phoenix-1.0"]["provider"] is None


def test_bytes_go_to_a_file(here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from aerostack_dev.bindings.ai.media import Media
    from aerostack_dev.bindings.ai.outcomes import Made
    from aerostack_dev.bindings.ai.providers.offline import Offline

    async def painted(_: Offline, call: object) -> Made:
        return Made(Media(b"\xff\xd8picture", "image/jpeg"))

    root = here()
    monkeypatch.setattr(Offline, "offers", lambda *_: True)
    monkeypatch.setattr(Offline, "answer", painted)
    monkeypatch.setattr("aerostack_dev.cli.output.terminal", lambda: False)
    picture = ("ai", "run", "@cf/leonardo/phoenix-1.0", "a fox")
    assert invoke(*picture).raw == b"\xff\xd8picture"
    assert "Wrote 9 B (image/jpeg) to fox.jpg." in invoke(*picture, "--output", "fox.jpg").err
    assert (root / "fox.jpg").read_bytes() == b"\xff\xd8picture"
    said = invoke(*picture, "-o", "fox.jpg", "--json").json
    assert said == {"file": "fox.jpg", "contentType": "image/jpeg", "size": 9}
    monkeypatch.setattr("aerostack_dev.cli.output.terminal", lambda: True)
    refused = invoke(*picture)
    assert (refused.code, refused.raw) == (1, b"")
    assert "the answer is image/jpeg, which is not text" in refused.err


def test_help_at_a_narrow_terminal_is_whole(tmp_path: Path):
    code, shown = at_terminal(["vectorize", "--help"], tmp_path)
    assert code == 0
    assert "Find the vectors most like a text or vector." in shown
