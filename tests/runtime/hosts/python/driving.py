"""Author files written to a folder, opened by the real host, driven with ASGI messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from aerostack_dev.bindings.opening import Bindings
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Project
from aerostack_dev.runtime.host import HostServices
from aerostack_dev.runtime.hosts.python import PythonHost, open_host
from tests.support.asgi import Drives

HEADER = "from workers import Response, Request, Headers, WorkerEntrypoint\n"


class FakeBound:
    """A binding whose face is `value` itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def face(self) -> Any:
        return self.value


@dataclass
class Driven(Drives):
    """An open host with its project's folder."""

    host: PythonHost
    root: Path


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def services(root: Path, env: Mapping[str, Any] | None = None, **project: Any) -> HostServices:
    bound: dict[str, Any] = {name: FakeBound(value) for name, value in (env or {}).items()}
    settings = Project(root=root, file=None, name="test", main=None, **project)
    return HostServices(settings, Bindings(bound, {}, {}), ManualClock())


@asynccontextmanager
async def opened(
    root: Path,
    source: str | Mapping[str, str],
    *,
    main: str = "index.py",
    env: Mapping[str, Any] | None = None,
    **project: Any,
) -> AsyncIterator[Driven]:
    """The host for `source` (the text of `main`, or files by name)."""
    files = {main: HEADER + dedent(source)} if isinstance(source, str) else source
    write(root, files)
    async with open_host(root / main, services(root, env, **project)) as host:
        yield Driven(host, root)
