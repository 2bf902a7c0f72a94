"""`aerostack db import` and `export` of what is large: in pieces, all or nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aerostack_dev.cli.db import importing
from aerostack_dev.cli.db.importing import pieces
from aerostack_dev.errors import AerostackError
from tests.support.server import PATIENCE

from .conftest import Cli, at_terminal

ROW = "INSERT INTO imported VALUES ('{}');\n"


@pytest.fixture(autouse=True)
def no_table(request: pytest.FixtureRequest):
    if "project" in request.fixturenames:
        cli = request.getfixturevalue("cli")
        assert cli("db", "execute", "--command", "DROP TABLE IF EXISTS imported").code == 0


def script(rows: int, width: int = 1000) -> str:
    text = "x" * width
    return (
        "BEGIN TRANSACTION;\nCREATE TABLE imported (x);\n" + ROW.format(text) * rows + "COMMIT;\n"
    )


def tables(cli: Cli) -> list[str]:
    return [each["name"] for each in cli("db", "info", "--json").json["tables"]]


def test_a_script_goes_over_in_pieces_that_are_the_whole():
    text = script(2000)
    found = list(pieces(text, "x.sql"))
    assert len(found) > 5
    assert sum(length for _, length in found) == len(text)
    assert [one for piece, _ in found for one in piece] == [
        ["CREATE TABLE imported (x)", []],
        *[[ROW.format("x" * 1000).rstrip(";\n"), []]] * 2000,
    ]


def test_a_second_transaction_is_refused_wherever_it_comes():
    with pytest.raises(AerostackError, match="several transactions"):
        list(pieces(script(2000) + "BEGIN TRANSACTION;", "x.sql"))


def test_a_large_file_with_a_bar(project: Path, cli: Cli, tmp_path: Path):
    file = tmp_path / "large.sql"
    file.write_text(script(2000))
    code, shown = at_terminal(["db", "import", str(file)], project)
    assert code == 0, shown
    assert "Importing" in shown and "100%" in shown
    assert "2001 statements, 2000 rows changed" in shown
    exported = cli("db", "export", "--table", "imported", "--no-schema").out
    assert exported.count("INSERT INTO") == 2000


def test_a_large_export_comes_in_pieces(project: Path, cli: Cli, tmp_path: Path):
    sql = (
        "CREATE TABLE imported (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 5) INSERT INTO imported SELECT zeroblob(1000000) FROM n"
    )
    assert cli("db", "execute", "--command", sql).code == 0
    output = tmp_path / "dump.sql"
    done = cli("db", "export", "--table", "imported", "--output", str(output))
    assert done.code == 0, done.err
    assert output.stat().st_size > 10_000_000
    assert cli("db", "execute", "--command", "DROP TABLE imported").code == 0


def test_the_line_that_fails_undoes_the_whole(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importing, "PIECE", 100)
    sql = script(10) + "INSERT INTO nope VALUES (1);"
    done = cli("db", "import", "-", stdin=sql.encode())
    said = "error: standard input:14: no such table: nope: SQLITE_ERROR\n"
    assert (done.code, done.err) == (1, said)
    assert "imported" not in tables(cli)
    assert cli("db", "import", "-", stdin=script(1).encode()).code == 0


def test_a_constraint_that_waits_for_the_end_undoes_the_whole(cli: Cli):
    sql = (
        "PRAGMA defer_foreign_keys = on; CREATE TABLE imported (id INTEGER PRIMARY KEY, parent "
        "INTEGER REFERENCES imported (id)); INSERT INTO imported VALUES (1, 2);"
    )
    done = cli("db", "import", "-", stdin=sql.encode())
    assert done.code == 1
    assert "FOREIGN KEY constraint failed" in done.err
    assert "imported" not in tables(cli)


def test_an_import_that_is_interrupted_leaves_nothing(project: Path, cli: Cli, tmp_path: Path):
    file = tmp_path / "endless.sql"
    endless = "INSERT INTO imported SELECT hex(randomblob(500000)) FROM many;\n"
    many = "CREATE TABLE many AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n " \
           "WHERE i < 40) SELECT i FROM n;\n"  # fmt: skip
    file.write_text(f"CREATE TABLE imported (x);\n{many}" + endless * 20_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "aerostack_dev", "db", "import", str(file)],
        cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wal = project / ".aerostack/state/db/shop-db.sqlite-wal"
    grown_from = wal.stat().st_size if wal.exists() else 0
    deadline = time.monotonic() + PATIENCE
    while not wal.exists() or wal.stat().st_size <= grown_from + 10_000_000:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, out, err.strip()) == (130, "", "")
    assert not {"imported", "many"} & set(tables(cli))
    assert cli("db", "import", "-", stdin=script(1).encode()).code == 0


def test_a_database_file_is_no_script(cli: Cli, tmp_path: Path):
    file = tmp_path / "x.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE x (y)")
    database.close()
    done = cli("db", "import", str(file))
    assert done.code == 1
    assert "this is a SQLite database, not SQL text" in done.err and "\nhint: " in done.err
    assert os.path.getsize(file) > 0
