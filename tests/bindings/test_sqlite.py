"""The store beneath the rooms: groups, failures, formats."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import apsw
import pytest

from aerostack_dev.bindings import line, moment
from aerostack_dev.bindings.running import LOG_PAGES, Log
from aerostack_dev.bindings.sqlite import Schema, open_store
from aerostack_dev.errors import StateError

NUMBERS = Schema(("CREATE TABLE numbers (n INTEGER PRIMARY KEY)",))


def insert(connection: apsw.Connection, n: int) -> int:
    connection.execute("INSERT INTO numbers VALUES (?)", (n,))
    return n


def numbers(connection: apsw.Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]


def thread(_: apsw.Connection) -> int:
    return threading.get_ident()


def count_up(connection: apsw.Connection, steps: int = 1_000_000) -> int:
    """Far more work than a moment allows."""
    return int(connection.execute(UP_TO, (steps,)).get)


UP_TO = """
    WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up LIMIT ?)
    SELECT count(*) FROM up
"""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment lasts long enough for anything."""
    for module in (line, moment):
        monkeypatch.setattr(module, "MOMENT_SECONDS", 60.0)
    monkeypatch.setattr(line, "SLOW_SECONDS", 60.0)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment is always over, and each of SQLite's steps looks."""
    monkeypatch.setattr(moment, "MOMENT_SECONDS", -1.0)
    monkeypatch.setattr(moment, "STEPS", 1)


async def test_concurrent_writes_share_a_commit(tmp_path: Path, patient: None):
    count = 0

    def counted() -> bool:
        nonlocal count
        count += 1
        return False

    def prepare(connection: apsw.Connection) -> None:
        connection.set_commit_hook(counted)

    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS, prepare=prepare) as store:
        count = 0
        written = await asyncio.gather(*(store.write(insert, n) for n in range(500)))
        assert written == list(range(500))
        assert await store.run(numbers) == written
    assert count == 1


async def test_quick_calls_run_on_the_loop(tmp_path: Path, patient: None):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        for begin in (store.run, store.write):
            calls = [begin(thread) for _ in range(3)]
            await asyncio.sleep(0)
            assert [call.result() for call in calls] == [threading.get_ident()] * 3


async def test_what_must_run_once_runs_in_the_thread(tmp_path: Path, patient: None):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        assert await store.run_once(thread) != threading.get_ident()
        assert await store.run(thread) == threading.get_ident()


async def test_a_slow_call_is_broken_off_and_done_in_the_thread(tmp_path: Path):
    threads: list[int] = []

    def slow(connection: apsw.Connection) -> int:
        threads.append(threading.get_ident())
        connection.execute("INSERT INTO numbers VALUES (1)")
        return count_up(connection)

    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        assert await store.write(slow) == 1_000_000
        assert await store.run(numbers) == [1]
    assert len(threads) == 2
    assert threads[0] == threading.get_ident() != threads[1]


async def test_what_follows_a_slow_call_goes_to_the_thread_at_once(tmp_path: Path, monkeypatch):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        for spared in (1, 3, 7):
            assert await store.run(count_up) == 1_000_000
            monkeypatch.setattr(line, "MOMENT_SECONDS", 60.0)
            monkeypatch.setattr(line, "SLOW_SECONDS", 60.0)
            for _ in range(spared):
                assert await store.run(thread) != threading.get_ident()
            monkeypatch.undo()
        monkeypatch.setattr(line, "SLOW_SECONDS", 60.0)
        assert await store.run(thread) == threading.get_ident()


@pytest.mark.parametrize("looks", range(40))
async def test_whenever_it_is_broken_off_a_call_is_done_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: int
):
    """SQLite says of a statement that it was interrupted after its commit, too."""
    monkeypatch.setattr(moment, "STEPS", 1)
    monkeypatch.setattr(moment, "MOMENT_SECONDS", looks)
    monkeypatch.setattr(moment, "stopwatch", itertools.count().__next__)
    monkeypatch.setattr(line, "SLOW_SECONDS", 60.0)
    monkeypatch.setattr(line, "MOMENT_SECONDS", 60.0)

    def insert_two(connection: apsw.Connection, n: int) -> int:
        both = "INSERT INTO numbers VALUES (?), (?) RETURNING n"
        return int(connection.execute(both, (n, n + 1)).fetchall()[0][0])

    def insert_all(connection: apsw.Connection, items: Sequence[int]) -> list[int]:
        return [insert(connection, n) for n in items]

    def make(connection: apsw.Connection, n: int) -> int:
        connection.execute(f"CREATE TABLE t{n} (x)")
        return n

    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        works = (insert, insert_two, make)
        begins = [partial(begin, work) for begin in (store.run, store.write) for work in works]
        begins.append(partial(store.write_together, insert_all))
        for n, begin in enumerate(begins):
            assert await begin(10 * n) == 10 * n
        assert await store.run(numbers) == [0, 10, 11, 30, 40, 41, 60]


@pytest.mark.usefixtures("hurried")
async def test_calls_that_a_moment_is_too_short_for_come_in_their_order(tmp_path: Path):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        order: list[int] = []

        def note(connection: apsw.Connection, n: int) -> None:
            order.append(n)

        calls = [store.run(note, n) if n % 3 else store.write(note, n) for n in range(50)]
        await asyncio.gather(*calls)
        assert order == [*range(50)]


async def test_a_lock_of_another_program_does_not_keep_the_loop(tmp_path: Path):
    path = tmp_path / "n.sqlite"
    async with open_store(path, schema=NUMBERS) as store:
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(store.write(insert, 1))
        reading = store.run_once(numbers)
        await asyncio.wait([writing, reading], timeout=0.05)
        assert not writing.done(), "and the loop came back here"
        other.execute("COMMIT")
        other.close()
        assert await writing == 1
        assert await reading == [1]


LARGE = Schema(("CREATE TABLE large (x)",))


def fill(connection: apsw.Connection) -> None:
    """Some fifty pages."""
    connection.execute("INSERT INTO large VALUES (zeroblob(204800))")


@pytest.fixture
def movers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that moved a log into its file, each time."""
    seen: list[int] = []
    shorten = Log.shorten

    def seen_shortening(self: Log) -> None:
        seen.append(threading.get_ident())
        shorten(self)

    monkeypatch.setattr(Log, "shorten", seen_shortening)
    return seen


@pytest.mark.usefixtures("patient")
async def test_the_log_is_moved_into_the_file_by_the_thread(tmp_path: Path, movers: list[int]):
    async with open_store(tmp_path / "n.sqlite", schema=LARGE) as store:
        for _ in range(3 * LOG_PAGES // 50):
            await store.write(fill)
        log = tmp_path / "n.sqlite-wal"
        assert log.stat().st_size < 2 * LOG_PAGES * 4096
    assert 1 <= len(movers) <= 3
    assert threading.get_ident() not in movers


@pytest.mark.usefixtures("patient")
async def test_a_log_that_a_reader_holds_is_not_moved_again_and_again(
    tmp_path: Path, movers: list[int]
):
    path = tmp_path / "n.sqlite"
    async with open_store(path, schema=LARGE) as store:
        other = apsw.Connection(str(path))
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM large").fetchall()
        for _ in range(4 * LOG_PAGES // 50):
            await store.write(fill)
        assert 1 <= len(movers) <= 4
        other.close()


async def test_a_failing_call_takes_no_other_with_it(tmp_path: Path):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        calls = (store.run(insert, n) for n in (1, 2, 2, 3))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in outcomes] == [int, int, StateError, int]
        assert isinstance(outcomes[2].__cause__, apsw.ConstraintError)
        assert await store.run(numbers) == [1, 2, 3]


async def test_a_call_does_not_wait_for_a_slow_one_behind_it(tmp_path: Path):
    go_on = threading.Event()

    def slow(connection: apsw.Connection) -> int:
        assert go_on.wait(20)
        return insert(connection, 2)

    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        first = asyncio.ensure_future(store.run(insert, 1))
        second = asyncio.ensure_future(store.run_once(slow))
        third = asyncio.ensure_future(store.run(insert, 3))
        async with asyncio.timeout(10):
            assert await first == 1
        assert not second.done()
        go_on.set()
        assert await asyncio.gather(second, third) == [2, 3]


async def test_what_is_written_together_is_one_call(tmp_path: Path, patient: None):
    groups: list[list[int]] = []

    def insert_all(connection: apsw.Connection, items: Sequence[int]) -> list[int]:
        groups.append([*items])
        return [insert(connection, n) * 10 for n in items]

    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        answers = await asyncio.gather(
            store.write_together(insert_all, 1),
            store.write_together(insert_all, 2),
            store.write(insert, 3),
            store.write_together(insert_all, 4),
        )
        assert answers == [10, 20, 3, 40]
        assert groups == [[1, 2], [4]]
        outcomes = await asyncio.gather(
            *(store.write_together(insert_all, n) for n in (5, 1, 6)), return_exceptions=True
        )
        assert [type(one) for one in outcomes] == [int, StateError, int]
        assert await store.run(numbers) == [1, 2, 3, 4, 5, 6]


async def test_a_call_whose_caller_is_gone_disturbs_no_other(tmp_path: Path):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        calls = [asyncio.ensure_future(store.run(insert, n)) for n in range(3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        assert await asyncio.gather(calls[0], calls[2]) == [0, 2]


async def test_calls_begun_before_the_end_are_done(tmp_path: Path):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        calls = [asyncio.ensure_future(store.run(insert, n)) for n in range(100)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*calls) == [*range(100)]


async def test_a_failing_write_takes_no_other_with_it(tmp_path: Path):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        tries = [1, 2, 2, 3]
        outcomes = await asyncio.gather(
            *(store.write(insert, n) for n in tries), return_exceptions=True
        )
        assert [type(one) for one in outcomes] == [int, int, StateError, int]
        assert await store.run(numbers) == [1, 2, 3]


async def test_an_exception_of_the_work_comes_back_as_it_is(tmp_path: Path):
    def refuse(connection: apsw.Connection) -> None:
        insert(connection, 1)
        raise LookupError("no")

    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        with pytest.raises(LookupError, match="no"):
            await store.write(refuse)
        assert await store.run(numbers) == []


async def test_a_write_whose_caller_is_gone_is_kept(tmp_path: Path):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        task = asyncio.ensure_future(store.write(insert, 1))
        await asyncio.sleep(0)
        task.cancel()
        await store.settled()
        assert await store.run(numbers) == [1]


async def test_writes_begun_before_the_end_are_kept(tmp_path: Path):
    path = tmp_path / "n.sqlite"
    async with open_store(path, schema=NUMBERS) as store:
        task = asyncio.ensure_future(store.write(insert, 1))
        await asyncio.sleep(0)
    assert await task == 1
    async with open_store(path, schema=NUMBERS) as store:
        assert await store.run(numbers) == [1]


async def test_an_older_format_is_migrated_after_a_backup(tmp_path: Path):
    path = tmp_path / "n.sqlite"
    async with open_store(path, schema=NUMBERS) as store:
        await store.write(insert, 7)
    newer = Schema((*NUMBERS.steps, "ALTER TABLE numbers ADD COLUMN name TEXT DEFAULT 'x'"))
    async with open_store(path, schema=newer) as store:
        rows = await store.run(lambda one: one.execute("SELECT n, name FROM numbers").fetchall())
    assert rows == [(7, "x")]
    async with open_store(tmp_path / "n.sqlite.v1.bak", schema=NUMBERS) as store:
        assert await store.run(numbers) == [7]


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path):
    path = tmp_path / "n.sqlite"
    async with open_store(path, schema=NUMBERS) as store:
        await store.write(insert, 7)
    broken = Schema((*NUMBERS.steps, "CREATE TABLE other (x); SELECT nonsense()"))
    with pytest.raises(StateError):
        async with open_store(path, schema=broken):
            pass
    async with open_store(path, schema=NUMBERS) as store:
        assert await store.run(numbers) == [7]


async def test_a_newer_format_is_refused(tmp_path: Path):
    path = tmp_path / "n.sqlite"
    async with open_store(path, schema=Schema((*NUMBERS.steps, "CREATE TABLE b (x)"))):
        pass
    with pytest.raises(StateError, match="has format 2; this aerostack knows formats up to 1"):
        async with open_store(path, schema=NUMBERS):
            pass


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path):
    path = tmp_path / "n.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StateError, match=r"n\.sqlite is not a SQLite database") as caught:
        async with open_store(path, schema=NUMBERS):
            pass
    assert caught.value.where == str(path)
    assert "move it away" in caught.value.hint


async def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path):
    path = tmp_path / "n.sqlite"
    async with open_store(path, schema=NUMBERS) as store:
        await asyncio.gather(*(store.write(insert, n) for n in range(5000)))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8 * 4096))
    with pytest.raises(StateError, match="is damaged"):
        async with open_store(path, schema=NUMBERS) as store:
            await store.run(numbers)


async def test_only_its_owner_reads_a_file(tmp_path: Path):
    async with open_store(tmp_path / "n.sqlite", schema=NUMBERS) as store:
        await store.write(insert, 1)
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("n.sqlite", "n.sqlite-wal", "n.sqlite-shm"), 0o600)


async def test_a_folder_in_the_place_of_the_file(tmp_path: Path):
    (tmp_path / "n.sqlite").mkdir()
    with pytest.raises(StateError, match="cannot be opened"):
        async with open_store(tmp_path / "n.sqlite"):
            pass


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from aerostack_dev.bindings.sqlite import open_store, Schema
from aerostack_dev.errors import StateError

def fill(connection, n):
    connection.execute("INSERT INTO t VALUES (zeroblob(100000))")

async def main():
    schema = Schema(("CREATE TABLE t (x)",))
    async with open_store(Path(sys.argv[1]), schema=schema) as store:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        try:
            for n in range(100):
                await store.write(fill, n)
        except StateError as error:
            print(n, error)
        count = await store.run(lambda one: one.execute("SELECT count(*) FROM t").fetchall()[0][0])
        assert count == n, (count, n)

asyncio.run(main())
"""


def test_a_file_that_cannot_grow_fails_that_write_only(tmp_path: Path):
    assert resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "t.sqlite")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "t.sqlite cannot" in done.stdout
