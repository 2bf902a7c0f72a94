"""A state folder put back: databases page by page, other files as links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from aerostack_dev.testing.images import Image, Restorer


def sql(path: Path, *statements: str) -> list[tuple]:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = apsw.Connection(str(path))
    rows = [row for statement in statements for row in connection.execute(statement)]
    connection.close()
    return rows


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    folder = tmp_path / "image"
    sql(folder / "db/a.sqlite", "CREATE TABLE t (n)", "INSERT INTO t VALUES (1)")
    (folder / "objects").mkdir()
    (folder / "objects/x").write_bytes(b"content")
    (folder / "lock").write_text("somebody")
    with Image(folder) as made:
        yield made


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/lock").write_text("me")
    return tmp_path / "work"


def test_what_the_image_holds_is_there_again(image: Image, work: Path):
    with Restorer(work) as restorer:
        for _ in range(3):
            restorer.restore(image)
            assert sql(work / "db/a.sqlite", "SELECT n FROM t") == [(1,)]
            assert (work / "objects/x").read_bytes() == b"content"
            sql(work / "db/a.sqlite", "INSERT INTO t VALUES (2)", "CREATE TABLE more (n)")
            (work / "objects/x").unlink()
    assert (work / "lock").read_text() == "me"


def test_what_it_does_not_hold_is_gone(image: Image, work: Path):
    with Restorer(work) as restorer:
        restorer.restore(image)
        sql(work / "cache.sqlite", "CREATE TABLE t (n)", "PRAGMA user_version = 3")
        (work / "objects/y").write_bytes(b"new")
        restorer.restore(image)
        found = sql(work / "cache.sqlite", "SELECT count(*) FROM sqlite_schema")
        assert found + sql(work / "cache.sqlite", "PRAGMA user_version") == [(0,), (0,)]
        assert sorted(path.name for path in (work / "objects").iterdir()) == ["x"]


def test_two_images_take_turns(image: Image, work: Path, tmp_path: Path):
    other = tmp_path / "other"
    sql(other / "db/a.sqlite", "CREATE TABLE t (n)")
    with Image(other) as empty, Restorer(work) as restorer:
        for source, rows in ((image, [(1,)]), (empty, []), (empty, []), (image, [(1,)])):
            restorer.restore(source)
            assert sql(work / "db/a.sqlite", "SELECT n FROM t") == rows


def test_files_are_this_users_alone(image: Image, work: Path):
    with Restorer(work) as restorer:
        restorer.restore(image)
        assert (work / "db/a.sqlite").stat().st_mode & 0o777 == 0o600
        assert (work / "db").stat().st_mode & 0o777 == 0o700
