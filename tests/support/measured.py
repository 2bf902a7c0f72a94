"""Which processes that a test starts are measured for coverage: only those that ask for it.

Measuring doubles what a process costs, also one of a tool that is not ours. Those that run
what no other test does are measured: a session of `aerostack dev`, the builder of a graph.
"""

from __future__ import annotations

import os

PREFIX = "COVERAGE_PROCESS_"
MEASURED: dict[str, str] = {}
"""To be added to the environment of a process of ours whose lines no other test runs."""


def unmeasured() -> None:
    """Let no process be measured by itself. A worker must be, so xdist's own chief keeps it."""
    if "PYTEST_XDIST_TESTRUNUID" not in os.environ:
        return
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        MEASURED[name] = os.environ.pop(name)
