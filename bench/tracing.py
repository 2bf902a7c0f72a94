"""`aerostack dev` with its trace off and on in turns, to see what the trace costs.

    python bench/tracing.py dev --port 8788

From the first SIGUSR1 on the trace is off for a twentieth of a second, on for the next, and
so on; SIGUSR2 ends that and writes `tracing.json`: pairs of neighbouring turns, each the
microseconds of processor time per request `[with, without]` of the thread that serves. One
process is compared with itself, for two of the same program differ by more than that.

Without the trace invocations are made, for the server reads their status, but no operation
records a span in them. None is kept, and nobody hears of it.
"""

import asyncio
import json
import signal
import time
from pathlib import Path

from uvicorn.server import ServerState

from aerostack_dev.cli import main
from aerostack_dev.functions import Context
from aerostack_dev.runtime.trace import Invocation, Trace

TURN = 0.05
FINDING = 0.01
"""So long the interpreter may take, after a switch, to find its shortest ways again."""
FEWEST = 50
"""A turn with fewer requests says nothing: the load was not there."""
RESULTS = Path("tracing.json")


class Untraced(Trace):
    def open(self, kind, name, *_, **__):
        return Invocation("", 0, kind, name, 0.0, 0.0)

    def close(self, invocation, outcome):
        invocation.outcome = outcome


with_record = Context.__init__


def without_record(self, home, env, record=None, *, counted=False):
    """`Context.__init__`, at its price."""
    self._home = home
    self._env = env
    self._record = None
    self._counted = counted


class Switching:
    """Switches the trace of this process, and counts what its requests cost meanwhile."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.servers: list[ServerState] = []
        self._costs: list[float | None] = []
        self._on = True

    def begin(self) -> None:
        self._costs = []
        asyncio.get_running_loop().call_soon(self._turn)

    def end(self) -> None:
        """Leave the trace on. What was found is written when it is complete."""
        self._on = False

    def _turn(self) -> None:
        if not self._on:
            self._switch(traced=True)
            self._write()
            return
        self._switch(traced=len(self._costs) % 4 in (0, 3))
        asyncio.get_running_loop().call_later(FINDING, self._count)

    def _count(self) -> None:
        asyncio.get_running_loop().call_later(TURN, self._counted, *self._figures())

    def _counted(self, used: int, served: int) -> None:
        used_now, served_now = self._figures()
        requests = served_now - served
        self._costs.append((used_now - used) / requests / 1000 if requests > FEWEST else None)
        self._turn()

    def _figures(self) -> tuple[int, int]:
        return time.thread_time_ns(), sum(each.total_requests for each in self.servers)

    def _switch(self, *, traced: bool) -> None:
        for trace in self.traces:
            trace.__class__ = Trace if traced else Untraced
        Context.__init__ = with_record if traced else without_record

    def _write(self) -> None:
        pairs = []
        for at in range(0, len(self._costs) - 1, 2):
            first, second = self._costs[at : at + 2]
            if first is not None and second is not None:
                pairs.append([first, second] if at % 4 == 0 else [second, first])
        part = RESULTS.with_suffix(".part")
        part.write_text(json.dumps(pairs))
        part.replace(RESULTS)
        self._on = True


def keep(cls, found: list) -> None:
    """Note all objects of `cls` that are made from now on."""
    made = cls.__init__

    def noting(self, *arguments, **options):
        made(self, *arguments, **options)
        found.append(self)

    cls.__init__ = noting


def switch_by_signals() -> None:
    """The signals are the loop's as soon as there is one."""
    switching = Switching()
    keep(Trace, switching.traces)
    keep(ServerState, switching.servers)
    open_trace = Trace.open

    def first(self, *arguments, **options):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, switching.begin)
        loop.add_signal_handler(signal.SIGUSR2, switching.end)
        Trace.open = open_trace
        return open_trace(self, *arguments, **options)

    Trace.open = first


if __name__ == "__main__":
    switch_by_signals()
    main()
