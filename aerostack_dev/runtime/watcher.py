"""Notices saves: which files of the project changed, a few hundredths of a second later."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from .installations import Installations

STEP_MS = 10
"""A burst ends when nothing changed for so long: an editor's save, a `git checkout`."""
BURST_MS = 400
"""A longer burst is reported in parts."""
LIVE_MS = 200
"""At the latest so long after the start the watcher says that it watches."""
POLL_MS = 200
STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
IGNORED = frozenset(
    {".git", ".hg", ".svn", ".aerostack", ".wrangler", ".venv", "venv", "node_modules"}
    | {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".idea"}
)
LOG = ".log"
"""What ends so is written by programs (`aerostack dev | tee dev.log`), and no source."""

SCRATCH = re.compile(
    r"\.#.*|#.*#|.*~|\..*\.sw[a-z]|4913|.*___jb_(?:tmp|old)___"
    r"|\.goutputstream-.*|.*\.(?:kate-swp|crswap)"
)
"""What editors write beside the file they save: Emacs, vim, JetBrains, GNOME, Kate, Chromium."""

Burst = frozenset[Path]


@asynccontextmanager
async def watch_files(root: Path) -> AsyncIterator[AsyncIterator[Burst]]:
    """The files below `root` that were written, made, renamed or removed, burst by burst.

    The first burst is empty: from then on nothing is missed. Folders of tools
    (`IGNORED`), logs and editors' files (`SCRATCH`) are passed over, but an installation
    of packages counts. Where the system cannot watch so many folders, the watcher looks
    at them every `POLL_MS` instead. A thread does it all, since setting up the watches
    of a large tree takes a while.
    """
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of every change
    bursts: asyncio.Queue[Burst] = asyncio.Queue()
    stop = threading.Event()
    loop = asyncio.get_running_loop()

    def emit(burst: Burst) -> None:
        if not stop.is_set():
            loop.call_soon_threadsafe(bursts.put_nowait, burst)

    thread = threading.Thread(
        target=_watch, args=(root, stop, emit), name="aerostack-watcher", daemon=True
    )
    thread.start()
    try:
        yield _drain(bursts)
    finally:
        stop.set()


async def _drain(bursts: asyncio.Queue[Burst]) -> AsyncIterator[Burst]:
    while True:
        yield await bursts.get()


def _watch(root: Path, stop: threading.Event, emit: Callable[[Burst], None]) -> None:
    try:
        _watch_with(root, stop, emit, polling=False)
    except OSError:
        _watch_with(root, stop, emit, polling=True)


def _watch_with(
    root: Path, stop: threading.Event, emit: Callable[[Burst], None], *, polling: bool
) -> None:
    from watchfiles import watch

    outputs, packages = _outputs(), Installations(root)

    def wanted(_: object, path: str) -> bool:
        ignored = not IGNORED.isdisjoint(Path(path).relative_to(root).parts)
        name = Path(path).name
        passed_over = ignored or name.endswith(LOG) or SCRATCH.fullmatch(name)
        return not (passed_over or _identity(path) in outputs)

    live = False
    for changes in watch(
        root,
        watch_filter=wanted,
        step=STEP_MS,
        debounce=BURST_MS,
        rust_timeout=LIVE_MS,
        yield_on_timeout=True,
        stop_event=stop,
        force_polling=polling,
        poll_delay_ms=POLL_MS,
        raise_interrupt=False,
        ignore_permission_denied=True,
    ):
        if not live:
            live = True
            emit(frozenset())
        burst = frozenset(Path(path) for _, path in changes) | packages.changed()
        if burst:
            emit(burst)


def _outputs() -> frozenset[tuple[int, int]]:
    """The files that this process prints into (`aerostack dev > dev.log`): a reload that
    says something must not be the cause of the next.
    """
    found = map(_identity, (STANDARD_OUTPUT, STANDARD_ERROR))
    return frozenset(identity for identity in found if identity is not None)


def _identity(file: str | int) -> tuple[int, int] | None:
    """What is the same for one ordinary file by whatever name; None for anything else."""
    try:
        status = os.stat(file)  # noqa: PTH116 - a descriptor too
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
