"""What is true of the SQLite backend alone: its file, its opening, its sweeping."""

from __future__ import annotations

import asyncio
from contextlib import closing

import apsw
import pytest

from aerostack_dev.bindings.cache import KIND, sqlite
from aerostack_dev.bindings.cache.sqlite import FILE, PURGED
from aerostack_dev.errors import StateError
from tests.support.rooms import open_room


@pytest.fixture
async def room(tmp_path):
    async with open_room(tmp_path, KIND) as room:
        yield room


def rows(room) -> int:
    """How many entries the file holds, as another program sees it."""
    path = room.services.state.root / FILE
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as other:
        return other.execute("SELECT count(*) FROM entries").fetchone()[0]


async def test_every_put_that_returned_is_in_the_file_at_once(room, cache):
    await asyncio.gather(*(cache.put(f"k{n}", "v") for n in range(50)))
    assert rows(room) == 50


async def test_the_first_call_opens_the_file_and_does_so_once(room, cache, monkeypatch):
    opened = []

    def counted(path, **others):
        opened.append(path)
        return open_store(path, **others)

    open_store = sqlite.open_store
    monkeypatch.setattr(sqlite, "open_store", counted)
    path = room.services.state.root / FILE
    assert not path.exists()
    await asyncio.gather(*(cache.get("k") for _ in range(20)), cache.put("k", "v"))
    assert opened == [path]


async def test_a_file_that_is_no_database_is_named(room, cache):
    path = room.services.state.file(FILE)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StateError) as caught:
        await cache.get("k")
    assert caught.value.where == str(path)
    path.unlink()
    assert await cache.get("k") is None  # the next call tries again


async def cancelled_in_the_middle(call) -> None:
    first = asyncio.create_task(call)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_cancelled_first_call_leaves_the_next_one_working(cache):
    await cancelled_in_the_middle(cache.get("k"))
    await cache.put("k", "v")
    assert await cache.get("k") == "v"


async def test_closing_waits_for_a_file_that_is_being_opened(tmp_path):
    async with open_room(tmp_path, KIND) as room:
        await cancelled_in_the_middle(room.env.CACHE.get("k"))
    async with open_room(tmp_path, KIND) as room:
        await room.env.CACHE.put("k", "v")
        assert rows(room) == 1


async def test_an_expired_entry_is_deleted_by_the_read_that_finds_it(room, cache):
    await cache.put("k", "v", expirationTtl=60)
    await cache.put("l", "v", expirationTtl=60)
    room.clock.advance(61)
    await cache.get("k")
    assert rows(room) == 1
    await cache.get(["l"])
    assert rows(room) == 0


@pytest.mark.parametrize("write", ["put", "delete"])
async def test_a_write_sweeps_out_a_bounded_number_of_expired_entries(room, cache, invoke, write):
    count = PURGED + 10
    await invoke(
        "putBulk", [{"key": f"k{n}", "value": "", "expirationTtl": 60} for n in range(count)]
    )
    room.clock.advance(61)
    arguments = ("fresh", "v") if write == "put" else ("nothing",)
    fresh = 1 if write == "put" else 0
    await getattr(cache, write)(*arguments)
    assert rows(room) == 10 + fresh
    await getattr(cache, write)(*arguments)
    assert rows(room) == fresh
