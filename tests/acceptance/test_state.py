"""`kill -9` in the middle of a snapshot, of a restore, and of the server that restores."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import invoke
from tests.support.server import PATIENCE, serving, write_project

WORDS = ("one", "two")
OBJECT = b"x" * 100_000
MOMENTS = 6


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the snapshots `one` and `two`, which differ in every room."""
    root = write_project(tmp_path_factory.mktemp("killed"), {"aerostack.toml": ""})
    code = "async def fetch(request, env):\n    return None\n"
    write_project(root, {"src/index.py": code})
    (root / "object").write_bytes(OBJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for word in WORDS:
            invoke("state", "reset", "--yes")
            fill = "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
            fill += f"FROM n LIMIT 20000) SELECT i, '{word}' AS word, hex(randomblob(200)) FROM n"
            for command in (
                ["db", "execute", "--command", fill],
                ["cache", "put", "word", word],
                ["queue", "send", "default", f'"{word}"'],
                *(["storage", "put", f"{word}/{n}", "--file", "object"] for n in range(10)),
                ["state", "snapshot", word],
            ):
                done = invoke(*command)
                assert done.code == 0, done.err
    return root


@pytest.fixture(autouse=True)
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def word() -> str:
    """Which of the two states is there; each room must say the same."""
    counted = "SELECT word, count(*) AS count FROM t GROUP BY word"
    (row,) = invoke("db", "execute", "--json", "--command", counted).json[0]["results"]
    assert row["count"] == 20000
    found = row["word"]
    assert invoke("cache", "get", "word").out == found
    assert [each["body"] for each in invoke("queue", "peek", "default", "--json").json] == [found]
    listed = {each["key"] for each in invoke("storage", "list", "--json").json}
    assert listed == {f"{found}/{n}" for n in range(10)}
    assert invoke("storage", "get", f"{found}/7").raw == OBJECT
    assert invoke("db", "execute", "--command", "PRAGMA quick_check", "--json").code == 0
    return str(found)


def killed_at_moments(*command: str) -> Iterator[int]:
    """Run a command again and again, killed a little later each time; its exit codes."""
    started = time.perf_counter()
    arguments = [sys.executable, "-m", "aerostack_dev", *command]
    subprocess.run([*arguments[:-1], "--help"], check=True, capture_output=True)
    begins = (time.perf_counter() - started) * 0.7  # before that it only imports
    for moment in range(MOMENTS):
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(begins + moment * 0.03)
        process.kill()
        yield process.wait(PATIENCE)


def test_a_killed_snapshot_is_whole_or_not_there(project: Path):
    invoke("state", "restore", "one", "--yes")
    for _ in killed_at_moments("state", "snapshot", "three"):
        names = [each["name"] for each in invoke("state", "list", "--json").json]
        if "three" in names:
            assert invoke("state", "restore", "two", "--yes").code == 0
            assert invoke("state", "restore", "three", "--yes").code == 0
            assert invoke("state", "delete", "three").code == 0
        assert word() == "one"
    assert invoke("state", "snapshot", "three").code == 0
    assert invoke("state", "delete", "three").code == 0
    folder = project / ".aerostack" / "snapshots"
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "one", "two"]


def test_a_killed_restore_leaves_the_old_state_or_the_new(project: Path):
    for target, other in (WORDS, WORDS[::-1]):
        assert invoke("state", "restore", other, "--yes").code == 0
        for _ in killed_at_moments("state", "restore", target, "--yes"):
            assert word() in WORDS
    assert not list((project / ".aerostack" / "state").glob(".exchange*"))


def test_a_server_that_is_killed_while_it_restores(project: Path):
    assert invoke("state", "restore", "one", "--yes").code == 0
    for moment in (0.0, 0.02):
        with serving(project, None, "--no-cron") as server:
            process = subprocess.Popen(
                [sys.executable, "-m", "aerostack_dev", "state", "restore", "two", "--yes"],
                stderr=subprocess.PIPE,
            )
            draft = project / ".aerostack" / "state" / ".exchange.part"
            deadline = time.monotonic() + PATIENCE
            while not draft.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(moment)
            server.kill()
            process.communicate(timeout=PATIENCE)
        assert word() in WORDS
