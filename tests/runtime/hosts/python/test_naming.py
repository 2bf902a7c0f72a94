"""A service's modules: its own, whatever the main function calls its modules."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.testing import App, open_app
from tests.support.server import write_project

CONFIGURATION = """
name = "shop"
main = "index.py"

[[services]]
name = "auth"
main = "auth/index.py"
"""
MAIN = """
from workers import Response
import shapes.square

async def fetch(request, env):
    import late
    answer = await env.AUTH.names()
    return Response.json([__name__, shapes.square.__name__, late.WHO, answer])
"""
AUTH = """
import json
import shapes.square as square
from shapes import circle
from shapes.circle import area
import plain.inner
import workers
import js
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def names(self):
        import late
        modules = (square, circle, plain, plain.inner, json, workers)
        return [__name__, *(each.__name__ for each in modules), late.WHO, area(2), js.WHO]
"""
FILES = {
    "aerostack.toml": CONFIGURATION,
    "index.py": MAIN,
    "late.py": 'WHO = "main"\n',
    "shapes/__init__.py": "",
    "shapes/square.py": "",
    "auth/index.py": AUTH,
    "auth/late.py": 'WHO = "auth"\n',
    "auth/js.py": 'WHO = "own js"\n',
    "auth/workers.py": "raise RuntimeError\n",
    "auth/json.py": "raise RuntimeError\n",
    "auth/shapes/__init__.py": "from .circle import area\n",
    "auth/shapes/circle.py": "from . import square\ndef area(size): return square.side(size)\n",
    "auth/shapes/square.py": "def side(size): return size * size\n",
    "auth/plain/inner.py": "",
}


@asynccontextmanager
async def opened(root: Path, files: Mapping[str, str] = FILES) -> AsyncIterator[App]:
    write_project(root, files)
    async with open_app(root) as app:
        yield app


async def answered(app: App) -> Any:
    return json.loads((await app.fetch("/")).body)


async def test_names_are_kept_apart_in_every_form_of_import(tmp_path: Path):
    async with opened(tmp_path) as app:
        expected = [
            "auth:index", "auth:shapes.square", "auth:shapes.circle", "auth:plain",
            "auth:plain.inner", "json", "workers", "auth", 4, "own js",
        ]  # fmt: skip
        assert await answered(app) == ["index", "shapes.square", "main", expected]
        auth = app.runtime.functions.find("auth")
        assert auth is not None
        places = {str(file.relative_to(tmp_path)) for file in auth.sources}
        assert places == {
            "auth/index.py", "auth/late.py", "auth/js.py", "auth/shapes/__init__.py",
            "auth/shapes/circle.py", "auth/shapes/square.py", "auth/plain/inner.py",
        }  # fmt: skip
    assert not [name for name in sys.modules if name.startswith("auth:")]
    assert "index" not in sys.modules


async def test_a_reload_of_one_leaves_the_modules_of_the_other(tmp_path: Path):
    async with opened(tmp_path) as app:
        await answered(app)
        kept = sys.modules["shapes.square"]
        write_project(tmp_path, {"auth/late.py": 'WHO = "anew"\n'})
        await app.runtime.reload(frozenset({tmp_path / "auth/late.py"}))
        assert (await answered(app))[3][7] == "anew"
        assert sys.modules["shapes.square"] is kept
        mine = sys.modules["auth:late"]
        write_project(tmp_path, {"late.py": 'WHO = "other"\n'})
        await app.runtime.reload(frozenset({tmp_path / "late.py"}))
        assert (await answered(app))[2] == "other"
        assert sys.modules["auth:late"] is mine


@pytest.mark.parametrize("name", ["nowhere", "shapes.nowhere"])
async def test_a_missing_module_is_named_as_its_author_wrote_it(tmp_path: Path, name: str):
    async with opened(tmp_path, {**FILES, "auth/index.py": f"import {name}\n"}) as app:
        auth = app.runtime.functions.find("auth")
        assert auth is not None
        assert auth.failure is not None
        assert auth.failure.message == f"No module named '{name}'"


async def test_a_class_by_its_name_and_a_module_without_one(tmp_path: Path):
    named = CONFIGURATION + 'entrypoint = "Admin"\n'
    code = "from workers import WorkerEntrypoint\nclass Other(WorkerEntrypoint): ...\n"
    async with opened(tmp_path, {**FILES, "aerostack.toml": named, "auth/index.py": code}) as app:
        auth = app.runtime.functions.find("auth")
        assert auth is not None
        assert auth.failure is not None
        assert "has no class Admin(WorkerEntrypoint)" in auth.failure.message
        write_project(tmp_path, {"auth/index.py": AUTH.replace("Default", "Admin")})
        await app.runtime.reload(frozenset({tmp_path / "auth/index.py"}))
        assert (await answered(app))[3][0] == "auth:index"


async def test_keywords_do_not_pass_and_the_face_says_what_it_is(tmp_path: Path):
    code = """
from workers import Response

async def fetch(request, env):
    try:
        await env.AUTH.names(a=1)
    except TypeError as error:
        return Response(f"{error} {env.AUTH!r} {'AUTH' in env}")
"""
    async with opened(tmp_path, {**FILES, "index.py": code}) as app:
        text = (await app.fetch("/")).body.decode()
    assert text.startswith("names: keyword arguments do not pass")
    assert text.endswith("<service auth> True")


async def test_a_function_may_call_another_while_it_starts(tmp_path: Path):
    """Outside of any invocation, and before the other one is loaded."""
    code = """
NAMES = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        NAMES.extend(await scope["env"].AUTH.names())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": NAMES[0].encode()})
"""
    async with opened(tmp_path, {**FILES, "index.py": code}) as app:
        assert (await app.fetch("/")).body == b"auth:index"
        assert app.runtime.trace.recent()[0].parent is None
