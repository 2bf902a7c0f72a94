"""What a killed process, a full disk and a large object do, in processes of their own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.storage import KIND
from tests.support.rooms import open_room

from .child import LARGE, MIB, SIZES, content

CHILD = Path(__file__).with_name("child.py")
GROWTH = 40 * MIB

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits and signals")


async def started(task: str, root: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), task, str(root), stdout=asyncio.subprocess.PIPE
    )


async def output(task: str, root: Path) -> list[str]:
    process = await started(task, root)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().splitlines()


def blobs(root: Path) -> list[Path]:
    return [path for path in (root / "state/storage/blobs").glob("*/*") if path.is_file()]


@pytest.mark.parametrize("acknowledged", [1, 7, 40])
async def test_a_killed_writer_leaves_whole_objects(tmp_path: Path, acknowledged: int) -> None:
    process = await started("write", tmp_path)
    assert process.stdout is not None
    done: dict[str, int] = {}
    for _ in range(acknowledged):
        key, number = (await process.stdout.readline()).decode().split()
        done[key] = int(number)
    process.kill()
    whole, _, _ = (await process.stdout.read()).decode().rpartition("\n")  # the last may be cut
    for line in whole.splitlines():
        key, number = line.split()
        done[key] = max(done.get(key, 0), int(number))
    await process.wait()
    async with open_room(tmp_path, KIND) as room:
        named = 0
        for key, size in SIZES.items():
            found: Any = await room.env.STORAGE.get(key)
            if found is None:
                assert key not in done
                continue
            data = await found.bytes()
            number = int.from_bytes(data[:8], "big")
            assert data == content(number, size)
            assert number in (done.get(key, 0), done.get(key, 0) + 1)
            named += key != "small"
        names = {task: getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()}
        await asyncio.gather(*(task for task, name in names.items() if name == "_sweep"))
    assert len(blobs(tmp_path)) == named


async def test_a_full_disk(tmp_path: Path) -> None:
    refused = "state-full free some space and try again; the object is as it was before"
    assert await output("fill", tmp_path) == [refused, refused, "old", "new"]
    assert blobs(tmp_path) == []


async def test_memory_stays_flat(tmp_path: Path) -> None:
    (small, before), (large, after) = [
        map(int, line.split()) for line in await output("large", tmp_path)
    ]
    assert (small, large) == (MIB, LARGE)
    assert after - before < GROWTH
