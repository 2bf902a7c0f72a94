"""`aerostack db shell`: SQL from a pipe and at a prompt."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aerostack_dev.bindings.database.script import is_complete
from aerostack_dev.cli.db.console import Console
from aerostack_dev.cli.db.schema import Entry, Schema
from aerostack_dev.cli.project import Place
from tests.support.server import PATIENCE

from .conftest import Cli, invoke

SCHEMA = Schema(
    (
        Entry("table", "users", "users", "CREATE TABLE users (id, name)"),
        Entry("table", "user orders", "user orders", 'CREATE TABLE "user orders" (total)'),
        Entry("view", "names", "names", "CREATE VIEW names AS SELECT name FROM users"),
        Entry("index", "by_name", "users", "CREATE INDEX by_name ON users (name)"),
        Entry("index", "sqlite_autoindex", "users", None),
    ),
    {"users": ("id", "name"), "user orders": ("total",), "names": ("name",)},
)


@pytest.fixture
def shell(cli: Cli) -> Cli:
    """Run the shell with a script on its standard input; there is the table `users`."""
    sql = (
        "DROP TABLE IF EXISTS users;"
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, b BLOB);"
        "CREATE INDEX by_name ON users (name);"
        "INSERT INTO users VALUES (1, 'Ada', x'0102'), (2, NULL, NULL)"
    )
    assert cli("db", "execute", "--command", sql).code == 0
    return lambda script, *arguments: cli("db", "shell", *arguments, stdin=script.encode())


def test_statements_from_a_pipe(shell: Cli):
    done = shell("select id, name from users order by id; select\n 3 as n")
    assert (done.code, done.err) == (0, "")
    assert done.out == "id  name\n 1  Ada\n 2  NULL\nn\n3\n"


def test_a_process_reads_its_pipe(project: Path, shell: Cli):
    done = subprocess.run(
        [sys.executable, "-m", "aerostack_dev", "db", "shell", "shop-db"],
        cwd=project, input="select 1 as one", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\n  1\n", "")


def test_each_result_is_a_line_of_json(shell: Cli):
    done = shell("select * from users order by id; delete from users;", "--json")
    first, second = map(json.loads, done.out.splitlines())
    assert first["results"][0] == {"id": 1, "name": "Ada", "b": [1, 2]}
    assert second["meta"]["changes"] == 2


def test_the_first_failure_ends_a_script(shell: Cli):
    done = shell("insert into users (id) values (7);\n\nselect nope;\ndelete from users;")
    assert done.code == 1
    where = "standard input, line 3"
    assert done.err == f"error: {where}: no such column: nope at offset 7: SQLITE_ERROR\n"
    counted = shell("select count(*) as n from users", "--json")
    assert json.loads(counted.out)["results"] == [{"n": 3}]


def test_modes(shell: Cli):
    select = "select id, b, name from users order by id;\n"
    assert shell(f".mode csv\n{select}").out == 'id,b,name\n1,"[1, 2]",Ada\n2,,\n'
    lines = shell(f".mode line\n{select}").out.splitlines()
    assert lines[:4] == ["  id = 1", "   b = [1, 2]", "name = Ada", ""]
    assert json.loads(shell(f".mode json\n{select}").out)["success"] is True
    assert shell(".mode line\n.mode\n").out == "line\n"
    wrong = shell(".mode wide\n")
    assert "there is no mode 'wide'\nhint: there are: table, line, csv, json" in wrong.err


def test_commands_with_a_dot(shell: Cli, tmp_path: Path):
    assert "users" in shell(".tables\n").out.splitlines()
    assert shell(".schema users\n").out == (
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, b BLOB);\n"
        "CREATE INDEX by_name ON users (name);\n"
    )
    assert shell(".indexes users\n").out == "by_name\n"
    assert shell(".help\n").out.startswith(".tables ")
    assert shell(".quit\nselect nope;").code == 0
    file = tmp_path / "some.sql"
    file.write_text("select 5 as five;")
    assert shell(f".read {file}\n").out == "five\n   5\n"


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        (".nope\n", "there is no command .nope", "there are: .tables, .schema"),
        (".dump\n", "there is no command .dump", "use `aerostack db export`"),
        (".schema nope\n", "there is no table 'nope'", "there are: "),
        (".read\n", ".read needs the name of a file", ""),
        (".read none.sql\n", 'Unable to read SQL text file "none.sql"', "No such file"),
        ("begin;\n", "To execute a transaction, please use", ""),
    ],
)
def test_mistakes_in_commands(shell: Cli, script: str, message: str, hint: str):
    done = shell(script)
    assert (done.code, message in done.err, hint in done.err) == (1, True, True)
    assert "Traceback" not in done.err


def test_an_unknown_database_is_said_before_anything_is_read(shell: Cli):
    done = shell("select 1", "nope")
    assert done.code == 1
    assert "Couldn't find a D1 DB" in done.err and "there are: DB (shop-db)" in done.err


@pytest.mark.parametrize(
    ("sql", "complete"),
    [
        ("", True), ("  \n", True), ("-- words", True), ("select 1", False), ("select 1;", True),
        ("select ';'", False), ("select 1; -- done", True), ("select 1; select", False),
        ("create trigger t after insert on u begin select 1;", False),
        ("create trigger t after insert on u begin select 1; end;", True),
        ("select 'a;", False),
    ],
)  # fmt: skip
def test_where_a_statement_ends(sql: str, complete: bool):
    assert is_complete(sql) is complete


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("SELECT * FROM us", ["users", '"user orders"']),
        ("insert into ", ["users", '"user orders"', "names"]),
        ("SELECT na", ["names", "name", "natural"]),
        ("select id from users where na", ["names", "name", "natural"]),
        ("select tot", ["total", "total"]),
        ("select users.", ["id", "name"]),
        ("select u.n from users as u where u.i", ["id"]),
        ("select x.", []),
        ("SELE", ["SELECT"]),
        ("sele", ["select"]),
    ],
)
def test_completions(before: str, expected: list[str]):
    from aerostack_dev.cli.db.prompting import completions

    assert [each.text for each in completions(before, SCHEMA)] == expected


class Terminal:
    """The shell at a terminal of its own."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self._shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aerostack_dev", "db", "shell", *arguments],
            cwd=root, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PROMPT_TOOLKIT_NO_CPR": "1"},
        )  # fmt: skip
        os.close(theirs)

    def until(self, text: str) -> str:
        """Wait until `text` is shown; everything since the last time."""
        deadline = time.monotonic() + PATIENCE
        while text not in self._shown:
            ready, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self._shown!r}"
            shown = os.read(self._ours, 65536).decode(errors="replace")
            self._shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
        found, self._shown = self._shown, ""
        return found

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._ours)


def test_a_conversation(shell: Cli, project: Path):
    history = project / ".aerostack/db_history"
    history.unlink(missing_ok=True)
    with Terminal(project) as terminal:
        terminal.until("DB>")
        terminal.type("select name\r")
        terminal.until("...>")
        terminal.type("from us\t")
        terminal.until("ers")
        terminal.type(" where id = 1;\r")
        assert "Ada" in terminal.until("1 row (")
        terminal.type("select garbage\x03")
        terminal.until("DB>")
        terminal.type("select nope;\r")
        terminal.until("error: no such column: nope")
        terminal.type(".quit\r")
        assert terminal.process.wait(PATIENCE) == 0
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    kept = history.read_text()
    assert "+select name" in kept and "+from users where id = 1;" in kept
    assert "garbage" not in kept


@pytest.mark.parametrize(
    ("remote", "said"),
    [(False, "Interrupted."), (True, "the server goes on with it, for up to 30 seconds")],
)
def test_ctrl_c_while_a_statement_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, remote: bool, said: str
):
    from aerostack_dev.cli.db.prompting import answer

    console = Console(Place(None, None, None), Path(), "DB", "table")
    console.remote = remote

    def interrupted(text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(console, "run", interrupted)
    answer(console, "select 1;")
    assert said in capsys.readouterr().err


def test_the_prompt_is_left_by_ctrl_d(here):
    root = here()
    with Terminal(root) as terminal:
        terminal.until("DB>")
        terminal.type("\x04")
        assert terminal.process.wait(PATIENCE) == 0


def test_the_prompt_library_is_imported_by_the_prompt_alone(here):
    root = here()
    code = (
        "import sys; from aerostack_dev.cli.commands import run; run(['db', 'shell']);"
        "print('prompt_toolkit' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, input="select 1", capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "False"
    assert invoke("db", "shell", "--help").code == 0
