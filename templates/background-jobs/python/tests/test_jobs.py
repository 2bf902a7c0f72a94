from pathlib import Path
from typing import Any

from aerostack_dev.testing import App, async_test, open_app

PROJECT = Path(__file__).parents[1]


async def begin(app: App, kind: str, given: Any) -> str:
    response = await app.fetch("/jobs", method="POST", json={"kind": kind, "input": given})
    assert response.status == 202
    return response.headers["location"]


async def state(app: App, path: str) -> dict[str, Any]:
    job: dict[str, Any] = (await app.fetch(path)).json()
    return job


@async_test
async def test_a_job_is_done_in_the_background():
    async with open_app(PROJECT) as app:
        path = await begin(app, "count-words", {"text": "to be or not to be"})
        assert (await state(app, path))["status"] == "queued"

        await app.consume("jobs")
        job = await state(app, path)
        assert (job["status"], job["attempts"]) == ("done", 1)
        assert job["output"] == {"to": 2, "be": 2, "or": 1, "not": 1}
        assert (await app.fetch("/jobs")).json()["jobs"] == [job]


@async_test
async def test_what_fails_for_a_while_is_tried_again_later_and_later():
    async with open_app(PROJECT) as app:
        path = await begin(app, "flaky", {"failures": 2})
        assert (await app.consume("jobs")).delays == [2]
        assert (await state(app, path))["error"] == "attempt 1 was not answered"
        assert (await app.consume("jobs")).retried == []  # not yet

        app.clock.advance(2)
        assert (await app.consume("jobs")).delays == [4]
        app.clock.advance(4)
        await app.consume("jobs")
        job = await state(app, path)
        assert (job["status"], job["output"]) == ("done", {"attempts": 3})
        assert "error" not in job


@async_test
async def test_what_never_works_ends_in_the_dead_letter_queue():
    async with open_app(PROJECT) as app:
        path = await begin(app, "flaky", {"failures": 99})
        for delay in (2, 4, 8):
            assert (await app.consume("jobs")).delays == [delay]
            app.clock.advance(delay)
        assert len((await app.consume("jobs")).buried) == 1
        await app.consume("jobs-dead")
        job = await state(app, path)
        assert (job["status"], job["attempts"]) == ("failed", 4)
        assert job["error"] == "attempt 4 was not answered"


@async_test
async def test_input_that_can_never_work_is_tried_once():
    async with open_app(PROJECT) as app:
        path = await begin(app, "count-words", {"txt": "to be"})
        result = await app.consume("jobs")
        assert (len(result.acked), result.retried) == (1, [])
        assert (await state(app, path))["status"] == "failed"


@async_test
async def test_a_message_that_comes_twice_does_its_work_once():
    async with open_app(PROJECT) as app:
        path = await begin(app, "flaky", {"failures": 0})
        await app.consume("jobs")
        before = await state(app, path)
        again = {"id": before["id"]}
        assert (await app.queue("jobs", [again], attempts=2)).acked == [again]
        assert await state(app, path) == before


@async_test
async def test_mistakes_have_their_status():
    async with open_app(PROJECT) as app:
        for body, status in (("{", 400), ('{"kind": "nap"}', 422), ('{"kind": []}', 422)):
            assert (await app.fetch("/jobs", method="POST", body=body)).status == status
        assert (await app.fetch("/jobs/nope")).status == 404
        assert (await app.fetch("/jobs", method="DELETE")).status == 405
        assert (await app.fetch("/nothing")).status == 404
