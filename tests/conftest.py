"""What holds for every test, and for every process that a test starts."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.measured import MEASURED, unmeasured
from tests.support.order import unit

# Hundreds of processes start here: each would compile the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

unmeasured()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long units of work first, so that no core is idle at the end; a unit stays whole."""
    units = {item: unit(item.nodeid) for item in items}
    items.sort(key=lambda item: units[item].rank)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(units[item].name))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that the test starts are measured for coverage."""
    for name, value in MEASURED.items():
        monkeypatch.setenv(name, value)
