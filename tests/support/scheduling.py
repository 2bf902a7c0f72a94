"""How xdist's chief gives work away: unit by unit, in the order of `tests/support/order.py`.

Not by `--dist loadgroup`: xdist 3.8 writes the group of a test into its node id, and pytest 9.2
keeps node ids elsewhere, so that every test is a group of its own and nothing says so.
`tests/laws/test_units.py` notices if this way, too, stops working.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from .order import unit


class UnitScheduling(LoadScopeScheduling):
    """Sends each unit of work whole to the worker that is free next."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # the order is ours
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid).name
