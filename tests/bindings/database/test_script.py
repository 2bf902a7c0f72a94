"""SQL text taken apart: db-cache.md §1.12."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.database.plan import LONGEST_KEPT, plan
from aerostack_dev.bindings.database.script import quoted, read_script, segments, statements, tokens
from aerostack_dev.errors import AerostackError

TRIGGER = """CREATE TRIGGER t AFTER INSERT ON a BEGIN
  UPDATE a SET x = (CASE WHEN x = ';' THEN 1 ELSE 2 END);
  SELECT CASE x WHEN 1 THEN 2 END; -- END;
END"""

WORDS = ["SELECT", "end", "CREATE", "trigger", "TEMP", "BEGIN", "CASE", "EXPLAIN", "x", "é1"]
FRAGMENTS = st.one_of(
    st.sampled_from(
        [*WORDS, ";", " ", "\n", "\t", "(", ")", "'a;''b'", '"q;""q"', "`b;`", "[n;]", "1.5e3"]
    ),
    st.sampled_from(
        ["-- c;\n", "/* c; */", "?1", ":end", "@b", "$c", "x'00ff'", "'", '"', "/*", "--"]
    ),
    st.text(max_size=3),
)
SQL = st.lists(FRAGMENTS, max_size=30).map("".join)
STATEMENT = st.sampled_from(
    [
        "SELECT ';' AS \"a;b\"",
        "INSERT INTO t VALUES ('it''s; fine', x'3b') -- kept;\n, (1)",
        TRIGGER,
        "create temp trigger x after insert on y begin select 1; end",
        "EXPLAIN QUERY PLAN SELECT [a;b], `c;d` /* ; */ FROM t",
        "SELECT (CASE WHEN 1 THEN 2 END)",
        "UPDATE t SET a = :end, b = $c",
    ]
)
BETWEEN = st.sampled_from([";", " ; ", ";\n", "; -- note; done\n", ";/* ; */", ";;\n;"])


@given(SQL)
def test_tokens_are_the_text(sql):
    assert "".join(token.text for token in tokens(sql)) == sql
    assert all(sql[token.start : token.stop] == token.text for token in tokens(sql))


@given(st.lists(STATEMENT, min_size=1, max_size=6), st.data())
def test_what_is_joined_is_split_again(found, data):
    text = "".join(statement + data.draw(BETWEEN) for statement in found)
    assert statements(text) == found
    assert statements(f"  -- head;\n{text}/* tail; */ ") == found


@given(SQL)
def test_a_statement_by_itself_is_one_statement(sql):
    for statement in statements(sql):
        assert statements(statement) == [statement]


@given(st.lists(st.one_of(STATEMENT, st.sampled_from([*WORDS, ";", "; "])), max_size=12))
@settings(max_examples=100)
def test_sqlite_agrees_on_where_statements_end(parts):
    # sqlite3_complete looks for CREATE anywhere behind EXPLAIN; its parser does not.
    sql = " ".join(part for part in parts if not part.startswith("EXPLAIN"))
    found = list(segments(sql))
    for segment in found[:-1]:
        assert apsw.complete(sql[segment.start : segment.stop])
    for segment in found:
        text = sql[segment.first : segment.stop]
        inner = [token.stop for token in tokens(text) if token.kind == "end"]
        assert not any(apsw.complete(text[:stop]) for stop in inner if stop < len(text))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_quoted_name_is_one_name(name):
    (token,) = tokens(quoted(name))
    assert token.kind == "quoted"
    connection = apsw.Connection(":memory:")
    cursor = connection.execute(f"SELECT 1 AS {quoted(name)}")
    assert cursor.get_description()[0][0] == name
    connection.close()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        (" ; ;\n-- x\n;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 'a", ["SELECT 'a"]),
        ("SELECT 1 /* open", ["SELECT 1"]),
        ("SELECT 1; -- c\n SELECT 2 -- d", ["SELECT 1", "SELECT 2"]),
        (f"{TRIGGER};SELECT 1;", [TRIGGER, "SELECT 1"]),
        (
            "EXPLAIN CREATE TRIGGER a BEGIN SELECT 1; END; B",
            ["EXPLAIN CREATE TRIGGER a BEGIN SELECT 1; END", "B"],
        ),
        ("CREATE TABLE trigger_x (a); SELECT 2", ["CREATE TABLE trigger_x (a)", "SELECT 2"]),
        ("CREATE; TRIGGER", ["CREATE", "TRIGGER"]),
    ],
)
def test_statements(sql, expected):
    assert statements(sql) == expected


def test_a_script_loses_its_transaction():
    dump = b"\xef\xbb\xbfPRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nSELECT 1;\ncommit;\n"
    assert read_script(dump, "f.sql") == ["PRAGMA foreign_keys=OFF", "SELECT 1"]
    assert read_script(b"begin; SELECT 1; end transaction", "f.sql") == ["SELECT 1"]
    assert read_script(f"{TRIGGER};".encode(), "f.sql") == [TRIGGER]
    assert read_script(b"-- nothing", "f.sql") == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"SQLite format 3\0...", "this is a SQLite database, not SQL text"),
        (b"SELECT '\xff'", r"this is not UTF-8 text \(byte 8\)"),
        (b"BEGIN; COMMIT; BEGIN IMMEDIATE; COMMIT", "several transactions"),
    ],
)
def test_what_is_no_script(data, message):
    with pytest.raises(AerostackError, match=message) as caught:
        read_script(data, "f.sql")
    assert caught.value.where == "f.sql"
    assert caught.value.hint


def test_plans():
    simple = plan("  select 1;\n")
    assert simple.final.word == "SELECT"
    assert (simple.alone, simple.reading, simple.early) == (True, True, ())
    assert plan("  select 1;\n") is simple
    long = "SELECT 1 --".ljust(LONGEST_KEPT + 1)
    assert plan(long) is not plan(long)
    assert plan("WITH x AS (SELECT 1) SELECT * FROM x").reading is True
    assert plan("WITH x AS (SELECT 1) DELETE FROM x").reading is False
    assert plan("PRAGMA Foreign_Keys = 1; PRAGMA table_list").switches == ("foreign_keys",)
    assert plan("SELECT 1; ALTER TABLE x ADD y").changes_schema is True
    assert plan(";").final is None
