import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.testing import App, HttpResponse, async_test, open_app

PROJECT = Path(__file__).parents[1]
MONDAY = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
CRON = "0 8 * * MON"
pytestmark = pytest.mark.aerostack(seed=False)


async def review(app: App, topic: str, text: str) -> HttpResponse:
    return await app.fetch("/reviews", method="POST", json={"topic": topic, "text": text})


async def written(app: App, topic: str, text: str, days_ago: float) -> None:
    """A review of some days before MONDAY, which no model has judged."""
    at = int((MONDAY - datetime.timedelta(days=days_ago)).timestamp() * 1000)
    insert = app.env.DB.prepare("INSERT INTO reviews (topic, text, created_at) VALUES (?, ?, ?)")
    await insert.bind(topic, text, at).run()


async def insights(app: App) -> dict[str, dict[str, Any]]:
    topics = (await app.fetch("/insights")).json()["topics"]
    return {topic["topic"]: topic for topic in topics}


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("I love this wonderful lamp, it is great!", "positive"),
        ("Terrible. It broke at once, and nobody helped.", "negative"),
        ("It has a switch.", "neutral"),
    ],
)
async def test_a_review_is_judged(aerostack: App, text: str, sentiment: str):
    answer = await review(aerostack, "quality", text)
    assert answer.status == 201
    assert answer.json()["sentiment"] == sentiment
    counted = (await insights(aerostack))["quality"]
    assert (counted["reviews"], counted[sentiment]) == (1, 1)


async def test_the_counts_are_cached_and_never_stale(aerostack: App):
    await review(aerostack, "price", "A good price.")
    assert (await aerostack.fetch("/insights")).headers["x-cache"] == "miss"
    assert (await aerostack.fetch("/insights")).headers["x-cache"] == "hit"
    await review(aerostack, "price", "A bad price.")
    again = await aerostack.fetch("/insights")
    assert again.headers["x-cache"] == "miss"
    (price,) = again.json()["topics"]
    assert price == {"topic": "price", "reviews": 2, "positive": 1, "neutral": 0, "negative": 1}
    await aerostack.clock.advance(61)
    assert (await aerostack.fetch("/insights")).headers["x-cache"] == "miss"


@async_test
async def test_a_review_is_kept_when_the_model_fails(tmp_path: Path):
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns(".*"))
    config = (project / "aerostack.toml").read_text()
    nobody = 'provider = "openai-compatible"\nbase_url = "http://127.0.0.1:1/v1"'
    (project / "aerostack.toml").write_text(config.replace('provider = "offline"', nobody))
    async with open_app(project, seed=False) as app:
        answer = await review(app, "quality", "I love it.")
        assert (answer.status, answer.json()["sentiment"]) == (201, None)
        assert (await insights(app))["quality"]["reviews"] == 1
        assert (await app.scheduled(CRON)).outcome == "exception"  # and the cron's log says why
        assert (await app.fetch("/reports")).json() == {"reports": []}


async def test_the_report_sums_up_the_week_before(aerostack: App):
    await written(aerostack, "delivery", "The parcel came late. I am angry.", days_ago=1)
    await written(aerostack, "delivery", "Quick and friendly, great!", days_ago=2)
    await written(aerostack, "price", "A fair price.", days_ago=7)
    await written(aerostack, "support", "Too long ago.", days_ago=7.001)
    await written(aerostack, "support", "Not yet.", days_ago=0)
    assert (await aerostack.scheduled(CRON, time=MONDAY)).outcome == "ok"

    names = (await aerostack.fetch("/reports")).json()["reports"]
    assert names == ["2026-03-02.txt", "2026-03-02.json"]
    answer = await aerostack.fetch("/reports/2026-03-02.json")
    assert answer.headers["content-type"] == "application/json"
    report = answer.json()
    assert (report["from"], report["to"]) == ("2026-02-23T08:00:00Z", "2026-03-02T08:00:00Z")
    delivery, price = report["topics"]
    assert (delivery["topic"], delivery["reviews"]) == ("delivery", 2)
    assert (delivery["positive"], delivery["negative"]) == (1, 1)
    assert "The parcel came late." in delivery["summary"]
    assert "Quick and friendly, great!" in delivery["summary"]
    assert "A fair price." in price["summary"]

    text = (await aerostack.fetch("/reports/2026-03-02.txt")).text()
    assert "delivery: 2 (+1 =0 -1)\n" in text
    assert delivery["summary"] in text


async def test_a_report_judges_what_is_left_and_replaces_itself(aerostack: App):
    await written(aerostack, "quality", "I love it.", days_ago=1)
    assert (await insights(aerostack))["quality"]["positive"] == 0
    for _ in range(2):
        assert (await aerostack.scheduled(CRON, time=MONDAY)).outcome == "ok"
    assert (await insights(aerostack))["quality"]["positive"] == 1
    assert len((await aerostack.fetch("/reports")).json()["reports"]) == 2


@pytest.mark.aerostack(seed=True)
async def test_the_latest_report_has_a_name_of_its_own(aerostack: App):
    for weeks in (0, 1):
        await aerostack.scheduled(CRON, time=MONDAY + datetime.timedelta(weeks=weeks))
    assert len((await aerostack.fetch("/reports")).json()["reports"]) == 4
    assert (await aerostack.fetch("/reports/latest.json")).json()["to"] == "2026-03-09T08:00:00Z"


async def test_a_week_without_reviews_has_a_report_too(aerostack: App):
    await aerostack.scheduled(CRON, time=MONDAY)
    assert (await aerostack.fetch("/reports/2026-03-02.json")).json()["topics"] == []
    assert "There were none." in (await aerostack.fetch("/reports/2026-03-02.txt")).text()


async def test_mistakes_have_their_status(aerostack: App):
    for body, status in (
        ("{", 400),
        ("[]", 422),
        ('{"topic": "weather", "text": "Rain."}', 422),
        ('{"topic": [], "text": "Rain."}', 422),
        ('{"topic": "price", "text": " "}', 422),
        (json.dumps({"topic": "price", "text": "x" * 1001}), 422),
    ):
        assert (await aerostack.fetch("/reviews", method="POST", body=body)).status == status
    assert (await aerostack.fetch("/insights", method="DELETE")).status == 405
    for name in ("2026-03-02.json", "latest.txt", "latest"):
        assert (await aerostack.fetch(f"/reports/{name}")).status == 404
    assert (await aerostack.fetch("/nothing")).status == 404
    assert await insights(aerostack) == {}
