"""What can go wrong with a data command: one line and a hint, exit 1, nothing half-done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aerostack_dev.bindings.state import open_state
from tests.support.server import write_project

from .conftest import FILES, Cli, Done, invoke
from .test_access import leave_access

NOT_JSON = "not json"

CASES: dict[str, tuple[tuple[str, ...], str, str]] = {
    # Bindings and names that do not exist: with those that do.
    "db execute": (
        ("db", "execute", "X", "--command", "SELECT 1"),
        "Couldn't find a D1 DB with the name or binding 'X'",
        "there are: DB (shop-db)",
    ),
    "db shell": (
        ("db", "shell", "X"),
        "Couldn't find a D1 DB with the name or binding 'X'",
        "there are: DB (shop-db)",
    ),
    "db info": (("db", "info", "X"), "Couldn't find a D1 DB", "there are: DB (shop-db)"),
    "db export": (("db", "export", "X"), "Couldn't find a D1 DB", "there are: DB (shop-db)"),
    "db import": (
        ("db", "import", "X", "none.sql"),
        "Couldn't find a D1 DB",
        "there are: DB (shop-db)",
    ),
    "db migrate list": (
        ("db", "migrate", "list", "X"),
        "Couldn't find a D1 DB",
        "there are: DB (shop-db)",
    ),
    "db migrate apply": (
        ("db", "migrate", "apply", "X"),
        "Couldn't find a D1 DB",
        "there are: DB (shop-db)",
    ),
    "db migrate create": (
        ("db", "migrate", "create", "X", "m"),
        "Couldn't find a D1 DB",
        "there are: DB (shop-db)",
    ),
    "cache get": (
        ("cache", "get", "k", "-b", "X"),
        'No KV namespace with binding "X"',
        "there are: CACHE",
    ),
    "cache put": (("cache", "put", "k", "v", "-b", "X"), "No KV namespace", "there are: CACHE"),
    "cache delete": (("cache", "delete", "k", "-b", "X"), "No KV namespace", "there are: CACHE"),
    "cache list": (("cache", "list", "-b", "X"), "No KV namespace", "there are: CACHE"),
    "storage get": (
        ("storage", "get", "k", "-b", "X"),
        'No R2 bucket with binding "X"',
        "there are: STORAGE",
    ),
    "storage put": (
        ("storage", "put", "k", "-f", "-", "-b", "X"),
        "No R2 bucket",
        "there are: STORAGE",
    ),
    "storage head": (("storage", "head", "k", "-b", "X"), "No R2 bucket", "there are: STORAGE"),
    "storage delete": (("storage", "delete", "k", "-b", "X"), "No R2 bucket", "there are: STORAGE"),
    "storage list": (("storage", "list", "-b", "X"), "No R2 bucket", "there are: STORAGE"),
    "vectorize info": (
        ("vectorize", "info", "-b", "X"),
        'No index with binding "X"',
        "there are: VECTORIZE, DOCS (docs)",
    ),
    "vectorize query": (
        ("vectorize", "query", "--id", "a", "-b", "X"),
        "No index",
        "there are: VECTORIZE",
    ),
    "vectorize get": (("vectorize", "get", "a", "-b", "X"), "No index", "there are: VECTORIZE"),
    "vectorize delete": (
        ("vectorize", "delete", "a", "-b", "X"),
        "No index",
        "there are: VECTORIZE",
    ),
    "vectorize list": (("vectorize", "list", "-b", "X"), "No index", "there are: VECTORIZE"),
    "ai run": (("ai", "run", "m", "x", "-b", "X"), 'No AI with binding "X"', "there are: AI"),
    "ai models": (("ai", "models", "-b", "X"), 'No AI with binding "X"', "there are: AI"),
    "ai models --task": (("ai", "models", "--task", "X"), "there is no task 'X'", "there are: "),
    "ai run of no model": (
        ("ai", "run", "X", "x"),
        "5007: No such model X or task",
        "lists the models",
    ),
    "queue peek": (("queue", "peek", "X"), "there is no queue 'X'", "there are: default, orders"),
    "queue send": (("queue", "send", "X", "1"), "there is no queue 'X'", "there are: default"),
    "queue purge": (
        ("queue", "purge", "X", "--yes"),
        "there is no queue 'X'",
        "there are: default",
    ),
    "queue redrive": (("queue", "redrive", "X"), "there is no queue 'X'", "there are: default"),
    # Files that are not there.
    "db execute --file": (
        ("db", "execute", "--file", "none"),
        'Unable to read SQL text file "none"',
        "No such file",
    ),
    "db import of nothing": (
        ("db", "import", "none"),
        'Unable to read SQL text file "none"',
        "No such file",
    ),
    "cache put --path": (
        ("cache", "put", "k", "--path", "none"),
        "none: the file cannot be read",
        "check the path",
    ),
    "cache import": (
        ("cache", "import", "none"),
        "none: the file cannot be read",
        "check the path",
    ),
    "storage put --file": (
        ("storage", "put", "k", "-f", "none"),
        "none: the file cannot be read",
        "check the path",
    ),
    "vectorize query --file": (
        ("vectorize", "query", "--file", "none"),
        "none: the file cannot be read",
        "check the path",
    ),
    "ai run --input": (
        ("ai", "run", "m", "--input", "none"),
        "none: the file cannot be read",
        "check the path",
    ),
    # Files that cannot be written.
    "db export --output": (
        ("db", "export", "-o", "no/x"),
        "no/x: the file cannot be written",
        "check the folder",
    ),
    # JSON that is none.
    "queue send of no JSON": (
        ("queue", "send", "default", NOT_JSON),
        "the body is not JSON",
        "quote it",
    ),
    "cache put --metadata": (
        ("cache", "put", "k", "v", "--metadata", NOT_JSON),
        "--metadata must be valid JSON",
        "quote it",
    ),
    "vectorize query --vector": (
        ("vectorize", "query", "--vector", NOT_JSON),
        "--vector: this is not JSON",
        "quote it",
    ),
    "vectorize query of an object": (
        ("vectorize", "query", "--vector", "{}"),
        "a vector is a JSON array of numbers",
        "for instance",
    ),
    "vectorize query --filter": (
        ("vectorize", "query", "--id", "a", "--filter", NOT_JSON),
        "--filter: this is not JSON",
        "quote it",
    ),
    "ai run --json-inputs": (
        ("ai", "run", "m", "--json-inputs", NOT_JSON),
        "--json-inputs: this is not JSON",
        "quote it",
    ),
    "ai run of a list": (
        ("ai", "run", "m", "--json-inputs", "[]"),
        "the inputs of a model are a JSON object",
        "for instance",
    ),
    # What is not there.
    "cache get of nothing": (
        ("cache", "get", "nothing"),
        "nothing: Value not found",
        "`aerostack cache list`",
    ),
    "storage get of nothing": (
        ("storage", "get", "nothing"),
        "nothing: there is no object of this key",
        "`aerostack storage list`",
    ),
    "storage head of nothing": (
        ("storage", "head", "nothing"),
        "nothing: there is no object of this key",
        "`aerostack storage list`",
    ),
    "vectorize get of nothing": (
        ("vectorize", "get", "nothing"),
        "nothing: there is no vector of this id",
        "`aerostack vectorize list`",
    ),
}
"""Name -> a command, what it says, what it advises."""

DATA = [
    ("db", "execute", "--command", "SELECT 1"), ("db", "info"), ("db", "export"), ("db", "shell"),
    ("db", "import", "-"), ("db", "migrate", "list"), ("db", "migrate", "apply", "--yes"),
    ("cache", "list"), ("cache", "put", "k", "v"), ("storage", "list"), ("storage", "get", "k"),
    ("queue", "list"), ("queue", "send", "default", "1"), ("vectorize", "info"),
    ("vectorize", "query", "--vector", "[1]"), ("vectorize", "list"), ("ai", "models"),
]  # fmt: skip
"""One of every kind that opens the state."""


def said(done: Done, message: str, hint: str) -> None:
    """One line and a hint, and exit 1."""
    assert (done.code, done.raw) == (1, b""), done
    first, second = done.err.splitlines()
    assert first.startswith("error: ") and message in first
    assert second.startswith("hint: ") and hint in second


@pytest.mark.parametrize("name", CASES)
def test_one_line_and_a_hint(cli: Cli, name: str):
    arguments, message, hint = CASES[name]
    said(cli(*arguments), message, hint)


@pytest.mark.parametrize("command", DATA, ids=" ".join)
def test_a_state_that_another_program_holds(here, command: tuple[str, ...]):
    root = here(FILES)
    with open_state(root / ".aerostack/state", "a test"):
        done = invoke(*command, stdin=b"SELECT 1;")
    said(done, f"the state is in use by a test (process {os.getpid()})", "stop that process")


@pytest.mark.parametrize("command", DATA, ids=" ".join)
def test_a_server_that_died_and_left_its_address(here, command: tuple[str, ...]):
    root = here(FILES)
    (root / "migrations").mkdir()
    leave_access(root)
    done = invoke(*command, stdin=b"SELECT 1;")
    if command == ("storage", "get", "k"):
        said(done, "there is no object of this key", "`aerostack storage list`")
    else:
        assert (done.code, done.err) == (0, "")


@pytest.fixture
def folder(project: Path, cli: Cli) -> Callable[[dict[str, str]], None]:
    """Write the project's migrations, and forget those that were applied."""

    def write(files: dict[str, str]) -> None:
        for old in (project / "migrations").glob("*.sql"):
            old.unlink()
        write_project(project / "migrations", files)
        tables = ("d1_migrations", "one", "two", "three")
        sql = "; ".join(f"DROP TABLE IF EXISTS {name}" for name in tables)
        assert cli("db", "execute", "--command", sql).code == 0

    return write


def test_a_migration_that_fails_half_way(cli: Cli, folder):
    folder(
        {
            "0001_one.sql": "CREATE TABLE one (x);",
            "0002_two.sql": "CREATE TABLE two (x);\nINSERT INTO two VALUES (1);"
            "\nINSERT INTO nope VALUES (1);",
            "0003_three.sql": "CREATE TABLE three (x);",
        }
    )  # fmt: skip
    done = cli("db", "migrate", "apply", "--yes")
    assert done.code == 1
    assert [line[2:] for line in done.out.splitlines()] == ["0001_one.sql", "0002_two.sql"]
    assert "no such table: nope" in done.err and "Traceback" not in done.err
    tables = {each["name"] for each in cli("db", "info", "--json").json["tables"]}
    assert "one" in tables and not tables & {"two", "three"}
    left = [each["name"] for each in cli("db", "migrate", "list", "--json").json]
    assert left == ["0002_two.sql", "0003_three.sql"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("storage", "get", "big", "--file", "big.bin"),
        ("db", "export", "--output", "dump.sql"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_interrupted_download_leaves_what_was_there(
    here, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
):
    root = here(FILES)
    (root / "source").write_bytes(b"x" * 1000)
    assert invoke("storage", "put", "big", "--file", "source").code == 0
    target = root / arguments[-1]
    target.write_text("precious")
    before = sorted(root.iterdir())

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aerostack_dev.cli.storage.transfer._piece", interrupted)
    monkeypatch.setattr("aerostack_dev.cli.choice.Chosen.stream", interrupted)
    assert invoke(*arguments).code == 130
    assert target.read_text() == "precious"
    assert sorted(root.iterdir()) == before
