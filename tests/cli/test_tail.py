"""`aerostack queue tail`: a queue followed as its messages move."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from aerostack_dev.cli.following import described
from tests.support.server import PATIENCE, Server, serving

from .conftest import invoke

FILES = {
    "aerostack.toml": """
[[queues.consumers]]
queue = "default"
max_batch_size = 2
max_batch_timeout = 0
max_retries = 1
dead_letter_queue = "dead"
""",
    "src/index.py": """
async def queue(batch, env, ctx):
    for message in batch.messages:
        if message.body == "bad":
            message.retry()
""",
}


class Follower:
    """A process that follows a queue: its lines."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aerostack_dev", "queue", "tail", *arguments],
            cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def line(self, timeout: float = PATIENCE) -> str:
        return self._lines.get(timeout=timeout)

    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.line())
        return found

    def until_watching(self) -> None:
        """Send until something is seen, and leave nothing of it behind."""
        for _ in range(int(PATIENCE * 4)):
            assert invoke("queue", "send", "default", '"probe"').code == 0
            with suppress(Empty):
                self.line(0.25)
                break
        else:
            raise AssertionError("nothing was seen")
        last = invoke("queue", "send", "default", '"probe"', "--json").json["id"]
        while last not in self.event().get("ids", ()):
            pass

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("followed")
    with serving(root, FILES) as found:
        yield found


@pytest.fixture(autouse=True)
def inside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "server" in request.fixturenames:
        monkeypatch.chdir(request.getfixturevalue("server").root)


def test_what_becomes_of_messages(server: Server):
    with Follower(server.root, "default", "--json") as follower:
        follower.until_watching()
        good = invoke("queue", "send", "default", '"good"', "--json").json["id"]
        sent, delivered = follower.event(), follower.event()
        assert sent.pop("time").endswith("Z") and delivered.pop("time")
        assert sent == {
            "event": "sent", "queue": "default", "id": good, "body": "good",
            "contentType": "json", "delaySeconds": 0,
        }  # fmt: skip
        assert delivered == {
            "event": "delivered", "queue": "default", "acked": 1, "total": 1, "ids": [good],
        }  # fmt: skip
        bad = invoke("queue", "send", "default", '"bad"', "--json").json["id"]
        events = [follower.event() for _ in range(5)]
        assert [each["event"] for each in events] == [
            "sent", "delivered", "retried", "delivered", "dead-lettered",
        ]  # fmt: skip
        assert (events[2]["id"], events[2]["attempts"]) == (bad, 1)
        assert events[4]["deadLetterQueue"] == "dead"
        assert (events[3]["acked"], events[3]["total"]) == (0, 1)
    assert invoke("queue", "purge", "dead", "--yes").code == 0


def test_a_dead_letter_queue_sees_what_comes_and_goes(server: Server):
    with Follower(server.root, "default", "--json") as follower:
        follower.until_watching()
        with Follower(server.root, "dead", "--json") as dead:
            assert dead.process.poll() is None
            seen: list[dict[str, Any]] = []
            while not seen:
                assert invoke("queue", "send", "default", '"bad"').code == 0
                while follower.event()["event"] != "dead-lettered":
                    pass
                try:
                    seen.append(json.loads(dead.line(0.25)))
                except Empty:
                    continue
            assert (seen[0]["event"], seen[0]["from"]) == ("arrived", "default")
            assert invoke("queue", "purge", "dead", "--yes").code == 0
            while (event := dead.event())["event"] == "arrived":
                pass
            assert event["event"] == "purged" and event["count"] >= 1


def test_lines_for_people(server: Server):
    with Follower(server.root, "default") as follower:
        for number in range(int(PATIENCE * 4)):
            sent = invoke("queue", "send", "default", f"[{number}]", "--json").json["id"]
            try:
                line = follower.line(0.25)
            except Empty:
                continue
            words = [line.split()[1]]
            while f"delivered      1/1  {sent}" not in line:
                line = follower.line()
                words.append(line.split()[1])
            if words[0] == "sent":  # else it began between the two
                return


def test_an_unknown_queue(server: Server):
    done = invoke("queue", "tail", "nope")
    assert (done.code, done.raw) == (1, b"")
    assert done.err == "error: there is no queue 'nope'\nhint: there are: default, dead\n"


def test_without_a_server_it_says_so(here):
    here()
    done = invoke("queue", "tail", "default")
    assert done.code == 1
    assert done.err.startswith("error: no server runs this project: its queues stand still\n")
    assert "`aerostack queue peek default`" in done.err


def test_it_ends_with_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with serving(tmp_path / "own", FILES) as server:
        monkeypatch.chdir(server.root)
        with Follower(server.root, "default", "--json") as follower:
            follower.until_watching()
            server.save(
                "aerostack.toml", FILES["aerostack.toml"] + '[[kv_namespaces]]\nbinding="K"'
            )
            server.until("Reloaded")
            follower.until_watching()  # it goes on where the rooms were opened anew
            assert server.stop() == 0
            assert follower.process.wait(PATIENCE) == 1
            assert follower.process.stderr is not None
            assert "error: the server has stopped" in follower.process.stderr.read()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            {"event": "sent", "id": "i", "body": {"a": 1}, "delaySeconds": 9},
            'i  {"a": 1}  due in 9 s',
        ),
        (
            {"event": "retried", "id": "i", "attempts": 2, "delaySeconds": 9},
            "i  after attempt 2, again in 9 s",
        ),
        (
            {"event": "retried", "id": "i", "attempts": 1, "delaySeconds": 0},
            "i  after attempt 1, again at once",
        ),
        (
            {"event": "dropped", "id": "i", "attempts": 1},
            "i  after 1 attempt: there is no dead letter queue",
        ),
        (
            {"event": "dead-lettered", "id": "i", "attempts": 4, "deadLetterQueue": "d"},
            "i  after 4 attempts, to d",
        ),
        ({"event": "arrived", "count": 2, "from": "d"}, "2 messages  from d"),
        ({"event": "purged", "count": 1}, "1 message"),
        ({"event": "missed", "count": 3}, "3 events"),
        ({"event": "delivered", "acked": 0, "total": 2, "ids": []}, "0/2"),
        ({"event": "sent", "id": "i", "body": "a\x1b[2J", "delaySeconds": 0}, "i  a\\x1b[2J"),
    ],
)
def test_events_in_words(event: dict[str, Any], words: str):
    line = described({"time": "2026-11-22T09:00:00.125Z", "queue": "q", **event})
    moment, word, details = line.split(maxsplit=2)
    assert (moment.strip("\x1b[2m0"), word) != ("", "")
    assert details.endswith(words)


def test_a_long_body_is_cut_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch):
    event = {"event": "sent", "time": "T", "id": "i", "body": "x" * 100_000, "delaySeconds": 5}
    assert "x" * 100_000 in described(event)
    monkeypatch.setattr("aerostack_dev.cli.output.terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    shown = described(event)
    assert len(shown) < 400
    assert shown.endswith("x…  due in 5 s")
