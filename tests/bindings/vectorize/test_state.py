from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing

import apsw
import pytest

from aerostack_dev.bindings.vectorize import KIND, Index, file_of
from aerostack_dev.bindings.vectorize.check import check
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Project
from aerostack_dev.errors import BindingError, ConfigError, StateError


def rows(room, name: str = "VECTORIZE") -> int:
    """How many vectors the file holds, as another program sees it."""
    path = room.services.state.root / file_of(name)
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as other:
        return other.execute("SELECT count(*) FROM embeddings").fetchone()[0]


async def test_vectors_survive_a_restart(open_kind):
    async with open_kind() as room:
        index = room.env.VECTORIZE
        await index.upsert([{"id": "a", "values": [1, 2], "metadata": {"x": 1}, "namespace": "n"}])
        last = await index.upsert([{"id": "b", "values": [2, 1]}])
        before = await index.describe()
    async with open_kind() as room:
        index = room.env.VECTORIZE
        assert await index.describe() == before
        assert before.processedUpToMutation == last.mutationId
        assert (await index.query([1, 2], namespace="n")).matches[0].id == "a"
        assert (await index.getByIds(["a"]))[0].metadata == {"x": 1}


async def test_a_write_that_returned_is_in_the_file(room, index):
    await index.upsert([{"id": str(n), "values": [1]} for n in range(100)])
    assert rows(room) == 100
    await index.deleteByIds([str(n) for n in range(60)])
    assert rows(room) == 40


async def test_indexes_are_apart_unless_they_share_a_name(open_kind):
    declared = [
        Index("VECTORIZE", "docs", dimensions=1),
        Index("SAME", "docs"),
        Index("OTHER", "docs.old"),
        Index("NAMED"),
    ]
    async with open_kind(*declared) as room:
        env = room.env
        await env.SAME.upsert([{"id": "a", "values": [1]}])
        assert (await env.VECTORIZE.describe()).vectorCount == 1
        assert (await env.OTHER.describe()).vectorCount == 0
        assert (await env.NAMED.describe()).vectorCount == 0
        locations = [room.bindings.bound[one.binding].location for one in declared]
        assert locations == [
            "vectorize/docs.sqlite",
            "vectorize/docs.sqlite",
            "vectorize/docs.old.sqlite",
            "vectorize/NAMED.sqlite",
        ]
        for location in locations:
            assert (room.services.state.root / location).is_file()


@pytest.mark.parametrize(
    "other",
    [Index("OTHER", "docs", dimensions=3), Index("OTHER", "docs", 2, metric="euclidean")],
)
async def test_bindings_of_one_index_must_agree(open_kind, other):
    with pytest.raises(ConfigError, match=r"V and OTHER declare the index docs differently"):
        async with open_kind(Index("V", "docs", dimensions=2), other):
            pass


async def test_a_shape_that_the_vectors_do_not_have_is_refused(open_kind):
    async with open_kind(Index("V", dimensions=2)) as room:
        await room.env.V.upsert([{"id": "a", "values": [1, 2]}])
    async with open_kind(Index("V", dimensions=3)) as room:
        for _ in range(2):
            with pytest.raises(StateError, match=r"holds vectors with dimensions = 2, and V is"):
                await room.env.V.describe()
    async with open_kind(Index("V", metric="euclidean")) as room:
        with pytest.raises(StateError, match='metric = "cosine"') as caught:
            await room.env.V.query([1, 2])
        assert caught.value.where.endswith("V.sqlite")
        assert 'write metric = "cosine" in [[vectorize]]' in caught.value.hint
    async with open_kind(Index("V")) as room:
        assert (await room.env.V.describe()).dimensions == 2
        await room.env.V.deleteByIds(["a"])
    async with open_kind(Index("V", dimensions=3, metric="euclidean")) as room:
        assert (await room.env.V.describe()).dimensions == 3


async def test_nothing_is_opened_before_it_is_used(open_kind):
    async with open_kind() as room:
        assert not room.services.state.root.exists()


async def test_a_file_that_is_no_database_is_named(room, index):
    path = room.services.state.file(file_of("VECTORIZE"))
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StateError) as caught:
        await index.query([1])
    assert caught.value.where == str(path)
    path.unlink()
    assert (await index.query([1])).count == 0


@pytest.mark.spec("storage 2.9.31")
async def test_with_a_delay_writes_are_seen_later(open_kind):
    clock = ManualClock()
    slow = Index("VECTORIZE", visibility_delay=30)
    async with open_kind(slow, clock=clock) as room:
        index = room.env.VECTORIZE
        first = await index.upsert([{"id": "a", "values": [1, 0]}])
        assert (await index.query([1, 0])).count == 0
        assert (await index.describe()).vectorCount == 0
        assert (await index.describe()).processedUpToMutation is None
        with pytest.raises(BindingError, match=r"40012.*expected 2 dimensions"):
            await index.upsert([{"id": "b", "values": [1]}])
        clock.advance(29)
        await index.insert([{"id": "a", "values": [9, 9]}, {"id": "b", "values": [0, 1]}])
        await index.deleteByIds(["b"])
        assert (await index.getByIds(["a"])) == []
        clock.advance(1)
        assert (await index.query([1, 0])).matches[0].score == 1
        assert await index.describe() == {
            "vectorCount": 1,
            "dimensions": 2,
            "processedUpToDatetime": "2027-01-15T08:00:30.000Z",
            "processedUpToMutation": first.mutationId,
        }
    async with open_kind(slow, clock=clock) as room:
        index = room.env.VECTORIZE
        assert (await index.describe()).vectorCount == 1
        clock.advance(29)
        assert [vector.id for vector in await index.getByIds(["a", "b"])] == ["a"]


async def test_without_the_delay_what_waited_comes_first(open_kind):
    clock = ManualClock()
    async with open_kind(Index("VECTORIZE", visibility_delay=30), clock=clock) as room:
        await room.env.VECTORIZE.upsert([{"id": "a", "values": [1]}])
    async with open_kind(clock=clock) as room:
        assert (await room.env.VECTORIZE.describe()).vectorCount == 0
        await room.env.VECTORIZE.upsert([{"id": "a", "values": [2]}])
        assert (await room.env.VECTORIZE.getByIds(["a"]))[0]["values"] == [2]
        clock.advance(31)
        assert (await room.env.VECTORIZE.getByIds(["a"]))[0]["values"] == [2]


WRITER = """
import asyncio, sys
from pathlib import Path
from aerostack_dev.bindings.vectorize import KIND
from tests.support.rooms import open_room

async def main():
    async with open_room(Path(sys.argv[1]), KIND) as room:
        index = room.env.VECTORIZE
        for batch in range(1000):
            vectors = [{"id": f"{batch}-{n}", "values": [batch, n, 1]} for n in range(20)]
            await index.upsert(vectors)
            await index.query([1, 2, 3])
            await index.deleteByIds([f"{batch}-0"])
            print(batch, flush=True)

asyncio.run(main())
"""


def killed_while_writing(folder) -> int:
    """Kills a process that writes batches; returns how many of them it acknowledged."""
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for line in writer.stdout:
            if int(line) == 12:
                break
        writer.kill()
        return [12, *map(int, writer.stdout.read().split())][-1] + 1


async def test_nothing_acknowledged_is_lost_by_a_kill(open_kind, tmp_path):
    acknowledged = await asyncio.to_thread(killed_while_writing, tmp_path)
    async with open_kind() as room:
        index = room.env.VECTORIZE
        count = (await index.describe()).vectorCount
        whole, extra = divmod(count, 19)
        assert whole >= acknowledged
        assert extra in (0, 1)  # a batch whose deletion did not come any more
        found = await index.query([12, 5, 1], topK=1)
        assert (found.matches[0].id, found.matches[0].score) == ("12-5", 1.0)
        assert await index.getByIds(["12-0"]) == []


def test_a_declared_index_earns_a_word_about_metadata_indexes(tmp_path):
    def findings(*declared):
        sections = {KIND.section.path: declared}
        project = Project(root=tmp_path, file=None, name="t", main=None, sections=sections)
        return [*check(project)]

    assert findings() == []
    (finding,) = findings(Index("V", "docs"))
    assert finding.code == "vectorize-metadata-index"
    assert finding.where == "vectorize[0]"
    assert "create-metadata-index docs" in finding.hint


def test_the_name_of_an_index_has_up_to_64_bytes():
    assert file_of(Index("V", "é" * 32).index_name) == f"vectorize/{'%C3%A9' * 32}.sqlite"
    with pytest.raises(ValueError, match="65 bytes; 64 are allowed"):
        Index("V", "é" * 32 + "x")
    assert file_of("../x") == "vectorize/..%2Fx.sqlite"
