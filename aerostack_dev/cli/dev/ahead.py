"""What is imported while the process of a function starts: this one has little else to do."""

from __future__ import annotations

import sys
import threading
from importlib import import_module

MODULES = tuple(
    f"aerostack_dev.{module}" for module in ("server.serve", "server.app", "runtime.consumers")
)
"""Needed from then on."""


def import_ahead() -> None:
    """Import `MODULES`, in a thread: the loop listens to the child."""
    if MODULES[-1] not in sys.modules:  # a reload starts a child as well
        threading.Thread(target=_import, name="import", daemon=True).start()


def _import() -> None:
    for module in MODULES:
        import_module(module)
