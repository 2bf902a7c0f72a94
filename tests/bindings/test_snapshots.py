"""Snapshots of all rooms: one instant while others write, and back whole or not at all."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from aerostack_dev.bindings import apart, exchange, instant
from aerostack_dev.bindings.apart import copy_apart
from aerostack_dev.bindings.contents import Contents
from aerostack_dev.bindings.env import Env, environment
from aerostack_dev.bindings.kind import Kind, Services
from aerostack_dev.bindings.kinds import all_kinds
from aerostack_dev.bindings.opening import open_bindings
from aerostack_dev.bindings.queue.policy import default_policies
from aerostack_dev.bindings.snapshots import FORMAT, Snapshots, reset
from aerostack_dev.bindings.state import State, open_state
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Project
from aerostack_dev.errors import StateError
from tests.specimen import KIND as SPECIMEN

NOW = 1_800_000_000.0
LARGE = b"x" * 100_000
"""More than an index keeps: a file of its own."""
OURS = Contents.of(all_kinds())

Open = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the state."""
    return tmp_path / ".aerostack" / "state"


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots.of(tmp_path, OURS)


@asynccontextmanager
async def rooms(root: Path, *kinds: Kind) -> AsyncIterator[Env]:
    """The `env` of all rooms (or `kinds`), open on `root`; `env.QUEUED` is the queues' backend."""
    project = Project(root=root.parent, file=None, name="test", main=None)
    chosen = kinds or all_kinds()
    services = Services(project, State(root), ManualClock(), os.urandom, lambda _: None)
    async with open_bindings(chosen, services) as bindings:
        env = environment(project, bindings.bound)
        env.__dict__["QUEUED"] = None if kinds else bindings.rooms["queue"]
        yield env


async def fill(env: Env, word: str) -> None:
    await env.DB.prepare("CREATE TABLE IF NOT EXISTS words (word TEXT)").run()
    await env.DB.prepare("INSERT INTO words VALUES (?)").bind(word).run()
    await env.CACHE.put("word", word)
    await env.QUEUE.send(word)
    await env.STORAGE.put("small", word)
    await env.STORAGE.put("large", word.encode() + LARGE)
    await env.VECTORIZE.upsert([{"id": word, "values": [1.0, 0.5]}])


async def content(env: Env) -> dict[str, Any]:
    words = await env.DB.prepare("SELECT word FROM words").all()
    large = await env.STORAGE.get("large")
    return {
        "db": [row["word"] for row in words.results],
        "cache": await env.CACHE.get("word"),
        "queue": (await env.QUEUE.metrics()).backlogCount,
        "small": await (await env.STORAGE.get("small")).text(),
        "large": (await large.bytes()).replace(LARGE, b"").decode(),
        "vectors": [each.id for each in await env.VECTORIZE.getByIds(["one", "two"])],
    }


def all_of(word: str, *, db: list[str], count: int) -> dict[str, Any]:
    return {
        "db": db, "cache": word, "queue": count, "small": word, "large": word, "vectors": db,
    }  # fmt: skip


async def take(snapshots: Snapshots, root: Path, name: str = "kept") -> Any:
    return await asyncio.to_thread(snapshots.take, root, name, NOW)


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


async def test_all_six_bindings_come_back_as_they_were(root: Path, snapshots: Snapshots):
    async with rooms(root) as env:
        await fill(env, "one")
        made = await take(snapshots, root)
        await fill(env, "two")
        assert await content(env) == all_of("two", db=["one", "two"], count=2)
    snapshots.restore(root, "kept")
    async with rooms(root) as env:
        assert await content(env) == all_of("one", db=["one"], count=1)
        await fill(env, "two")
    snapshots.restore(root, "kept")  # what followed the first has not touched it
    async with rooms(root) as env:
        assert await content(env) == all_of("one", db=["one"], count=1)
    assert made.created == datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    assert made.files == 6  # five databases, one large object
    assert snapshots.all() == {"kept": made}


async def test_a_snapshot_is_one_instant_of_all_rooms_under_load(root: Path, snapshots: Snapshots):
    """Each writer writes its number everywhere in turn; no room may be ahead of an earlier one."""
    stopped = False

    async def write(env: Env, writer: int) -> None:
        number = 0
        while not stopped:
            number += 1
            await env.DB.prepare("INSERT INTO words VALUES (?)").bind(f"{writer}:{number}").run()
            await env.CACHE.put(f"w{writer}", str(number))
            await env.STORAGE.put(f"w{writer}", str(number).encode() + LARGE)
            await env.STORAGE.put(f"s{writer}", str(number))

    async with rooms(root) as env:
        await fill(env, "one")
        writers = [asyncio.create_task(write(env, writer)) for writer in range(4)]
        for name in ("a", "b", "c"):
            made = await take(snapshots, root, name)
            assert made.paused_ms < 2000
        stopped = True
        await asyncio.gather(*writers)
    for name in ("a", "b", "c"):
        snapshots.restore(root, name)
        async with rooms(root) as env:
            for writer in range(4):
                last = "SELECT max(CAST(substr(word, 3) AS INTEGER)) FROM words WHERE word LIKE ?"
                row = (await env.DB.prepare(last).bind(f"{writer}:%").raw())[0]
                large = await env.STORAGE.get(f"w{writer}")
                small = await env.STORAGE.get(f"s{writer}")
                seen = [
                    row[0] or 0,
                    int(await env.CACHE.get(f"w{writer}") or 0),
                    int((await large.bytes()).replace(LARGE, b"")) if large else 0,
                    int(await small.text()) if small else 0,
                ]
                assert seen == sorted(seen, reverse=True)
                assert seen[0] - seen[-1] <= 1


async def test_what_was_acknowledged_before_is_in_it(root: Path, snapshots: Snapshots):
    async with rooms(root) as env:
        await fill(env, "one")
        await asyncio.gather(*(env.CACHE.put(f"k{n}", "v" * 5000) for n in range(200)))
        await take(snapshots, root)
    snapshots.restore(root, "kept")
    async with rooms(root) as env:
        assert len((await env.CACHE.list({"prefix": "k"}))["keys"]) == 200


async def test_messages_in_flight_are_ready_again_and_their_attempt_counts(
    root: Path, snapshots: Snapshots
):
    project = Project(root=root.parent, file=None, name="test", main=None)
    policy = default_policies(project)["default"]
    async with rooms(root) as env:
        await env.QUEUE.send("job")
        assert (await env.QUEUED.acquire(policy, int(NOW * 1000) + 60_000)).lease is not None
        await take(snapshots, root)
    snapshots.restore(root, "kept")
    async with rooms(root) as env:
        lease = (await env.QUEUED.acquire(policy, int(NOW * 1000) + 60_000)).lease
        assert [message.attempts for message in lease.messages] == [2]


async def test_a_seventh_room_is_kept_without_knowing_of_it(tmp_path: Path, root: Path):
    snapshots = Snapshots.of(tmp_path, Contents.of([SPECIMEN]))
    async with rooms(root, SPECIMEN) as env:
        greeter = getattr(env, SPECIMEN.default)
        first = await greeter.greet("Ada")
        await take(snapshots, root)
        second = await greeter.greet("Ada")
    snapshots.restore(root, "kept")
    async with rooms(root, SPECIMEN) as env:
        assert first != second == await getattr(env, SPECIMEN.default).greet("Ada")


async def test_objects_are_linked_and_databases_are_not(root: Path, snapshots: Snapshots):
    async with rooms(root) as env:
        await fill(env, "one")
        await take(snapshots, root)
    kept = snapshots.folder / "kept" / "state"
    (blob,) = (path for path in (kept / "storage/blobs").rglob("*") if path.is_file())
    assert blob.stat().st_nlink == 2
    assert all(path.stat().st_nlink == 1 for path in kept.rglob("*.sqlite"))
    assert not [*kept.rglob("*-wal"), *kept.rglob("*-shm")]
    modes = {path.stat().st_mode & 0o077 for path in snapshots.folder.rglob("*")}
    assert modes == {0}


async def test_on_another_disk_objects_are_copied(
    root: Path, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    async with rooms(root) as env:
        await fill(env, "one")
        await take(snapshots, root)
    snapshots.restore(root, "kept")
    async with rooms(root) as env:
        assert (await content(env))["large"] == "one"


async def run(*command: str) -> str:
    """What another process prints: it has locks of its own."""
    return await asyncio.to_thread(subprocess.check_output, command, text=True)


async def test_copying_leaves_the_locks_of_open_files_alone(root: Path, snapshots: Snapshots):
    """Another process that closes the file must still see that it is in use: it would
    take the log away otherwise."""
    async with rooms(root) as env:
        await fill(env, "one")
        await take(snapshots, root)
        await env.CACHE.put("word", "after")
        log = root / "cache.sqlite-wal"
        before = log.stat().st_ino
        code = "import apsw, sys; apsw.Connection(sys.argv[1]).execute('SELECT 1 FROM entries')"
        await run(sys.executable, "-c", code, str(root / "cache.sqlite"))
        assert log.stat().st_ino == before
        assert await env.CACHE.get("word") == "after"


async def test_the_file_stays_as_it_is_while_it_is_copied(root: Path):
    """What the whole rests on: SQLite leaves a file alone that is read without its log."""
    async with rooms(root) as env:
        await env.CACHE.put("word", "one")
        file = root / "cache.sqlite"
        with instant._reading(root, "cache.sqlite") as reader:
            assert reader.as_it_is
            before = await run("sha1sum", str(file))
            for n in range(50):
                await env.CACHE.put(f"k{n}", "v" * 50_000)
            other = apsw.Connection(str(file))
            other.execute("SELECT 1 FROM entries").fetchall()
            assert other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)[1] == 0
            other.close()
            assert await run("sha1sum", str(file)) == before


async def test_an_older_reader_is_in_nobodys_way(root: Path, snapshots: Snapshots):
    """A tool that has been reading for long keeps the log from moving into the file."""
    async with rooms(root) as env:
        await fill(env, "one")
        tool = apsw.Connection(str(root / "db" / "DB.sqlite"))
        tool.execute("BEGIN; SELECT * FROM words").fetchall()
        await env.DB.prepare("INSERT INTO words VALUES ('late')").run()
        await take(snapshots, root)
        tool.close()
    snapshots.restore(root, "kept")
    async with rooms(root) as env:
        assert (await content(env))["db"] == ["one", "late"]


def test_a_database_without_a_log_is_copied_too(root: Path, snapshots: Snapshots):
    (root / "db").mkdir(parents=True)
    plain = apsw.Connection(str(root / "db" / "mine.sqlite"))
    plain.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    snapshots.take(root, "kept", NOW)
    plain.execute("INSERT INTO t VALUES (2)")
    plain.close()
    snapshots.restore(root, "kept")
    again = apsw.Connection(str(root / "db" / "mine.sqlite"))
    assert again.execute("SELECT a FROM t").fetchall() == [(1,)]
    again.close()


def locked_by(path: Path) -> apsw.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    tool = apsw.Connection(str(path))
    tool.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a); BEGIN IMMEDIATE").fetchall()
    return tool


@pytest.mark.parametrize("copy", [instant.copy_instant, copy_apart])
def test_a_file_that_another_program_locks(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, copy: Any
):
    monkeypatch.setattr(instant, "PATIENCE_SECONDS", 0.2)
    # The process of its own takes its patience from the file as it is: it is told here.
    code = "import aerostack_dev.bindings.instant as i; i.PATIENCE_SECONDS = 0.2\n"
    monkeypatch.setenv("PYTHONPATH", str(_site(tmp_path, code)))
    tool = locked_by(root / "db" / "mine.sqlite")
    snapshots = Snapshots.of(tmp_path, OURS, copy)
    with pytest.raises(StateError, match=r"mine\.sqlite is locked by another program") as caught:
        snapshots.take(root, "kept", NOW)
    assert caught.value.hint == "close that program and try again"
    assert caught.value.where == str(root / "db" / "mine.sqlite")
    tool.close()
    assert snapshots.all() == {}
    assert [path.name for path in snapshots.folder.iterdir()] == ["lock"]


def _site(tmp_path: Path, code: str) -> Path:
    """A folder that makes interpreters run `code` when they start."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return folder


def test_a_busy_file_is_waited_for_while_the_others_are_free(root: Path, snapshots: Snapshots):
    tool = locked_by(root / "db" / "busy.sqlite")
    free = locked_by(root / "db" / "another.sqlite")
    free.execute("COMMIT")
    made: list[Any] = []

    async def meanwhile() -> None:
        taking = asyncio.create_task(take(snapshots, root))
        await asyncio.sleep(0)
        free.set_busy_timeout(5000)
        for number in range(20):
            await asyncio.to_thread(free.execute, "INSERT INTO t VALUES (?)", (number,))
        assert not taking.done()
        tool.execute("INSERT INTO t VALUES (1); COMMIT")
        made.append(await taking)

    asyncio.run(meanwhile())
    tool.close()
    free.close()
    assert made[0].files == 2


async def test_in_a_process_of_its_own_it_is_the_same(tmp_path: Path, root: Path):
    snapshots = Snapshots.of(tmp_path, OURS, copy_apart)
    async with rooms(root) as env:
        await fill(env, "one")
        made = await take(snapshots, root)
        assert made.files == 6
    snapshots.restore(root, "kept")
    async with rooms(root) as env:
        assert await content(env) == all_of("one", db=["one"], count=1)


def asked(root: Path, folder: Path) -> apart.Answer:
    """What the process of its own does, in this one."""
    return apart._answer(apart.Request(sorted(OURS.places), str(root), str(folder)))


async def test_the_process_of_its_own_answers(root: Path, tmp_path: Path):
    async with rooms(root) as env:
        await fill(env, "one")
        answer = asked(root, tmp_path / "copy")
    assert answer.copied is not None
    assert answer.copied["files"] == 6
    assert asked(root, root / "cache.sqlite" / "copy").refusal.errno == 20
    (root / "db" / "bad.sqlite").write_bytes(b"no database at all" * 1000)
    refusal = asked(root, tmp_path / "again").refusal
    assert refusal.message == "bad.sqlite is not a SQLite database"
    assert refusal.where == str(root / "db" / "bad.sqlite")
    with pytest.raises(OSError, match="Not a directory"):
        copy_apart(OURS, root, root / "cache.sqlite" / "copy")


def test_a_process_of_its_own_that_dies(root: Path, tmp_path: Path, monkeypatch: Any):
    folder = _site(tmp_path, "import os, sys\nprint('no room', file=sys.stderr)\nos._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with pytest.raises(StateError, match="the copying failed: no room"):
        copy_apart(OURS, root, tmp_path / "copy")


def test_a_damaged_file_is_named(tmp_path: Path, root: Path):
    (root / "db").mkdir(parents=True)
    (root / "db" / "bad.sqlite").write_bytes(b"no database at all" * 1000)
    for copy in (instant.copy_instant, copy_apart):
        snapshots = Snapshots.of(tmp_path, OURS, copy)
        with pytest.raises(StateError, match=r"bad\.sqlite is not a SQLite database"):
            snapshots.take(root, "kept", NOW)
        assert snapshots.all() == {}


def test_what_the_disk_refuses_is_said(tmp_path: Path, root: Path):
    (root / "storage").mkdir(parents=True)

    def full(*_: object) -> Any:
        raise OSError(28, "No space left on device")

    with pytest.raises(StateError, match="No space left on device") as caught:
        Snapshots.of(tmp_path, OURS, full).take(root, "kept", NOW)
    assert caught.value.hint == "free some space and try again"


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../../etc", "/etc/passwd", "a/b", "a\\b", ".hidden", "lock\n", "a\0b",
        "-rf", "a" * 65, "é", "NAME.part/", "C:",
    ],
)  # fmt: skip
def test_path_tricks_in_a_name(name: str, root: Path, snapshots: Snapshots, tmp_path: Path):
    root.mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    before = tree(tmp_path)
    for attempt in (
        lambda: snapshots.take(root, name, NOW),
        lambda: snapshots.restore(root, name),
        lambda: snapshots.delete(name),
        lambda: snapshots.find(name),
    ):
        with pytest.raises(StateError):
            attempt()
    assert tree(tmp_path).keys() - {".aerostack/snapshots/lock"} == before.keys()


def test_a_snapshot_that_was_made_elsewhere_cannot_bring_strange_files(
    root: Path, snapshots: Snapshots
):
    """A project from the network may carry `.aerostack/snapshots`."""
    root.mkdir(parents=True)
    snapshots.take(root, "kept", NOW)
    state = snapshots.folder / "kept" / "state"
    (state / "dev.json").write_text("{}")
    (state / "lock").write_text("mine")
    (state / ".bashrc").write_text("evil")
    (state / "storage").mkdir()
    (state / "storage" / "fine").write_text("fine")
    snapshots.restore(root, "kept")
    assert set(tree(root)) == {"storage/fine"}


def test_names_taken_unknown_and_deleted(root: Path, snapshots: Snapshots):
    root.mkdir(parents=True)
    with pytest.raises(StateError, match="there is no snapshot 'kept'") as caught:
        snapshots.find("kept")
    assert caught.value.hint == "there are: none yet"
    snapshots.take(root, "kept", NOW)
    snapshots.take(root, "b", NOW - 1)
    with pytest.raises(StateError, match="there is a snapshot 'kept' already"):
        snapshots.take(root, "kept", NOW)
    with pytest.raises(StateError) as caught:
        snapshots.delete("nothing")
    assert caught.value.hint == "there are: b, kept"
    snapshots.delete("kept")
    assert list(snapshots.all()) == ["b"]


@pytest.mark.parametrize("manifest", ["", "{}", '{"format": 1}', '{"created": 3}', "\xff"])
def test_a_damaged_snapshot(root: Path, snapshots: Snapshots, manifest: str):
    root.mkdir(parents=True)
    snapshots.take(root, "kept", NOW)
    (snapshots.folder / "kept" / "snapshot.json").write_text(manifest, encoding="latin-1")
    with pytest.raises(StateError, match="the snapshot 'kept' is damaged") as caught:
        snapshots.restore(root, "kept")
    assert caught.value.hint == "remove it with `aerostack state delete kept`"
    assert snapshots.all() == {}
    snapshots.delete("kept")


def test_a_snapshot_of_a_newer_format_is_refused(root: Path, snapshots: Snapshots):
    (root / "storage").mkdir(parents=True)
    (root / "storage" / "mine").write_text("mine")
    snapshots.take(root, "kept", NOW)
    manifest = snapshots.folder / "kept" / "snapshot.json"
    manifest.write_text(json.dumps({"format": FORMAT + 1, "version": "9.0", "made": "otherwise"}))
    with pytest.raises(StateError) as caught:
        snapshots.restore(root, "kept")
    error = caught.value
    assert error.code == "state-newer"
    assert "has format 2; this aerostack knows formats up to 1" in error.message
    assert error.hint == "upgrade aerostack-dev to 9.0 or later"
    assert (root / "storage" / "mine").read_text() == "mine"


def test_one_at_a_time(tmp_path: Path, root: Path):
    def meanwhile(contents: Contents, root: Path, folder: Path) -> Any:
        with pytest.raises(StateError, match="another command is making") as caught:
            Snapshots.of(tmp_path, OURS).restore(root, "kept")
        assert caught.value.code == "state-locked"
        return instant.copy_instant(contents, root, folder)

    root.mkdir(parents=True)
    Snapshots.of(tmp_path, OURS, meanwhile).take(root, "kept", NOW)


def test_leftovers_of_an_interrupted_command_are_swept(root: Path, snapshots: Snapshots):
    root.mkdir(parents=True)
    for leftover in (".kept.part/state/db", ".old.gone"):
        (snapshots.folder / leftover).mkdir(parents=True)
    assert snapshots.all() == {}
    snapshots.take(root, "kept", NOW)
    assert sorted(path.name for path in snapshots.folder.iterdir()) == ["kept", "lock"]


def populate(root: Path, word: str) -> None:
    """A state of files whose content is no matter here."""
    for name in ("cache.sqlite-wal", "seed.json", "storage/blobs/ab/1", "vectorize/x.hnsw"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(word)
    for name in ("cache.sqlite", "queue.sqlite", f"db/{word}.sqlite"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        connection = apsw.Connection(str(path))
        connection.execute(f"CREATE TABLE {word} (a)")
        connection.close()


def worded(root: Path) -> set[str]:
    """Which of the two states is there, by every file of it."""
    found = {data.decode() for name, data in tree(root).items() if "sqlite" not in name}
    for path in root.rglob("*.sqlite"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        found |= {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        connection.close()
    return found


class Died(BaseException):
    """A process that is killed runs no code of ours any more."""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Callable[[], int]]:
    """`dying(n)`: die at the n-th change of names; returns how many there were."""

    def arm(last: int) -> Callable[[], int]:
        count = 0

        def counted(change: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any, **options: Any) -> Any:
                nonlocal count
                if count == last:
                    raise Died
                count += 1
                return change(*arguments, **options)

            return called

        monkeypatch.setattr(Path, "rename", counted(Path.rename))
        monkeypatch.setattr(Path, "mkdir", counted(Path.mkdir))
        monkeypatch.setattr(os, "link", counted(os.link))
        monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
        return lambda: count

    return arm


def test_a_restore_that_dies_anywhere_leaves_the_old_or_the_new(
    tmp_path: Path, dying: Any, monkeypatch: pytest.MonkeyPatch
):
    steps, seen = 0, []
    while True:
        base = tmp_path / str(steps)
        root, snapshots = base / "state", Snapshots.of(base, OURS)
        populate(root, "new")
        (root / "cache.sqlite-wal").unlink(missing_ok=True)
        snapshots.take(root, "kept", NOW)
        shutil.rmtree(root)
        populate(root, "old")
        with monkeypatch.context():
            dying(steps)
            try:
                snapshots.restore(root, "kept")
                died = False
            except Died:
                died = True
            monkeypatch.undo()
        with open_state(root, "a test"):
            (root / "lock").rename(base / "lock")
            words = worded(root)
        assert words in ({"old"}, {"new"}), f"step {steps}: {words}"
        assert not list(root.glob(".exchange*"))
        seen.append(*words)
        steps += 1
        if not died:
            break
    assert seen[0] == "old"
    assert seen[-1] == "new"
    assert seen == sorted(seen, key=["old", "new"].index)  # one moment decides
    assert seen.count("new") > 5


def test_what_dies_while_it_completes_is_completed_by_the_next(
    tmp_path: Path, dying: Any, monkeypatch: pytest.MonkeyPatch
):
    root = tmp_path / "state"
    populate(root, "old")
    target = exchange.draft(root)
    populate(target.folder, "new")
    (root / exchange.DRAFT / exchange.PLAN).write_text(
        json.dumps({"old": OURS.top(root), "new": OURS.top(target.folder)})
    )
    (root / exchange.DRAFT).rename(root / exchange.DECIDED)
    for _ in range(100):
        dying(2)
        try:
            exchange.complete(root)
            break
        except Died:
            continue
        finally:
            monkeypatch.undo()
    assert worded(root) == {"new"}
    assert not list(root.glob(".exchange*"))


def test_reset_empties_and_leaves_what_is_not_ours(root: Path, snapshots: Snapshots):
    populate(root, "old")
    (root / "thesis.txt").write_text("years of work")
    (root / "photos").mkdir()
    reset(OURS, root)
    assert sorted(path.name for path in root.iterdir()) == ["photos", "thesis.txt"]


def test_restore_leaves_what_is_not_ours(root: Path, snapshots: Snapshots):
    (root / "storage").mkdir(parents=True)
    snapshots.take(root, "kept", NOW)
    (root / "thesis.txt").write_text("years of work")
    (root / "cache.sqlite.v1.bak").write_text("of the cache")
    snapshots.restore(root, "kept")
    assert sorted(path.name for path in root.iterdir()) == ["thesis.txt"]


async def test_writers_wait_for_the_instant_and_do_not_fail(root: Path):
    async with rooms(root) as env:
        await fill(env, "one")
        with instant._held(OURS, root) as (held, _):
            assert held == sorted(held) and len(held) == 5
            writing: list[Awaitable[Any]] = [
                asyncio.ensure_future(write)
                for write in (
                    env.CACHE.put("word", "late"),
                    env.QUEUE.send("late"),
                    env.DB.prepare("INSERT INTO words VALUES ('late')").run(),
                    env.STORAGE.put("late", "late"),
                    env.VECTORIZE.upsert([{"id": "two", "values": [0.0, 1.0]}]),
                )
            ]
            done, _ = await asyncio.wait(writing, timeout=0.05)
            assert done == set()
        await asyncio.gather(*writing)
        assert await env.CACHE.get("word") == "late"


async def test_an_object_that_goes_while_it_is_linked(
    root: Path, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
):
    async with rooms(root) as env:
        await fill(env, "one")
        link = instant.link

        def gone(source: Path, target: Path) -> None:
            source.unlink()
            link(source, target)

        monkeypatch.setattr(instant, "link", gone)
        assert (await take(snapshots, root)).files == 5


def test_a_file_that_cannot_be_opened(root: Path):
    with (
        pytest.raises(StateError, match=r"none\.sqlite cannot be opened"),
        instant._opened(root / "none.sqlite"),
    ):
        pass


@pytest.mark.parametrize(("times", "whole"), [(2, True), (10**9, False)])
def test_a_log_that_somebody_else_is_moving(
    times: int, whole: bool, monkeypatch: pytest.MonkeyPatch
):
    class Busy:
        left = times

        def execute(self, text: str) -> Any:
            return self

        def fetchall(self) -> None: ...

        def wal_checkpoint(self, mode: int) -> tuple[int, int]:
            self.left -= 1
            if self.left >= 0:
                raise apsw.BusyError("checkpoint")
            return 3, 3

    monkeypatch.setattr(instant, "TURN_SECONDS", 60 if whole else 0.01)
    assert instant._write_log(Busy()) is whole  # type: ignore[arg-type]


def test_a_state_that_is_not_there_is_empty(root: Path, snapshots: Snapshots):
    assert OURS.top(root) == []
    assert snapshots.take(root, "kept", NOW).files == 0
    (root / "storage").mkdir(parents=True)
    snapshots.restore(root, "kept")
    assert list(root.iterdir()) == []
