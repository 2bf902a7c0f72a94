"""Migrations: db-cache.md §1.12."""

from __future__ import annotations

from functools import partial

import pytest

from aerostack_dev.bindings.database import Database
from aerostack_dev.bindings.database.migrations import Migrations
from aerostack_dev.errors import AerostackError, ConfigError

NOW = 1_800_000_000.5


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "migrations"
    path.mkdir()
    return path


@pytest.fixture
def migrations(tmp_path):
    return Migrations.of(Database(binding="DB"), tmp_path)


@pytest.fixture
def invoke(room):
    return partial(room.bindings.invoke, "DB")


def test_numbers_go_on(migrations, folder):
    first = migrations.create("add users now", NOW)
    assert first.name == "0001_add_users_now.sql"
    assert first.read_text() == "-- Migration number: 0001 \t 2027-01-15T08:00:00.500Z\n"
    (folder / "0041_x.sql").touch()
    (folder / "no_number.sql").touch()
    (folder / "99_other.txt").touch()
    assert migrations.create("y", NOW).name == "0042_y.sql"
    (folder / "12345_z.sql").touch()
    assert migrations.create("last", NOW).name == "12346_last.sql"


def test_the_folder_is_made(tmp_path):
    path = Migrations.of(Database(binding="DB", migrations_dir="./a/b/"), tmp_path).create("x", NOW)
    assert path == tmp_path / "a" / "b" / "0001_x.sql"


@pytest.mark.parametrize("message", ["", "  ", "a/b", "a\\b", "a\0b"])
def test_what_cannot_name_a_migration(migrations, message):
    with pytest.raises(AerostackError, match="cannot name a migration"):
        migrations.create(message, NOW)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "migrations").write_text("a file")
    with pytest.raises(AerostackError, match="the migration cannot be written: "):
        Migrations.of(Database(binding="DB"), tmp_path).create("x", NOW)


def test_order_is_by_number(migrations, folder):
    for name in ("10_b", "9_a", "b", "a", "0009_b", "10_a"):
        (folder / f"{name}.sql").touch()
    (folder / "11_folder.sql").mkdir()
    (folder / "12_x.txt").touch()
    found = [name.removesuffix(".sql") for name in migrations.names()]
    assert found == ["0009_b", "9_a", "10_a", "10_b", "a", "b"]


def test_patterns(tmp_path, folder):
    for name in ("10_b/migration.sql", "9_a/migration.sql", "x.sql"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    declared = Database(binding="DB", migrations_pattern="./migrations/*/migration.sql")
    nested = Migrations.of(declared, tmp_path)
    assert nested.names() == ["9_a/migration.sql", "10_b/migration.sql"]
    with pytest.raises(ConfigError, match="would not match migrations_pattern"):
        nested.create("x", NOW)
    assert not (folder / "0011_x.sql").exists()
    outside = Database(binding="DB", migrations_pattern="other/*.sql")
    with pytest.raises(ConfigError, match="does not begin with migrations_dir") as caught:
        Migrations.of(outside, tmp_path)
    assert caught.value.where == "d1_databases.DB.migrations_pattern"


@pytest.mark.parametrize(
    ("folder", "pattern", "found"),
    [
        (".", "", ["1.sql"]),
        ("./", "./*.txt", ["3.txt"]),
        ("sub", "sub/", ["2.sql"]),
        ("", "**/*.sql", ["1.sql", "sub/2.sql"]),
    ],
)
def test_where_migrations_may_be(tmp_path, folder, pattern, found):
    (tmp_path / "sub").mkdir()
    for name in ("1.sql", "sub/2.sql", "3.txt"):
        (tmp_path / name).touch()
    declared = Database(binding="DB", migrations_dir=folder, migrations_pattern=pattern)
    assert Migrations.of(declared, tmp_path).names() == found


def test_a_missing_folder(migrations, tmp_path):
    with pytest.raises(AerostackError) as caught:
        migrations.names()
    assert str(caught.value) == f"No migrations present at {tmp_path / 'migrations'}."


async def test_apply(migrations, folder, invoke, db):
    (folder / "0001_a.sql").write_text("CREATE TABLE t (a);\nINSERT INTO t VALUES ('x;y')")
    (folder / "0002_b.sql").write_text("-- only a comment\n")
    assert await migrations.pending(invoke) == ["0001_a.sql", "0002_b.sql"]
    told = []
    assert await migrations.apply(invoke, lambda *what: told.append(what)) == [
        "0001_a.sql",
        "0002_b.sql",
    ]
    assert told == [("0001_a.sql", True), ("0002_b.sql", True)]
    assert await migrations.pending(invoke) == []
    assert await migrations.apply(invoke) == []
    assert await db.prepare("SELECT a FROM t").raw() == [["x;y"]]
    rows = await db.prepare("SELECT * FROM d1_migrations").raw(columnNames=True)
    assert rows[0] == ["id", "name", "applied_at"]
    assert [row[:2] for row in rows[1:]] == [[1, "0001_a.sql"], [2, "0002_b.sql"]]
    assert all(row[2] for row in rows[1:])


async def test_a_failing_migration_is_undone_and_ends_it(migrations, folder, invoke, db):
    (folder / "1_a.sql").write_text("CREATE TABLE a (a)")
    (folder / "2_b.sql").write_text("CREATE TABLE b (a); BAD")
    (folder / "3_c.sql").write_text("CREATE TABLE c (a)")
    told = []
    with pytest.raises(AerostackError) as caught:
        await migrations.apply(invoke, lambda *what: told.append(what))
    assert str(caught.value) == '2_b.sql: near "BAD": syntax error at offset 0: SQLITE_ERROR'
    assert caught.value.where == f"{folder / '2_b.sql'}:1"
    assert caught.value.hint == "applied and kept: 1_a.sql; not tried: 3_c.sql"
    assert told == [("1_a.sql", True), ("2_b.sql", False)]
    made = await db.prepare("SELECT name FROM sqlite_master WHERE name IN ('a','b','c')").raw()
    assert made == [["a"]]
    assert await migrations.pending(invoke) == ["2_b.sql", "3_c.sql"]


async def test_files_that_are_no_sql(migrations, folder, invoke):
    (folder / "1_a.sql").write_bytes(b"\xff")
    with pytest.raises(AerostackError, match=r"1_a\.sql: this is not UTF-8 text") as caught:
        await migrations.apply(invoke)
    assert caught.value.hint == "save the file as UTF-8; nothing was applied"


async def test_a_file_that_vanishes(migrations, folder, invoke):
    (folder / "1_a.sql").touch()
    (folder / "2_b.sql").touch()
    with pytest.raises(AerostackError, match=r"2_b\.sql: cannot be read: No such file"):
        await migrations.apply(invoke, lambda *_: (folder / "2_b.sql").unlink(missing_ok=True))


async def test_any_table_name(tmp_path, folder, invoke, db):
    declared = Database(binding="DB", migrations_table='my "table"')
    (folder / "1_a.sql").touch()
    await Migrations.of(declared, tmp_path).apply(invoke)
    assert await db.prepare('SELECT name FROM "my ""table"""').raw() == [["1_a.sql"]]
