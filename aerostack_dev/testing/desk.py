"""What the fixture `aerostack` gives: one project at a time, loaded once for many tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..config.load import find
from ..errors import ConfigError
from ..runtime.host import GRACE_SECONDS
from ..runtime.trace import Invocation
from .app import App
from .loops import Loop, open_loop
from .stage import Stage, open_stage

logger = logging.getLogger("aerostack.function")


class UnfinishedError(RuntimeError):
    """The function's background work does not end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which project a test wants, and how."""

    start: Path
    environment: str | None
    variables: tuple[tuple[str, str], ...]


class Desk:
    """Holds the project that the last test used. `open_desk` yields it.

    Two functions never share a process for long: their modules would be mixed up.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._stack = ExitStack()
        self._wanted: Wanted | None = None
        self._stage: Stage

    @contextmanager
    def app(self, wanted: Wanted, *, seed: bool) -> Iterator[App]:
        """The project with a state of its own, until the end of the block.

        Raises what `open_app` raises, and `UnfinishedError`.
        """
        if self._wanted != wanted:
            self.close()
            variables = dict(wanted.variables)
            opener = partial(open_stage, wanted.start, wanted.environment, variables, seed=seed)
            self._stage = self._stack.enter_context(self._loop.holding(opener))
            trace = self._stage.runtime.trace
            self._stack.callback(trace.subscribe(_log_failure, remarkable=True))
            self._wanted = wanted
        self._loop.run(self._stage.reset(seed=seed))
        try:
            yield App(self._stage)
        finally:
            self._settle()

    def close(self) -> None:
        """Let go of the project."""
        self._wanted = None
        self._stack.close()

    def _settle(self) -> None:
        try:
            self._loop.run(self._stage.settle())
        except TimeoutError:
            self.close()  # with the work that would disturb the next test
            raise UnfinishedError(
                f"work of the function goes on {GRACE_SECONDS:g} s after the end of the test"
            ) from None


def _log_failure(invocation: Invocation) -> None:
    """A test is given the outcome: why it is so, pytest shows where it was not expected."""
    if invocation.failure is not None and invocation.kind != "fetch":
        told = invocation.kind, invocation.name, invocation.failure.stack
        logger.error("%s %s failed: %s", *told)


@contextmanager
def open_desk() -> Iterator[Desk]:
    """A desk, and the thread that functions run in, until the end of the block."""
    with open_loop() as loop:
        desk = Desk(loop)
        try:
            yield desk
        finally:
            desk.close()


def wanted(
    tests: Path,
    *,
    project: str | Path | None = None,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Wanted:
    """The project of the tests in the folder `tests`: the nearest one upwards.

    `project`, relative to that folder, names another. Raises `ConfigError`.
    """
    start = find(tests) if project is None else (tests / project).resolve()
    if start is None:
        raise ConfigError(
            "no aerostack.toml here or in a folder above",
            where=str(tests),
            hint="name the project: @pytest.mark.aerostack(project=...)",
        )
    return Wanted(start, environment, tuple(sorted((variables or {}).items())))
