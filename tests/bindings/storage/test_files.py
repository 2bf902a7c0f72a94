"""The backend by itself: blobs, leases, cancellation, the sweep, what a crash leaves."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from aerostack_dev.bindings.storage import KIND, Bucket, sweep
from aerostack_dev.bindings.storage.api import FixedLengthStream
from aerostack_dev.bindings.storage.blobs import CHUNK, Blobs, Writer
from aerostack_dev.errors import BindingError, StateError
from tests.support.rooms import open_room

LARGE = b"x" * (CHUNK * 3)
WEEK = 7 * 24 * 3600


def blobs(root: Path) -> list[Path]:
    return [path for path in (root / "state/storage/blobs").glob("*/*") if path.is_file()]


async def test_nothing_is_made_before_use(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND):
        pass
    assert os.listdir(tmp_path) == []


async def test_objects_outlive_the_session(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        await room.env.STORAGE.put("small", "v", custom_metadata={"a": "1"})
        await room.env.STORAGE.put("large", LARGE)
        upload = await room.env.STORAGE.createMultipartUpload("parts")
        part = await upload.uploadPart(1, "part")
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        assert (await storage.head("small")).customMetadata == {"a": "1"}
        assert await (await storage.get("large")).bytes() == LARGE
        await storage.resumeMultipartUpload("parts", upload.uploadId).complete([part])
        assert await (await storage.get("parts")).text() == "part"


async def test_files_are_the_user_s_own(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        await room.env.STORAGE.put("k", LARGE)
    (blob,) = blobs(tmp_path)
    assert blob.stat().st_mode & 0o777 == 0o600
    for folder in (blob.parent, blob.parent.parent, blob.parent.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o700


async def test_blobs_go_with_their_objects(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        for key in ("a", "b", "b", "c"):
            await storage.put(key, LARGE)
        await storage.put("c", "small now")
        await storage.delete(["a", "b"])
        upload = await storage.createMultipartUpload("d")
        await upload.uploadPart(1, "again")
        kept = await upload.uploadPart(1, "1")
        await upload.uploadPart(2, "dropped")
        await upload.complete([kept])
        await storage.put("d", "no parts now")
        upload = await storage.createMultipartUpload("e")
        await upload.uploadPart(1, "1")
        await upload.abort()
    assert blobs(tmp_path) == []


async def test_a_refused_part_leaves_no_blob(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        upload = room.env.STORAGE.resumeMultipartUpload("k", "unknown")
        with pytest.raises(BindingError, match="10024"):
            await upload.uploadPart(1, LARGE)
    assert blobs(tmp_path) == []


async def test_parts_left_out_go_when_the_upload_is_completed(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        upload = await room.env.STORAGE.createMultipartUpload("k")
        kept = await upload.uploadPart(1, "kept")
        await upload.uploadPart(2, "left out")
        await upload.complete([kept])
    (blob,) = blobs(tmp_path)
    assert blob.read_bytes() == b"kept"


async def test_small_content_goes_with_its_object(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        for key in ("a", "a", "b", "c"):
            await room.env.STORAGE.put(key, "small")
        await room.env.STORAGE.delete("b")
        await room.env.STORAGE.put("c", LARGE)
    index = apsw.Connection(str(tmp_path / "state/storage/index.sqlite"))
    assert index.execute("SELECT count(*) FROM contents").fetchall() == [(1,)]
    index.close()


async def test_a_stream_is_told_to_stop_when_storage_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = False

    async def endless() -> AsyncIterator[bytes]:
        nonlocal stopped
        try:
            while True:
                yield b"x" * CHUNK
        finally:
            stopped = True

    def full(self: Writer, chunks: Any) -> None:
        raise OSError(28, "No space left on device", str(self.path))

    monkeypatch.setattr(Writer, "append", full)
    async with open_room(tmp_path, KIND) as room:
        with pytest.raises(StateError, match="storage cannot grow: No space left") as caught:
            await room.env.STORAGE.put("k", FixedLengthStream(endless(), CHUNK * 10))
        assert stopped
        assert caught.value.code == "state-full"
        assert await room.env.STORAGE.head("k") is None
    assert blobs(tmp_path) == []


async def test_a_read_keeps_its_blob_until_it_ends(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        await storage.put("k", LARGE)
        readers = [await storage.get("k") for _ in range(4)]
        await storage.delete("k")
        assert await readers[0].bytes() == LARGE
        await readers[1].body.aclose()
        await anext(readers[2].body)
        assert len(blobs(tmp_path)) == 1
        readers.clear()
        gc.collect()
        await storage.put("other", LARGE)
        await (await storage.get("other")).bytes()
        await storage.delete("other")
    assert blobs(tmp_path) == []


async def test_a_read_left_open_at_the_end_is_swept_later(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        await room.env.STORAGE.put("k", LARGE)
        found = await room.env.STORAGE.get("k")
        await anext(found.body)
        await room.env.STORAGE.delete("k")
    assert len(blobs(tmp_path)) == 1
    with pytest.raises(StateError, match="storage is closed"):
        await anext(found.body)
    await found.body.aclose()
    await swept(tmp_path)
    assert blobs(tmp_path) == []


async def swept(root: Path, **options: Any) -> None:
    async with open_room(root, KIND, **options) as room:
        await room.env.STORAGE.head("k")
        await sweep_ended()
        assert room.findings == []


async def sweep_ended() -> None:
    named = {task: getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()}
    await asyncio.gather(*(task for task, name in named.items() if name == "_sweep"))


async def test_the_sweep_takes_only_what_nothing_names(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        await room.env.STORAGE.put("k", LARGE)
        upload = await room.env.STORAGE.createMultipartUpload("parts")
        part = await upload.uploadPart(1, "part")
    kept = blobs(tmp_path)
    folder = kept[0].parent
    orphan = folder / (folder.name + "0" * 30)
    half = folder / (folder.name + "1" * 30 + ".part")
    foreign = folder / "notes.txt"
    for path in (orphan, half, foreign):
        path.write_bytes(b"x")
    await swept(tmp_path)
    assert sorted(blobs(tmp_path)) == sorted([*kept, foreign])
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        assert await (await storage.get("k")).bytes() == LARGE
        await storage.resumeMultipartUpload("parts", upload.uploadId).complete([part])
        assert await (await storage.get("parts")).text() == "part"


async def test_the_sweep_forgets_unfinished_uploads(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        storage, clock = room.env.STORAGE, room.clock
        old = await storage.createMultipartUpload("k")
        await old.uploadPart(1, "old")
        finished = await storage.createMultipartUpload("finished")
        await finished.complete([await finished.uploadPart(1, "x")])
    clock.advance(WEEK + 1)
    await swept(tmp_path, clock=clock)
    assert len(blobs(tmp_path)) == 1
    async with open_room(tmp_path, KIND, clock=clock) as room:
        storage = room.env.STORAGE
        assert await (await storage.get("finished")).text() == "x"
        with pytest.raises(BindingError, match=r"uploadPart: .*10024"):
            await storage.resumeMultipartUpload("k", old.uploadId).uploadPart(1, "x")


async def test_a_sweep_that_fails_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> list[Path]:
        raise OSError(5, "Input/output error", str(folder))

    monkeypatch.setattr(sweep, "_folders", broken)
    async with open_room(tmp_path, KIND) as room:
        await room.env.STORAGE.put("k", "v")
        await sweep_ended()
        (finding,) = room.findings
        assert finding.code == "storage-sweep"
        assert "Input/output error" in finding.message
        assert await (await room.env.STORAGE.get("k")).text() == "v"


async def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    folder = tmp_path / "state/storage/blobs"
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    async with open_room(tmp_path, KIND) as room:
        with pytest.raises(StateError, match="cannot be made"):
            await room.env.STORAGE.head("k")


@pytest.mark.parametrize("size", [10, CHUNK * 3])
async def test_a_cancelled_put_is_whole_or_nothing(tmp_path: Path, size: int) -> None:
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        old, new = b"o" * size, b"n" * size
        for turns in range(25):
            await storage.put("k", old)
            task = asyncio.ensure_future(storage.put("k", new))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await (await storage.get("k")).bytes() in (old, new)
        await storage.delete("k")
    assert blobs(tmp_path) == []


async def test_a_write_under_way_is_finished_before_the_end(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        await storage.put("k", "old")
        task = asyncio.ensure_future(storage.put("k", LARGE))
        while not room.backend._running:
            await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled() or task.done()
    async with open_room(tmp_path, KIND) as room:
        assert await (await room.env.STORAGE.get("k")).bytes() == LARGE
    assert len(blobs(tmp_path)) == 1


async def test_first_calls_at_once_open_it_once(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        await asyncio.gather(*(storage.put(str(number), "v") for number in range(10)))
        assert len((await storage.list()).objects) == 10


async def test_a_cancelled_stream_leaves_nothing(tmp_path: Path) -> None:
    closed, written = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        try:
            yield b"x" * CHUNK
            written.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with open_room(tmp_path, KIND) as room:
        task = asyncio.ensure_future(
            room.env.STORAGE.put("k", FixedLengthStream(slow(), CHUNK * 2))
        )
        await written.wait()
        assert blobs(tmp_path)[0].suffix == ".part"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await closed.wait()
        assert await room.env.STORAGE.head("k") is None
        assert blobs(tmp_path) == []


async def test_a_cancelled_read_loses_no_bytes(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        content = os.urandom(CHUNK * 4 + 1)
        await room.env.STORAGE.put("k", content)
        body = (await room.env.STORAGE.get("k")).body
        received = [await anext(body)]
        task = asyncio.ensure_future(anext(body))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        received += [chunk async for chunk in body._chunks]
        assert b"".join(received) == content


async def test_content_that_was_removed_by_hand(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND) as room:
        storage = room.env.STORAGE
        await storage.put("k", LARGE)
        found = await storage.get("k")
        (blob,) = blobs(tmp_path)
        blob.write_bytes(b"short")
        with pytest.raises(StateError, match="shorter than its object"):
            await found.bytes()
        with pytest.raises(StateError, match="shorter than its object"):
            await storage.get("k", range={"offset": 2, "length": 10})
        blob.unlink()
        with pytest.raises(StateError, match="missing from storage") as caught:
            await (await storage.get("k")).bytes()
        assert caught.value.where == str(blob)
        with pytest.raises(StateError, match="missing from storage"):
            await storage.get("k", range={"length": 10})
        await storage.delete("k")


async def test_a_blob_that_cannot_be_removed_is_left_to_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "in use", str(self))

    async with open_room(tmp_path, KIND) as room:
        await room.env.STORAGE.put("k", LARGE)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", busy)
            backend: Any = room.backend
            store_blobs: Blobs = backend._opened.blobs
            await room.env.STORAGE.delete("k")
            await store_blobs.hop(lambda: None)
            await store_blobs.close()
    assert len(blobs(tmp_path)) == 1
    await swept(tmp_path)
    assert blobs(tmp_path) == []


async def test_an_index_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "state/storage/index.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database" * 100)
    async with open_room(tmp_path, KIND) as room:
        with pytest.raises(StateError, match="is not a SQLite database"):
            await room.env.STORAGE.put("k", "v")
        path.unlink()
        await room.env.STORAGE.put("k", "v")


async def test_two_buckets_in_one_state(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND, Bucket(binding="OTHER")) as room:
        await room.env.OTHER.put("k", LARGE)
        await room.env.STORAGE.delete("k")
        assert (await room.env.OTHER.head("k")).size == len(LARGE)
