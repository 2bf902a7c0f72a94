"""Saves are noticed, in whatever way an editor writes them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aerostack_dev.runtime import watcher
from aerostack_dev.runtime.watcher import Burst, watch_files

PATIENCE = 20


async def bursts_until(bursts: AsyncIterator[Burst], path: Path) -> Burst:
    async with asyncio.timeout(PATIENCE):
        async for burst in bursts:
            if path in burst:
                return burst
    raise AssertionError(f"{path} was not noticed")


async def test_the_first_burst_says_that_the_watch_has_begun(tmp_path: Path):
    async with watch_files(tmp_path) as bursts, asyncio.timeout(PATIENCE):
        assert await anext(bursts) == frozenset()


@pytest.mark.parametrize("way", ["write", "rename", "remove", "create"])
async def test_every_way_of_saving_is_noticed(tmp_path: Path, way: str):
    path = tmp_path / "src/index.py"
    path.parent.mkdir()
    if way != "create":
        path.write_text("old")
    async with watch_files(tmp_path) as bursts:
        async with asyncio.timeout(PATIENCE):
            await anext(bursts)
        if way == "remove":
            path.unlink()
        elif way == "rename":
            draft = tmp_path / "draft"
            draft.write_text("new")
            draft.replace(path)
        else:
            path.write_text("new")
        assert path in await bursts_until(bursts, path)


async def test_folders_of_tools_are_passed_over(tmp_path: Path):
    for name in (".git", ".venv/lib", "node_modules/x", ".aerostack/state"):
        (tmp_path / name).mkdir(parents=True)
    async with watch_files(tmp_path) as bursts:
        async with asyncio.timeout(PATIENCE):
            await anext(bursts)
        for name in (".git", ".venv/lib", "node_modules/x", ".aerostack/state"):
            (tmp_path / name / "file.py").write_text("x")
        (tmp_path / "mine.py").write_text("x")
        burst = await bursts_until(bursts, tmp_path / "mine.py")
        assert burst == {tmp_path / "mine.py"}


async def test_an_installation_of_packages_is_noticed(tmp_path: Path):
    mark = tmp_path / "node_modules" / ".package-lock.json"
    (tmp_path / "node_modules" / "x").mkdir(parents=True)
    async with watch_files(tmp_path) as bursts:
        async with asyncio.timeout(PATIENCE):
            await anext(bursts)
        (tmp_path / "node_modules" / "x" / "index.js").write_text("x")
        mark.write_text("{}")
        await bursts_until(bursts, mark)
        shutil.rmtree(tmp_path / "node_modules")
        await bursts_until(bursts, tmp_path / "node_modules")


async def test_where_the_system_has_no_watches_left_it_looks_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ways: list[bool] = []
    real = watcher._watch_with

    def scarce(root, stop, emit, *, polling):
        ways.append(polling)
        if not polling:
            raise OSError("no space left for watches")
        real(root, stop, emit, polling=True)

    monkeypatch.setattr(watcher, "_watch_with", scarce)
    async with watch_files(tmp_path) as bursts:
        async with asyncio.timeout(PATIENCE):
            await anext(bursts)
        (tmp_path / "a.py").write_text("x")
        await bursts_until(bursts, tmp_path / "a.py")
    assert ways == [False, True]


async def test_logs_and_the_file_that_is_printed_into_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with (tmp_path / "printed.txt").open("w") as log:
        monkeypatch.setattr(watcher, "STANDARD_OUTPUT", log.fileno())
        async with watch_files(tmp_path) as bursts:
            async with asyncio.timeout(PATIENCE):
                await anext(bursts)
            log.write("a line\n")
            log.flush()
            (tmp_path / "other.log").write_text("a line")
            (tmp_path / "mine.py").write_text("x")
            assert await bursts_until(bursts, tmp_path / "mine.py") == {tmp_path / "mine.py"}


async def test_what_editors_write_beside_a_file_is_passed_over(tmp_path: Path):
    scratch = (
        ".index.py.swp", ".index.py.swx", "4913", "index.py~", ".#index.py", "#index.py#",
        "index.py___jb_tmp___", "index.py___jb_old___", ".goutputstream-XI8R12", "a.py.kate-swp",
    )  # fmt: skip
    mine = {tmp_path / name for name in ("index.py", ".dev.vars", "4913.py", "swp", "a.sw")}
    async with watch_files(tmp_path) as bursts:
        async with asyncio.timeout(PATIENCE):
            await anext(bursts)
        for path in [*(tmp_path / name for name in scratch), *mine]:
            path.write_text("x")
        seen: set[Path] = set()
        async with asyncio.timeout(PATIENCE):
            while not mine <= seen:
                seen |= await anext(bursts)
    assert seen == mine
