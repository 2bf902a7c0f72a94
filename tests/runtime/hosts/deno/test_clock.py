"""The author's `Date` follows the clock, where that is not the machine's."""

from __future__ import annotations

import json
import time

import pytest

from aerostack_dev.clock import MovableClock
from aerostack_dev.runtime.hosts.deno.clock import follow
from tests.testing.test_time import START

from .driving import opened

SOURCE = """
const loaded = Date.now();
export default {
  async fetch() {
    class Day extends Date {}
    const stated = new Date(2020, 1, 2, 3);
    return Response.json([
      loaded, Date.now(), +new Date(), +new Day(), Date.parse(Date()),
      new Day() instanceof Date && new Date() instanceof Date && new Day() instanceof Day,
      stated.getFullYear(), +new Date(5), Date.UTC(1970, 0, 1), new Date().constructor === Date,
      Number.isInteger(Date.now()), +structuredClone(new Date()),
    ]);
  }
}
"""


async def test_time_stands_where_the_clock_stands(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        for passed in (0, 3600.5):
            function.clock.advance(passed)
            loaded, now, *made = json.loads((await function()).body)
            assert loaded == START * 1000
            assert now == START * 1000 + round(passed * 1000)
            whole = now // 1000 * 1000
            assert made == [now, now, whole, True, 2020, 5, 0, True, True, now]


@pytest.mark.parametrize("moved", [False, True])
def test_a_clock_that_runs_is_told_by_its_distance(moved: bool):
    clock, told = MovableClock(), []
    if moved:
        clock.move_to(time.time() + 60)
    leave = follow(clock, told.append)
    assert [how for how, _ in told] == ["ahead"] * moved
    clock.move_to(time.time() + 120)
    how, ahead = told[-1]
    assert (how, ahead) == ("ahead", pytest.approx(120_000, abs=1000))
    with clock.stopped():
        clock.move_to(2_000_000_000.0)
        assert told[-1] == ("still", 2_000_000_000_000)
    clock.resume()
    assert told[-1] == ("ahead", 0)
    count = len(told)
    leave()
    clock.move_to(1.0)
    assert len(told) == count
