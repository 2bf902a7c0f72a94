"""Seeds: an empty state is filled once, wholly or not at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.kind import Services
from aerostack_dev.bindings.kinds import all_kinds
from aerostack_dev.bindings.opening import open_bindings
from aerostack_dev.bindings.state import State
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Dev, Finding, Project
from aerostack_dev.errors import AerostackError, ConfigError
from aerostack_dev.runtime.seeding import seeds_of, sow, usual_seeds
from tests.support.server import write_project

TABLE = {"migrations/0001_words.sql": "CREATE TABLE words (word TEXT);"}
SQL = {"seed.sql": "INSERT INTO words VALUES ('one');"}
PYTHON = """
from helper import WORD

async def seed(env):
    await env.CACHE.put("word", WORD + env.SUFFIX)
"""


class Field:
    """A project whose state can be sown."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = Project(
            root=root, file=root / "aerostack.toml", name="test", main=None, values={"SUFFIX": "!"}
        )
        self.findings: list[Finding] = []
        self.state = State(root / "state")
        self.state.root.mkdir()

    @property
    def services(self) -> Services:
        return Services(self.project, self.state, ManualClock(), os.urandom, self.findings.append)

    def seeds(self, *names: str) -> tuple[Path, ...]:
        return seeds_of(replace(self.project, dev=Dev(seed=names)))

    async def sow(self, *names: str, said: bool = False) -> list[str]:
        return list(await sow(all_kinds(), self.services, self.seeds(*names), said=said))

    async def words(self) -> list[Any]:
        async with open_bindings(all_kinds(), self.services) as bindings:
            statement = bindings.bound["DB"].face().prepare("SELECT word FROM words")
            return [row["word"] for row in (await statement.all()).results]

    async def cached(self) -> Any:
        async with open_bindings(all_kinds(), self.services) as bindings:
            return await bindings.bound["CACHE"].face().get("word")


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


async def test_migrations_come_first_then_the_seeds_in_order(field: Field):
    files = {**TABLE, **SQL, "helper.py": "WORD = 'two'", "more.py": PYTHON}
    write_project(field.root, files)
    assert await field.sow("seed.sql", "more.py") == ["0001_words.sql", "seed.sql", "more.py"]
    assert await field.words() == ["one"]
    assert await field.cached() == "two!"


async def test_a_state_is_sown_once(field: Field):
    write_project(field.root, {**TABLE, **SQL})
    assert await field.sow("seed.sql")
    assert await field.sow("seed.sql") == []
    assert field.findings == []
    assert await field.sow("seed.sql", said=True) == []
    assert [finding.code for finding in field.findings] == ["seed-skipped"]
    assert await field.words() == ["one"]


async def test_a_state_with_something_in_it_is_left_alone(field: Field):
    write_project(field.root, {**TABLE, **SQL})
    async with open_bindings(all_kinds(), field.services) as bindings:
        await bindings.bound["CACHE"].face().put("word", "mine")
    assert await field.sow("seed.sql") == []
    assert await field.cached() == "mine"


async def test_without_seeds_nothing_happens(field: Field):
    write_project(field.root, TABLE)
    assert await field.sow() == []
    assert list(field.state.root.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "name", "message", "where"),
    [
        ({"bad.sql": "INSERT INTO nowhere VALUES (1)"}, "bad.sql", "no such table: nowhere", ""),
        ({"bad.sql": "nonsense"}, "bad.sql", 'near "nonsense"', ""),
        ({"bad.sql": "SELECT 1;\n\nnonsense"}, "bad.sql", 'near "nonsense"', ":3"),
        ({"bad.py": "async def seed(env):\n    1 / 0\n"}, "bad.py", "ZeroDivisionError", ":2"),
        ({"bad.py": "import nothing_like_this\n"}, "bad.py", "ModuleNotFoundError", ":1"),
        ({"bad.py": "def seed(env:\n"}, "bad.py", "SyntaxError", ":1"),
        ({"bad.py": "sow = 1\n"}, "bad.py", "has no function `seed`", ""),
        ({"bad.py": "async def seed(env): exit(1)\n"}, "bad.py", "SystemExit", ":1"),
        ({"bad.py": "async def seed(env): await env.DB.exec('x')"}, "bad.py", "syntax error", ":1"),
    ],
)
async def test_a_seed_that_fails_leaves_the_state_empty(
    field: Field, files: dict[str, str], name: str, message: str, where: str
):
    write_project(field.root, {**TABLE, **SQL, **files})
    with pytest.raises(AerostackError, match=message) as caught:
        await field.sow("seed.sql", name)
    assert caught.value.where == f"{field.root}/{name}{where}"
    assert list(field.state.root.iterdir()) == []
    assert await field.sow("seed.sql")  # and it can be tried again


async def test_a_process_that_died_over_a_seed_begins_anew(field: Field):
    write_project(field.root, {**TABLE, **SQL})
    write_project(field.state.root, {"seed.json": '{"seeds": ["seed.sql"], "state": "begun"}'})
    async with open_bindings(all_kinds(), field.services) as bindings:
        await bindings.bound["CACHE"].face().put("word", "half")
    assert await field.sow("seed.sql")
    assert await field.words() == ["one"]
    assert await field.cached() is None


async def test_an_empty_seed_is_a_seed(field: Field):
    write_project(field.root, {"seed.sql": "-- nothing yet\n"})
    assert await field.sow("seed.sql") == ["seed.sql"]
    assert await field.sow("seed.sql") == []


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("nope.sql", "there is no file", "check the path"),
        ("seed.ts", "seed.ts is no seed", "a seed is SQL"),
        (".", "is no seed", "a seed is SQL"),
    ],
)
def test_a_seed_that_is_none(field: Field, name: str, message: str, hint: str):
    write_project(field.root, {"seed.ts": "export default 1"})
    for given, where in (
        ((), f"{field.root}/aerostack.toml: dev.seed"),
        ((field.root / name,), "--seed"),
    ):
        project = replace(field.project, dev=Dev(seed=name))
        with pytest.raises(ConfigError, match=message) as caught:
            seeds_of(project, given)
        assert caught.value.where == where
        assert caught.value.hint.startswith(hint)


def test_the_command_line_wins_over_the_configuration(field: Field):
    write_project(field.root, {**SQL, "mine.sql": ""})
    project = replace(field.project, dev=Dev(seed="seed.sql"))
    assert seeds_of(project) == (field.root / "seed.sql",)
    assert seeds_of(project, (field.root / "mine.sql",)) == (field.root / "mine.sql",)


def test_what_a_new_project_begins_with(field: Field):
    assert usual_seeds(field.project) == ()
    write_project(field.root, {**SQL, "mine.sql": ""})
    assert usual_seeds(field.project) == (field.root / "seed.sql",)
    configured = replace(field.project, dev=Dev(seed="mine.sql"))
    assert usual_seeds(configured) == (field.root / "mine.sql",)


async def test_a_seed_that_is_gone(field: Field):
    with pytest.raises(AerostackError, match="cannot be read: No such file") as caught:
        await sow(all_kinds(), field.services, (field.root / "gone.sql",))
    assert caught.value.where == str(field.root / "gone.sql")
    assert list(field.state.root.iterdir()) == []
