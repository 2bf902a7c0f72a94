"""A folder to write a project into, and the tables of some rooms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from aerostack_dev.config.load import load
from aerostack_dev.config.model import Project, Section


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    binding: str
    database_name: str = ""


class Consumer(msgspec.Struct, frozen=True):
    queue: str
    max_batch_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    ratio: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Producer(msgspec.Struct, frozen=True):
    binding: str
    queue: str = "default"
    remote: bool = False


class Tuning(msgspec.Struct, frozen=True):
    level: int = 0


class Ai(msgspec.Struct, frozen=True):
    binding: str = "AI"
    api_key: str = ""
    metric: Literal["cosine", "euclidean"] = "cosine"
    models: dict[str, str] = {}
    tunings: dict[str, Tuning] = {}
    steps: tuple[Tuning, ...] = ()


SECTIONS = (
    Section("d1_databases", Database),
    Section("queues.producers", Producer),
    Section("queues.consumers", Consumer),
    Section("ai", Ai, many=False, shorthand=True),
)

Load = Callable[..., Project]
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of the project: `write("src/index.py", "")`."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    return write


@pytest.fixture
def project(tmp_path: Path, write: Write) -> Load:
    """Loads a text as `aerostack.toml`: `project('name = "x"', environment="staging")`."""

    def project(text: str = "", sections: Sequence[Section] = SECTIONS, **options: Any) -> Project:
        write("aerostack.toml", text)
        return load(tmp_path, sections, **options)

    return project
