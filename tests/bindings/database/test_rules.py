"""What SQL may do, and how errors read: db-cache.md §1.7, §1.9, §1.10."""

from __future__ import annotations

import pytest

from aerostack_dev.errors import BindingError

AUTH = "not authorized: SQLITE_AUTH"


@pytest.fixture
def fails(db, refused):
    """`await fails(sql, *values)`: the text of the error, without the prefix."""

    async def text(sql, *values):
        message = await refused(db.prepare(sql).bind(*values).all())
        return message.removeprefix("D1_ERROR: ")

    return text


@pytest.fixture
async def p(db):
    await db.exec(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE, nn NOT NULL, ck CHECK (ck>0))\n"
        "CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY IMMEDIATE)\n"
        "CREATE TABLE st (a INTEGER) STRICT\n"
        "CREATE TRIGGER no BEFORE DELETE ON p BEGIN SELECT RAISE(ABORT,'nope'); END\n"
        "INSERT INTO p VALUES (1,1,1,1)"
    )
    return db


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELEC 1", 'near "SELEC": syntax error at offset 0: SQLITE_ERROR'),
        ("CREATE TABLE ml (", "incomplete input: SQLITE_ERROR"),
        ("SELECT * FROM nope", "no such table: nope: SQLITE_ERROR"),
        ("SELECT nope", "no such column: nope at offset 7: SQLITE_ERROR"),
        ("SELECT nope()", "no such function: nope at offset 7: SQLITE_ERROR"),
        ("CREATE TABLE p (a)", "table p already exists at offset 13: SQLITE_ERROR"),
        ("INSERT INTO p VALUES ('x',2,2,2)", "datatype mismatch: SQLITE_MISMATCH"),
        ("SELECT 1 LIMIT 1.5", "datatype mismatch: SQLITE_MISMATCH"),
        ("VACUUM", "cannot VACUUM from within a transaction: SQLITE_ERROR"),
        ("SELECT 'a' REGEXP 'b'", "no such function: REGEXP at offset 11: SQLITE_ERROR"),
        ("SELECT * FROM generate_series(1,2)", "no such table: generate_series: SQLITE_ERROR"),
        ("SELECT * FROM dbstat", "no such table: dbstat: SQLITE_ERROR"),
        ("SELECT soundex('x')", "no such function: soundex at offset 7: SQLITE_ERROR"),
        ("SELECT load_extension('x')", "not authorized: SQLITE_ERROR"),
        ("UPDATE sqlite_master SET sql = ''", "table sqlite_master may not be modified"),
        ("CREATE TABLE sqlite_x (a)", "object name reserved for internal use: sqlite_x"),
        ("SELECT ?0", "variable number must be between ?1 and ?100 at offset 7: SQLITE_ERROR"),
        ("SELECT ?101", "variable number must be between ?1 and ?100 at offset 7: SQLITE_ERROR"),
    ],
)
async def test_error_texts(p, fails, sql, expected):
    assert (await fails(sql)).startswith(expected)


@pytest.mark.parametrize(
    ("sql", "message", "code"),
    [
        ("INSERT INTO p VALUES (2,1,1,1)", "UNIQUE constraint failed: p.u", "UNIQUE"),
        ("INSERT INTO p VALUES (1,2,1,1)", "UNIQUE constraint failed: p.id", "PRIMARYKEY"),
        ("INSERT INTO p VALUES (2,2,NULL,1)", "NOT NULL constraint failed: p.nn", "NOTNULL"),
        ("INSERT INTO p VALUES (2,2,1,0)", "CHECK constraint failed: ck>0", "CHECK"),
        ("INSERT INTO c VALUES (9)", "FOREIGN KEY constraint failed", "FOREIGNKEY"),
        ("DELETE FROM p", "nope", "TRIGGER"),
        (
            "INSERT INTO st VALUES (1.5)",
            "cannot store REAL value in INTEGER column st.a",
            "DATATYPE",
        ),
    ],
)
@pytest.mark.spec("db 1.13.28")
async def test_constraints_name_both_codes(p, fails, sql, message, code):
    expected = f"{message}: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_{code})"
    assert await fails(sql) == expected


async def test_errors_carry_a_code(p):
    with pytest.raises(BindingError) as caught:
        await p.prepare("INSERT INTO p VALUES (1,1,1,1)").run()
    assert caught.value.code == "SQLITE_CONSTRAINT"


async def test_unknown_double_quoted_names_are_text(db):
    assert await db.prepare('SELECT "nope" a').first("a") == "nope"


@pytest.mark.spec("db 1.13.29")
async def test_deferred_foreign_keys_last_for_the_request(p, refused):
    child = p.prepare("INSERT INTO c VALUES (7)")
    defer = p.prepare("PRAGMA defer_foreign_keys=on")
    await p.batch([defer, child, p.prepare("INSERT INTO p VALUES (7,7,7,7)")])
    broken = "D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT "
    broken += "(extended: SQLITE_CONSTRAINT_FOREIGNKEY)"
    orphan = p.prepare("INSERT INTO c VALUES (8)")
    assert await refused(p.batch([defer, orphan])) == broken
    assert await refused(orphan.run()) == broken
    assert await p.prepare("SELECT p FROM c").raw() == [[7]]


@pytest.mark.spec("db 1.13.30")
async def test_foreign_keys_stay_on(p, fails):
    assert (await p.prepare("PRAGMA foreign_keys=off").all()).results == []
    assert (await fails("INSERT INTO c VALUES (9)")).startswith("FOREIGN KEY constraint failed")
    assert await p.prepare("PRAGMA foreign_keys").first("foreign_keys") == 1


@pytest.mark.spec("db 1.13.31")
@pytest.mark.parametrize(
    "sql", ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT x", "RELEASE x", "EXPLAIN BEGIN"]
)
async def test_transactions_are_refused(db, fails, sql):
    expected = (
        "To execute a transaction, please use the state.storage.transaction() or "
        "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or "
        "SAVEPOINT statements."
    )
    assert (await fails(sql)).startswith(expected)
    with pytest.raises(BindingError) as caught:
        await db.exec(sql)
    assert caught.value.hint == "use env.DB.batch([…]): a batch is one transaction"


@pytest.mark.spec("db 1.13.32")
@pytest.mark.parametrize(
    "sql",
    [
        *(f"PRAGMA {name}" for name in ("user_version", "journal_mode", "integrity_check")),
        *(f"PRAGMA {name}" for name in ("page_count", "database_list", "function_list", "nope")),
        *(f"PRAGMA {name}" for name in ("pragma_list", "encoding", "table_info", "freelist_count")),
        "PRAGMA page_size = 8192",
        "PRAGMA table_info(_cf_x)",
        "PRAGMA foreign_keys = maybe",
        "PRAGMA optimize = 'x'",
        "PRAGMA quick_check(_CF_x)",
        "PRAGMA temp.table_info(p)",
        "ATTACH ':memory:' AS q",
        "DETACH main",
        "CREATE TEMP TABLE t (a)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE TEMP TRIGGER t2 AFTER INSERT ON p BEGIN SELECT 1; END",
        "SELECT * FROM pragma_user_version",
        "CREATE VIRTUAL TABLE v USING fts3(a)",
        "CREATE VIRTUAL TABLE v USING dbstat(main)",
        "CREATE TABLE _cf_x (a)",
        "CREATE TABLE _CF_X (a)",
        "CREATE INDEX _cf_i ON p (u)",
        "CREATE TRIGGER _cf_t AFTER INSERT ON p BEGIN SELECT 1; END",
        "CREATE VIEW _cf_v AS SELECT 1",
        "ALTER TABLE p RENAME TO _cf_p",
        'ALTER TABLE p RENAME  TO "_CF_p"',
    ],
)
async def test_what_is_not_authorized(p, fails, sql):
    assert await fails(sql) == AUTH


@pytest.mark.parametrize(
    "sql",
    [
        *(f"PRAGMA {name}" for name in ("table_list", "data_version", "page_size", "optimize")),
        *(f"PRAGMA {name}" for name in ("quick_check", "foreign_key_check", "optimize(2)")),
        *(f"PRAGMA {name}(p)" for name in ("table_info", "table_xinfo", "index_list")),
        *(f"PRAGMA {name}(p)" for name in ("foreign_key_list", "foreign_key_check", "quick_check")),
        "PRAGMA index_info(sqlite_autoindex_p_1)",
        "PRAGMA index_xinfo(sqlite_autoindex_p_1)",
        "PRAGMA recursive_triggers = 'YES'",
        "PRAGMA ignore_check_constraints = off",
        "SELECT * FROM pragma_table_info('p')",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM json_each('[1]'), json_tree('{}')",
        "ANALYZE",
        "REINDEX",
        "ALTER TABLE p ADD COLUMN z",
        "ALTER TABLE p RENAME COLUMN nn TO mm",
        "ALTER TABLE c RENAME TO d",
        "ALTER TABLE st RENAME COLUMN a TO b",
        "CREATE VIEW v AS SELECT * FROM p",
        "CREATE TABLE x AS SELECT * FROM p",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r LIMIT 3) SELECT * FROM r",
        "WITH x AS (SELECT 2 id) INSERT INTO p SELECT id,2,2,2 FROM x",
        "INSERT INTO p VALUES (1,1,1,1) ON CONFLICT DO UPDATE SET nn = 2 RETURNING *",
        "SELECT row_number() OVER (ORDER BY id), group_concat(u) OVER () FROM p",
        "SELECT '{}' -> '$.a', '{}' ->> '$.a', jsonb('{}'), json_group_array(1)",
        "SELECT concat('a','b'), string_agg(u,','), unhex('00'), octet_length('é') FROM p",
        "SELECT current_timestamp, strftime('%Y'), unixepoch(), timediff('now','now')",
        "SELECT sqrt(2), pi(), log2(8), ceil(1.5), mod(5,3), trunc(1.5)",
        "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
        "SELECT _cf_alias FROM (SELECT 1 _cf_alias)",
    ],
)
async def test_what_is_allowed(p, sql):
    assert (await p.prepare(sql).all()).success is True


async def test_a_column_can_be_dropped(p):
    await p.exec("ALTER TABLE p ADD COLUMN z\nALTER TABLE p DROP COLUMN z")
    assert "z" not in await p.prepare("SELECT * FROM p").first()


@pytest.mark.spec("db 1.13.33")
@pytest.mark.parametrize(
    "name",
    [
        *("sqlite_version", "sqlite_source_id", "log10", "ceiling", "power", "median"),
        *("json_pretty", "json_error_position", "unistr", "fts5_source_id"),
    ],
)
async def test_functions_that_are_not_on_the_list(fails, name):
    arguments = {"sqlite_version": "", "sqlite_source_id": "", "fts5_source_id": ""}
    arguments["power"] = "1, 2"
    call = f"{name}({arguments.get(name, '1')})"
    expected = f"not authorized to use function: {name} at offset 7: SQLITE_ERROR"
    assert await fails(f"SELECT {call}") == expected


async def test_a_cached_statement_is_no_way_around(db, fails):
    """Our own BEGIN was prepared with the guard off; the author's is another text."""
    await db.batch([db.prepare("SELECT 1")])
    assert (await fails("BEGIN")).startswith("To execute a transaction")
    await db.prepare("SELECT 1").all()
    assert await fails("PRAGMA page_count") == AUTH


async def test_tables_that_only_this_sqlite_has(fails):
    assert "SQLITE_AUTH" in await fails("SELECT * FROM carray")
    assert "no such table" in await fails("SELECT * FROM bytecode('SELECT 1')")


async def test_pragmas_last_for_their_request(db):
    like = db.prepare("SELECT 'a' LIKE 'A' x")
    results = await db.batch([db.prepare("PRAGMA case_sensitive_like = 1"), like])
    assert results[1].results == [{"x": 0}]
    assert await like.first("x") == 1
    await db.prepare("PRAGMA recursive_triggers = on").run()
    assert await db.prepare("PRAGMA recursive_triggers").raw() == [[0]]


@pytest.mark.spec("db 1.13.11")
async def test_limit_of_parameters(db, fails):
    marks = ",".join("?" * 100)
    assert len((await db.prepare(f"SELECT {marks}").bind(*range(100)).raw())[0]) == 100
    text = await fails(f"SELECT {marks} || ?", *range(101))
    assert text.startswith("too many SQL variables at offset ")
    assert text.endswith(": SQLITE_ERROR")


@pytest.mark.spec("db 1.13.34")
async def test_limit_of_patterns(db, fails):
    assert await db.prepare("SELECT 'a' LIKE ? x").bind("é" * 25).first("x") == 0
    expected = "LIKE or GLOB pattern too complex: SQLITE_ERROR"
    assert await fails("SELECT 'a' LIKE ?", "x" * 51) == expected
    assert await fails("SELECT 'a' GLOB ?", "é" * 26) == expected


async def test_limit_of_text(db, fails):
    longest = "SELECT 1 a --".ljust(100_000, "x")
    assert await db.prepare(longest).first("a") == 1
    assert await fails(longest + "x") == "statement too long: SQLITE_TOOBIG"
    assert await fails("SELECT '" + "é" * 49_996 + "'") == "statement too long: SQLITE_TOOBIG"


async def test_limit_of_values(db, fails):
    expected = "string or blob too big: SQLITE_TOOBIG"
    length = "SELECT length(?) n"
    assert await db.prepare(length).bind("x" * 2_000_000).first("n") == 2_000_000
    assert await fails(length, "x" * 2_000_001) == expected
    assert await fails(length, b"x" * 2_000_001) == expected
    assert await fails("SELECT zeroblob(2000001)") == expected


async def test_limits_of_shapes(db, fails):
    many = ",".join(f"c{n}" for n in range(101))
    assert await fails(f"CREATE TABLE t ({many})") == "too many columns on t: SQLITE_ERROR"
    ones = ",".join("1" * 101)
    assert await fails(f"SELECT {ones}") == "too many columns in result set: SQLITE_ERROR"
    array = ",".join("1" * 33)
    expected = "too many arguments on function json_array at offset 7: SQLITE_ERROR"
    assert await fails(f"SELECT json_array({array})") == expected
    assert await db.prepare(f"SELECT json_array({array[2:]})").first()
    union = " UNION ALL ".join(["SELECT 1"] * 6)
    assert await fails(union) == "too many terms in compound SELECT: SQLITE_ERROR"
    rows = ",".join(["(1)"] * 600)
    assert len(await db.prepare(f"VALUES {rows}").raw()) == 600
    deep = "Expression tree is too large (maximum depth 100): SQLITE_ERROR"
    assert (await fails("SELECT " + "+".join("1" * 102))).startswith(deep[:-14])


@pytest.mark.spec("db 1.13.39")
async def test_full_text_search(db):
    await db.batch(
        [
            db.prepare("CREATE VIRTUAL TABLE f USING fts5(body)"),
            db.prepare("INSERT INTO f VALUES ('the red fox'), ('a fox, a fox'), ('a dog')"),
            db.prepare("CREATE VIRTUAL TABLE words USING fts5vocab(f, 'row')"),
        ]
    )
    marked = db.prepare("SELECT highlight(f,0,'[',']') h, bm25(f) b FROM f('fox') ORDER BY rank")
    rows = (await marked.all()).results
    assert [row.h for row in rows] == ["a [fox], a [fox]", "the red [fox]"]
    assert all(row.b < 0 for row in rows)
    snippet = db.prepare("SELECT snippet(f,0,'<','>','…',2) s FROM f WHERE f MATCH ?")
    assert await snippet.bind("dog").first("s") == "a <dog>"
    assert await db.prepare("SELECT cnt FROM words WHERE term = 'fox'").first("cnt") == 3


@pytest.fixture
async def rows(db):
    await db.exec(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v)\n"
        "CREATE TABLE w (a, b, v, PRIMARY KEY (a, b)) WITHOUT ROWID\n"
        "INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c'),(4,'d')\n"
        "INSERT INTO w VALUES (1,1,'a'),(1,2,'b'),(2,1,'c')"
    )
    return db


async def test_delete_and_update_with_a_limit(rows):
    delete = rows.prepare("DELETE FROM t WHERE id > ? ORDER BY id DESC LIMIT ?; ")
    assert (await delete.bind(1, 2).run()).meta.changes == 2
    update = rows.prepare("UPDATE OR IGNORE main.t AS x SET v = ? WHERE x.id >= ? LIMIT 1 OFFSET ?")
    assert (await update.bind("z", 1, 1).run()).meta.changes == 1
    assert await rows.prepare("SELECT * FROM t").raw() == [[1, "a"], [2, "z"]]
    returning = rows.prepare('DELETE FROM "w" RETURNING v ORDER BY b DESC, a LIMIT 1')
    assert (await returning.all()).results == [{"v": "b"}]
    assert (
        await rows.prepare("UPDATE w SET v = (SELECT 1 LIMIT 1) LIMIT 1").run()
    ).meta.changes == 1
    assert await rows.prepare("SELECT v FROM w ORDER BY a").raw() == [[1], ["c"]]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t ORDER BY id",
        "DELETE FROM t RETURNING ? LIMIT 1",
        "DELETE FROM LIMIT 1",
        "UPDATE t SET LIMIT 1",
        "DELETE FROM 'nope' LIMIT 1",
    ],
)
async def test_what_has_no_limit_to_take_out_fails_as_it_is(rows, fails, sql):
    assert "SQLITE_ERROR" in await fails(sql)
