"""Tests of the test kit: the projects that they load are closed after each module."""

from collections.abc import Iterator

import pytest

from aerostack_dev.testing.desk import Desk, open_desk


@pytest.fixture(scope="module")
def _aerostack_desk() -> Iterator[Desk]:
    """Not for the session: other tests open functions in this process too."""
    with open_desk() as desk:
        yield desk
