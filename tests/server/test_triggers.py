"""Firing crons by HTTP (queue-cron-dev §2.4, §2.5; interface §4, §9)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aerostack_dev.runtime.host import LoadError
from aerostack_dev.server.app import UserApp
from aerostack_dev.server.triggers import PATHS

from .fakes import PORT, Answer, FakeCron, FakeRun, FakeRuntime, ask, failure

CANONICAL = "/cdn-cgi/local/scheduled"
EVERY = pytest.mark.parametrize("path", sorted(PATHS))


async def fire(runtime: FakeRuntime, target: str, **fields: Any) -> Answer:
    return await ask(UserApp(runtime, port=PORT), target, **fields)


@pytest.mark.spec("queue 2.5.22")
async def test_cron_and_time(runtime: FakeRuntime) -> None:
    answer = await fire(runtime, "/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=1700000000000")
    assert (answer.status, answer.text) == (200, "ok")
    assert runtime.scheduled_runs == [("* * * * *", 1700000000000)]
    assert runtime.fetched == []


@EVERY
async def test_every_path_fires(runtime: FakeRuntime, path: str) -> None:
    answer = await fire(runtime, f"{path}?cron=0+9+*+*+MON")
    assert answer.status == 200
    assert answer.text == ("Ran scheduled event" if path == "/__scheduled" else "ok")
    assert runtime.scheduled_runs == [("0 9 * * MON", None)]


@EVERY
async def test_the_only_cron_needs_no_name(runtime: FakeRuntime, path: str) -> None:
    runtime.crons = [FakeCron("0 * * * *")]
    assert (await fire(runtime, path)).status == 200
    assert (await fire(runtime, f"{path}?cron=&time=")).status == 200
    assert runtime.scheduled_runs == [("0 * * * *", None)] * 2


@EVERY
async def test_several_crons_need_a_name(runtime: FakeRuntime, path: str) -> None:
    runtime.crons = [FakeCron("0 * * * *"), FakeCron("*/5 9-17 * * 1,MON")]
    answer = await fire(runtime, path)
    assert answer.status == 400
    assert f"{path}?cron=0+*+*+*+*\n" in answer.text
    assert f"{path}?cron=*/5+9-17+*+*+1,MON\n" in answer.text
    assert runtime.scheduled_runs == []


async def test_no_cron_at_all(runtime: FakeRuntime) -> None:
    answer = await fire(runtime, CANONICAL)
    assert answer.status == 400
    assert "[triggers]" in answer.text
    assert f"{CANONICAL}?cron=*+*+*+*+*" in answer.text


@pytest.mark.spec("queue 2.5.24")
async def test_a_failing_handler(runtime: FakeRuntime) -> None:
    runtime.run = lambda cron, time_ms: FakeRun(cron, "exception", failure=failure())
    answer = await fire(runtime, f"{CANONICAL}?cron=x")
    assert (answer.status, answer.text) == (500, "exception")
    answer = await fire(runtime, f"{CANONICAL}?cron=x&format=json")
    assert answer.status == 500
    assert answer.body == b'{"outcome":"exception","noRetry":false}'


@pytest.mark.spec("queue 2.5.25")
async def test_no_retry_is_reported(runtime: FakeRuntime) -> None:
    runtime.run = lambda cron, time_ms: FakeRun(cron, "exception", True, failure=failure())
    answer = await fire(runtime, f"{CANONICAL}?cron=x&format=json")
    assert answer.json == {"outcome": "exception", "noRetry": True}


async def test_json_of_a_good_run(runtime: FakeRuntime) -> None:
    answer = await fire(runtime, f"{CANONICAL}?format=json&cron=x")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == b'{"outcome":"ok","noRetry":false}'


async def test_the_older_path_answers_with_the_error_page(runtime: FakeRuntime) -> None:
    runtime.run = lambda cron, time_ms: FakeRun(cron, "exception", failure=failure("boom"))
    answer = await fire(runtime, "/__scheduled?cron=x")
    assert answer.status == 500
    assert answer.json["message"] == "boom"
    assert answer.json["requestId"] == "run-1"


async def test_the_older_path_without_a_failure(runtime: FakeRuntime) -> None:
    runtime.run = lambda cron, time_ms: FakeRun(cron, "canceled")
    answer = await fire(runtime, "/__scheduled?cron=x")
    assert (answer.status, answer.text) == (500, "canceled")


@EVERY
@pytest.mark.parametrize("time", ["abc", "12.5", "1e3", "1_000", "٣", "9" * 17, "--1", "0x1"])
async def test_bad_time(runtime: FakeRuntime, path: str, time: str) -> None:
    answer = await fire(runtime, f"{path}?cron=x&time={time}")
    assert answer.status == 500
    expected = "TypeError: The value cannot be converted because it is not a valid Date."
    assert answer.text == expected
    assert runtime.scheduled_runs == []


@pytest.mark.parametrize("time", [0, -1, 8_640_000_000_000_000, -8_640_000_000_000_000])
async def test_times_at_the_edge(runtime: FakeRuntime, time: int) -> None:
    assert (await fire(runtime, f"{CANONICAL}?cron=x&time={time}")).status == 200
    assert runtime.scheduled_runs == [("x", time)]


async def test_just_beyond_the_edge(runtime: FakeRuntime) -> None:
    assert (await fire(runtime, f"{CANONICAL}?cron=x&time=8640000000000001")).status == 500


@EVERY
@pytest.mark.spec("queue 2.5.28")
@pytest.mark.parametrize(
    "header",
    [
        (b"origin", b"https://evil.test"), (b"origin", b"http://localhost:8788"),
        (b"origin", b"null"), (b"origin", b""), (b"referer", b"http://localhost:8788/"),
        (b"sec-fetch-site", b"none"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-x", b""),
    ],
)  # fmt: skip
async def test_no_page_fires_a_cron(runtime: FakeRuntime, path: str, header: Any) -> None:
    answer = await fire(runtime, f"{path}?cron=x", headers=[header])
    assert answer.status == 403
    assert "curl" in answer.text
    assert runtime.scheduled_runs == []


@EVERY
@pytest.mark.spec("queue 2.5.28")
async def test_no_foreign_host_fires_a_cron(runtime: FakeRuntime, path: str) -> None:
    assert (await fire(runtime, f"{path}?cron=x", host=b"evil.test")).status == 403
    assert runtime.scheduled_runs == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_any_method(runtime: FakeRuntime, method: str) -> None:
    answer = await fire(runtime, f"{CANONICAL}?cron=x", method=method)
    assert answer.status == 200
    assert answer.text == ("" if method == "HEAD" else "ok")


async def test_function_that_does_not_load(runtime: FakeRuntime) -> None:
    def refuse(cron: str, time_ms: int | None) -> FakeRun:
        raise LoadError(failure("invalid syntax", kind="SyntaxError"), hint="look at line 3")

    runtime.run = refuse
    answer = await fire(runtime, f"{CANONICAL}?cron=x")
    assert answer.status == 500
    assert answer.json["error"] == "SyntaxError"
    assert answer.json["hint"] == "look at line 3"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(query=st.binary(max_size=60))
async def test_no_query_raises(runtime: FakeRuntime, query: bytes) -> None:
    answer = await fire(runtime, f"{CANONICAL}?{query.decode('latin-1')}")
    assert answer.status in (200, 400, 500)
