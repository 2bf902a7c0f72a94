"""The command line: each command parses, makes one call, and prints (interface §3)."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `aerostack` with the arguments of this process, and exit.

    Exit codes: 0 ok, 1 failed, 2 usage.
    """
    from .commands import run

    sys.exit(run(sys.argv[1:]))
