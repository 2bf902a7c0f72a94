"""Law 3: a seventh binding is one folder and one registry line; a second backend one more."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from aerostack_dev.bindings.kinds import KINDS, all_kinds
from aerostack_dev.bindings.spans import Span
from aerostack_dev.errors import BindingError
from aerostack_dev.runs import Recorded, entered
from tests.specimen import KIND, Specimen
from tests.support.rooms import open_room

REGISTRY = {**KINDS, "specimen": "tests.specimen:KIND"}


@pytest.fixture(params=list(KIND.backends))
def kind(request):
    """The specimen with each of its backends as the default one."""
    return replace(KIND, backends={request.param: KIND.backends[request.param]})


def test_one_line_in_the_registry_is_all_it_takes():
    assert all_kinds(REGISTRY)[-1] is KIND


async def test_it_exists_without_being_declared(tmp_path: Path, kind):
    async with open_room(tmp_path, kind) as room:
        assert (await room.env.SPECIMEN.greet("Ada")).greeting == "Hello, Ada!"


async def test_options_of_its_table_reach_it(tmp_path: Path, kind):
    async with open_room(tmp_path, kind, Specimen("BUTLER", "Good day")) as room:
        assert (await room.env.BUTLER.greet("Ada")).greeting == "Good day, Ada!"
        assert (await room.env.SPECIMEN.greet("Ada")).count == 1


async def test_its_rules_hold_by_name_as_well(tmp_path: Path, kind):
    async with open_room(tmp_path, kind) as room:
        with pytest.raises(BindingError, match="41 characters exceeds limit of 40"):
            await room.bindings.invoke("SPECIMEN", "greet", ["x" * 41])
        with pytest.raises(BindingError, match="no operation 'shout'"):
            await room.bindings.invoke("SPECIMEN", "shout", [])


async def test_each_call_is_recorded_once(tmp_path: Path, kind):
    class Recorder:
        def __init__(self) -> None:
            self.spans: list[Span] = []

        def begin(self, span: Span) -> None:
            self.spans.append(span)

    recording = Recorder()
    async with open_room(tmp_path, kind) as room:
        with entered(Recorded(recording)):
            await room.env.SPECIMEN.greet("Ada")
    (span,) = recording.spans
    assert (span.binding, span.operation, span.subject) == ("SPECIMEN", "greet", "Ada")
    assert span.duration is not None
    assert span.duration >= 0


async def test_counts_outlive_the_process_on_disk(tmp_path: Path):
    for expected in (1, 2):
        async with open_room(tmp_path, KIND) as room:
            assert (await room.env.SPECIMEN.greet("Ada")).count == expected
