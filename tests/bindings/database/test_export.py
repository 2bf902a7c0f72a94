"""A database as SQL text: db-cache.md §1.12."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.database.script import read_script
from aerostack_dev.errors import BindingError
from tests.support.rooms import open_room

SOURCE = """CREATE TABLE "a b" (id INTEGER PRIMARY KEY AUTOINCREMENT, v, g AS (v||'x'),\
 p REFERENCES later)
CREATE TABLE later (id PRIMARY KEY) WITHOUT ROWID
CREATE INDEX i ON "a b" (v)
CREATE VIEW w AS SELECT * FROM later
CREATE TRIGGER tr AFTER INSERT ON later BEGIN INSERT INTO later SELECT 'x' WHERE new.id=';'; END
INSERT INTO later VALUES ('k')
INSERT INTO "a b" (id, v, p) VALUES (7, 'it''s', 'k')"""


async def exported(room, *arguments):
    stream = await room.bindings.invoke("DB", "export", arguments)
    return b"".join([piece async for piece in stream]).decode()


async def copied(tmp_path, kind, text):
    """What a new database holds after running `text` as a batch."""
    async with open_room(tmp_path, kind) as room:
        found = read_script(text.encode(), "export.sql")
        await room.bindings.invoke("DB", "batch", [[[statement, []] for statement in found]])
        return await exported(room)


async def test_a_copy_is_the_same(room, db, tmp_path, kind):
    await db.exec(SOURCE)
    values = [
        None,
        1,
        2**63 - 1,
        1.5,
        1e300,
        b"\x00\xff",
        "",
        "a\nb\r\nc\\n'q'",
        "é;--",
        "\0z",
        [1],
    ]
    insert = db.prepare('INSERT INTO "a b" (v) VALUES (?)')
    await db.batch([insert.bind(value) for value in values])
    await db.exec("INSERT INTO \"a b\" (v) VALUES (1e999), (-1e999), (CAST(x'ff41' AS TEXT))")
    text = await exported(room)
    assert text.startswith("PRAGMA defer_foreign_keys=TRUE;\n")
    assert """INSERT INTO "a b" ("id","v","p") VALUES(7,'it''s','k');\n""" in text
    assert "X'00ff'" in text
    assert "char(10)" in text
    assert text.index("CREATE INDEX") > text.index('INSERT INTO "later"')
    assert await copied(tmp_path / "copy", kind, text) == text
    query = 'SELECT id, typeof(v), hex(v), g FROM "a b" WHERE id < 18'
    async with open_room(tmp_path / "copy", kind) as copy:
        assert await copy.env.DB.prepare(query).raw() == await db.prepare(query).raw()
        await copy.env.DB.prepare('INSERT INTO "a b" (v) VALUES (1)').run()
        assert (await copy.env.DB.prepare('SELECT max(id) m FROM "a b"').first("m")) == 22


async def test_parts(room, db):
    await db.exec(SOURCE)
    assert "VALUES" not in await exported(room, [], True, False)
    assert "CREATE" not in await exported(room, [], False, True)
    one = await exported(room, ["later"])
    assert '"a b"' not in one
    assert "CREATE TRIGGER tr" in one
    assert await exported(room, ["a b"], False, True) == (
        "PRAGMA defer_foreign_keys=TRUE;\n"
        """INSERT INTO "a b" ("id","v","p") VALUES(7,'it''s','k');\n"""
        "DELETE FROM sqlite_sequence WHERE name IN ('a b');\n"
        """INSERT INTO "sqlite_sequence" ("name","seq") VALUES('a b',7);\n"""
    )


async def test_many_rows_and_work_beside_it(room, db):
    await db.exec("CREATE TABLE t (a)")
    rows = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r LIMIT 1200) "
    await db.prepare(f"{rows} INSERT INTO t SELECT n FROM r").run()
    stream = await room.bindings.invoke("DB", "export", [])
    pieces = [await anext(stream), await anext(stream), await anext(stream)]
    await asyncio.wait_for(db.prepare("DELETE FROM t").run(), 5)
    pieces += [piece async for piece in stream]
    assert b"".join(pieces).count(b"INSERT INTO") == 1200


@pytest.mark.parametrize(
    ("sql", "arguments", "message"),
    [
        ("SELECT 1", ([], False, False), "leave nothing to export"),
        ("CREATE TABLE t (a)", (["t", "u"],), "there is no table 'u'"),
        (
            "CREATE VIRTUAL TABLE f USING fts5 (a)",
            (),
            r"^D1 Export error: cannot export databases with Virtual Tables \(fts5\)$",
        ),
    ],
)
async def test_what_cannot_be_exported(room, db, sql, arguments, message):
    await db.exec(sql)
    with pytest.raises(BindingError, match=message):
        await exported(room, *arguments)


async def test_any_text_survives(room, db, tmp_path, kind):
    found = []

    @given(st.text(st.sampled_from("\\nr'\"\n\r\0;-é a"), max_size=12))
    @settings(max_examples=80, deadline=None)
    def collect(text):
        found.append(text)

    collect()
    await db.exec("CREATE TABLE t (a)")
    insert = db.prepare("INSERT INTO t VALUES (?)")
    await db.batch([insert.bind(text) for text in found])
    await copied(tmp_path / "copy", kind, await exported(room))
    async with open_room(tmp_path / "copy", kind) as copy:
        assert await copy.env.DB.prepare("SELECT a FROM t").raw() == [[text] for text in found]
