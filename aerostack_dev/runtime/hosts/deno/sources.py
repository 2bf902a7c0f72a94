"""Which of the author's files a function consists of."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from ..python.authored import Authored
from .process import MODULES, environment

PATIENCE = 20.0
"""Seconds: to follow the imports takes a hundredth of one."""


async def sources_of(program: str, main: Path, authored: Authored, cache: Path) -> frozenset[Path]:
    """`main` and what it imports, as far as the author wrote it.

    A file that is imported under a name made at run time is not among them.
    """
    options = [option for option in MODULES if option != "--cached-only"]
    process = await asyncio.create_subprocess_exec(
        program,
        "info",
        "--json",
        *options,
        str(main),
        env=environment(cache),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            written, _ = await process.communicate()
    except TimeoutError:
        return frozenset((main,))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return frozenset((main,))
    modules = json.loads(written)["modules"]
    files = {file for each in modules if (file := each.get("local")) and file in authored}
    return frozenset((main, *map(Path, files)))
