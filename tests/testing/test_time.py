"""Time under test: what is due happens at its own moment, in order, and has ended."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from aerostack_dev.errors import AerostackError
from aerostack_dev.runtime import agenda
from aerostack_dev.testing import App, open_app
from tests.support.server import write_project

START = 1_800_000_000  # 2027-01-15 08:00 UTC
pytestmark = pytest.mark.aerostack(project="project", seed=False)


async def texts(app: App) -> list[str]:
    result = await app.env.DB.prepare("SELECT text FROM log ORDER BY number").all()
    return [row.text for row in result.results]


def shown(runs) -> list[tuple[str, float]]:
    return [(run.name, round(run.when - START, 3)) for run in runs]


async def test_keys_expire(aerostack: App):
    await aerostack.fetch("/")
    assert await aerostack.clock.advance(59) == []
    assert await aerostack.env.CACHE.get("last") is not None
    await aerostack.clock.advance(seconds=1)
    assert await aerostack.env.CACHE.get("last") is None


async def test_a_batch_waits_for_more_and_is_delivered_when_it_is_full(aerostack: App):
    await aerostack.env.QUEUE.send(1)
    assert await aerostack.clock.advance(4.999) == []
    runs = await aerostack.clock.advance(1)
    assert shown(runs) == [("jobs", 5)]
    assert runs[0].detail == {"acked": 1, "total": 1}
    await aerostack.env.QUEUE.sendBatch([{"body": n} for n in (2, 3, 4)])
    assert shown(await aerostack.clock.advance()) == [("jobs", 5.999)]
    assert await texts(aerostack) == ["jobs 1 1", "jobs 2 1", "jobs 3 1"]


async def test_delays_retries_and_dead_letters_come_at_their_own_times(aerostack: App):
    await aerostack.env.QUEUE.send("retry", delaySeconds=120)
    runs = await aerostack.clock.advance(minutes=9)
    # 120 s + 5 s for the batch to fill; 60 s + 5 s later again; then the dead letter queue.
    assert shown(runs) == [("jobs", 125), ("jobs", 190), ("dead", 190)]
    assert await texts(aerostack) == ["jobs retry 1", "jobs retry 2", "dead retry 1"]
    assert aerostack.findings[-1].code == "queue-dead-letter"


async def test_crons_fire_once_for_each_due_minute_before_the_messages(aerostack: App):
    runs = await aerostack.clock.advance(datetime.timedelta(hours=1), minutes=1)
    assert shown(runs) == [
        *[("*/10 * * * *", 600 * n) for n in range(1, 7)],
        ("0 * * * *", 3600),
        ("jobs", 3605),
    ]
    assert [run.detail["scheduledTime"] for run in runs[:2]] == [1800000600000, 1800001200000]
    assert shown(await aerostack.clock.advance(minutes=8)) == []
    assert len(await aerostack.clock.advance(minutes=1)) == 1


@pytest.mark.parametrize("again", [1, 2])
async def test_crons_begin_anew_with_each_test(aerostack: App, again: int):
    assert len(await aerostack.clock.advance(minutes=10)) == 1
    assert len(await aerostack.clock.advance(seconds=30)) == 0


async def test_time_is_set_to_a_moment(aerostack: App):
    nine = datetime.datetime(2027, 1, 15, 9, tzinfo=datetime.UTC)
    assert len(await aerostack.clock.set(nine)) == 7
    assert aerostack.clock.now() == nine.timestamp()
    await aerostack.clock.set(round(nine.timestamp() * 1000) + 1)
    assert aerostack.clock.now() == nine.timestamp() + 0.001
    with pytest.raises(ValueError, match="time must be an aware datetime"):
        await aerostack.clock.set(nine.replace(tzinfo=None))


async def test_time_only_moves_forward(aerostack: App):
    for move in (aerostack.clock.advance(-1), aerostack.clock.set(0)):
        with pytest.raises(ValueError, match="time only moves forward"):
            await move
    assert aerostack.clock.now() == START


async def test_too_many_crons_are_refused_before_anything_happens(aerostack: App):
    with pytest.raises(AerostackError, match="more than 10000 runs of crons are due") as refused:
        await aerostack.clock.advance(days=100)
    assert "in shorter steps" in refused.value.hint
    assert (aerostack.clock.now(), await texts(aerostack)) == (START, [])


@pytest.mark.parametrize("seconds", [0, 1])
async def test_a_function_that_sends_itself_messages_for_ever_is_stopped(
    aerostack: App, seconds: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(agenda, "MOST_RUNS", 20)
    await aerostack.env.QUEUE.sendBatch([{"body": {"again": seconds}}] * 2)
    with pytest.raises(AerostackError, match=r"20 runs were made, and more are due at 2027-01-15"):
        await aerostack.clock.advance(minutes=8)
    assert len(await texts(aerostack)) >= 40


async def test_a_failing_handler_is_a_run_that_failed(tmp_path: Path):
    source = "async def scheduled(event): raise ValueError(event.cron)"
    config = '[triggers]\ncrons = ["* * * * *"]\n'
    write_project(tmp_path, {"aerostack.toml": config, "src/index.py": source})
    async with open_app(tmp_path) as app:
        (run,) = await app.clock.advance(60)
        assert (run.outcome, run.failure.message) == ("exception", "* * * * *")
        assert len(await app.clock.advance(60)) == 1


async def test_without_a_queue_handler_batches_fail(tmp_path: Path):
    config = '[[queues.consumers]]\nqueue = "default"\nmax_retries = 0\n'
    write_project(tmp_path, {"aerostack.toml": config, "src/index.py": "async def fetch(r): ..."})
    async with open_app(tmp_path) as app:
        await app.env.QUEUE.send(1)
        await app.clock.advance(60)
        codes = [finding.code for finding in app.findings]
        assert codes == ["queue-no-handler", "queue-delivery", "queue-dropped"]
