"""`aerostack db execute`, `info`, `export`, `import` (db-cache.md §1.12)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from aerostack_dev.cli import output

from .conftest import Cli, invoke


def execute(cli: Cli, sql: str, *arguments: str):
    return cli("db", "execute", "--command", sql, *arguments)


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest):
    """Every test begins with the table `users`, and none other."""
    if "project" in request.fixturenames:
        config = str(request.getfixturevalue("project") / "aerostack.toml")
        sql = (
            "DROP TABLE IF EXISTS users; DROP TABLE IF EXISTS other;"
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, photo BLOB);"
            "INSERT INTO users VALUES (1, 'Ada', x'0102'), (2, 'Bo''b', NULL)"
        )
        assert invoke("db", "execute", "--config", config, "--command", sql).code == 0


ROWS = [
    {"id": 1, "name": "Ada", "photo": "[1, 2]"},
    {"id": 2, "name": "Bo'b", "photo": None},
]


def test_in_a_pipe_results_are_json(process: Cli):
    done = process("db", "execute", "--command", "SELECT * FROM users; SELECT 1 AS one")
    assert (done.code, done.err) == (0, "")
    first, second = done.json
    assert first["results"] == ROWS
    assert list(first) == ["results", "success", "meta"]
    assert first["success"] is True
    assert first["meta"]["duration"] >= 0
    assert second["results"] == [{"one": 1}]


@pytest.mark.parametrize("database", ["DB", "shop-db"])
def test_a_database_goes_by_its_binding_and_by_its_name(cli: Cli, database: str):
    done = cli("db", "execute", database, "--command", "SELECT count(*) AS n FROM users")
    assert done.json[0]["results"] == [{"n": 2}]


def test_an_unknown_database_is_an_error_with_the_known_ones(cli: Cli):
    done = cli("db", "execute", "X", "--command", "SELECT 1")
    assert done.code == 1
    assert done.err == (
        "error: Couldn't find a D1 DB with the name or binding 'X' in your aerostack.toml file.\n"
        "hint: there are: DB (shop-db)\n"
    )


def test_statements_are_one_transaction(cli: Cli):
    done = execute(cli, "INSERT INTO users (name) VALUES ('Eve'); SELECT * FROM nope")
    assert (done.code, done.raw) == (1, b"")
    assert done.err == "error: statement 2: no such table: nope: SQLITE_ERROR\n"
    assert execute(cli, "SELECT count(*) AS n FROM users").json[0]["results"] == [{"n": 2}]


def test_a_failure_names_the_line_of_the_file(cli: Cli, tmp_path: Path):
    file = tmp_path / "x.sql"
    file.write_text("-- first\nSELECT 1;\n\n-- then\nSELECT *\nFROM nope;\nSELECT 2;\n")
    done = cli("db", "execute", "--file", str(file))
    assert done.err == f"error: {file}:5: no such table: nope: SQLITE_ERROR\n"


def test_with_json_an_error_is_json_too(cli: Cli):
    done = execute(cli, "SELECT * FROM nope", "--json")
    assert (done.code, done.err) == (1, "")
    assert done.json == {"error": {"text": "no such table: nope: SQLITE_ERROR"}}


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("", "No SQL statements detected."),
        ("-- nothing", "SQL code did not contain a statement."),
        ("PRAGMA user_version", "not authorized: SQLITE_AUTH"),
        ("INSERT INTO users VALUES (1, 'x', NULL)",
         "UNIQUE constraint failed: users.id: SQLITE_CONSTRAINT (extended: "
         "SQLITE_CONSTRAINT_PRIMARYKEY)"),
    ],
)  # fmt: skip
def test_the_platform_refuses_in_its_own_words(cli: Cli, sql: str, text: str):
    done = execute(cli, sql)
    assert done.code == 1
    assert done.err.splitlines()[0] == f"error: {text}"


def test_a_trigger_is_one_statement(cli: Cli):
    sql = (
        "CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET name = (CASE WHEN 1 THEN"
        " 'a;b' END) WHERE id = new.id; END; INSERT INTO users (id) VALUES (9);"
        "SELECT name FROM users WHERE id = 9"
    )
    done = execute(cli, sql)
    assert len(done.json) == 3
    assert done.json[-1]["results"] == [{"name": "a;b"}]


def test_a_file(cli: Cli, tmp_path: Path):
    file = tmp_path / "s.sql"
    file.write_text("BEGIN TRANSACTION;\nINSERT INTO users (name) VALUES ('Eve');\nCOMMIT;\n")
    assert cli("db", "execute", "--file", str(file)).code == 0
    counted = cli("db", "execute", "--file", "-", stdin=b"SELECT count(*) AS n FROM users")
    assert counted.json[0]["results"] == [{"n": 3}]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, 'Unable to read SQL text file "{file}". Please check the file path and try again.'),
        (b"SQLite format 3\0...", "{file}: this is a SQLite database, not SQL text"),
        (b"SELECT '\xff'", "{file}: this is not UTF-8 text (byte 8)"),
        (b"BEGIN TRANSACTION; BEGIN TRANSACTION;", "{file}: the file holds several transactions"),
        (b"", "No SQL statements detected."),
    ],
)
def test_bad_files(cli: Cli, tmp_path: Path, content: bytes | None, text: str):
    file = tmp_path / "s.sql"
    if content is not None:
        file.write_bytes(content)
    done = cli("db", "execute", "--file", str(file))
    assert done.code == 1
    assert done.err.startswith("error: " + text.format(file=file))


def test_neither_or_both_inputs_are_a_misuse(here):
    here()
    neither = invoke("db", "execute")
    assert (neither.code, "Missing required option --command or --file." in neither.err) == (
        2,
        True,
    )
    both = invoke("db", "execute", "--command", "SELECT 1", "--file", "x")
    assert (both.code, "can't provide both --command and --file." in both.err) == (2, True)


def test_a_person_sees_tables(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(output, "terminal", lambda: True)
    done = execute(cli, "SELECT * FROM users; DELETE FROM users WHERE id = 2; SELECT 1 WHERE 0")
    lines = done.out.splitlines()
    assert lines[:3] == ["id  name  photo", " 1  Ada   [1, 2]", " 2  Bo'b  NULL"]
    assert lines[4].startswith("3 commands executed successfully (1 row changed, ")
    one = execute(cli, "SELECT 'x' AS \"\x1b[2J\"").out.splitlines()
    assert one[0] == "\\x1b[2J"
    assert one[-1].startswith("1 command executed successfully (")


def test_info(cli: Cli):
    found = cli("db", "info", "--json").json
    assert found["name"] == "shop-db"
    assert found["file"].endswith("shop-db.sqlite")
    (users,) = found["tables"]
    assert (users["name"], users["rows"], users["columns"]) == ("users", 2, 3)
    lines = cli("db", "info").out.splitlines()
    assert lines[0].startswith("shop-db  ")
    assert lines[-1].split()[:4] == ["users", "table", "3", "2"]


def test_out_of_one_database_and_into_another(process: Cli, tmp_path: Path, here):
    dump = tmp_path / "dump.sql"
    done = process("db", "export", "--output", str(dump))
    assert (done.code, done.raw) == (0, b"")
    assert done.err.startswith("Wrote ") and str(dump) in done.err
    assert process("db", "export").raw == dump.read_bytes()
    here()
    imported = invoke("db", "import", str(dump))
    assert imported.code == 0, imported.err
    assert imported.out.startswith(f"Imported {dump} into DB: 4 statements, 2 rows changed")
    assert invoke("db", "execute", "--command", "SELECT * FROM users").json[0]["results"] == ROWS


def test_parts_of_a_database(cli: Cli):
    execute(cli, "CREATE TABLE other (x)")
    rows = cli("db", "export", "--table", "users", "--no-schema").out
    assert "INSERT INTO" in rows and "CREATE" not in rows
    schema = cli("db", "export", "DB", "--no-data").out
    assert "CREATE TABLE other" in schema and "INSERT" not in schema
    unknown = cli("db", "export", "--table", "nope")
    assert unknown.code == 1
    assert unknown.err.startswith("error: D1 Export error: there is no table 'nope'\n")


def test_an_export_that_fails_leaves_no_file(cli: Cli, tmp_path: Path):
    execute(cli, "CREATE VIRTUAL TABLE other USING fts5(x)")
    output = tmp_path / "dump.sql"
    output.write_text("precious")
    done = cli("db", "export", "--output", str(output))
    assert done.code == 1
    assert "cannot export databases with Virtual Tables (fts5)" in done.err
    assert output.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [output]


def test_bad_outputs(cli: Cli, tmp_path: Path):
    folder = cli("db", "export", "--output", str(tmp_path))
    assert (folder.code, folder.err.splitlines()[0]) == (1, f"error: {tmp_path}: this is a folder")
    nowhere = cli("db", "export", "--output", str(tmp_path / "no" / "dump.sql"))
    assert nowhere.code == 1
    assert "the file cannot be written: No such file or directory" in nowhere.err
    assert cli("db", "export", "--no-schema", "--no-data").code == 2


def test_import_of_sqlites_own_dump(cli: Cli, tmp_path: Path):
    with sqlite3.connect(tmp_path / "x.sqlite") as database:
        database.executescript("CREATE TABLE other (x); INSERT INTO other VALUES (1), (2);")
        dump = "\n".join(database.iterdump())
    database.close()
    done = cli("db", "import", "shop-db", "-", "--json", stdin=dump.encode())
    assert done.json == {"file": "-", "statements": 3, "changes": 2}


def test_an_import_that_fails_changes_nothing(cli: Cli):
    done = cli("db", "import", "-", stdin=b"CREATE TABLE other (x); INSERT INTO nope VALUES (1);")
    assert done.code == 1
    assert done.err == "error: standard input:1: no such table: nope: SQLITE_ERROR\n"
    assert [each["name"] for each in cli("db", "info", "--json").json["tables"]] == ["users"]


def test_an_empty_import(cli: Cli):
    assert cli("db", "import", "-", "--json", stdin=b"-- nothing\n").json["statements"] == 0
    assert cli("db", "import").code == 2
    assert cli("db", "import", "a", "b", "c").code == 2


def test_a_damaged_database_is_said_in_one_line(here):
    root = here()
    file = root / ".aerostack/state/db/DB.sqlite"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is not a database" * 100)
    done = invoke("db", "execute", "--command", "SELECT 1")
    assert done.code == 1
    assert str(file) in done.err
    assert "file is not a database" in done.err
    assert "Traceback" not in done.err


def test_which_of_several_databases(here):
    two = "".join(f'[[d1_databases]]\nbinding = "{name}"\n' for name in ("A", "B"))
    root = here({"aerostack.toml": two})
    assert "which SQL database?" in invoke("db", "info").err
    (root / "aerostack.toml").write_text(two + '[[d1_databases]]\nbinding = "DB"\n')
    assert invoke("db", "info", "--json").json["name"] == "DB"
    (root / "aerostack.toml").write_text('[[d1_databases]]\nbinding = "ONLY"\n')
    assert invoke("db", "info", "--json").json["name"] == "ONLY"
    assert invoke("db", "info", "DB", "--json").json["name"] == "DB"
