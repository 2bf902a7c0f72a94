"""Environments that know nothing of the checkout.

What the wheel depends on is installed once for each Python, into `build/distribution`, and
again when the pinned versions change: a second run needs no network. The wheel itself is
installed anew by every run.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.console import REPOSITORY

KEPT = REPOSITORY / "build/distribution"
PINNED = REPOSITORY / "requirements-dev.txt"
PROJECT = REPOSITORY / "pyproject.toml"
INSTALL_SECONDS = 300
"""With an empty cache of packages and a slow network."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment in which the wheel is installed."""

    folder: Path
    home: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    @property
    def aerostack(self) -> Path:
        return self.folder / "bin/aerostack"

    def program(self, *words: str | Path) -> list[str]:
        """A command line that gets neither our variables nor our PATH."""
        clean = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={self.home}", "LC_ALL=C.UTF-8"]
        return [*clean, *map(str, words)]

    def run(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run to the end, whatever comes of it."""
        return subprocess.run(
            self.program(*words), cwd=cwd, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def output(self, *words: str | Path, cwd: Path) -> str:
        """Its output; it must succeed."""
        done = self.run(*words, cwd=cwd)
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout


def build(target: Path, folder: Path, *kinds: str) -> None:
    """Build what `folder` has into `target`, with the backend that pyproject.toml names."""
    chosen = [word for kind in kinds for word in ("-t", kind)]
    _succeed(sys.executable, "-m", "hatchling", "build", "-d", str(target), *chosen, cwd=folder)


def wheel_from(sdist: Path, target: Path) -> Path:
    """The wheel that pip makes when it is told to install `sdist`."""
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(sdist))
    (wheel,) = target.glob("*.whl")
    return wheel


@contextmanager
def installed(wheel: Path, python: str, name: str, home: Path) -> Iterator[Environment]:
    """An environment of this Python with the wheel, and pytest for the templates' tests.

    Another run of the tests waits for its turn.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = Environment(KEPT / name, home)
        into = ("--python", str(environment.python))
        if _is_kept(environment.folder, python):
            _pip(*into, "install", "--no-deps", "--force-reinstall", "--no-compile", str(wheel))
        else:
            _make(environment.folder, python, wheel, into)
        _pip(*into, "check")
        yield environment


def _make(folder: Path, python: str, wheel: Path, into: Sequence[str]) -> None:
    _succeed(python, "-m", "venv", "--without-pip", "--clear", str(folder))
    wanted = (f"{wheel}[typescript]", "pytest")
    _pip(*into, "install", "--no-compile", "--constraint", str(PINNED), *wanted)
    (folder / "made-of").write_text(_made_of(python))


def _is_kept(folder: Path, python: str) -> bool:
    known = folder / "made-of"
    return known.exists() and known.read_text() == _made_of(python)


def _made_of(python: str) -> str:
    return hashlib.sha256(python.encode() + PINNED.read_bytes() + PROJECT.read_bytes()).hexdigest()


def _pip(*words: str) -> None:
    _succeed(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words)


def _succeed(*words: str, cwd: Path = REPOSITORY) -> None:
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
