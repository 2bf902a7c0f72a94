from __future__ import annotations

import pytest

from aerostack_dev.testing import App

from .cases import cases, play

pytestmark = pytest.mark.aerostack(project="typescript")


@cases("database")
async def test_in_typescript(aerostack: App, name: str):
    await play(aerostack, "database", name)
