"""The plugin in a process of pytest's own: with other plugins, without, and in parallel."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import PATIENCE, write_project

MANY_SECONDS = 5.0
"""What 300 tests may take, the start of pytest included."""
SETTLED = ("-o", "asyncio_default_fixture_loop_scope=function", "-W", "error")
ALONE = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest", "-W", "error")

FILES = {
    "pytest.ini": "[pytest]\n",
    "aerostack.toml": "",
    "migrations/0001_items.sql": "CREATE TABLE items (name TEXT);",
    "src/index.py": """
from workers import Response

async def fetch(request, env, ctx):
    seen = await env.CACHE.get("seen")
    await env.CACHE.put("seen", "yes")
    await env.DB.prepare("INSERT INTO items VALUES (?)").bind("lamp").run()
    count = await env.DB.prepare("SELECT count(*) AS n FROM items").first("n")
    return Response.json({"seen": seen, "count": count})
""",
    "tests/test_plain.py": """
import pytest

NEW = {"seen": None, "count": 1}

async def test_function(aerostack):
    assert (await aerostack.fetch("/")).json() == NEW

class TestIt:
    async def test_method(self, aerostack, tmp_path):
        assert (await aerostack.fetch("/")).json() == NEW

@pytest.fixture
def called(aerostack):
    return aerostack.fetch

async def test_through_another_fixture(called):
    assert (await called("/")).json() == NEW
""",
}
MARKED = """
import pytest

@pytest.fixture
async def visited(aerostack):
    await aerostack.fetch("/")
    yield aerostack
    assert await aerostack.env.CACHE.get("seen") == "yes"

@pytest.mark.{mark}
async def test_marked(visited):
    assert (await visited.fetch("/")).json()["count"] == 2
"""
COUNTING = """
from pathlib import Path
from workers import Response

with Path("loads.txt").open("a") as loads:
    loads.write("loaded\\n")
requests = 0

async def fetch(request, env, ctx):
    global requests
    requests += 1
    return Response.json(requests)
"""
COUNTED = """
import pytest

@pytest.mark.parametrize("expected", [{numbers}])
async def test_counted(aerostack, expected):
    assert (await aerostack.fetch("/")).json() == expected
"""
BACKEND = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
MANY = """
import pytest

@pytest.mark.parametrize("number", range(300))
async def test_many(aerostack, number):
    assert (await aerostack.fetch("/")).json() == {"seen": None, "count": 1}
    assert await aerostack.env.CACHE.get("seen") == "yes"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, FILES)


def run(project: Path, *arguments: str) -> str:
    """What pytest says in the end."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=project, capture_output=True, text=True, timeout=PATIENCE * 2, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_no_other_plugin_is_needed_and_other_async_tests_are_left_alone(project: Path):
    write_project(project, {"tests/test_other.py": "async def test_other(tmp_path): ..."})
    said = run(project, *ALONE)
    assert "async def functions are not natively supported" in said
    assert "1 failed, 3 passed" in said


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_pytest_asyncio_runs_what_it_wants_to_run(project: Path, mode: str):
    source = MARKED.format(mark="asyncio")
    if mode == "strict":
        source = source.replace("@pytest.fixture", "@__import__('pytest_asyncio').fixture")
    write_project(project, {"tests/test_marked.py": source})
    assert "4 passed" in run(project, "-o", f"asyncio_mode={mode}", *SETTLED)


def test_anyio_runs_what_it_wants_to_run(project: Path):
    write_project(project, {"tests/test_marked.py": MARKED.format(mark="anyio") + BACKEND})
    assert "4 passed" in run(project, "-p", "no:asyncio", "-W", "error")


def test_the_function_is_loaded_once_for_a_whole_session(project: Path):
    files = {
        "src/index.py": COUNTING,
        "tests/test_plain.py": COUNTED.format(numbers="1, 2"),
        "tests/unit/test_other.py": COUNTED.format(numbers="3, 4"),
    }
    write_project(project, files)
    assert "4 passed" in run(project, *ALONE)
    assert (project / "loads.txt").read_text() == "loaded\n"


def test_a_wrong_marker_and_a_broken_project_are_told(project: Path):
    wrong = "import pytest\n@pytest.mark.aerostack('x', seeds=1)\nasync def test_it(aerostack): ..."
    write_project(project, {"tests/test_wrong.py": wrong, "src/index.py": "def fetch(:"})
    said = run(project, *ALONE)
    assert "knows the keywords project, environment, variables, seed, not 'x', seeds" in said
    assert "SyntaxError" in said
    assert "4 errors" in said
    assert "aerostack_dev/testing" not in said  # our own lines say nothing to the author


FAILING = """
async def test_error(aerostack):
    await aerostack.fetch("/wrong")

async def test_outcome(aerostack):
    assert (await aerostack.queue("jobs", ["x"])).outcome == "ok"
"""
RAISING = """
async def fetch(request, env, ctx):
    return await work(env)

async def work(env):
    return await env.DB.prepare("SELECT nope").first()

async def queue(batch, env, ctx):
    raise LookupError("in the queue")
"""


def test_failures_are_shown_at_the_lines_of_the_author(project: Path):
    write_project(project, {"tests/test_plain.py": FAILING, "src/index.py": RAISING})
    said = run(project, *ALONE)
    assert "2 failed" in said
    shown = said.partition("in test_outcome")[0]
    assert shown.index("src/index.py:3:") < shown.index("src/index.py:6:")
    assert "runtime/hosts/" not in shown and "testing/loops" not in shown
    assert 'await aerostack.fetch("/wrong")' in shown
    assert "queue jobs failed: LookupError: in the queue" in said


def test_pytest_starts_without_what_the_fixture_needs():
    code = (
        "import sys, aerostack_dev.testing.plugin; print(*sorted({'apsw', 'aiosqlite', 'msgspec',"
        " 'httpx', 'starlette', 'aerostack_dev.testing.app'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_three_hundred_tests_take_less_than_five_seconds(project: Path):
    write_project(project, {"tests/test_plain.py": MANY})
    before = _cpu()
    assert "300 passed" in run(project)
    # Of the processor's time: what others do on this machine meanwhile does not count.
    assert _cpu() - before < MANY_SECONDS


def test_they_run_in_parallel(project: Path):
    assert "3 passed" in run(project, "-n", "2", *SETTLED)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
