"""The fixture `aerostack`, as the tests of a project use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aerostack_dev.errors import ConfigError
from aerostack_dev.runtime.host import HandlerError
from aerostack_dev.testing import App
from aerostack_dev.testing import desk as desks
from aerostack_dev.testing.desk import Desk, open_desk, wanted

PROJECT = Path(__file__).parent / "project"
pytestmark = pytest.mark.aerostack(project="project")


async def texts(app: App) -> list[str]:
    result = await app.env.DB.prepare("SELECT text FROM log ORDER BY number").all()
    return [row.text for row in result.results]


@pytest.mark.parametrize("again", range(3))
async def test_each_test_has_a_state_of_its_own(aerostack: App, again: int):
    assert await texts(aerostack) == ["seeded"]
    assert await aerostack.env.CACHE.get("last") is None
    assert await aerostack.env.STORAGE.get("a") is None
    assert (await aerostack.env.VECTORIZE.describe()).vectorCount == 0
    assert (await aerostack.env.QUEUE.metrics()).backlogCount == 0
    assert (aerostack.clock.now(), aerostack.runtime.trace.recent()) == (1_800_000_000, [])

    await aerostack.fetch("/")
    await aerostack.env.DB.exec("CREATE TABLE more (n)")
    await aerostack.env.STORAGE.put("a", b"1")
    await aerostack.env.VECTORIZE.insert([{"id": "a", "values": [1, 2]}])
    await aerostack.env.QUEUE.send("x")
    await aerostack.clock.advance(1)
    assert await texts(aerostack) == ["seeded", "request"]


@pytest.mark.aerostack(seed=False)
async def test_the_marker_leaves_the_seed_out(aerostack: App):
    assert await texts(aerostack) == []


@pytest.mark.aerostack(variables={"GREETING": "hi"})
async def test_the_marker_sets_variables(aerostack: App):
    assert (await aerostack.fetch("/")).json()["greeting"] == "hi"
    assert aerostack.env.GREETING == "hi"


def test_a_plain_test_may_look_too(aerostack: App):
    assert aerostack.project.name == "kit"


@pytest.fixture
async def visited(aerostack: App) -> AsyncIterator[App]:
    await aerostack.fetch("/")
    yield aerostack
    assert await texts(aerostack) == ["seeded", "request"]


async def test_fixtures_may_use_it_in_a_loop_of_their_own(visited: App):
    assert await texts(visited) == ["seeded", "request"]


async def test_what_was_kept_of_a_binding_goes_on_with_the_next_state(aerostack: App):
    kept = aerostack.runtime.functions.main.slot.running.host.env.CACHE
    assert kept is aerostack.runtime.functions.main.slot.running.host.env.CACHE
    await aerostack.env.CACHE.put("k", "v")
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(kept.put("k", "w"), aerostack._loop))
    assert await aerostack.env.CACHE.get("k") == "w"


async def test_streams_go_both_ways_between_loops(aerostack: App):
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two"):
            await asyncio.sleep(0)  # which belongs to the loop of the test
            yield piece

    await aerostack.env.CACHE.put("k", pieces())
    found = await aerostack.env.CACHE.get("k", "stream")
    assert b"".join([piece async for piece in found]) == b"one two"
    await aerostack.env.STORAGE.put("a", b"x" * 200_000)
    copied = await aerostack.env.STORAGE.get("a")
    await aerostack.env.STORAGE.put("b", copied.body)
    body = (await aerostack.env.STORAGE.get("b")).body
    assert len(await anext(aiter(body))) > 0
    await body.aclose()


async def test_errors_come_across_whole(aerostack: App):
    with pytest.raises(HandlerError) as caught:
        await aerostack.fetch("/broken")
    assert isinstance(caught.value.__cause__, LookupError)
    with pytest.raises(Exception, match="no such table: missing"):
        await aerostack.env.DB.exec("SELECT * FROM missing")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("aerostack_dev.testing.stage.GRACE_SECONDS", 0.01)
    monkeypatch.setattr("aerostack_dev.runtime.hosts.python.host.GRACE_SECONDS", 0.01)
    with open_desk() as opened:
        yield opened


def test_work_that_does_not_end_is_told_and_disturbs_no_other_test(desk: Desk):
    want = wanted(PROJECT / "src")
    with (
        pytest.raises(RuntimeError, match="work of the function goes on 5 s after the end"),
        desk.app(want, seed=True) as app,
    ):
        reader = app.runtime.fetch
        begun = asyncio.run_coroutine_threadsafe(_begin(app), app._loop)
        begun.result()
        assert reader is not None
    with desk.app(want, seed=True) as app:
        assert app.runtime.functions.main.slot.running.host._home.background == set()


async def _begin(app: App) -> None:
    from aerostack_dev.functions.headers import Headers
    from aerostack_dev.testing.http import Exchange

    exchange = Exchange("/forever", "GET", Headers(None), b"", None)
    await app.runtime.fetch(exchange.scope, exchange.receive, exchange.send)


def test_another_project_takes_the_place_of_the_one_before(desk: Desk, tmp_path: Path):
    (tmp_path / "src").mkdir()
    (tmp_path / "aerostack.toml").write_text('name = "other"\n')
    (tmp_path / "src/index.py").write_text("async def fetch(request): ...\n")
    for folder, name in ((PROJECT, "kit"), (tmp_path, "other"), (PROJECT, "kit")):
        with desk.app(wanted(folder), seed=True) as app:
            assert app.project.name == name


def test_a_project_that_does_not_load_says_so_and_leaves_room(desk: Desk, tmp_path: Path):
    (tmp_path / "aerostack.toml").write_text("main = 'gone.py'\n")
    with pytest.raises(Exception, match=r"gone\.py"), desk.app(wanted(tmp_path), seed=True):
        raise AssertionError("it opened")
    with desk.app(wanted(PROJECT), seed=True) as app:
        assert app.project.name == "kit"


def test_tests_outside_of_a_project_are_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no aerostack\.toml here or in a folder above") as told:
        wanted(tmp_path)
    assert "@pytest.mark.aerostack(project=...)" in told.value.hint
    assert wanted(tmp_path, project=PROJECT) == desks.Wanted(PROJECT, None, ())
