"""`--inspect`: which debugger is let in, and at which port."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...errors import AerostackError
from ...server.sockets import listening

PYTHON = ".py"
PYTHON_PORT = 5678
"""Where debuggers of Python look by themselves."""
JAVASCRIPT_PORT = 9229
"""Where those of JavaScript do."""
LOOPBACK = "127.0.0.1"
SILENCE = "PYDEVD_DISABLE_FILE_VALIDATION"


def port_of(inspect: int, main: Path) -> int:
    """The port that was asked for; 0 is the usual one of the function's language."""
    return inspect or (PYTHON_PORT if main.suffix == PYTHON else JAVASCRIPT_PORT)


def let_in(main: Path, port: int) -> None:
    """Let a debugger in, or see that it can be.

    A function in TypeScript has a process of its own, which opens the port. Raises
    `AerostackError` when that is busy, and when debugpy is not installed.
    """
    debugpy = _debugpy() if main.suffix == PYTHON else None
    with listening(port=port):
        pass  # it is free: debugpy itself would not say so in words
    if debugpy is None:
        return
    # What it says of frozen modules is about those of Python itself.
    given = os.environ.get(SILENCE)
    os.environ[SILENCE] = given or "1"
    try:
        debugpy.configure(subProcess=False)
        debugpy.listen((LOOPBACK, port))
    finally:
        if given is None:
            del os.environ[SILENCE]


def _debugpy() -> Any:
    try:
        import debugpy
    except ImportError as error:
        raise AerostackError(
            "--inspect needs debugpy, which is not installed",
            hint='pip install "aerostack-dev[debug]"',
        ) from error
    return debugpy
