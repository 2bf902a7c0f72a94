"""Cleaning up after a crash: blobs that nothing names, uploads that nobody finished."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import apsw

from ...config.model import Finding
from ...errors import StateError
from ..kind import Services
from ..sqlite import Store, open_store
from . import index
from .blobs import ID_BYTES, SESSION_BYTES, TEMPORARY, Blobs
from .multipart import UPLOAD_LIFETIME_MS

ID_LENGTH = 2 * (ID_BYTES + SESSION_BYTES)
OURS = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}({re.escape(TEMPORARY)})?")
BEYOND_HEX = "g"


@asynccontextmanager
async def sweeping(store: Store, blobs: Blobs, services: Services) -> AsyncIterator[None]:
    """Sweep in the background of the block.

    What no object named when the block began, none will ever name, for ids are never
    used twice. So the sweep looks at the index as it was then, through a view of its
    own, and leaves alone what this session writes.
    """
    async with AsyncExitStack() as stack:
        view = await stack.enter_async_context(open_store(store.path))
        await view.run_once(_freeze)
        owner = stack.pop_all()
    task = asyncio.create_task(_sweep(store, view, blobs, services, owner))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await owner.aclose()  # It may have been cancelled before its first step.


async def _sweep(
    store: Store, view: Store, blobs: Blobs, services: Services, stack: AsyncExitStack
) -> None:
    async with stack:
        try:
            before = int(services.clock.now() * 1000) - UPLOAD_LIFETIME_MS
            for gone in await store.write(index.forget_uploads, before):
                blobs.remove(gone.blobs)
            for folder in await blobs.hop(_folders, blobs.folder):
                await _sweep_folder(view, blobs, folder)
        except StateError as error:
            text = f"storage could not be cleaned up: {error.message}"
            services.notify(Finding("storage-sweep", text, where=error.where, hint=error.hint))


async def _sweep_folder(view: Store, blobs: Blobs, folder: Path) -> None:
    names = await blobs.hop(_names, folder)
    old = [
        name
        for name in names
        if OURS.fullmatch(name) and not name.removesuffix(TEMPORARY).endswith(blobs.session)
    ]
    if old:
        used = await view.run(index.blobs_between, folder.name, folder.name + BEYOND_HEX)
        await blobs.hop(blobs.unlink, [name for name in old if name not in used])


def _freeze(connection: apsw.Connection) -> None:
    """Begin a read transaction: this connection goes on seeing what is there now."""
    connection.execute("BEGIN")
    connection.execute("SELECT 1 FROM objects LIMIT 1").fetchall()


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
