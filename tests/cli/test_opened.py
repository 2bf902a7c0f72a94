"""`open_project` as a script and a notebook see it."""

from __future__ import annotations

import pytest

import aerostack_dev
from aerostack_dev.errors import StateError

TOML = '[[kv_namespaces]]\nbinding = "CACHE"\n[vars]\nKEY = "top secret"\n'


async def test_what_a_notebook_shows_and_completes(here):
    root = here({"aerostack.toml": f'name = "shop"\n{TOML}'})
    async with aerostack_dev.open_project(root) as project:
        assert repr(project) == f"<project shop in {root}>"
        assert {"CACHE", "DB", "KEY"} <= set(dir(project.env))
        await project.env.CACHE.put("greeting", "hello")
        assert await project.env.CACHE.get("greeting") == "hello"
        assert [name for name in dir(project.env) if name.startswith("_")] == []


async def test_who_holds_the_state_is_told(here, monkeypatch: pytest.MonkeyPatch):
    root = here({"aerostack.toml": TOML})
    monkeypatch.setattr("sys.argv", ["/somewhere/fill.py", "argument"])
    async with aerostack_dev.open_project(root):
        with pytest.raises(StateError, match=r"in use by `fill\.py` \(process"):
            async with aerostack_dev.open_project(root):
                pass
