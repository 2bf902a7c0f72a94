"""Calls that are broken off on the loop, at any of SQLite's steps, are done once all the same."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings import line, moment
from aerostack_dev.bindings.cache import KIND as CACHE
from aerostack_dev.bindings.database import KIND as DATABASE
from aerostack_dev.bindings.queue import KIND as QUEUE
from aerostack_dev.bindings.storage import KIND as STORAGE
from tests.support.rooms import open_room

LOOKS = (*range(100), *range(100, 600, 20))
"""So many of SQLite's steps are done before it is broken off."""


async def database(env: Any) -> Any:
    db = env.DB
    await db.exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    await db.exec("CREATE INDEX by_text ON notes (text)")
    insert = db.prepare("INSERT INTO notes (text) VALUES (?) RETURNING id")
    ids = [await insert.bind(text).first("id") for text in "abc"]
    changed = await db.prepare("UPDATE notes SET text = text || 'x' WHERE id > 1").run()
    await db.batch([insert.bind("d"), db.prepare("DELETE FROM notes WHERE id = ?").bind(1)])
    with pytest.raises(Exception, match="NOT NULL"):
        await insert.bind(None).run()
    rows = await db.prepare("SELECT * FROM notes ORDER BY text").raw()
    ends = await db.prepare("SELECT count(*) AS n FROM notes a, notes b, notes c").first("n")
    return ids, changed.meta.changes, rows, ends


async def cache(env: Any) -> Any:
    for name in "abc":
        await env.CACHE.put(name, name * 3, metadata={"name": name})
    await env.CACHE.put("a", "again")
    await env.CACHE.delete("b")
    listed = await env.CACHE.list()
    found = await env.CACHE.get_with_metadata("c")
    return [key["name"] for key in listed["keys"]], await env.CACHE.get("a"), found.metadata


async def queue(env: Any) -> Any:
    before = [(await env.QUEUE.send({"n": n})).metadata.metrics.backlogCount for n in range(3)]
    await env.QUEUE.send_batch([{"body": n} for n in range(5)])
    await env.QUEUE.send("later", delay_seconds=60)
    return before, (await env.QUEUE.metrics()).backlogCount


async def storage(env: Any) -> Any:
    for name in "abc":
        await env.STORAGE.put(name, name * 100)
    large = await env.STORAGE.put("large", "x" * 100_000)
    await env.STORAGE.put("a", "again")
    await env.STORAGE.delete("b")
    upload = await env.STORAGE.create_multipart_upload("parts")
    parts = [await upload.upload_part(1, "one"), await upload.upload_part(2, "two")]
    await upload.complete(parts[:1])
    listed = await env.STORAGE.list()
    found = {each.key: await (await env.STORAGE.get(each.key)).text() for each in listed.objects}
    return large.size, found


@pytest.mark.parametrize(
    ("kind", "scenario"),
    [(DATABASE, database), (CACHE, cache), (QUEUE, queue), (STORAGE, storage)],
    ids=lambda one: getattr(one, "__name__", None) or one.name,
)
async def test_calls_that_are_broken_off_are_done_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    scenario: Callable[[Any], Awaitable[Any]],
):
    async with open_room(tmp_path / "whole", kind) as room:
        wanted = await scenario(room.env)
    monkeypatch.setattr(moment, "STEPS", 1)
    monkeypatch.setattr(moment, "stopwatch", itertools.count().__next__)
    monkeypatch.setattr(line, "MOMENT_SECONDS", 60.0)  # each call is tried on the loop
    monkeypatch.setattr(line, "SLOW_SECONDS", 60.0)
    for looks in LOOKS:
        monkeypatch.setattr(moment, "MOMENT_SECONDS", looks)
        async with open_room(tmp_path / f"after-{looks}", kind) as room:
            assert await scenario(room.env) == wanted, looks
