"""Another content in the place of a folder's own: all of it, or nothing.

The new content is gathered in a draft. One rename decides: before it the old content is
in force, after it the new one. What then is still to be moved is listed in the folder
that was renamed, so that a process that dies meanwhile leaves the rest to `complete`,
which whoever opens the state calls first.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from .contents import Target, sync_folder
from .state import PRIVATE_FOLDER, UNDER_WAY, private

DRAFT = f"{UNDER_WAY}.part"
DECIDED = UNDER_WAY
DONE = f"{UNDER_WAY}.done"
PLAN = "plan.json"
NEW = "new"
THREADS = 8
OLD = "old"


class _Plan(msgspec.Struct, frozen=True):
    """The names that leave and those that come."""

    old: tuple[str, ...]
    new: tuple[str, ...]


def draft(root: Path) -> Target:
    """An empty folder for what is to come into `root`; `exchange` brings it there."""
    _discard(root / DRAFT)
    return Target(root / DRAFT / NEW)


def exchange(root: Path, new: Target, old: Sequence[str]) -> None:
    """Put the content of the draft `new` in the place of the names `old`.

    Nobody may have any of these files open.
    """
    folder = root / DRAFT
    plan = _Plan(tuple(old), tuple(sorted(path.name for path in (folder / NEW).iterdir())))
    with open(folder / PLAN, "xb", opener=private) as file:
        file.write(msgspec.json.encode(plan))
        file.flush()
        os.fsync(file.fileno())
    with ThreadPoolExecutor(THREADS) as pool:
        for sync in new.sync(pool):
            sync.result()
    sync_folder(folder)
    folder.rename(root / DECIDED)
    sync_folder(root)
    complete(root)


def complete(root: Path) -> None:
    """Finish the exchange that was decided, and forget the one that was not."""
    for leftover in (DRAFT, DONE):
        _discard(root / leftover)
    decided = root / DECIDED
    if not decided.is_dir():
        return
    plan = msgspec.json.decode((decided / PLAN).read_bytes(), type=_Plan)
    (decided / OLD).mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for name in dict.fromkeys((*plan.old, *plan.new)):
        _exchange(name, root, decided, coming=name in plan.new)
    sync_folder(root)
    decided.rename(root / DONE)
    _discard(root / DONE)


def _exchange(name: str, root: Path, decided: Path, *, coming: bool) -> None:
    """Move one name; whatever of it was done before is not done again."""
    here, before, after = root / name, decided / OLD / name, decided / NEW / name
    if coming and not after.exists():
        return  # it is here already
    if os.path.lexists(here) and not os.path.lexists(before):
        here.rename(before)
    if coming:
        after.rename(here)


def _discard(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
