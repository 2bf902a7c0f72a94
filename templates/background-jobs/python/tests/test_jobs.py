from typing import Any

from aerostack_dev.testing import App


async def begin(app: App, kind: str, given: Any) -> str:
    response = await app.fetch("/jobs", method="POST", json={"kind": kind, "input": given})
    assert response.status == 202
    return response.headers["location"]


async def state(app: App, path: str) -> dict[str, Any]:
    job: dict[str, Any] = (await app.fetch(path)).json()
    return job


async def test_a_job_is_done_in_the_background(aerostack: App):
    path = await begin(aerostack, "count-words", {"text": "to be or not to be"})
    assert (await state(aerostack, path))["status"] == "queued"

    await aerostack.consume("jobs")
    job = await state(aerostack, path)
    assert (job["status"], job["attempts"]) == ("done", 1)
    assert job["output"] == {"to": 2, "be": 2, "or": 1, "not": 1}
    assert (await aerostack.fetch("/jobs")).json()["jobs"] == [job]


async def test_what_fails_for_a_while_is_tried_again_later_and_later(aerostack: App):
    path = await begin(aerostack, "flaky", {"failures": 2})
    assert (await aerostack.consume("jobs")).delays == [2]
    assert (await state(aerostack, path))["error"] == "attempt 1 was not answered"
    assert (await aerostack.consume("jobs")).retried == []  # not yet

    tries = await aerostack.clock.advance(minutes=1)
    assert [run.name for run in tries] == ["jobs", "jobs"]
    assert tries[1].when - tries[0].when > 4  # seconds: the second delay is longer
    job = await state(aerostack, path)
    assert (job["status"], job["output"]) == ("done", {"attempts": 3})
    assert "error" not in job


async def test_what_never_works_ends_in_the_dead_letter_queue(aerostack: App):
    path = await begin(aerostack, "flaky", {"failures": 99})
    tries = await aerostack.clock.advance(minutes=1)
    assert [run.name for run in tries] == ["jobs"] * 4 + ["jobs-dead"]
    job = await state(aerostack, path)
    assert (job["status"], job["attempts"]) == ("failed", 4)
    assert job["error"] == "attempt 4 was not answered"


async def test_input_that_can_never_work_is_tried_once(aerostack: App):
    path = await begin(aerostack, "count-words", {"txt": "to be"})
    result = await aerostack.consume("jobs")
    assert (len(result.acked), result.retried) == (1, [])
    assert (await state(aerostack, path))["status"] == "failed"


async def test_a_message_that_comes_twice_does_its_work_once(aerostack: App):
    path = await begin(aerostack, "flaky", {"failures": 0})
    await aerostack.consume("jobs")
    before = await state(aerostack, path)
    again = {"id": before["id"]}
    assert (await aerostack.queue("jobs", [again], attempts=2)).acked == [again]
    assert await state(aerostack, path) == before


async def test_mistakes_have_their_status(aerostack: App):
    for body, status in (("{", 400), ('{"kind": "nap"}', 422), ('{"kind": []}', 422)):
        assert (await aerostack.fetch("/jobs", method="POST", body=body)).status == status
    assert (await aerostack.fetch("/jobs/nope")).status == 404
    assert (await aerostack.fetch("/jobs", method="DELETE")).status == 405
    assert (await aerostack.fetch("/nothing")).status == 404
