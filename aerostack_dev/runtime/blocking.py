"""Says which line of the author's code blocks the event loop.

A thread asks the loop for a sign of life while invocations run. When none comes for
`PATIENCE` seconds it looks at the loop's own stack for the innermost line of the
author's; the finding follows when the loop moves again, with the whole time it stood.
A loop that has not moved for `ENDLESS` seconds may never: that is said meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..clock import stopwatch
from .watcher import IGNORED

PATIENCE = 0.2
INTERVAL = 0.05
ENDLESS = 5.0

Report = Callable[[str, int, float], None]
"""`report(file, line, seconds)`, called in the loop; `stuck`, of the same kind, is called
in the watching thread, since the loop does not move.
"""


@contextmanager
def watch_loop(
    root: Path,
    busy: Callable[[], bool],
    report: Report,
    stuck: Report,
    halts: Callable[[], int] = lambda: 0,
) -> Iterator[None]:
    """Watch the running loop until the end of the block.

    `busy` says whether an invocation is under way (an idle loop is left alone); `halts`
    counts the prompts of a debugger, as they open and as they close.
    """
    watch = _Watch(root, busy, report, stuck, halts, asyncio.get_running_loop())
    thread = threading.Thread(target=watch.run, name="aerostack-blocking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.stopped.set()


class _Watch:
    def __init__(
        self,
        root: Path,
        busy: Callable[[], bool],
        report: Report,
        stuck: Report,
        halts: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.root = root
        self.busy = busy
        self.report = report
        self.stuck = stuck
        self.halts = halts
        self.loop = loop
        self.thread_id = threading.get_ident()
        self.stopped = threading.Event()
        self.alive = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(INTERVAL):
            if self.busy():
                try:
                    self._ask()
                except RuntimeError:
                    return  # the loop is closed

    def _ask(self) -> None:
        self.alive.clear()
        asked, halts = stopwatch(), self.halts()
        self.loop.call_soon_threadsafe(self.alive.set)
        if self.alive.wait(PATIENCE):
            return
        place = self._place()
        if not self.alive.wait(ENDLESS - PATIENCE):
            place = self._place() or place
            if place is not None and self._moves_by_itself(halts):
                self.stuck(*place, stopwatch() - asked)
            self.alive.wait()
        if place is not None and self._moves_by_itself(halts):
            self.loop.call_soon_threadsafe(self.report, *place, stopwatch() - asked)

    def _moves_by_itself(self, halts: int) -> bool:
        """Whether no debugger has held the loop since there were so many `halts`."""
        return halts % 2 == 0 and self.halts() == halts

    def _place(self) -> tuple[str, int] | None:
        """The innermost line of the author's on the loop's stack."""
        frame: FrameType | None = sys._current_frames().get(self.thread_id)
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(self.root):
                inside = path.relative_to(self.root)
                if IGNORED.isdisjoint(inside.parts):
                    return str(inside), frame.f_lineno
            frame = frame.f_back
        return None
