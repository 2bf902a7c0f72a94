"""`breakpoint()` in the author's code: pdb at the terminal of `aerostack dev`.

What the server does with the terminal steps aside while pdb asks: the hotkeys, the capture
of what is printed, Ctrl-C as the wish to stop.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, TextIO

from ...config.model import Finding
from .hotkeys import Terminal

NO_TERMINAL = Finding(
    "breakpoint",
    "breakpoint() was passed over: standard input is no terminal",
    hint="run `aerostack dev` at a terminal, or use --inspect and an editor",
)


class Breakpoints:
    """What `breakpoint()` does. `halted` is called in the thread that is about to ask."""

    def __init__(
        self,
        terminal: Terminal,
        notify: Callable[[Finding], None],
        *halted: Callable[[], None],
    ) -> None:
        self.halts = 0
        """Counts prompts as they open and as they close: odd while one is open."""
        self._terminal = terminal
        self._notify = notify
        self._halted = halted
        self._turn = threading.RLock()
        self._told = False

    def hook(self, *arguments: Any, **options: Any) -> Any:
        """`sys.breakpointhook`; `PYTHONBREAKPOINT` is heeded as in any Python."""
        frame = sys._getframe(1)
        if os.environ.get("PYTHONBREAKPOINT"):
            return sys.__breakpointhook__(*arguments, **options)
        if _attached(frame):
            return None
        if not self._terminal.interactive:
            if not self._told:
                self._told = True
                self._notify(NO_TERMINAL)
            return None
        from .prompt import Prompt

        Prompt(self.prompting).set_trace(frame)
        return None

    @contextmanager
    def prompting(self) -> Iterator[None]:
        """Until the end of the block the terminal is pdb's; other threads wait their turn."""
        out = sys.__stdout__
        assert out is not None
        with self._turn, ExitStack() as stack:
            self.halts += 1
            stack.callback(self._closed)
            for halted in self._halted:
                halted()
            stack.enter_context(self._terminal.aside())
            stack.enter_context(_printing_to(out))
            if threading.current_thread() is threading.main_thread():
                stack.enter_context(_interruptible())
            yield

    def _closed(self) -> None:
        self.halts += 1


@contextmanager
def breakpoints(found: Breakpoints) -> Iterator[None]:
    """`breakpoint()` is `found.hook` until the end of the block.

    Under the debugger of an editor it is left to that one.
    """
    if sys.breakpointhook is not sys.__breakpointhook__ and "debugpy" not in sys.modules:
        yield
        return
    before, sys.breakpointhook = sys.breakpointhook, found.hook
    try:
        yield
    finally:
        sys.breakpointhook = before


def _attached(frame: FrameType) -> bool:
    """Stop in the editor that is attached by `--inspect`, if one is."""
    debugpy = sys.modules.get("debugpy")
    if debugpy is None or not debugpy.is_client_connected():
        return False
    sys.modules["pydevd"].settrace(
        suspend=True,
        trace_only_current_thread=True,
        patch_multiprocessing=False,
        stop_at_frame=frame,
    )
    return True


@contextmanager
def _printing_to(out: TextIO) -> Iterator[None]:
    """What is printed goes to the terminal at once, not through the log."""
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = out
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C is for the prompt; SIGTERM ends that too."""
    from bdb import BdbQuit

    stop = signal.getsignal(signal.SIGTERM)

    def ended(number: int, frame: FrameType | None) -> None:
        if callable(stop):
            stop(number, frame)
        raise BdbQuit

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, ended)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, stop)
