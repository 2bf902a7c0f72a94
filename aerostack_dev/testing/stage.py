"""A project loaded once, whose state is put back before each test."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from ..bindings.kind import Kind, Services
from ..bindings.kinds import all_kinds
from ..bindings.state import State, open_state
from ..clock import ManualClock
from ..config.load import find, require_main
from ..config.model import Finding
from ..errors import ConfigError
from ..runtime.host import GRACE_SECONDS, Failure, LoadError
from ..runtime.runtime import Runtime, Settings, Surroundings, load_project, open_runtime
from ..runtime.trace import Invocation
from .databases import prepare
from .images import Image, Restorer

START = 1_800_000_000.0
"""The time at which each test begins: 2027-01-15 08:00 UTC."""


class Stage:
    """A function and the state it works on. `open_stage` yields it."""

    def __init__(
        self, runtime: Runtime, clock: ManualClock, findings: list[Finding], states: States
    ) -> None:
        self.runtime = runtime
        self.clock = clock
        self.findings = findings
        self.loop = asyncio.get_running_loop()
        self._said = len(findings)
        self._states = states

    async def reset(self, *, seed: bool) -> None:
        """Begin anew: the migrations applied, with or without the seed, and nothing else."""
        await self.runtime.renew()
        await self._states.restore(seed)
        self.clock.move_to(START)
        del self.findings[self._said :]

    async def settle(self) -> None:
        """Wait for what the function still does. Raises `TimeoutError` after a while."""
        async with asyncio.timeout(GRACE_SECONDS):
            await self.runtime.settled()

    async def pass_time(self, until: float) -> list[Invocation]:
        """Move time to `until`; returns the runs that came due."""
        runs = await self.runtime.pass_time(self.clock, until)
        await self.runtime.settled()
        return runs


class States:
    """The states that tests begin with, with and without the seed: made once, when needed."""

    def __init__(self, kinds: tuple[Kind, ...], services: Services, stack: ExitStack) -> None:
        self._kinds = kinds
        self._services = services
        self._stack = stack
        self._restorer = stack.enter_context(Restorer(services.state.root))
        self._images: dict[bool, Image] = {}

    async def restore(self, seed: bool) -> None:
        """Put one back; no file of the state is in use."""
        if seed not in self._images:
            self._images[seed] = await self._made(seed)
        self._restorer.restore(self._images[seed])

    async def _made(self, seed: bool) -> Image:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="aerostack-seed-"))
        services = replace(self._services, state=State(Path(folder)))
        await prepare(self._kinds, services, seed=seed)
        return self._stack.enter_context(Image(services.state.root))


@asynccontextmanager
async def open_stage(
    start: Path, environment: str | None, variables: Mapping[str, str] | None, *, seed: bool
) -> AsyncIterator[Stage]:
    """The project at `start`, loaded on a fresh state. Raises as `open_app`."""
    environ = dict(os.environ)
    settings = Settings(start, environment, dict(variables or {}), environ, background=False)
    kinds = all_kinds()
    project = load_project(settings, kinds)
    require_main(project)
    clock, findings = ManualClock(START), list(project.findings)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="aerostack-test-"))
        state = stack.enter_context(open_state(Path(folder), "a test"))
        surroundings = Surroundings(kinds, state, clock, os.urandom, findings.append)
        services = Services(project, state, clock, os.urandom, findings.append)
        states = States(kinds, services, stack)
        await states.restore(seed)
        async with open_runtime(settings, project, surroundings) as runtime:
            if runtime.failure is not None:
                raise _not_loaded(runtime.failure)
            yield Stage(runtime, clock, findings, states)


def found(path: str | Path | None) -> Path:
    """The project at `path`, or the nearest one upwards. Raises `ConfigError`."""
    if path is not None:
        return Path(path)
    nearest = find(Path.cwd())
    if nearest is None:
        raise ConfigError(
            "no aerostack.toml here or in a folder above",
            where=str(Path.cwd()),
            hint="run the tests in the project, or give open_app its folder",
        )
    return nearest


def _not_loaded(failure: Failure) -> LoadError:
    error = LoadError(failure)
    error.add_note(failure.stack)
    return error
