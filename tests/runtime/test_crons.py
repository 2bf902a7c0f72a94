"""Crons firing by themselves (queue-cron-dev.md §2.5 lines 17, 20, 21, 29; interface.md §8)."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap

import pytest

from aerostack_dev.clock import ManualClock
from aerostack_dev.runtime.crons import Fired
from aerostack_dev.runtime.host import GRACE_SECONDS
from tests.runtime.cron_desk import Desk, advance, clock_at, settle


@pytest.mark.spec("queue 2.5.29")
async def test_one_run_for_each_due_minute() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:30")
    async with desk.open(clock, "* * * * *"):
        await settle()
        assert desk.runs == []
        await advance(clock, 29.9)
        assert desk.runs == []
        await advance(clock, 0.4)
        assert desk.runs == [("* * * * *", "11-22 10:00:00")]
        for _ in range(20):
            await advance(clock, 1)
        assert len(desk.runs) == 1
        await advance(clock, 40)
        assert desk.runs[1:] == [("* * * * *", "11-22 10:01:00")]
    assert desk.findings == []


@pytest.mark.spec("queue 2.5.29")
async def test_exactly_on_the_minute() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T10:00:00")
    async with desk.open(clock, "* * * * *"):
        await settle()
        for _ in range(180):
            await advance(clock, 1)
    assert [time for _, time in desk.runs] == ["11-22 10:01:00", "11-22 10:02:00", "11-22 10:03:00"]


@pytest.mark.spec("queue 2.5.20")
@pytest.mark.spec("queue 2.5.21")
async def test_two_crons_due_at_once_are_two_runs() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T23:59:59")
    async with desk.open(clock, "0 0 * * Mon", "0 0 * * *", "5 * * * *"):
        await advance(clock, 2)
    assert sorted(desk.runs) == [
        ("0 0 * * *", "11-23 00:00:00"),
        ("0 0 * * Mon", "11-23 00:00:00"),
    ]


@pytest.mark.spec("queue 2.5.29")
async def test_a_reload_within_the_minute_does_not_run_again() -> None:
    desk, clock, fired = Desk(), clock_at("2026-11-22T09:59:59"), Fired()
    for _ in range(3):
        async with desk.open(clock, "* * * * *", fired=fired):
            await advance(clock, 1)
    assert desk.runs == [("* * * * *", "11-22 10:00:00")]
    async with desk.open(clock, "* * * * *", fired=fired):
        await advance(clock, 60)
    assert len(desk.runs) == 2
    assert desk.findings == []


async def test_a_minute_that_came_during_the_reload_is_run() -> None:
    desk, clock, fired = Desk(), clock_at("2026-11-22T09:59:58"), Fired()
    async with desk.open(clock, "0 * * * *", fired=fired):
        await settle()
    clock.advance(5)
    async with desk.open(clock, "0 * * * *", fired=fired):
        await settle()
        assert desk.runs == [("0 * * * *", "11-22 10:00:00")]
    async with desk.open(clock, "0 * * * *", fired=fired):
        await settle()
    assert len(desk.runs) == 1
    assert desk.findings == []


async def test_two_at_once_with_one_memory_do_not_run_twice() -> None:
    desk, clock, fired = Desk(), clock_at("2026-11-22T09:59:59"), Fired()
    async with desk.open(clock, "* * * * *", fired=fired):
        async with desk.open(clock, "* * * * *", fired=fired):
            await advance(clock, 1)
            assert len(desk.runs) == 1
        await advance(clock, 60)
    assert len(desk.runs) == 2


async def test_an_expression_dropped_by_a_reload_is_no_longer_run() -> None:
    desk, clock, fired = Desk(), clock_at("2026-11-22T09:59:59"), Fired()
    async with (
        desk.open(clock, "* * * * *", fired=fired),
        desk.open(clock, "0 0 * * *", fired=fired),
    ):
        await advance(clock, 1)
        await advance(clock, 60)
    assert desk.runs == []


async def test_what_was_due_while_closed_for_long_was_nobodys() -> None:
    desk, clock, fired = Desk(), clock_at("2026-11-22T09:59:30"), Fired()
    async with desk.open(clock, "* * * * *", fired=fired):
        await settle()
    clock.advance(3600)
    async with desk.open(clock, "* * * * *", fired=fired):
        await settle()
        assert (desk.runs, desk.findings) == ([], [])
        await advance(clock, 60)
    assert desk.runs == [("* * * * *", "11-22 11:00:00")]


async def test_an_expression_added_by_a_reload_starts_then() -> None:
    desk, clock, fired = Desk(), clock_at("2026-11-22T10:00:10"), Fired()
    async with desk.open(clock, "0 0 * * *", fired=fired):
        await settle()
    async with desk.open(clock, "0 0 * * *", "* * * * *", fired=fired):
        await settle()
        assert desk.runs == []
        await advance(clock, 50)
    assert desk.runs == [("* * * * *", "11-22 10:01:00")]


@pytest.mark.spec("queue 2.5.29")
async def test_missed_runs_are_said_not_replayed() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T01:30:00")
    async with desk.open(clock, "0 * * * *"):
        await advance(clock, 7.5 * 3600 + 13)
        assert desk.runs == [("0 * * * *", "11-22 09:00:00")]
        assert desk.said() == [
            'cron "0 * * * *" missed 7 runs, from 2026-11-22 02:00 UTC '
            "to 2026-11-22 08:00 UTC: the machine slept or was busy"
        ]
        assert desk.findings[0].code == "cron-missed"
        assert "not replayed" in desk.findings[0].hint
        await advance(clock, 3600)
    assert len(desk.runs) == 2
    assert len(desk.findings) == 1


@pytest.mark.parametrize(("late", "runs"), [(59.9, 1), (60, 0), (61, 0)])
async def test_a_run_may_be_late_by_less_than_a_minute(late: float, runs: int) -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    async with desk.open(clock, "0 * * * *"):
        await advance(clock, 1 + late)
    assert len(desk.runs) == runs
    missed = (
        'cron "0 * * * *" missed its run of 2026-11-22 10:00 UTC: the machine slept or was busy'
    )
    assert desk.said() == [missed] * (1 - runs)


async def test_a_long_sleep_is_one_run_and_one_sentence() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T10:00:30")
    async with desk.open(clock, "* * * * *"):
        await advance(clock, 365 * 86400)
    assert desk.runs == [("* * * * *", "11-22 10:00:00")]
    assert desk.said() == [
        'cron "* * * * *" missed more than 100 runs since 2026-11-22 10:01 UTC: '
        "the machine slept or was busy"
    ]


async def test_a_long_handler_does_not_hold_up_the_next_run() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    desk.hold = asyncio.Event()
    async with desk.open(clock, "* * * * *", "*/2 * * * *"):
        await advance(clock, 1)
        for _ in range(9):
            await advance(clock, 60)
        assert len(desk.runs) == 15
        desk.hold.set()
    assert desk.cancelled == []


async def test_an_error_is_said_and_the_schedule_goes_on() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    desk.error = RuntimeError("no function")
    async with desk.open(clock, "* * * * *"):
        await advance(clock, 1)
        desk.error = None
        await advance(clock, 60)
    assert len(desk.runs) == 2
    assert desk.said() == ['cron "* * * * *" could not be run: RuntimeError: no function']
    assert desk.findings[0].code == "cron-failed"


async def leave_during_a_run(desk: Desk, clock: ManualClock) -> asyncio.Task[bool | None]:
    """The task of leaving, which waits for the run of 10:00."""
    opened = desk.open(clock, "* * * * *")
    await opened.__aenter__()
    await advance(clock, 1)
    leaving = asyncio.create_task(opened.__aexit__(None, None, None))
    await settle()
    return leaving


async def test_leaving_waits_for_a_run_under_way() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    desk.hold = asyncio.Event()
    leaving = await leave_during_a_run(desk, clock)
    await advance(clock, GRACE_SECONDS - 1)
    assert not leaving.done()
    desk.hold.set()
    await leaving
    assert desk.cancelled == []


async def test_leaving_cancels_a_run_that_takes_too_long() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    desk.hold = asyncio.Event()
    leaving = await leave_during_a_run(desk, clock)
    await advance(clock, GRACE_SECONDS)
    await leaving
    assert desk.cancelled == desk.runs == [("* * * * *", "11-22 10:00:00")]


async def test_leaving_in_haste_cancels_at_once() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    desk.hold = asyncio.Event()
    leaving = await leave_during_a_run(desk, clock)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert desk.cancelled == desk.runs


async def test_nothing_runs_after_leaving() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    before = asyncio.all_tasks()
    async with desk.open(clock, "* * * * *"):
        await settle()
        clock.advance(1)  # due, and left before the event loop turns
    await settle()
    await advance(clock, 3600)
    assert desk.runs == []
    assert asyncio.all_tasks() == before


@pytest.mark.spec("queue 2.5.17")
async def test_a_cron_that_never_fires_is_not_looked_at() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    async with desk.open(clock, "0 0 31 11 *", "* * * * *"):
        await advance(clock, 1)
        await advance(clock, 9 * 86400)
    assert {cron for cron, _ in desk.runs} == {"* * * * *"}
    assert all("31 11" not in said for said in desk.said())


async def test_apscheduler_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    async with desk.open(clock, "* * * * *"):
        await advance(clock, 1)
        await advance(clock, 600)
    await settle()
    assert len(desk.runs) == 2
    assert [record for record in caplog.records if "apscheduler" in record.name] == []


async def test_no_crons_are_fine() -> None:
    desk, clock = Desk(), clock_at("2026-11-22T09:59:59")
    before = asyncio.all_tasks()
    async with desk.open(clock), desk.open(clock, "0 0 30 2 *"):
        assert asyncio.all_tasks() == before
        await advance(clock, 86400)
    assert (desk.runs, desk.findings) == ([], [])


def test_apscheduler_is_imported_only_for_crons_that_fire() -> None:
    program = """
        import asyncio, sys
        from aerostack_dev.clock import ManualClock
        from aerostack_dev.config.cron import parse
        from aerostack_dev.runtime.crons import open_crons

        async def main():
            for crons in ([], [parse("0 0 31 11 *")]):
                async with open_crons(crons, ManualClock(), None, None):
                    assert "apscheduler" not in sys.modules, crons
            async with open_crons([parse("* * * * *")], ManualClock(), None, None):
                assert "apscheduler" in sys.modules

        asyncio.run(main())
        print("seen")
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("seen\n", "", 0)
