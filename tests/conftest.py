"""What holds for every test, and for every process that a test starts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.measured import MEASURED, unmeasured
from tests.support.order import unit

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.support.scheduling import UnitScheduling

# Hundreds of processes start here: each would compile the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

unmeasured()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long units of work first, so that no core is idle at the end."""
    items.sort(key=lambda item: unit(item.nodeid).rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> UnitScheduling:
    """A unit of work stays whole, whatever `--dist` says."""
    from tests.support.scheduling import UnitScheduling

    return UnitScheduling(config, log)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that the test starts are measured for coverage."""
    for name, value in MEASURED.items():
        monkeypatch.setenv(name, value)
