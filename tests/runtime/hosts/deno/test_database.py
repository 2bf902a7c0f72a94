"""`env.DB` in TypeScript: where its contract differs from Python's form."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

DB = "const { DB } = env;"


async def value(function, code):
    answer = await function.run(f"{DB} {code}")
    assert "error" not in answer, answer
    return answer["value"]


async def error(function, code):
    answer = await function.run(f"{DB} {code}")
    assert "error" in answer, answer
    return answer["error"], answer.get("cause")


@pytest.mark.spec("db 1.13.1")
async def test_bad_sql_rejects_with_an_error_and_its_cause(function):
    text = 'near "BAD": syntax error at offset 0: SQLITE_ERROR'
    found = await error(function, 'const s = DB.prepare("BAD SQL"); return s.all()')
    assert found == (["Error", f"D1_ERROR: {text}"], text)


@pytest.mark.spec("db 1.13.2")
@pytest.mark.parametrize(
    ("given", "kind", "shown"),
    [
        ("undefined", "undefined", "undefined"),
        ("{a: 1}", "object", "[object Object]"),
        ("1n", "bigint", "1"),
        ("[300]", "object", "300"),
        ("new String('x')", "object", "x"),
        ("() => 1", "function", "() => 1"),
    ],
)
async def test_bind_refuses_at_once(function, given, kind, shown):
    text = f"Type '{kind}' not supported for value '{shown}'"
    code = f"try {{ DB.prepare('SELECT ?').bind({given}); return 'bound' }} catch (e) {{ throw e }}"
    assert await error(function, code) == (["Error", f"D1_TYPE_ERROR: {text}"], text)


@pytest.mark.spec("db 1.13.3")
@pytest.mark.spec("db 1.13.4")
@pytest.mark.parametrize(
    ("given", "kind"),
    [("1", "real"), ("-0", "real"), ("1e21", "real"), ("1.5", "real"), ("true", "real"),
     ("NaN", "null"), ("Infinity", "null"), ("'1'", "text"), ("null", "null"),
     ("new Uint8Array([1])", "blob"), ("[]", "blob"), ("new DataView(new ArrayBuffer(2))", "blob")],
)  # fmt: skip
async def test_numbers_are_real(function, given, kind):
    code = f"return DB.prepare('SELECT typeof(?) t').bind({given}).first('t')"
    assert await value(function, code) == kind


@pytest.mark.spec("db 1.13.5")
@pytest.mark.spec("db 1.13.6")
async def test_a_number_in_a_text_column(function):
    code = """
        await DB.exec("CREATE TABLE texts (s TEXT)");
        await DB.prepare("INSERT INTO texts VALUES (?)").bind(1).run();
        await DB.exec("INSERT INTO texts VALUES ('1')");
        const where = DB.prepare("SELECT s FROM texts WHERE s = ?");
        return [await DB.prepare("SELECT s FROM texts").first("s"),
                (await where.bind(1).all()).results, (await where.bind("1").all()).results];
    """
    assert await value(function, code) == ["1.0", [{"s": "1.0"}], [{"s": "1"}]]


@pytest.mark.spec("db 1.13.7")
@pytest.mark.parametrize(
    ("given", "expected"),
    [("new Uint8Array([1, 255])", [1, 255]), ("new Uint16Array([1, 300])", [1, 44]),
     ("new Uint8Array([1, 2, 3]).subarray(1)", [2, 3]), ("new Uint8Array([7]).buffer", [7]),
     ("[1.5, 2]", [1, 2])],
)  # fmt: skip
async def test_buffers_are_blobs_and_come_back_as_numbers(function, given, expected):
    code = f"return DB.prepare('SELECT ? b').bind({given}).first('b')"
    assert await value(function, code) == expected


@pytest.mark.spec("db 1.13.8")
async def test_statements_are_values(function):
    code = """
        const s = DB.prepare("SELECT ? v");
        const [a, b] = [s.bind(1), s.bind(2)];
        return [await a.first("v"), await b.first("v"), s.params, a.params, s.statement];
    """
    assert await value(function, code) == [1, 2, [], [1], "SELECT ? v"]


@pytest.mark.spec("db 1.13.12")
@pytest.mark.spec("db 1.13.14")
async def test_first(function):
    code = """
        const none = DB.prepare("SELECT 1 a WHERE 0"), one = DB.prepare("SELECT 1 a");
        return [await none.first(), await none.first("zz"), await one.first(undefined)];
    """
    assert await value(function, code) == [None, None, {"a": 1}]
    for column, shown in (("'zz'", "zz"), ("null", "null"), ("''", "")):
        found, cause = await error(function, f"return DB.prepare('SELECT 1 a').first({column})")
        assert found == ["Error", f"D1_COLUMN_NOTFOUND: Column not found ({shown})"]
        assert cause == "Column not found"


@pytest.mark.spec("db 1.13.17")
async def test_the_shape_of_a_result(function):
    code = """
        const { results, success, meta } = await DB.prepare("SELECT 1 a").run();
        return [results, success, Object.keys(meta)];
    """
    assert await value(function, code) == [
        [{"a": 1}],
        True,
        ["served_by", "duration", "changes", "last_row_id", "changed_db", "size_after",
         "rows_read", "rows_written"],
    ]  # fmt: skip


@pytest.mark.spec("db 1.13.19")
async def test_raw_with_names(function):
    code = "return DB.prepare('SELECT 1 a, 2 b WHERE 0').raw({columnNames: true})"
    assert await value(function, code) == [["a", "b"]]


@pytest.mark.spec("db 1.13.22")
@pytest.mark.spec("db 1.13.23")
async def test_batch_and_exec(function):
    code = """
        const all = await DB.batch([DB.prepare("SELECT ? a").bind(1), DB.prepare("SELECT 2 b")]);
        const { count } = await DB.exec("SELECT 1\\nSELECT 2");
        return [all.map((each) => each.results), count];
    """
    assert await value(function, code) == [[[{"a": 1}], [{"b": 2}]], 2]
    found, _ = await error(function, "return DB.batch([])")
    assert found == ["Error", "D1_ERROR: No SQL statements detected."]
    assert (await error(function, "return DB.batch('x')"))[0][0] == "TypeError"
    assert (await error(function, "return DB.exec(5)"))[0][0] == "TypeError"
    dumped = (["Error", "D1_DUMP_ERROR: Status + 404"], "Status 404")
    assert await error(function, "return DB.dump()") == dumped


@pytest.mark.spec("db 1.13.37")
async def test_numbers_that_javascript_has_no_room_for(function):
    code = "return (await DB.prepare('SELECT 1e400 a, 9007199254740993 b').first())"
    assert await value(function, code) == {"a": None, "b": 9007199254740992}


@pytest.mark.spec("db 1.13.38")
async def test_a_session(function):
    code = """
        const session = DB.withSession("first-primary");
        const before = session.getBookmark();
        await session.prepare("SELECT 1").all();
        const first = session.getBookmark();
        await session.batch([session.prepare("SELECT 1")]);
        const second = session.getBookmark();
        return [before, typeof first, second >= first, DB.withSession("known").getBookmark()];
    """
    assert await value(function, code) == [None, "string", True, "known"]
    assert (await error(function, "return DB.withSession(5)"))[0][0] == "TypeError"


async def test_half_a_surrogate_pair_becomes_a_replacement(function):
    code = "return DB.prepare('SELECT ? v').bind('a\\ud800b').first('v')"
    assert await value(function, code) == "a\ufffdb"
