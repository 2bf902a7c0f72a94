"""In which order the tests run, and which of them share a worker.

A module is one unit of work: what its fixtures open is opened once. The modules named here
take long, so they begin first; those whose tests share nothing are split into single tests.
"""

from __future__ import annotations

from typing import NamedTuple

SPLIT = (
    "tests/docs/test_pages.py",
    "tests/bindings/storage/s3/test_commands.py",
    "tests/acceptance/test_life_and_death.py",
    "tests/acceptance/test_reload.py",
    "tests/bindings/vectorize/test_graph.py",
)
"""Long, longest first, and every test stands by itself."""
LONG = (
    "tests/distribution/",
    "tests/templates/",
    "tests/acceptance/",
    "tests/contract/",
    "tests/cli/",
    "tests/testing/",
    "tests/runtime/hosts/deno/",
    "tests/bindings/storage/",
    "tests/bindings/vectorize/",
)
"""Where modules take long."""


class Unit(NamedTuple):
    """What goes to one worker as a whole; a lower rank begins earlier."""

    rank: int
    name: str


def unit(test: str) -> Unit:
    """The unit that the test with this node id belongs to."""
    module = test.partition("::")[0]
    if module in SPLIT:
        return Unit(SPLIT.index(module), test)
    rank = next((at for at, folder in enumerate(LONG) if test.startswith(folder)), len(LONG))
    return Unit(len(SPLIT) + rank, module)
