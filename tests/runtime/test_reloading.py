"""Saves that follow each other closely: what is in force in the end is what was saved last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aerostack_dev.runtime.reloading import Reloaded, follow
from tests.support.asgi import until
from tests.support.server import write_project

from .test_runtime import CODE, CONFIG, FILES, Stage, on_stage

HALTING = """
import pathlib, time
begun = pathlib.Path(__file__).parents[1] / "begun"
if not begun.exists():
    begun.touch()
    while True:
        time.sleep(0.001)
"""
"""Its first load does not end."""
NEW = HALTING + CODE.replace("env.WORD", "'new'")


@dataclass
class Saving:
    """A runtime that follows saves, and what it said of its reloads."""

    stage: Stage
    root: Path
    reloads: list[Reloaded] = field(default_factory=list)
    bursts: asyncio.Queue[frozenset[Path]] = field(default_factory=asyncio.Queue)

    def save(self, name: str, text: str) -> None:
        write_project(self.root, {name: text})
        self.bursts.put_nowait(frozenset({self.root / name}))

    async def feed(self) -> AsyncIterator[frozenset[Path]]:
        while True:
            yield await self.bursts.get()


@asynccontextmanager
async def saving(root: Path, files: Mapping[str, str] = FILES) -> AsyncIterator[Saving]:
    async with on_stage(root, files) as stage:
        world = Saving(stage, root)
        following = asyncio.create_task(follow(stage.runtime, world.feed(), world.reloads.append))
        yield world
        following.cancel()
        await asyncio.wait({following})


async def test_a_configuration_saved_during_a_load_takes_its_files_over(tmp_path: Path):
    async with saving(tmp_path) as world:
        world.save("src/index.py", NEW)
        await until((tmp_path / "begun").exists)
        world.save("aerostack.toml", CONFIG.replace("one", "two"))
        await until(lambda: len(world.reloads) == 1)
        assert (world.reloads[0].changed, world.reloads[0].ok) == (
            ("aerostack.toml", "src/index.py"),
            True,
        )
        assert await world.stage.get() == "new"


async def test_a_broken_configuration_saved_during_a_load_keeps_no_file_back(tmp_path: Path):
    async with saving(tmp_path) as world:
        world.save("src/index.py", NEW)
        await until((tmp_path / "begun").exists)
        world.save("aerostack.toml", "[vars\n")
        await until(lambda: len(world.reloads) == 1)
        assert (world.reloads[0].changed, world.reloads[0].kept) == (
            ("aerostack.toml", "src/index.py"),
            True,
        )
        assert await world.stage.get() == "new"

        world.save("src/index.py", CODE.replace("env.WORD", "'newer'"))
        await until(lambda: len(world.reloads) == 2)
        assert await world.stage.get() == "newer"


async def test_a_save_during_the_first_load_is_found_when_the_watch_begins(tmp_path: Path):
    saved = CODE.replace("env.WORD", "'saved'")
    meanwhile = f"import pathlib\npathlib.Path(__file__).write_text({saved!r})\n"
    async with saving(tmp_path, {**FILES, "src/index.py": meanwhile + CODE}) as world:
        assert await world.stage.get() == "one"
        world.bursts.put_nowait(frozenset())
        await until(lambda: len(world.reloads) == 1)
        assert world.reloads[0].changed == ("src/index.py",)
        assert await world.stage.get() == "saved"


async def test_what_a_function_lacked_is_found_when_the_watch_begins(tmp_path: Path):
    """Nobody knows which file that was: it is tried again, once, and silently if in vain."""
    lacking = {**FILES, "src/index.py": "import missing\n" + CODE}
    async with saving(tmp_path, lacking) as world:
        assert world.stage.runtime.failure is not None
        world.bursts.put_nowait(frozenset())
        await until(world.bursts.empty)
        write_project(tmp_path, {"src/missing.py": ""})
        world.bursts.put_nowait(frozenset())
        await until(lambda: len(world.reloads) > 0)
        assert [(one.changed, one.ok) for one in world.reloads] == [((tmp_path.name,), True)]
        assert await world.stage.get() == "one"
