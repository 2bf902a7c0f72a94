"""`aerostack db migrate` (db-cache.md §1.12)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Cli, at_terminal, invoke

CREATE = "CREATE TABLE a (x);\n"
INSERT = "INSERT INTO a VALUES (1);\n"
BROKEN = "INSERT INTO a VALUES (2);\nINSERT INTO nope VALUES (1);\n"


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test begins without migrations and without tables."""
    if "project" in request.fixturenames:
        project: Path = request.getfixturevalue("project")
        shutil.rmtree(project / "migrations", ignore_errors=True)
        sql = "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS d1_migrations"
        config = str(project / "aerostack.toml")
        assert invoke("db", "execute", "--config", config, "--command", sql).code == 0
    yield


def write(project: Path, **files: str) -> None:
    (project / "migrations").mkdir(exist_ok=True)
    for name, text in files.items():
        (project / "migrations" / f"{name.removeprefix('m')}.sql").write_text(text)


def rows(cli: Cli) -> list[int]:
    found = cli("db", "execute", "--command", "SELECT x FROM a").json
    return [row["x"] for row in found[0]["results"]]


def test_from_an_empty_folder_to_an_applied_migration(process: Cli, project: Path):
    made = process("db", "migrate", "create", "add users")
    assert (made.code, made.out) == (0, "Wrote migrations/0001_add_users.sql.\n")
    file = project / "migrations/0001_add_users.sql"
    assert re.fullmatch(r"-- Migration number: 0001 \t 20\S+Z\n", file.read_text())
    file.write_text(CREATE)
    assert process("db", "migrate", "list", "--json").json == [{"name": "0001_add_users.sql"}]
    applied = process("db", "migrate", "apply")
    assert applied.code == 0, applied.err
    assert applied.out == "✓ 0001_add_users.sql\nApplied 1 migration to shop-db.\n"
    assert process("db", "migrate", "apply").out == "No migrations to apply.\n"


def test_the_number_goes_on(cli: Cli, project: Path):
    write(project, m0007_x=CREATE)
    made = cli("db", "migrate", "create", "shop-db", "more", "--json").json
    assert made == {"name": "0008_more.sql", "path": str(project / "migrations/0008_more.sql")}


def test_they_are_applied_in_the_order_of_their_numbers(cli: Cli, project: Path):
    write(project, m10_b=INSERT, m9_a=CREATE)
    assert cli("db", "migrate", "list").out == "TO BE APPLIED\n9_a.sql\n10_b.sql\n"
    applied = cli("db", "migrate", "apply", "DB", "--json").json
    assert applied == [{"name": "9_a.sql"}, {"name": "10_b.sql"}]
    assert rows(cli) == [1]
    assert cli("db", "migrate", "list").out == "No migrations to apply.\n"
    assert cli("db", "migrate", "apply", "--json").json == []


def test_one_that_fails_is_rolled_back_and_ends_it(cli: Cli, project: Path):
    write(project, m1_a=CREATE, m2_b=INSERT, m3_c=BROKEN, m4_d=INSERT)
    done = cli("db", "migrate", "apply")
    assert done.code == 1
    assert done.out == "✓ 1_a.sql\n✓ 2_b.sql\n✗ 3_c.sql\n"
    assert done.err == (
        f"error: {project}/migrations/3_c.sql:2: 3_c.sql: no such table: nope: SQLITE_ERROR\n"
        "hint: applied and kept: 1_a.sql, 2_b.sql; not tried: 4_d.sql\n"
    )
    assert rows(cli) == [1]
    left = cli("db", "migrate", "list", "--json").json
    assert [each["name"] for each in left] == ["3_c.sql", "4_d.sql"]
    again = cli("db", "migrate", "apply", "--json")
    assert again.code == 1
    assert again.json["error"]["text"] == "3_c.sql: no such table: nope: SQLITE_ERROR"
    write(project, m3_c=INSERT)
    assert cli("db", "migrate", "apply").code == 0
    assert rows(cli) == [1, 1, 1]


def test_without_a_folder(cli: Cli, project: Path):
    for command in ("list", "apply"):
        done = cli("db", "migrate", command)
        assert done.code == 1
        assert f"No migrations present at {project}/migrations." in done.err
        assert "hint: make one with `aerostack db migrate create NAME`" in done.err


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ((), 2, "missing MESSAGE"),
        (("DB", "add", "users"), 2, "too many words: quote MESSAGE"),
        (("a/b",), 1, "'a/b' cannot name a migration"),
        (("NOPE", "x"), 1, "Couldn't find a D1 DB with the name or binding 'NOPE'"),
    ],
)
def test_bad_arguments_of_create(here, words: tuple[str, ...], code: int, text: str):
    here()
    done = invoke("db", "migrate", "create", *words)
    assert done.code == code
    assert text in done.err


def test_a_person_is_asked(here):
    root = here()
    write(root, m1_a=CREATE)
    code, shown = at_terminal(["db", "migrate", "apply"], root, b"n\n")
    assert code == 130
    assert "About to apply: 1_a.sql" in shown and "Apply 1 migration? [y/N]" in shown
    assert invoke("db", "migrate", "list", "--json").json == [{"name": "1_a.sql"}]
    code, shown = at_terminal(["db", "migrate", "apply"], root, b"y\n")
    assert (code, "Applied 1 migration to DB." in shown) == (0, True)
    write(root, m2_b=INSERT)
    assert at_terminal(["db", "migrate", "apply", "--yes"], root)[0] == 0
