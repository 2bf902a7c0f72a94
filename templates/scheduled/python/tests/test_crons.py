import datetime
from pathlib import Path

from aerostack_dev.testing import App, async_test, open_app

PROJECT = Path(__file__).parents[1]
MONDAY = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)


async def record(app: App, name: str, days_ago: float) -> None:
    at = MONDAY - datetime.timedelta(days=days_ago)
    insert = app.env.DB.prepare("INSERT INTO events (name, at) VALUES (?, ?)")
    await insert.bind(name, int(at.timestamp() * 1000)).run()


@async_test
async def test_the_report_counts_the_week_before():
    async with open_app(PROJECT, seed=False) as app:
        for name, days_ago in (("sign-up", 1), ("sign-up", 7), ("purchase", 2), ("sign-up", 8)):
            await record(app, name, days_ago)
        run = await app.scheduled("0 9 * * MON", time=MONDAY)
        assert run.outcome == "ok"
        (shown,) = (await app.fetch("/")).json()["runs"]
        assert shown["task"] == "report"
        assert shown["at"] == MONDAY.timestamp() * 1000
        assert shown["result"] == {"purchase": 1, "sign-up": 2}


@async_test
async def test_old_events_are_cleaned_up():
    async with open_app(PROJECT, seed=False) as app:
        await record(app, "old", days_ago=31)
        await record(app, "young", days_ago=29)
        await app.scheduled("30 3 * * *", time=MONDAY)
        overview = (await app.fetch("/")).json()
        assert overview["events"] == 1
        assert overview["runs"][0]["result"] == {"deleted": 1}


@async_test
async def test_every_configured_cron_has_its_task_and_a_second_run_changes_nothing():
    async with open_app(PROJECT) as app:
        for _ in range(2):
            for cron in app.project.crons:
                assert (await app.scheduled(cron, time=MONDAY)).outcome == "ok"
            assert len((await app.fetch("/")).json()["runs"]) == 2


@async_test
async def test_events_are_recorded_and_mistakes_refused():
    async with open_app(PROJECT, seed=False) as app:
        assert (await app.fetch("/events", method="POST", json={"name": "x"})).status == 204
        assert (await app.fetch("/")).json()["events"] == 1
        for body, status in (("{", 400), ("[]", 422), ('{"name": ""}', 422)):
            assert (await app.fetch("/events", method="POST", body=body)).status == status
        assert (await app.fetch("/events")).status == 405
        assert (await app.fetch("/nothing")).status == 404
