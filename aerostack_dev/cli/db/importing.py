"""What `aerostack db import` does: one transaction, handed over in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..progress import progress
from .opened import read_file

if TYPE_CHECKING:
    from ..access import Invoke
    from ..choice import Chosen

PIECE = 256 * 1024
"""Characters of SQL that go over at once."""
WORTH_A_BAR = 4 * PIECE


def run_import(chosen: Chosen, file: str) -> tuple[int, int]:
    """Run a file of SQL, all or nothing: how many statements, and rows changed.

    Raises `AerostackError`; then, and when it is interrupted, nothing is kept.
    """
    from ...bindings.database.script import sql_text
    from .opened import located

    data, name = read_file(file)
    text = sql_text(data, name)
    del data

    async def work(invoke: Invoke) -> tuple[int, int]:
        count = changes = 0
        ticket = await invoke("beginImport", [])
        try:
            with progress(len(text), "Importing", above=WORTH_A_BAR) as bar:
                for piece, length in pieces(text, name):
                    with located(text, name, count):
                        changes += await invoke("continueImport", [ticket, piece])
                    count += len(piece)
                    bar.update(length)
            await invoke("finishImport", [ticket])
        except BaseException:
            await _abandoned(invoke, ticket)
            raise
        return count, changes

    return chosen.access.run(chosen.binding, work)


def pieces(text: str, name: str) -> Iterator[tuple[list[list[object]], int]]:
    """The statements of a script as a batch takes them, and how far each piece goes."""
    from ...bindings.database.script import Outside, segments

    outside = Outside(name)
    piece: list[list[object]] = []
    begun = 0
    for found in segments(text):
        statement = text[found.first : found.last]
        if found.words and outside.keeps(statement):
            piece.append([statement, []])
        if found.stop - begun >= PIECE:
            yield piece, found.stop - begun
            piece, begun = [], found.stop
    yield piece, len(text) - begun


async def _abandoned(invoke: Invoke, ticket: str) -> None:
    """End an import that failed; the failure itself may have ended it."""
    from ...errors import AerostackError

    try:
        await invoke("abandonImport", [ticket])
    except AerostackError as error:
        if error.code not in ("import-ended", "control"):
            raise
