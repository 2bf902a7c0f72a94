"""`aerostack queue` (interface §3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Cli, invoke


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test leaves the queues empty behind."""
    if "project" not in request.fixturenames:
        yield
        return
    config = str(request.getfixturevalue("project") / "aerostack.toml")
    yield
    for name in ("default", "orders-dlq"):
        assert invoke("queue", "purge", name, "--config", config).code == 0


def test_a_message_is_sent_seen_and_purged(process: Cli):
    sent = process("queue", "send", "default", '{"type": "email"}', "--json").json
    assert sent["queue"] == "default"
    listed = {each["queue"]: each for each in process("queue", "list", "--json").json}
    assert listed["default"] == {
        "queue": "default", "ready": 1, "delayed": 0, "inFlight": 0,
        "consumer": False, "deadLetterQueue": None,
    }  # fmt: skip
    assert listed["orders"]["deadLetterQueue"] == "orders-dlq"
    (message,) = process("queue", "peek", "default", "--json").json
    assert set(message) == {"id", "body", "contentType", "attempts", "timestamp", "dueAt"}
    assert message["id"] == sent["id"]
    assert message["body"] == {"type": "email"}
    purged = process("queue", "purge", "default", "--json").json
    assert purged == {"queue": "default", "purged": 1}


def test_a_person_sees_tables(cli: Cli):
    assert cli("queue", "send", "default", "plain words", "--content-type", "text").code == 0
    assert (
        cli("queue", "send", "default", "-", "--content-type", "bytes", stdin=b"\xff\x00").code == 0
    )
    sent = cli("queue", "send", "default", "[1]", "--delay", "60")
    assert sent.out.endswith(" to default, due in 60 s.\n")
    header, *rows = cli("queue", "peek", "default").out.splitlines()
    assert header.split() == ["ID", "TYPE", "ATTEMPTS", "SENT", "DUE", "BODY"]
    assert [row.split("Z  ")[-1] for row in rows] == ["plain words", "2 bytes: ff00", "[1]"]
    listed = cli("queue", "list").out.splitlines()
    assert listed[0].split("  ")[0] == "QUEUE"
    assert listed[1].split() == ["default", "2", "1", "0", "no"]
    assert listed[2].split()[-2:] == ["yes", "orders-dlq"]
    assert len(cli("queue", "peek", "default", "--limit", "1", "--json").json) == 1
    assert cli("queue", "purge", "default").out == "Deleted 3 messages of default.\n"
    assert cli("queue", "peek", "default").out == "default is empty.\n"


def test_bytes_in_json(cli: Cli):
    cli("queue", "send", "default", "-", "--content-type", "bytes", stdin=b"\xff\x00")
    assert cli("queue", "peek", "default", "--json").json[0]["body"] == {"$bytes": "/wA="}


def test_control_characters_do_not_reach_the_terminal(cli: Cli):
    cli("queue", "send", "default", "a\x1b[2Jb", "--content-type", "text")
    assert "a\\x1b[2Jb" in cli("queue", "peek", "default").out


def test_redrive_moves_messages_back(cli: Cli):
    cli("queue", "send", "orders-dlq", "1")
    moved = cli("queue", "redrive", "orders-dlq", "--json")
    assert moved.json == {"queue": "orders-dlq", "moved": 1}
    assert cli("queue", "redrive", "orders-dlq").out == "Moved 0 messages out of orders-dlq.\n"
    assert cli("queue", "purge", "orders").code == 0


def test_redrive_of_what_has_no_origin_is_refused(cli: Cli):
    cli("queue", "send", "default", "1")
    done = cli("queue", "redrive", "default")
    assert done.code == 1
    assert "no consumer has it as dead_letter_queue" in done.err


@pytest.mark.parametrize(
    "arguments",
    [("peek", "nope"), ("send", "nope", "1"), ("purge", "nope"), ("redrive", "nope")],
    ids=lambda arguments: arguments[0],
)
def test_an_unknown_queue_is_an_error_with_the_known_ones(cli: Cli, arguments: tuple[str, ...]):
    done = cli("queue", *arguments)
    assert done.code == 1
    assert done.err == (
        "error: there is no queue 'nope'\nhint: there are: default, orders, orders-dlq\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("send", "default", "{type: 1}"), 1, "error: the body is not JSON: "),
        (("send", "default", "[" * 10_000), 1, "error: the body is not JSON: "),
        (("send", "default", "\udcff"), 1, "error: the body is not UTF-8 text (byte 0)"),
        (("send", "default", "1", "--delay", "86401"), 2, "86401 is not in the range"),
        (("send", "default", "1", "--content-type", "v8"), 2, "'v8' is not one of"),
        (("send", "default", '"' + "x" * 128_000 + '"'), 1, "128002 bytes exceeds limit of 128000"),
        (("peek", "default", "--limit", "0"), 2, "0 is not in the range"),
        (("send", "default"), 2, "missing argument 'BODY'"),
    ],
)
def test_bad_arguments(here, arguments: tuple[str, ...], code: int, text: str):
    here()
    done = invoke("queue", *arguments)
    assert done.code == code
    assert text in done.err


def test_a_damaged_state_file_is_said_in_one_line(here):
    root = here()
    assert invoke("queue", "list").code == 0
    (file,) = Path(root, ".aerostack/state").glob("queue*.sqlite")
    for path in Path(root, ".aerostack/state").glob("queue.sqlite*"):
        path.unlink()
    file.write_bytes(b"this is not a database" * 100)
    done = invoke("queue", "list")
    assert done.code == 1
    assert "queue.sqlite" in done.err and "Traceback" not in done.err
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(file).execute("SELECT * FROM sqlite_master")
