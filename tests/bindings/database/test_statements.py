"""Statements, binds and results: db-cache.md §1.1 to §1.6 and its numbered lines."""

from __future__ import annotations

import array
import enum
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.database import execution
from aerostack_dev.errors import BindingError
from aerostack_dev.wire import Record


@pytest.fixture
async def people(db):
    await db.exec(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT, u UNIQUE)\n"
        "INSERT INTO p VALUES (1,'ann',10)\nINSERT INTO p VALUES (2,'bob',20)\n"
        "INSERT INTO p VALUES (3,'cyd',30)"
    )
    return db


@pytest.mark.spec("db 1.13.1")
async def test_bad_sql_fails_only_when_it_runs(db, refused):
    statement = db.prepare("BAD SQL")
    expected = 'D1_ERROR: near "BAD": syntax error at offset 0: SQLITE_ERROR'
    assert await refused(statement.all()) == expected
    assert await refused(statement.first()) == expected
    assert await refused(statement.raw()) == expected
    assert await refused(db.batch([statement])) == expected


@pytest.mark.spec("db 1.13.2")
@pytest.mark.parametrize(
    "value",
    [{"a": 1}, {1}, object, (1, 2), [256], [-1], [True], ["x"], 1j, 2**63, -(2**63) - 1],
)
async def test_bind_refuses_at_once_what_no_column_holds(db, value):
    with pytest.raises(TypeError) as caught:
        db.prepare("SELECT ?").bind(value)
    text = f"Type '{type(value).__name__}' not supported for value '{value}'"
    assert str(caught.value) == f"D1_TYPE_ERROR: {text}"
    assert str(caught.value.__cause__) == text


async def test_a_refused_value_is_quoted_in_part(db):
    with pytest.raises(TypeError, match=r"'x{200}…'"):
        db.prepare("SELECT ?").bind(type("Long", (), {"__str__": lambda _: "x" * 300})())


@pytest.mark.spec("db 1.13.3")
async def test_booleans_are_one_and_zero(db):
    row = await db.prepare("SELECT ? a, ? b").bind(True, False).first()
    assert row == {"a": 1, "b": 0}


async def test_ints_are_integer_and_floats_real(db):
    """The Python form of lines 4 to 6 (interface.md §5, §9)."""
    row = await db.prepare("SELECT typeof(?) i, typeof(?) r").bind(1, 1.0).first()
    assert row == {"i": "integer", "r": "real"}
    await db.exec("CREATE TABLE t (s TEXT)")
    insert = db.prepare("INSERT INTO t VALUES (?)")
    await db.batch([insert.bind(1), insert.bind(2.0)])
    assert await db.prepare("SELECT s FROM t").raw() == [["1"], ["2.0"]]
    match = db.prepare("SELECT s FROM t WHERE s = ?")
    assert await match.bind(1).first("s") == "1"
    assert await match.bind("1").first("s") == "1"
    assert await match.bind(2).first("s") is None


async def test_numbers_of_javascript_come_as_floats_and_are_real(room):
    """What a TypeScript author's `1` does: its face sends a float."""
    call = room.bindings.target("DB")
    assert await call.first("SELECT typeof(?) t", [1.0], "t") == "real"
    await call.exec("CREATE TABLE t (s TEXT)")
    await call.run("INSERT INTO t VALUES (?)", [1.0])
    assert await call.first("SELECT s FROM t", [], "s") == "1.0"
    await call.run("UPDATE t SET s = '1'", [])
    assert await call.first("SELECT s FROM t WHERE s = ?", [1.0]) is None
    assert await call.first("SELECT s FROM t WHERE s = ?", ["1"], "s") == "1"


@pytest.mark.spec("db 1.13.7")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x00\xff", [0, 255]),
        (bytearray(b"ab"), [97, 98]),
        (memoryview(b"abcd")[1:3], [98, 99]),
        (memoryview(b"abcd")[::2], [97, 99]),
        (array.array("H", [1, 300]), [1, 44]),
        (array.array("b", [-1]), [255]),
        (array.array("d", [1.9]), [1]),
        ([0, 255, 1.5], [0, 255, 1]),
        ([], []),
        (b"", []),
    ],
)
async def test_bytes_are_a_blob_and_come_back_as_numbers(db, value, expected):
    row = await db.prepare("SELECT ? b, typeof(?1) t").bind(value).first()
    assert row == {"b": expected, "t": "blob"}


async def test_an_array_of_what_is_no_number_is_refused(db):
    with pytest.raises(TypeError, match="D1_TYPE_ERROR: Type 'memoryview'"):
        db.prepare("SELECT ?").bind(array.array("d", [math.nan]))


async def test_subclasses_bind_as_what_they_are(db):
    colour = enum.IntEnum("Colour", {"RED": 3})
    word = enum.StrEnum("Word", {"HI": "hi"})
    row = await db.prepare("SELECT ? a, ? b").bind(colour.RED, word.HI).first()
    assert row == {"a": 3, "b": "hi"}
    assert type(row.a) is int
    assert type(row.b) is str


async def test_what_is_not_finite_is_null(db):
    numbers = (math.nan, math.inf, -math.inf, None)
    row = await db.prepare("SELECT ?, ?, ?, ?").bind(*numbers).raw()
    assert row == [[None] * 4]


async def test_text_keeps_nul_and_half_a_surrogate_is_replaced(db):
    row = await db.prepare("SELECT ? a, ? b, '\ud800' c").bind("a\0b", "x\udfff").first()
    assert row == {"a": "a\0b", "b": "x\ufffd", "c": "\ufffd"}


@pytest.mark.spec("db 1.13.8")
async def test_bind_makes_a_new_statement(db):
    statement = db.prepare("SELECT ? v")
    one, two = statement.bind(1), statement.bind(2)
    assert await two.first("v") == 2
    assert await one.first("v") == 1
    assert statement.params == []
    assert one.params == [1]
    assert await one.bind(3).first("v") == 3
    assert one.statement == "SELECT ? v"
    one.params.append(9)
    assert one.params == [1]
    assert repr(one) == "<D1PreparedStatement 'SELECT ? v' [1]>"


@pytest.mark.spec("db 1.13.9")
async def test_numbered_parameters(db):
    rows = await db.prepare("SELECT ?3, ?1, ?2").bind("a", "b", "c").raw()
    assert rows == [["c", "a", "b"]]
    rows = await db.prepare("SELECT :x, @y, $z, :x").bind(1, 2, 3).raw()
    assert rows == [[1, 2, 3, 1]]


@pytest.mark.spec("db 1.13.10")
@pytest.mark.parametrize(
    ("sql", "values"),
    [("SELECT ?, ?", [1]), ("SELECT ?", [1, 2]), ("SELECT ?", []), ("SELECT 1", [1])],
)
async def test_a_wrong_number_of_parameters(db, refused, sql, values):
    expected = "D1_ERROR: Wrong number of parameter bindings for SQL query."
    statement = db.prepare(sql).bind(*values)
    assert await refused(statement.all()) == expected
    assert await refused(statement.raw({"columnNames": True})) == expected


@pytest.mark.spec("db 1.13.12")
@pytest.mark.spec("db 1.13.13")
@pytest.mark.spec("db 1.13.14")
async def test_first(db, refused):
    none = db.prepare("SELECT 1 a WHERE 0")
    assert await none.first() is None
    assert await none.first("zz") is None
    assert await db.prepare("SELECT NULL a").first("a") is None
    one = db.prepare("SELECT 1 a UNION ALL SELECT 2")
    assert await one.first() == {"a": 1}
    assert await one.first(None) == {"a": 1}
    for missing in ("zz", "A", ""):
        with pytest.raises(BindingError) as caught:
            await one.first(missing)
        assert str(caught.value) == f"D1_COLUMN_NOTFOUND: Column not found ({missing})"
        assert str(caught.value.__cause__) == "Column not found"


@pytest.mark.spec("db 1.13.15")
async def test_first_of_a_write(people):
    assert await people.prepare("INSERT INTO p VALUES (9,'z',9)").first() is None
    assert await people.prepare("SELECT name FROM p WHERE id = 9").first("name") == "z"


@pytest.mark.spec("db 1.13.16")
async def test_returning(people):
    insert = people.prepare("INSERT INTO p (name) VALUES (?) RETURNING id, name")
    result = await insert.bind("dee").run()
    assert result.results == [{"id": 4, "name": "dee"}]
    assert result.meta.changes == 1
    assert result.meta.last_row_id == 4
    assert list(result) == ["success", "meta", "results"]
    assert isinstance(result.results[0], Record)


@pytest.mark.spec("db 1.13.17")
async def test_meta_of_a_select(people):
    result = await people.prepare("SELECT * FROM p").run()
    assert [row.name for row in result.results] == ["ann", "bob", "cyd"]
    assert list(result.meta) == [
        "served_by",
        "duration",
        "changes",
        "last_row_id",
        "changed_db",
        "size_after",
        "rows_read",
        "rows_written",
    ]
    assert result.meta.served_by == "aerostack-dev.db"
    assert result.meta.duration >= 0
    assert result.meta.changed_db is False
    assert result.meta.rows_read == 3
    assert result.meta.rows_written == 0
    assert result.meta.changes == 0


async def test_meta_of_writes(people):
    insert = people.prepare("INSERT INTO p (name) VALUES ('x')")
    first, again = await people.batch([insert, insert])
    assert first.meta.rows_written == again.meta.rows_written == 2
    await people.exec("CREATE INDEX names ON p (name)")
    assert (await insert.run()).meta.rows_written == 3
    update = await people.prepare("UPDATE p SET name = 'q' WHERE id = 1").run()
    assert (update.meta.changes, update.meta.changed_db, update.results) == (1, True, [])


async def test_indexes_are_counted_for_every_statement(people, monkeypatch):
    monkeypatch.setattr(execution, "TABLES_KEPT", 1)
    texts = [f"INSERT INTO p (name) VALUES ('{name}')" for name in "xyz"]
    for text in [*texts, *texts]:
        await people.prepare(text).first()
    results = await people.batch([people.prepare(f"{text} ") for text in texts])
    assert [entry.meta.rows_written for entry in results] == [2, 2, 2]


async def test_size_follows_growth_and_what_others_write(people, room):
    size = people.prepare("SELECT count(*) FROM p")
    before = (await size.run()).meta.size_after
    assert before % 4096 == 0
    await people.prepare("INSERT INTO p (name) VALUES (?)").bind("x" * 100_000).run()
    after = (await size.run()).meta.size_after
    assert after >= before + 24 * 4096
    added = await people.prepare("ALTER TABLE p ADD COLUMN z").run()
    assert added.meta.changed_db is False
    made = await people.prepare("CREATE TABLE q (a)").run()
    assert (made.meta.changed_db, made.meta.changes) == (True, 0)
    assert made.meta.size_after == after + 4096


@pytest.mark.spec("db 1.13.18")
async def test_columns_of_one_name(db):
    statement = db.prepare("SELECT * FROM (SELECT 1 a, 2 b, 3 c) JOIN (SELECT 4 c, 5 d, 6 e)")
    assert (await statement.all()).results == [{"a": 1, "b": 2, "c": 4, "d": 5, "e": 6}]
    assert list((await statement.first()).items())[2] == ("c", 4)
    assert await statement.raw() == [[1, 2, 3, 4, 5, 6]]
    named = await statement.raw({"columnNames": True})
    assert named == [["a", "b", "c", "c", "d", "e"], [1, 2, 3, 4, 5, 6]]


@pytest.mark.spec("db 1.13.19")
async def test_column_names_without_rows(db):
    names = {"columnNames": True}
    statement = db.prepare("SELECT * FROM t")
    await db.exec("CREATE TABLE t (a, b)")
    assert await statement.raw(names) == [["a", "b"]]
    await db.exec("ALTER TABLE t ADD COLUMN c")
    assert await statement.raw(column_names=True) == [["a", "b", "c"]]
    assert await db.prepare("INSERT INTO t VALUES (1,2,3)").raw(names) == [[]]
    assert await statement.raw() == [[1, 2, 3]]
    assert await statement.raw({"columnNames": 1}) == [[1, 2, 3]]
    with pytest.raises(TypeError, match="unknown option 'nope'"):
        await statement.raw(nope=1)


@pytest.mark.spec("db 1.13.35")
async def test_last_row_id_stays(people):
    await people.prepare("INSERT INTO p (name) VALUES ('x')").run()
    result = await people.prepare("SELECT 1").run()
    assert result.meta.last_row_id == 4


@pytest.mark.spec("db 1.13.36")
async def test_changes_count_cascades(db):
    await db.exec(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)\n"
        "CREATE TABLE child (id, p REFERENCES parent ON DELETE CASCADE)\n"
        "INSERT INTO parent VALUES (1)\nINSERT INTO child VALUES (1,1),(2,1)"
    )
    result = await db.prepare("DELETE FROM parent").run()
    assert result.meta.changes == 3


async def test_numbers_that_come_back(db, room):
    """Python keeps integers whole; that TypeScript rounds them is its number type."""
    sql = "SELECT 1e400 a, -1e400 b, 9007199254740993 c, 9223372036854775807 d, 1.5 e, TRUE f"
    row = await db.prepare(sql).first()
    assert row == {"a": None, "b": None, "c": 2**53 + 1, "d": 2**63 - 1, "e": 1.5, "f": 1}
    assert float(row.c) == 9007199254740992


async def test_text_that_is_not_utf8(db, refused):
    await db.exec("CREATE TABLE t (a, b)\nINSERT INTO t VALUES (CAST(x'ff41' AS TEXT), x'ff')")
    statement = db.prepare("SELECT b, a, ? c FROM t ORDER BY a; ").bind("é")
    assert await statement.first() == {"b": [255], "a": "\ufffdA", "c": "é"}
    assert await statement.raw(column_names=True) == [["b", "a", "c"], [[255], "\ufffdA", "é"]]
    wide = ", ".join(["a"] * 100)
    rows = await db.prepare(f"WITH x AS (SELECT * FROM t) SELECT {wide} FROM x").raw()
    assert rows == [["\ufffdA"] * 100]
    deleting = db.prepare("DELETE FROM t RETURNING a")
    for run in (deleting.all, deleting.first, deleting.raw):
        message = await refused(run())
        assert message == "D1_ERROR: the result holds text that is not valid UTF-8"
    assert await db.prepare("SELECT count(*) n FROM t").first("n") == 1


async def test_sql_with_nul_is_refused(db, refused):
    message = await refused(db.prepare("SELECT 1\0 SELECT").all())
    assert message == "D1_ERROR: the SQL text holds a NUL character: SQLITE_ERROR"


async def test_explain_gives_rows(people):
    assert (await people.prepare("EXPLAIN SELECT * FROM p").all()).results
    (plan,) = (await people.prepare("EXPLAIN QUERY PLAN SELECT * FROM p").all()).results
    assert plan.detail == "SCAN p"


async def test_prepare_takes_text_only(db):
    with pytest.raises(TypeError, match="takes SQL text, not int"):
        db.prepare(1)
    assert repr(db) == "<D1Database DB>"


VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)


async def test_any_value_comes_back_as_it_went(room):
    loop_values = []

    @given(st.lists(VALUES, min_size=1, max_size=20))
    @settings(max_examples=60, deadline=None)
    def collect(values):
        loop_values.append(values)

    collect()
    for values in loop_values:
        marks = ", ".join("?" * len(values))
        (row,) = await room.env.DB.prepare(f"SELECT {marks}").bind(*values).raw()
        assert row == values
        assert list(map(type, row)) == list(map(type, values))
