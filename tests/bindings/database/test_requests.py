"""Batch, exec, several statements in one, sessions, transactions: db-cache.md §1.5, §1.8."""

from __future__ import annotations

import asyncio

import pytest

from aerostack_dev.bindings.database import Database
from aerostack_dev.clock import ManualClock
from aerostack_dev.errors import BindingError
from tests.support.rooms import open_room

CODE = "D1_EXEC_ERROR: "
EXEC = f"{CODE}Error in line 1: "
EMPTY = "SQL code did not contain a statement."


@pytest.fixture
async def table(db):
    await db.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    return db


async def count(db):
    return await db.prepare("SELECT count(*) n FROM t").first("n")


@pytest.mark.spec("db 1.13.20")
async def test_a_failing_statement_undoes_its_batch(table, refused):
    insert = table.prepare("INSERT INTO t (v) VALUES (1)")
    message = await refused(table.batch([insert, table.prepare("BAD"), insert]))
    assert message == 'D1_ERROR: near "BAD": syntax error at offset 0: SQLITE_ERROR'
    assert await count(table) == 0


@pytest.mark.spec("db 1.13.21")
async def test_a_batch_is_in_order(table):
    insert = table.prepare("INSERT INTO t (v) VALUES (?)")
    select = table.prepare("SELECT v FROM t")
    results = await table.batch([insert.bind("a"), select, insert.bind("b"), select])
    assert [entry.results for entry in results] == [
        [],
        [{"v": "a"}],
        [],
        [{"v": "a"}, {"v": "b"}],
    ]
    assert [entry.meta.changes for entry in results] == [1, 0, 1, 0]


@pytest.mark.spec("db 1.13.22")
async def test_an_empty_batch(db, refused):
    assert await refused(db.batch([])) == "D1_ERROR: No SQL statements detected."
    results = await db.batch([db.prepare(" "), db.prepare("SELECT 1 a"), db.prepare("\n -- x")])
    assert [entry.results for entry in results] == [[{"a": 1}]]


@pytest.mark.parametrize("statements", ["x", None, 5, {"a": 1}, ["SELECT 1"], [("SELECT 1",)]])
async def test_a_batch_of_something_else(db, statements):
    with pytest.raises(TypeError, match=r"batch\(\) takes"):
        await db.batch(statements)


@pytest.mark.spec("db 1.13.23")
async def test_exec_counts_lines(db):
    both = await db.exec("SELECT 1\nSELECT 2")
    assert (both.count, list(both)) == (2, ["count", "duration"])
    assert both.duration >= 0
    assert (await db.exec("SELECT 1; SELECT 2;")).count == 1
    assert (await db.exec("\n  SELECT 1;\r\n\r\n  -- note\nSELECT 2\r\n")).count == 2


@pytest.mark.spec("db 1.13.24")
async def test_exec_takes_one_line_at_a_time(db, refused):
    message = await refused(db.exec("CREATE TABLE ml (\n  id INTEGER\n)"), CODE)
    assert message == f"{EXEC}CREATE TABLE ml (: incomplete input: SQLITE_ERROR"


@pytest.mark.spec("db 1.13.25")
async def test_exec_is_one_transaction(table, refused):
    first = "INSERT INTO t (v) VALUES (1)"
    message = await refused(table.exec(f"{first}\nBAD"), CODE)
    assert message.startswith(f"{EXEC}{first}: ")
    assert message.endswith('near "BAD": syntax error at offset 0: SQLITE_ERROR')
    assert await count(table) == 0


async def test_exec_of_nothing(db, refused):
    assert await refused(db.exec(" "), CODE) == f"{EXEC}: No SQL statements detected."
    assert (await refused(db.exec("-- x"), CODE)).endswith(EMPTY)
    with pytest.raises(TypeError, match="SQL is a string, not int"):
        await db.exec(1)


@pytest.mark.spec("db 1.13.26")
async def test_several_statements_give_the_last_result(table):
    assert (await table.prepare("SELECT 1; SELECT 2 b").all()).results == [{"b": 2}]
    sql = (
        "INSERT INTO t (v) VALUES (7); INSERT INTO t (v) VALUES (8); SELECT v FROM t WHERE v > ?; "
    )
    result = await table.prepare(sql).bind(7).all()
    assert result.results == [{"v": 8}]
    assert result.meta.changes == 2
    assert result.meta.changed_db is True


async def test_several_statements_are_one_transaction(table, refused):
    sql = "INSERT INTO t (v) VALUES (1); SELEC 1"
    message = await refused(table.prepare(sql).all())
    assert message == 'D1_ERROR: near "SELEC": syntax error at offset 0: SQLITE_ERROR'
    assert await count(table) == 0
    early = await refused(table.prepare("SELECT ?; SELECT 1").bind(1).all())
    assert "only the last statement can have parameters" in early


@pytest.mark.spec("db 1.13.27")
@pytest.mark.parametrize(
    "sql", ["SELECT 1 a; -- hi", "SELECT 1;;", ";", "-- x", "/* x */", "; -- c"]
)
async def test_what_holds_no_statement(table, refused, sql):
    assert await refused(table.prepare(sql).all()) == f"D1_ERROR: {EMPTY}"
    undone = table.prepare(f"INSERT INTO t (v) VALUES (1);{sql};;")
    assert await refused(undone.all()) == f"D1_ERROR: {EMPTY}"
    assert await count(table) == 0


@pytest.mark.parametrize("sql", ["", " \n\t", " -- x", "\n-- x\n  -- y"])
async def test_blank_sql(db, refused, sql):
    assert await refused(db.prepare(sql).first()) == "D1_ERROR: No SQL statements detected."


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 a;  \n",
        "-- c\nSELECT 1 a",
        "/* ; */ SELECT 1 a",
        "SELECT 1 a -- ;",
        "; SELECT 1 a",
    ],
)
async def test_comments_and_semicolons_that_do_no_harm(db, sql):
    assert await db.prepare(sql).first() == {"a": 1}


async def test_the_offset_counts_from_the_start_of_the_failing_statement(db, refused):
    assert "at offset 10: " in await refused(db.prepare("SELECT 1; SELECT 2, nope").all())
    assert "at offset 13: " in await refused(db.prepare("SELECT 'é', nope").all())
    assert "at offset 15: " in await refused(db.prepare("/* é */SELECT nope;").all())


async def test_dump_and_query_are_refused(db, refused):
    with pytest.raises(BindingError) as caught:
        await db.dump()
    assert str(caught.value) == "D1_DUMP_ERROR: Status + 404"
    assert str(caught.value.__cause__) == "Status 404"
    assert (await refused(db.query("SELECT 1"))).startswith("D1_ERROR: ")


@pytest.mark.spec("db 1.13.38")
async def test_sessions_have_bookmarks(table, room):
    session = table.withSession()
    assert session.getBookmark() is None
    await session.prepare("INSERT INTO t (v) VALUES (?)").bind(1).run()
    first = session.getBookmark()
    assert isinstance(first, str)
    assert len(first) == 8 + 1 + 8 + 1 + 8 + 1 + 32
    seen = [first]
    for _ in range(3):
        assert await session.prepare("SELECT v FROM t").first("v") == 1
        seen.append(session.get_bookmark())
    assert (await session.prepare("SELECT v FROM t").all()).results == [{"v": 1}]
    assert await session.prepare("SELECT v FROM t").raw() == [[1]]
    (result,) = await session.batch([table.prepare("SELECT 2 x")])
    assert result.results == [{"x": 2}]
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("constraint", [None, "", " ", "first-primary", " first-unconstrained "])
async def test_sessions_by_constraint(db, constraint):
    assert db.with_session(constraint).get_bookmark() is None


async def test_a_session_keeps_the_greater_bookmark(db):
    session = db.withSession(" zzzz ")
    assert session.getBookmark() == "zzzz"
    await session.prepare("SELECT 1").first()
    assert session.getBookmark() == "zzzz"
    behind = db.withSession("0")
    await behind.prepare("SELECT 1").first()
    assert behind.getBookmark() > "0"
    with pytest.raises(TypeError, match="D1_SESSION_ERROR: invalid bookmark or constraint"):
        db.withSession(5)
    assert not any(hasattr(session, name) for name in ("exec", "dump", "withSession"))


async def test_bookmarks_grow_over_restarts(tmp_path, kind):
    bookmarks = []
    for now in (1_800_000_000.0, 1_800_000_001.0):
        async with open_room(tmp_path, kind, clock=ManualClock(now)) as room:
            session = room.env.DB.withSession()
            await session.prepare("SELECT 1").first()
            bookmarks.append(session.getBookmark())
    assert bookmarks[0] < bookmarks[1]


async def test_a_session_knows_its_verbs(room, refused):
    with pytest.raises(BindingError, match="a session has no 'exec'"):
        await room.bindings.invoke("DB", "session", ["exec", ["SELECT 1"]])


@pytest.mark.spec("db 1.13.40")
async def test_data_survives_a_restart(tmp_path, kind):
    async with open_room(tmp_path, kind) as room:
        await room.env.DB.exec("CREATE TABLE t (a)\nINSERT INTO t VALUES (5)")
    async with open_room(tmp_path, kind) as room:
        assert await room.env.DB.prepare("SELECT a FROM t").first("a") == 5
    async with open_room(tmp_path / "elsewhere", kind) as room:
        with pytest.raises(BindingError, match="no such table: t"):
            await room.env.DB.prepare("SELECT a FROM t").first("a")


async def test_bindings_of_one_database_share_it(tmp_path, kind):
    declared = [
        Database(binding="A", database_name="shared"),
        Database(binding="B", database_name="shared"),
    ]
    async with open_room(tmp_path, kind, *declared) as room:
        await room.env.A.exec("CREATE TABLE t (a)\nINSERT INTO t VALUES (5)")
        assert await room.env.B.prepare("SELECT a FROM t").first("a") == 5
        with pytest.raises(BindingError, match="no such table"):
            await room.env.DB.prepare("SELECT a FROM t").first()


async def test_concurrent_requests_take_turns(table):
    step = table.prepare("UPDATE t SET v = v + 1")
    await table.exec("INSERT INTO t (v) VALUES (0)")
    await asyncio.gather(*(table.batch([step, step]) for _ in range(50)))
    assert await table.prepare("SELECT v FROM t").first("v") == 100


async def test_a_conflict_that_rolls_back_ends_the_transaction(table, refused):
    await table.exec("INSERT INTO t (id) VALUES (1)")
    insert = table.prepare("INSERT INTO t (id) VALUES (2)")
    clash = table.prepare("INSERT OR ROLLBACK INTO t (id) VALUES (1)")
    assert "UNIQUE constraint failed: t.id" in await refused(table.batch([insert, clash]))
    assert "UNIQUE constraint failed: t.id" in await refused(clash.run())
    assert await count(table) == 1


async def test_wire_values_of_the_operations(room):
    call = room.bindings.invoke
    row = await call("DB", "first", ["SELECT ? a, ? b, ? c", [[1, 2], b"x", True]])
    assert row == {"a": [1, 2], "b": [120], "c": 1}
    assert (await call("DB", "batch", [[["SELECT 1 a"]]]))[0].results == [{"a": 1}]
    with pytest.raises(TypeError, match="D1_TYPE_ERROR: Type 'dict'"):
        await call("DB", "all", ["SELECT ?", [{}]])
    with pytest.raises(TypeError, match=f"Type 'int' not supported for value '{2**63}'"):
        await call("DB", "batch", [[["SELECT 1"], ["SELECT ?, ?, ?", [5, "x", 2**63]]]])
    with pytest.raises(TypeError, match=r"a statement is \[sql, parameters\]"):
        await call("DB", "batch", [["SELECT 1"]])
    with pytest.raises(TypeError, match="SQL is a string"):
        await call("DB", "batch", [[[5]]])


async def test_spans_tell_the_sql(room):
    from aerostack_dev.runs import Recorded, current_run

    spans = []
    token = current_run.set(Recorded(type("Recorder", (), {"begin": staticmethod(spans.append)})()))
    try:
        db = room.env.DB
        await db.prepare("SELECT 1").first()
        await db.batch([db.prepare("SELECT 2"), db.prepare("SELECT 3")])
        await db.withSession().prepare("SELECT 4").first()
        await db.withSession().batch([db.prepare("SELECT 5")])
    finally:
        current_run.reset(token)
    assert [(span.binding, span.operation, span.subject) for span in spans] == [
        ("DB", "first", "SELECT 1"),
        ("DB", "batch", "SELECT 2; SELECT 3"),
        ("DB", "session", "SELECT 4"),
        ("DB", "session", "SELECT 5"),
    ]
