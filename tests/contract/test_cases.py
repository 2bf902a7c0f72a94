"""That the cases are found, and that one which fails fails its test."""

from __future__ import annotations

import pytest

from aerostack_dev.testing import App

from .cases import FOLDER, ROOMS, names, play, told

pytestmark = pytest.mark.aerostack(project="typescript")
OTHERS = {"main", "stage"}


async def test_every_file_is_a_room_with_cases(aerostack: App):
    assert {path.stem for path in FOLDER.glob("*.ts")} == {*ROOMS, *OTHERS}
    assert {room: list(names(room)) for room in ROOMS} == await told(aerostack)
    assert all(names(room) for room in ROOMS)


def test_a_case_carries_its_lines():
    found = names("queue")
    assert found["1.8.8, 1.8.9 the largest message"] == ["queue 1.8.8", "queue 1.8.9"]
    assert found["v8 is a structured clone"] == []


async def test_a_case_that_fails_fails_its_test(aerostack: App):
    with pytest.raises(pytest.fail.Exception, match=r"TypeError: .* is not a function\n.*main\.ts"):
        await play(aerostack, "cache", "no such case")
