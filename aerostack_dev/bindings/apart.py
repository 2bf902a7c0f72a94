"""`instant.copy_instant` in a process of its own, for a server whose threads are busy.

    python -P -m aerostack_dev.bindings.apart REQUEST

Beside a busy event loop each file and each piece of one would wait for the interpreter's
lock. REQUEST is a `Request` in JSON, the answer on standard output an `Answer`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..errors import StateError
from .child import serve
from .contents import Contents

if TYPE_CHECKING:
    from .instant import Copied

EXCERPT = 400


class Request(msgspec.Struct, frozen=True):
    """The arguments of `copy_instant`."""

    places: list[str]
    root: str
    folder: str


class Refusal(msgspec.Struct, frozen=True):
    """A `StateError`, or an `OSError` by its number."""

    message: str
    hint: str = ""
    where: str = ""
    code: str = "state"
    errno: int = 0


class Answer(msgspec.Struct, frozen=True):
    """What was copied, or why nothing was."""

    copied: dict[str, float] | None = None
    refusal: Refusal | None = None


def copy_apart(contents: Contents, root: Path, folder: Path) -> Copied:
    """`copy_instant`, with the same arguments, result and errors."""
    from .instant import Copied

    request = Request(sorted(contents.places), str(root), str(folder))
    with subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, msgspec.json.encode(request).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the server, which then ends this
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        # Its standard input stays open meanwhile: its end would be the process's own.
        data, complaint = process.stdout.read(), process.stderr.read()
    if process.returncode != 0:
        words = complaint.decode(errors="replace").strip() or f"exit {process.returncode}"
        raise StateError(f"the copying failed: {words[-EXCERPT:]}", where=str(root))
    answer = msgspec.json.decode(data, type=Answer)
    if answer.refusal is not None:
        raise _error(answer.refusal)
    return msgspec.convert(answer.copied, Copied, strict=False)


def _answer(request: Request) -> Answer:
    from .instant import copy_instant

    try:
        copied = copy_instant(Contents(request.places), Path(request.root), Path(request.folder))
    except StateError as error:
        return Answer(refusal=Refusal(error.message, error.hint, error.where, error.code))
    except OSError as error:
        return Answer(refusal=Refusal(error.strerror or str(error), errno=error.errno or -1))
    return Answer(copied=msgspec.to_builtins(copied))


def _error(refusal: Refusal) -> Exception:
    if refusal.errno:
        return OSError(refusal.errno, refusal.message)
    return StateError(refusal.message, hint=refusal.hint, where=refusal.where, code=refusal.code)


if __name__ == "__main__":
    serve(Request, _answer)
