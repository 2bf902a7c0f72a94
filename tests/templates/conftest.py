"""Projects made from templates, as `aerostack init` makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.server import aerostack


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """`made(template, language)` is the folder of a new project."""

    def make(template: str, language: str = "python") -> Path:
        root = tmp_path / "my-project"
        done = aerostack("init", str(root), "-t", template, "-l", language, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return root

    return make
