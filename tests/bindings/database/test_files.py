"""The file behind a database: names, trouble with it, and its end."""

from __future__ import annotations

import asyncio

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings import sqlite as corridor
from aerostack_dev.bindings.database import KIND, Database, execution
from aerostack_dev.bindings.database.files import LONGEST_NAME, file_name
from aerostack_dev.errors import BindingError, StateError
from tests.support.rooms import open_room


@pytest.mark.parametrize("name", ["my/ Database", "..", "../../x", "a\0b", "C:\\x", "é" * 200, "."])
async def test_any_name_stays_in_the_folder(tmp_path, name):
    declared = Database(binding="X", database_name=name)
    async with open_room(tmp_path, KIND, declared) as room:
        assert await room.env.X.prepare("SELECT 1 a").first("a") == 1
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in files] == [tmp_path / "state" / "db"]


def test_plain_names_are_their_files():
    assert KIND.location(Database(binding="DB", database_name="my-db")) == "db/my-db.sqlite"
    assert KIND.location(Database(binding="DB")) == "db/DB.sqlite"
    assert file_name("my-db_1.x") == "my-db_1.x.sqlite"
    assert file_name("my/ Database") == "my%2F Database.sqlite"


@given(st.text(), st.text())
def test_file_names_are_distinct_and_short(one, other):
    assert (file_name(one) == file_name(other)) == (one == other)
    assert len(file_name(one).encode()) <= LONGEST_NAME + len(".sqlite")
    assert not set(file_name(one)) & set('/\\:*?"<>|\0')


async def test_nothing_is_opened_before_it_is_used(tmp_path):
    async with open_room(tmp_path, KIND) as room:
        room.env.DB.prepare("SELECT 1")
        assert not list(tmp_path.rglob("*.sqlite"))
        await asyncio.gather(*(room.env.DB.prepare("SELECT 1").first() for _ in range(5)))
        assert len(list(tmp_path.rglob("*.sqlite"))) == 1


async def test_who_opens_a_file_may_be_cancelled(tmp_path):
    async with open_room(tmp_path, KIND) as room:
        first = asyncio.create_task(room.env.DB.prepare("SELECT 1").first())
        await asyncio.sleep(0)
        second = asyncio.create_task(room.env.DB.prepare("SELECT 2 a").first("a"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 2
    async with open_room(tmp_path, KIND) as room:
        only = asyncio.create_task(room.env.DB.prepare("SELECT 1").first())
        await asyncio.sleep(0)
        only.cancel()
    assert only.cancelled()


@pytest.fixture
def short_wait(monkeypatch):
    monkeypatch.setattr(corridor, "BUSY_SECONDS", 0.05)


@pytest.fixture
async def room(tmp_path, short_wait):
    async with open_room(tmp_path, KIND) as opened:
        await opened.env.DB.exec("CREATE TABLE t (a)")
        yield opened


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "db" / "DB.sqlite"


async def test_another_tools_lock_can_be_waited_out(room, file, refused):
    insert = room.env.DB.prepare("INSERT INTO t VALUES (1)")
    other = apsw.Connection(str(file))
    other.execute("BEGIN IMMEDIATE")
    for attempt in (insert.run(), insert.first(), room.env.DB.batch([insert])):
        with pytest.raises(StateError) as caught:
            await attempt
        assert str(caught.value) == "D1_ERROR: database is locked: SQLITE_BUSY"
        assert caught.value.code == "SQLITE_BUSY"
        assert caught.value.where == str(file)
        assert caught.value.hint == "close that program and try again"
    assert await room.env.DB.prepare("SELECT count(*) n FROM t").first("n") == 0
    reading = room.env.DB.prepare("WITH x AS (SELECT a FROM t) SELECT * FROM x")
    assert (await reading.all()).results == []
    other.execute("COMMIT")
    other.close()
    assert (await insert.run()).meta.changes == 1


async def test_what_another_tool_writes_is_seen(room, file):
    size = (await room.env.DB.prepare("SELECT a FROM t").all()).meta.size_after
    other = apsw.Connection(str(file))
    other.execute("INSERT INTO t VALUES (zeroblob(100000))")
    other.execute("ALTER TABLE t ADD COLUMN b DEFAULT 5")
    other.close()
    assert await room.env.DB.prepare("SELECT b FROM t").first() == {"b": 5}
    result = await room.env.DB.prepare("SELECT length(a) n FROM t").all()
    assert result.results == [{"n": 100_000}]
    assert result.meta.size_after > size + 20 * 4096


async def test_a_column_whose_name_is_not_utf8(room, file):
    other = apsw.Connection(str(file))
    other.execute("PRAGMA writable_schema = 1")
    other.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE t (a'||CAST(x'ff' AS TEXT)||')'")
    other.execute("PRAGMA schema_version = 100")
    other.close()
    await room.env.DB.prepare("INSERT INTO t VALUES (1)").run()
    with pytest.raises(BindingError, match="text that is not valid UTF-8"):
        await room.env.DB.prepare("SELECT * FROM t").all()
    assert await room.env.DB.prepare("SELECT count(*) n FROM t").first("n") == 1


async def test_a_file_locked_whole_can_be_opened_later(tmp_path, file, short_wait):
    file.parent.mkdir(parents=True)
    other = apsw.Connection(str(file))
    other.execute("CREATE TABLE t (a); PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").fetchall()
    async with open_room(tmp_path, KIND) as room:
        with pytest.raises(BindingError) as caught:
            await room.env.DB.prepare("SELECT * FROM t").all()
        assert str(caught.value) == "D1_ERROR: database is locked: SQLITE_BUSY"
        other.close()
        assert await room.env.DB.prepare("SELECT count(*) n FROM t").first("n") == 0


async def test_a_file_that_is_no_database(tmp_path, file):
    file.parent.mkdir(parents=True)
    file.write_text("this is not a database, whatever its name says " * 50)
    async with open_room(tmp_path, KIND) as room:
        for call in (room.env.DB.prepare("SELECT 1").all(), room.bindings.invoke("DB", "info", [])):
            with pytest.raises(StateError) as caught:
                await call
            assert str(caught.value) == "D1_ERROR: file is not a database: SQLITE_NOTADB"
            assert caught.value.where == str(file)
            assert "move it away" in caught.value.hint
        exported = await room.bindings.invoke("DB", "export", [])
        with pytest.raises(StateError, match="file is not a database"):
            await anext(exported)


async def test_a_damaged_file(tmp_path, file):
    async with open_room(tmp_path, KIND) as room:
        await room.env.DB.exec("CREATE TABLE t (a)\nINSERT INTO t VALUES (1)")
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * len(data[4096:])
    file.write_bytes(data)
    async with open_room(tmp_path, KIND) as room:
        with pytest.raises(StateError, match="database disk image is malformed: SQLITE_CORRUPT"):
            await room.env.DB.prepare("SELECT * FROM t").all()
        with pytest.raises(StateError, match="D1_ERROR: database disk image is malformed"):
            await room.bindings.invoke("DB", "info", [])
        assert await room.env.DB.prepare("SELECT 1 a").first("a") == 1


async def test_a_full_disk_keeps_what_was_there(room):
    """SQLite's own ceiling on pages gives the error of a full disk."""
    database = room.backend.database("DB")
    executor, ceiling = database.executor, lambda c: c.pragma("max_page_count", 4)
    assert await database.store.value.run(executor.trusted, ceiling) == 4
    insert = room.env.DB.prepare("INSERT INTO t VALUES (zeroblob(100000))")
    with pytest.raises(StateError) as caught:
        await insert.run()
    assert str(caught.value) == "D1_ERROR: database or disk is full: SQLITE_FULL"
    assert caught.value.hint == "free some space and try again"
    with pytest.raises(StateError, match="SQLITE_FULL"):
        await room.env.DB.batch([room.env.DB.prepare("INSERT INTO t VALUES (1)"), insert])
    assert await room.env.DB.prepare("SELECT count(*) n FROM t").first("n") == 0


ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"


async def test_a_statement_may_take_only_so_long(room, monkeypatch):
    monkeypatch.setattr(execution, "QUERY_SECONDS", 0.05)
    with pytest.raises(BindingError) as caught:
        await room.env.DB.prepare(ENDLESS).all()
    assert str(caught.value) == "D1_ERROR: interrupted: SQLITE_INTERRUPT"
    assert caught.value.hint == "a statement may take 0.05 seconds"
    assert await room.env.DB.prepare("SELECT 1 a").first("a") == 1


async def test_closing_stops_what_runs_and_waits(tmp_path, file):
    async with open_room(tmp_path, KIND) as room:
        await room.env.DB.exec("CREATE TABLE t (a)")
        long = [asyncio.create_task(room.env.DB.prepare(ENDLESS).first()) for _ in range(2)]
        await asyncio.sleep(0)
    for task in long:
        with pytest.raises(BindingError, match="interrupted: SQLITE_INTERRUPT"):
            await task
    assert not file.with_name("DB.sqlite-wal").exists()


async def test_info(room):
    db = room.env.DB
    await db.exec(
        "CREATE TABLE u (id INTEGER PRIMARY KEY, name UNIQUE)\nCREATE INDEX named ON u (name)\n"
        "INSERT INTO u (name) VALUES ('a'),('b')\nCREATE VIEW v AS SELECT 1 x\n"
        "CREATE VIRTUAL TABLE f USING fts5(body)"
    )
    info = await room.bindings.invoke("DB", "info", [])
    assert info.name == "DB"
    assert info.file.endswith("DB.sqlite")
    assert info["size"] % 4096 == 0
    assert info.tables == [
        {"name": "f", "type": "virtual", "columns": 3, "rows": 0, "indexes": []},
        {"name": "t", "type": "table", "columns": 1, "rows": 0, "indexes": []},
        {
            "name": "u",
            "type": "table",
            "columns": 2,
            "rows": 2,
            "indexes": ["named", "sqlite_autoindex_u_1"],
        },
        {"name": "v", "type": "view", "columns": 1, "rows": None, "indexes": []},
    ]
