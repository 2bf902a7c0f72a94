"""The Pythons of this machine that aerostack-dev supports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MINORS = range(11, 15)
EVERY = "DISTRIBUTION_PYTHONS"
"""Set to `all` by scripts/test-distribution; otherwise the running one and the newest do."""

_TELL = "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.version_info.releaselevel)"


def chosen() -> dict[str, str]:
    """The interpreters to test with: `3.13` -> its executable."""
    running = f"3.{sys.version_info.minor}"
    found = {**found_here(), running: str(getattr(sys, "_base_executable", sys.executable))}
    if os.environ.get(EVERY) == "all":
        return dict(sorted(found.items(), key=_minor))
    newest = max(found.items(), key=_minor)[0]
    return {name: found[name] for name in sorted({running, newest}, key=lambda each: each[2:])}


def found_here() -> dict[str, str]:
    """One interpreter for each minor version, released ones only."""
    found: dict[str, str] = {}
    for minor in MINORS:
        for candidate in _candidates(f"python3.{minor}"):
            if _version(candidate) == f"3.{minor}":
                found[f"3.{minor}"] = candidate
                break
    return found


def _candidates(name: str) -> Iterator[str]:
    """Where it may be: on PATH, with pyenv, with uv."""
    if on_path := shutil.which(name):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    data = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share"))
    for place in (pyenv / "versions", data / "uv/python"):
        yield from (str(each) for each in sorted(place.glob(f"*/bin/{name}")))


def _version(executable: str) -> str:
    """What it says of itself; empty when it does not run (a shim without a version)."""
    done = subprocess.run(
        [executable, "-c", _TELL], capture_output=True, text=True, timeout=30, check=False
    )
    major, minor, level = (done.stdout.split() or ["", "", ""])[:3]
    return f"{major}.{minor}" if level == "final" else ""


def _minor(item: tuple[str, str]) -> int:
    return int(item[0].partition(".")[2])
