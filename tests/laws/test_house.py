"""The laws of the house that a linter does not know."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aerostack_dev
from aerostack_dev.bindings.kind import named
from aerostack_dev.bindings.kinds import all_kinds

PACKAGE = Path(aerostack_dev.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
TIME_AND_CHANCE = {
    "time": {"time", "time_ns", "monotonic", "perf_counter", "sleep"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "asyncio": {"sleep"},
    "uuid": {"uuid1", "uuid4"},
    "random": set(),
    "secrets": set(),
}
"""Law 6: module -> what only `clock.py` may call (an empty set: anything of it)."""


def relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def calls(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            yield name, node.func.attr, node.lineno


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_time_comes_from_the_clock_and_chance_from_the_runtime(path: Path):
    if path.name == "clock.py":
        return
    found = [
        f"{owner}.{attribute} in line {line}"
        for owner, attribute, line in calls(ast.parse(path.read_text()))
        if owner in TIME_AND_CHANCE
        and (attribute in TIME_AND_CHANCE[owner] or not TIME_AND_CHANCE[owner])
    ]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_and_functions_stay_small(path: Path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)
def test_rooms_have_the_same_plan(kind):
    room = PACKAGE / "bindings" / kind.name
    for name in ("__init__.py", "operations.py", "api.py", "backend.py"):
        assert (room / name).is_file(), name
    for target in (kind.operations, kind.face, kind.admin, kind.check, *kind.backends.values()):
        if target:
            assert callable(named(target))


def test_the_public_names_are_these():
    assert sorted(aerostack_dev.__all__) == PUBLIC


PUBLIC = ["BindingError", "ServiceError", "__version__", "open_project"]


def test_declaring_the_rooms_imports_nothing_heavy():
    code = (
        "import sys; from aerostack_dev.bindings.kinds import all_kinds; all_kinds();"
        "print(*sorted({'apsw', 'aiosqlite', 'numpy', 'httpx', 'starlette', 'uvicorn',"
        " 'apscheduler', 'rich', 'watchfiles'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
