"""A project's runtime behind the user port's application and a real uvicorn, in process."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aerostack_dev.bindings.kinds import all_kinds
from aerostack_dev.bindings.state import State
from aerostack_dev.clock import ManualClock
from aerostack_dev.runtime.runtime import (
    Runtime,
    Settings,
    Surroundings,
    load_project,
    open_runtime,
)
from aerostack_dev.runtime.trace import Invocation
from aerostack_dev.server.app import UserApp
from aerostack_dev.server.serve import serving
from tests.support.server import write_project


@dataclass
class Stage:
    """What is served: `url` begins with http, `address` with ws."""

    runtime: Runtime
    port: int
    clock: ManualClock
    root: Path
    seen: list[Invocation] = field(default_factory=list)
    """The invocations that ended, in order."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@asynccontextmanager
async def staged(root: Path, files: Mapping[str, str]) -> AsyncIterator[Stage]:
    """The project of `files`, served until the end of the block."""
    write_project(root, {"aerostack.toml": "", **files})
    kinds, clock = all_kinds(), ManualClock()
    settings = Settings(root, background=False)
    project = load_project(settings, kinds)
    around = Surroundings(kinds, State(root / "state"), clock, os.urandom, lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with open_runtime(settings, project, around) as runtime:
            stage = Stage(runtime, port, clock, root)
            runtime.trace.subscribe(stage.seen.append)
            app = UserApp(runtime, port=port)
            async with serving(app, [listener], websockets=True, grace=1):
                yield stage
