"""pdb as `aerostack dev` opens it; imported by the first `breakpoint()`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pdb import Pdb
from types import FrameType
from typing import Any

SKIPPED = ("aerostack_dev", "aerostack_dev.*", "asyncio", "asyncio.*", "threading", "contextlib")
"""Modules that a step does not lead into: those around the author's code."""


class Prompt(Pdb):
    """pdb on the real terminal, with line editing, while `prompting` is entered."""

    def __init__(self, prompting: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__(stdin=sys.__stdin__, stdout=sys.__stdout__, skip=SKIPPED, nosigint=True)
        self.use_rawinput = True
        self._prompting = prompting

    def interaction(self, frame: FrameType | None, *details: Any, **options: Any) -> None:
        """Ask until the code is to go on."""
        with self._prompting():
            super().interaction(frame, *details, **options)
