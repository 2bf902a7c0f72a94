"""What the hotkeys of `aerostack dev` do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from ...runtime.runtime import Runtime
from ...server.sockets import Listening
from .banner import KEYS
from .console import Console


class Addresses(Protocol):
    """The two ports and the token (`session.Ports`)."""

    @property
    def user(self) -> Listening: ...
    @property
    def control(self) -> Listening: ...
    @property
    def token(self) -> str: ...


class Keys:
    """One method per key."""

    def __init__(
        self, runtime: Runtime, ports: Addresses, console: Console, stop: asyncio.Event
    ) -> None:
        self.runtime = runtime
        self.ports = ports
        self.console = console
        self.stop = stop
        self._tasks: set[asyncio.Task[None]] = set()
        self._choosing = False

    def actions(self) -> Mapping[str, Callable[[], None]]:
        """Key -> what it does."""
        choices = {str(number): self._chosen(number) for number in range(1, 10)}
        return choices | {
            "o": self.open,
            "d": self.dashboard,
            "c": self.cron,
            "r": self.reload,
            "l": lambda: self.console.clear(),
            "h": lambda: self.console.say(KEYS),
            "q": self.stop.set,
        }

    def open(self) -> None:
        """Show the function in a browser."""
        self._start(_browse(self.ports.user.url))

    def dashboard(self) -> None:
        """Show the control page; its token travels in the fragment, which no server sees."""
        self._start(_browse(f"{self.ports.control.url}/#token={self.ports.token}"))

    def reload(self) -> None:
        self._start(self._reload())

    def cron(self) -> None:
        """Fire the only cron, or ask which."""
        crons = self.runtime.crons
        if len(crons) == 1:
            self._start(self._fire(crons[0].expression))
        elif not crons:
            self.console.say("No crons: [triggers] crons = [...] in aerostack.toml declares them.")
        else:
            self._choosing = True
            for number, cron in enumerate(crons[:9], 1):
                self.console.say(f"  {number}  {cron.expression}")
            self.console.say("Press the number of the cron to run.")

    def _chosen(self, number: int) -> Callable[[], None]:
        def run() -> None:
            crons = self.runtime.crons
            if self._choosing and number <= len(crons):
                self._choosing = False
                self._start(self._fire(crons[number - 1].expression))

        return run

    async def _fire(self, cron: str) -> None:
        await self.runtime.scheduled(cron)

    async def _reload(self) -> None:
        loaded = await self.runtime.reload()
        failures = [each.failure for each in loaded if each.failure is not None]
        for failure in failures:
            self.console.failure(failure)
        if not failures:
            self.console.say("Reloaded")

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _browse(url: str) -> None:
    import webbrowser

    await asyncio.to_thread(webbrowser.open, url)
