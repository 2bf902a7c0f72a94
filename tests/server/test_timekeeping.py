"""`/api/clock`: the time of the server, shown and moved."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_dev.clock import Movable, MovableClock
from aerostack_dev.runtime.trace import Invocation
from aerostack_dev.server.control import ControlApp

from .fakes import FakeRuntime
from .test_control import control_of, get, post

RUNS = [
    Invocation("session", 1, "scheduled", "* * * * *", 0, 0, outcome="ok"),
    Invocation("session", 2, "queue", "jobs", 0, 0, outcome="exception"),
    Invocation("session", 3, "queue", "jobs", 0, 0, outcome="ok"),
]


class MovedRuntime(FakeRuntime):
    """Notes how its time is moved."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock: Any = MovableClock()

    async def pass_time(self, clock: Movable, until: float) -> list[Invocation]:
        clock.move_to(until)
        return RUNS

    async def resume_time(self, clock: MovableClock) -> None:
        clock.resume()


@pytest.fixture
def app() -> ControlApp:
    return control_of(MovedRuntime())


async def test_it_is_moved_forward_and_given_back(app: ControlApp):
    assert (await get(app, "/api/clock")).json["aheadMs"] == 0
    moved = (await post(app, "/api/clock", {"advance": 7200})).json
    assert moved["runs"] == {"crons": 1, "batches": 2, "failed": 1}
    assert abs(moved["aheadMs"] - 7_200_000) < 5_000
    assert moved["now"] > moved["real"]
    assert (await get(app, "/api/status")).json["clock"]["aheadMs"] > 0
    there = (await post(app, "/api/clock", {"set": "2099-01-01T00:00:00Z"})).json
    assert there["now"].startswith("2099-01-01T00:00:0")
    back = (await post(app, "/api/clock", {"resume": True})).json
    assert (back["aheadMs"], back["runs"]) == (0, {"crons": 0, "batches": 0, "failed": 0})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "exactly one of `advance`, `set`, `resume` is needed"),
        ({"advance": 1, "resume": True}, "exactly one of"),
        ({"advance": "1"}, "`advance` must be a number of seconds"),
        ({"advance": True}, "`advance` must be a number of seconds"),
        ({"advance": -1}, "time only moves forward"),
        ({"advance": 1e300}, "that is beyond the year 9999"),
        ({"resume": 1}, "`resume` must be true"),
        ({"set": "soon"}, "`time` is no ISO 8601 time: 'soon'"),
        ({"set": 1}, "time only moves forward"),
        ({"set": 8_640_000_000_000_000}, "that is beyond the year 9999"),
    ],
)
async def test_what_makes_no_sense_is_refused(app: ControlApp, body: Any, message: str):
    answer = await post(app, "/api/clock", body)
    assert answer.status == 400
    assert message in answer.json["error"]["message"]
    assert (await get(app, "/api/clock")).json["aheadMs"] == 0


async def test_a_clock_that_cannot_be_moved_says_so(runtime: FakeRuntime):
    answer = await post(control_of(runtime), "/api/clock", {"advance": 1})
    assert answer.json["error"]["code"] == "fixed-clock"
