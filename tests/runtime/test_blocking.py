"""A handler that blocks the loop is named by file and line."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aerostack_dev.runtime.blocking import PATIENCE, watch_loop
from tests.support.server import write_project

BLOCKER = """
import time

def work(seconds):
    time.sleep(seconds)
"""

ENDLESS_LOOP = """
def work(ended):
    while not ended():
        for _ in range(10_000):
            pass
"""


def load(path: Path):
    namespace: dict[str, object] = {}
    exec(compile(path.read_text(), path, "exec"), namespace)
    return namespace["work"]


async def reports_of(root: Path, work, *, busy: bool = True) -> list[tuple[str, int, float]]:
    reports: list[tuple[str, int, float]] = []
    reported = asyncio.Event()

    def report(file: str, line: int, seconds: float) -> None:
        reports.append((file, line, seconds))
        reported.set()

    with watch_loop(root, lambda: busy, report, lambda *_: None):
        work(PATIENCE * 3)
        try:
            async with asyncio.timeout(1):
                await reported.wait()
        except TimeoutError:
            pass
    return reports


async def test_the_authors_line_is_named_with_the_time_it_took(tmp_path: Path):
    write_project(tmp_path, {"src/slow.py": BLOCKER})
    ((file, line, seconds),) = await reports_of(tmp_path, load(tmp_path / "src/slow.py"))
    assert (file, line) == ("src/slow.py", 5)
    assert PATIENCE <= seconds < PATIENCE * 30


async def test_an_idle_loop_is_left_alone(tmp_path: Path):
    write_project(tmp_path, {"src/slow.py": BLOCKER})
    assert await reports_of(tmp_path, load(tmp_path / "src/slow.py"), busy=False) == []


async def test_libraries_are_not_the_author(tmp_path: Path):
    write_project(tmp_path, {".venv/lib/slow.py": BLOCKER})
    assert await reports_of(tmp_path, load(tmp_path / ".venv/lib/slow.py")) == []


async def test_a_loop_that_may_never_move_again_is_said_meanwhile(tmp_path: Path, monkeypatch):
    write_project(tmp_path, {"src/slow.py": ENDLESS_LOOP})
    monkeypatch.setattr("aerostack_dev.runtime.blocking.ENDLESS", PATIENCE * 2)
    said: list[tuple[str, int, float]] = []
    work = load(tmp_path / "src/slow.py")
    with watch_loop(tmp_path, lambda: True, lambda *_: None, lambda *place: said.append(place)):
        work(lambda: bool(said))
    ((file, line, seconds),) = said
    assert (file, line in (3, 4, 5)) == ("src/slow.py", True)
    assert seconds >= PATIENCE * 2
