"""The place where the author's function runs, and how a new one takes it over."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import Struct, field

from .host import Failure, FunctionHost, HostServices, LoadError, open_host
from .limits import Limits

LOAD_SECONDS = 60
"""A function that takes longer to load is taken for an endless loop."""


class Running(Struct, eq=False):
    """A host in service: a context manager, around each call on it.

    `calls` counts what runs on it; `idle` is set when none does.
    """

    host: FunctionHost
    stack: AsyncExitStack
    calls: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __enter__(self) -> FunctionHost:
        self.calls += 1
        return self.host

    def __exit__(self, *_: object) -> None:
        self.calls -= 1
        if self.calls == 0:
            self.idle.set()


class Slot:
    """Holds the host in service, or the error that says why there is none.

    `replace` opens a new host, swaps, and lets the old one finish what runs on it:
    requests under way end on the code they began with.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.running: Running | None = None
        self.error: LoadError | None = None
        self._retiring: dict[asyncio.Task[None], Running] = {}
        self._loaded = asyncio.Event()
        self._known = asyncio.Event()
        """Whether it can be loaded is known."""
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether anything runs here, on an old host too."""
        in_service = () if self.running is None else (self.running,)
        return any(host.calls for host in (*in_service, *self._retiring.values()))

    async def replace(self, main: Path, services: HostServices) -> None:
        """Put `main` into service; when it cannot be loaded, `error` says why."""
        stack = AsyncExitStack()
        try:
            async with self._limits.within(LOAD_SECONDS):
                host = await stack.enter_async_context(open_host(main, services))
        except TimeoutError:
            self._fail(_endless(main))
        except LoadError as error:
            self._fail(error)
        else:
            self._retire()
            self.running, self.error = Running(host, stack), None
            self._loaded.set()
            self._known.set()

    def current(self) -> Running:
        """The host in service, to be entered at once. Raises its `LoadError`."""
        if self.running is None:
            assert self.error is not None
            raise LoadError(self.error.failure, hint=self.error.hint)
        return self.running

    async def available(self) -> Running:
        """`current`, but waits until there is a host."""
        while self.running is None:
            await self._loaded.wait()
        return self.running

    async def loaded(self) -> Running:
        """`current`, but waits for the end of the first loading. Raises its `LoadError`."""
        if not self._known.is_set():
            await self._known.wait()
        if self._closed:
            raise _closing()
        return self.current()

    async def close(self) -> None:
        """Leave every host; each gives its running work a grace period."""
        self._closed = True
        self._known.set()
        self._retire()
        self._loaded.clear()
        for old in self._retiring.values():
            old.idle.set()
        await asyncio.gather(*self._retiring)

    def _fail(self, error: LoadError) -> None:
        self._retire()
        self._loaded.clear()
        self.error = error
        self._known.set()

    def _retire(self) -> None:
        """Take the host out of service; it is left once nothing runs on it."""
        old, self.running = self.running, None
        if old is None:
            return
        if old.calls:
            old.idle.clear()
        else:
            old.idle.set()
        task = asyncio.create_task(_finish(old))
        self._retiring[task] = old
        task.add_done_callback(self._retiring.pop)


async def _finish(old: Running) -> None:
    await old.idle.wait()
    await old.stack.aclose()


def _closing() -> LoadError:
    text = "the function is being closed"
    return LoadError(Failure("Canceled", text, (), f"Canceled: {text}"))


def _endless(main: Path) -> LoadError:
    failure = Failure(
        "TimeoutError",
        f"importing {main.name} has not finished after {LOAD_SECONDS} s",
        (),
        f"TimeoutError: importing {main.name} has not finished after {LOAD_SECONDS} s",
    )
    return LoadError(failure, hint="move slow work from the top of the module into a handler")
