"""Imports: a transaction over several calls, for whose end all others wait."""

from __future__ import annotations

import asyncio

import pytest

from aerostack_dev.bindings.database import importing
from aerostack_dev.errors import BindingError
from tests.support.rooms import open_room


async def call(room, verb, *arguments):
    return await room.bindings.invoke("DB", verb, list(arguments))


async def begin(room):
    return await call(room, "beginImport")


async def rows(room):
    return await room.env.DB.prepare("SELECT * FROM t ORDER BY 1").raw()


@pytest.fixture
async def table(db):
    await db.exec("CREATE TABLE t (x)")
    return db


async def test_what_is_finished_is_kept(room, table):
    name = await begin(room)
    assert await call(room, "continueImport", name, [["INSERT INTO t VALUES (1), (2)", []]]) == 2
    assert await call(room, "continueImport", name, [["INSERT INTO t VALUES (?)", [3]]]) == 1
    assert await call(room, "continueImport", name, []) == 0
    await call(room, "finishImport", name)
    assert await rows(room) == [[1], [2], [3]]


async def test_what_is_abandoned_is_not(room, table):
    name = await begin(room)
    await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
    await call(room, "abandonImport", name)
    assert await rows(room) == []


async def test_a_failure_ends_it(room, table):
    name = await begin(room)
    await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
    with pytest.raises(BindingError, match="D1_ERROR: no such table: nope"):
        await call(room, "continueImport", name, [["INSERT INTO nope VALUES (1)", []]])
    for verb in ("finishImport", "abandonImport"):
        with pytest.raises(BindingError, match="this import has ended") as caught:
            await call(room, verb, name)
        assert caught.value.code == "import-ended"
    assert await rows(room) == []


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s"])
async def test_the_author_cannot_end_the_transaction(room, table, statement):
    name = await begin(room)
    await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
    with pytest.raises(BindingError, match="To execute a transaction"):
        await call(room, "continueImport", name, [[statement, []]])
    assert await rows(room) == []


async def test_a_violation_found_at_the_end(room, db):
    await db.exec("CREATE TABLE p (id INTEGER PRIMARY KEY)")
    await db.exec("CREATE TABLE t (x REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)")
    name = await begin(room)
    await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
    with pytest.raises(BindingError, match="FOREIGN KEY constraint failed"):
        await call(room, "finishImport", name)
    assert await rows(room) == []


async def test_requests_wait_for_its_end(room, table):
    name = await begin(room)
    await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
    reading = asyncio.create_task(rows(room))
    writing = asyncio.create_task(table.exec("INSERT INTO t VALUES (2)"))
    second = asyncio.create_task(begin(room))
    await asyncio.wait({reading, writing, second}, timeout=0.02)
    assert not reading.done() and not writing.done() and not second.done()
    await call(room, "finishImport", name)
    await asyncio.wait({second})
    await call(room, "abandonImport", second.result())
    await writing
    assert (await reading)[0] == [1]
    assert await rows(room) == [[1], [2]]


async def test_who_is_silent_loses_it(room, table, monkeypatch):
    monkeypatch.setattr(importing, "IDLE_SECONDS", 0.02)
    name = await begin(room)
    await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
    assert await rows(room) == []  # it waited for that
    with pytest.raises(BindingError, match="this import has ended"):
        await call(room, "continueImport", name, [["INSERT INTO t VALUES (2)", []]])


async def test_who_goes_on_keeps_it(room, table):
    name = await begin(room)
    imports = room.backend.database("DB")._imports
    await asyncio.sleep(0)  # the watch has begun
    watch = imports._idle
    for _ in range(3):
        assert not imports._heard.is_set()
        await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
        await asyncio.sleep(0)  # it was heard, and the time begins anew
    assert not watch.done()
    await call(room, "finishImport", name)
    assert watch.cancelled()


async def test_closing_the_room_undoes_it(tmp_path, kind):
    async with open_room(tmp_path, kind) as room:
        await room.env.DB.exec("CREATE TABLE t (x)")
        name = await begin(room)
        await call(room, "continueImport", name, [["INSERT INTO t VALUES (1)", []]])
    async with open_room(tmp_path, kind) as room:
        assert await rows(room) == []


async def test_many_short_statements_can_be_stopped(room, table):
    name = await begin(room)
    statement = ["INSERT INTO t SELECT hex(randomblob(100000))", []]
    going = asyncio.create_task(call(room, "continueImport", name, [statement] * 100_000))
    await asyncio.sleep(0.05)
    await call(room, "abandonImport", name)
    with pytest.raises(BindingError, match="interrupted"):
        await going
    assert await rows(room) == []
