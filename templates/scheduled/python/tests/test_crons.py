import datetime

import pytest

from aerostack_dev.testing import App

MONDAY = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)
pytestmark = pytest.mark.aerostack(seed=False)


async def record(app: App, name: str, days_ago: float) -> None:
    at = MONDAY - datetime.timedelta(days=days_ago)
    insert = app.env.DB.prepare("INSERT INTO events (name, at) VALUES (?, ?)")
    await insert.bind(name, int(at.timestamp() * 1000)).run()


async def test_the_report_counts_the_week_before(aerostack: App):
    for name, days_ago in (("sign-up", 1), ("sign-up", 7), ("purchase", 2), ("sign-up", 8)):
        await record(aerostack, name, days_ago)
    run = await aerostack.scheduled("0 9 * * MON", time=MONDAY)
    assert run.outcome == "ok"
    (shown,) = (await aerostack.fetch("/")).json()["runs"]
    assert shown["task"] == "report"
    assert shown["at"] == MONDAY.timestamp() * 1000
    assert shown["result"] == {"purchase": 1, "sign-up": 2}


async def test_old_events_are_cleaned_up(aerostack: App):
    await record(aerostack, "old", days_ago=31)
    await record(aerostack, "young", days_ago=29)
    await aerostack.scheduled("30 3 * * *", time=MONDAY)
    overview = (await aerostack.fetch("/")).json()
    assert overview["events"] == 1
    assert overview["runs"][0]["result"] == {"deleted": 1}


async def test_every_configured_cron_has_its_task_and_a_second_run_changes_nothing(aerostack: App):
    for _ in range(2):
        for cron in aerostack.project.crons:
            assert (await aerostack.scheduled(cron, time=MONDAY)).outcome == "ok"
        assert len((await aerostack.fetch("/")).json()["runs"]) == 2


async def test_the_cron_of_each_night_and_that_of_mondays_come_in_their_turn(aerostack: App):
    runs = await aerostack.clock.advance(days=7)
    nights = [run for run in runs if run.name == "30 3 * * *"]
    assert (len(runs), len(nights)) == (8, 7)
    assert {run.outcome for run in runs} == {"ok"}


async def test_events_are_recorded_and_mistakes_refused(aerostack: App):
    assert (await aerostack.fetch("/events", method="POST", json={"name": "x"})).status == 204
    assert (await aerostack.fetch("/")).json()["events"] == 1
    for body, status in (("{", 400), ("[]", 422), ('{"name": ""}', 422)):
        assert (await aerostack.fetch("/events", method="POST", body=body)).status == status
    assert (await aerostack.fetch("/events")).status == 405
    assert (await aerostack.fetch("/nothing")).status == 404
