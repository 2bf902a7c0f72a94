"""`aerostack state`: the same beside a running server and without one."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from aerostack_dev.bindings.state import open_state
from tests.cli.conftest import Cli, at_terminal, invoke
from tests.support.server import aerostack, serving

VALUE = ("cache", "get", "word")


def put(cli: Cli, word: str) -> None:
    assert cli("cache", "put", "word", word).code == 0


def test_snapshot_and_restore(cli: Cli):
    put(cli, "one")
    cli("queue", "send", "orders", '"job"')
    made = cli("state", "snapshot", "first")
    assert made.code == 0, made.err
    assert made.out.startswith("Made the snapshot first: ")
    assert "; writes waited " in made.out
    put(cli, "two")
    cli("queue", "purge", "orders", "--yes")
    done = cli("state", "restore", "first", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Restored the snapshot first in ")
    assert cli(*VALUE).out == "one"
    assert [each["body"] for each in cli("queue", "peek", "orders", "--json").json] == ["job"]


def test_results_for_programs(cli: Cli):
    put(cli, "one")
    made = cli("state", "snapshot", "programs", "--json").json
    assert set(made) == {"name", "created", "bytes", "files", "pausedMs", "durationMs"}
    assert made["name"] == "programs"
    assert made["bytes"] > 4096
    assert made["files"] >= 1
    assert made["pausedMs"] <= made["durationMs"]
    listed = {each["name"]: each for each in cli("state", "list", "--json").json}
    age = listed["programs"].pop("ageMs")
    assert 0 <= age < 60_000
    assert listed["programs"] == {
        name: value for name, value in made.items() if name != "durationMs"
    }
    assert datetime.datetime.fromisoformat(made["created"]).tzinfo is datetime.UTC
    assert "\nprograms " in cli("state", "list").out
    assert cli("state", "restore", "programs", "--yes", "--json").json["name"] == "programs"
    assert cli("state", "delete", "programs", "--json").json == {"name": "programs"}
    assert cli("state", "reset", "--yes", "--json").json["seeded"] == []


def test_reset_empties_and_keeps_snapshots(cli: Cli):
    put(cli, "one")
    cli("state", "snapshot", "full")
    done = cli("state", "reset", "--yes")
    assert done.code == 0
    assert done.out.startswith("Emptied the state in ")
    assert cli(*VALUE).code == 1
    assert cli("state", "restore", "full", "--yes").code == 0
    assert cli(*VALUE).out == "one"
    assert cli("state", "delete", "full").out == "Removed the snapshot full.\n"


def test_the_path(cli: Cli, project: Path):
    assert cli("state", "path").out == f"{project}/.aerostack/state\n"
    assert cli("state", "path", "--json").json == {"path": f"{project}/.aerostack/state"}


@pytest.mark.parametrize("command", [["reset"], ["restore", "asked"]])
def test_nothing_is_deleted_unasked(cli: Cli, command: list[str]):
    put(cli, "one")
    cli("state", "snapshot", "asked")
    put(cli, "two")
    refused = cli("state", *command)
    assert refused.code == 1
    assert refused.err == (
        "error: this deletes what the state holds, and nobody is here to be asked\n"
        "hint: give it --yes if that is meant\n"
    )
    assert cli(*VALUE).out == "two"
    cli("state", "delete", "asked")


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        (["restore", "nope", "--yes"], "there is no snapshot 'nope'", "there are: "),
        (["restore", "nope"], "there is no snapshot 'nope'", "there are: "),
        (["delete", "nope"], "there is no snapshot 'nope'", "there are: "),
        (["snapshot", "../x"], "'../x' cannot name a snapshot", "use letters, digits"),
        (["snapshot", ""], "'' cannot name a snapshot", "use letters, digits"),
        (["restore", "/etc", "--yes"], "'/etc' cannot name a snapshot", "use letters, digits"),
        (["delete", ".."], "'..' cannot name a snapshot", "use letters, digits"),
    ],
)
def test_bad_input(cli: Cli, command: list[str], message: str, hint: str):
    failed = cli("state", *command)
    assert failed.code == 1
    assert failed.err.splitlines()[0] == f"error: {message}"
    assert failed.err.splitlines()[1].startswith(f"hint: {hint}")
    assert len(failed.err.splitlines()) == 2


def test_a_name_that_is_taken(cli: Cli):
    put(cli, "one")
    assert cli("state", "snapshot", "taken").code == 0
    failed = cli("state", "snapshot", "taken")
    assert failed.code == 1
    assert failed.err == (
        "error: there is a snapshot 'taken' already\n"
        "hint: choose another name, or remove it with `aerostack state delete taken`\n"
    )
    cli("state", "delete", "taken")


def test_without_snapshots(here):
    here()
    assert invoke("state", "list").out == (
        "There are no snapshots: make one with `aerostack state snapshot NAME`.\n"
    )
    assert invoke("state", "list", "--json").json == []
    made = invoke("state", "snapshot", "empty", "--json").json
    assert (made["files"], made["bytes"]) == (0, 0)


def test_a_state_that_another_process_holds(here):
    root = here()
    with open_state(root / ".aerostack" / "state", "`aerostack db shell`"):
        for command in (["snapshot", "x"], ["reset", "--yes"]):
            failed = invoke("state", *command)
            assert failed.code == 1
            assert failed.err.splitlines() == [
                f"error: {root}/.aerostack/state: the state is in use by `aerostack db shell` "
                f"(process {os.getpid()})",
                "hint: stop that process, or use another folder with --persist-to",
            ]


def test_a_person_is_asked(here):
    root = here()
    invoke("cache", "put", "word", "one")
    code, shown = at_terminal(["state", "reset"], root, b"n\n")
    assert code == 130
    assert "Delete the state of every binding: databases, caches, queues, objects" in shown
    assert invoke(*VALUE).out == "one"
    code, shown = at_terminal(["state", "reset"], root, b"y\n")
    assert code == 0
    assert "Emptied the state in " in shown
    assert invoke(*VALUE).code == 1


SEEDED = {
    "aerostack.toml": '[dev]\nseed = ["seed.sql", "seed.py"]\n',
    "migrations/0001_words.sql": "CREATE TABLE words (word TEXT);",
    "seed.sql": "INSERT INTO words VALUES ('one');",
    "seed.py": "async def seed(env):\n    await env.CACHE.put('word', 'seeded')\n",
    "src/index.py": """
from workers import Response

async def fetch(request, env):
    await env.DB.prepare("INSERT INTO words VALUES ('more')").run()
    count = await env.DB.prepare("SELECT count(*) FROM words").first("count(*)")
    return Response(f"{count} {await env.CACHE.get('word')}")
""",
}


def test_a_server_seeds_an_empty_state_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with serving(tmp_path, SEEDED) as server:
        assert "Seeded the empty state: 0001_words.sql, seed.sql, seed.py\n" in server.output
        assert server.get("/").text == "2 seeded"
        assert invoke("state", "snapshot", "two").code == 0
        assert server.get("/").text == "3 seeded"
        done = invoke("state", "reset", "--yes")
        assert done.out.splitlines()[1] == "Applied 0001_words.sql, seed.sql, seed.py."
        assert server.get("/").text == "2 seeded"
        server.until("The state was emptied and seeded: 0001_words.sql, seed.sql, seed.py\n")
        server.save("seed.sql", "INSERT INTO nowhere VALUES (1);")
        failed = invoke("state", "reset", "--yes")
        assert failed.code == 1
        assert failed.err.splitlines() == [
            f"error: {tmp_path}/seed.sql: the seed failed: no such table: nowhere: SQLITE_ERROR",
            "hint: nothing of it was kept; correct it and start again",
        ]
        assert invoke("cache", "get", "word").code == 1  # empty, and the server is well
        assert invoke("state", "restore", "two", "--yes").code == 0
        assert server.get("/").text == "3 seeded"
        server.until("The state is that of the snapshot two now\n")
    failed_start = aerostack("dev", "--ephemeral", "--port", "0", cwd=tmp_path)
    assert failed_start.returncode == 1
    assert failed_start.stderr.splitlines() == failed.err.splitlines()
    with serving(tmp_path, None, "--seed", "seed.py") as server:  # not empty: said, not done
        assert "the state is not empty: it was not seeded" in server.output
        assert server.get("/").text == "4 seeded"
