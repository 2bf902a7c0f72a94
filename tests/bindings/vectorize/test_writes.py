from __future__ import annotations

import array
import asyncio
import re
from types import SimpleNamespace

import numpy as np
import pytest

from aerostack_dev.bindings.vectorize import Index
from aerostack_dev.errors import BindingError
from aerostack_dev.runs import Recorded, current_run

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.spec("storage 2.9.1")
async def test_a_write_answers_with_its_mutation_alone(index):
    for answer in (
        await index.insert([{"id": "a", "values": [1, 2]}]),
        await index.upsert([{"id": "a", "values": [1, 2]}]),
        await index.deleteByIds(["a"]),
    ):
        assert list(answer) == ["mutationId"]
        assert UUID.fullmatch(answer.mutationId)


@pytest.mark.spec("storage 2.9.2")
async def test_insert_skips_ids_that_exist(index):
    await index.insert([{"id": "a", "values": [1, 2]}])
    await index.insert([{"id": "a", "values": [3, 4]}, {"id": "b", "values": [5, 6]}])
    await index.insert([{"id": "c", "values": [1, 1]}, {"id": "c", "values": [2, 2]}])
    found = await index.getByIds(["a", "b", "c"])
    assert [vector["values"] for vector in found] == [[1, 2], [5, 6], [1, 1]]


@pytest.mark.spec("storage 2.9.3")
async def test_upsert_replaces_the_whole_record(index):
    await index.upsert([{"id": "a", "values": [1], "metadata": {"x": 1}, "namespace": "n"}])
    await index.upsert([{"id": "a", "values": [2]}])
    assert await index.getByIds(["a"]) == [{"id": "a", "values": [2.0]}]


@pytest.mark.spec("storage 2.9.4")
async def test_the_last_upsert_wins_in_a_batch_too(index):
    await index.upsert([{"id": "a", "values": [1]}])
    await index.upsert([{"id": "a", "values": [2]}])
    assert (await index.getByIds(["a"]))[0]["values"] == [2]
    await index.upsert([{"id": "a", "values": [3]}, {"id": "a", "values": [4]}])
    assert (await index.getByIds(["a"]))[0]["values"] == [4]
    assert (await index.describe()).vectorCount == 1
    assert [match.score for match in (await index.query([1])).matches] == [1]


@pytest.mark.spec("storage 2.9.5")
@pytest.mark.parametrize(
    "values",
    [
        [1.5, 2],
        (1.5, 2),
        array.array("f", [1.5, 2]),
        array.array("d", [1.5, 2]),
        np.array([1.5, 2], np.float32),
        np.array([1.5, 2], np.float64),
        np.array([1.5, 2], np.float16),
        np.array([1.5, 0, 2, 0], np.float32)[::2],
        np.array([1.5, 2], ">f4"),
        memoryview(np.array([1.5, 2])),
        [np.float32(1.5), np.int64(2)],
        {1.5: "any iterable", 2: ""}.keys(),
    ],
    ids=lambda values: type(values).__name__,
)
async def test_values_come_in_any_sequence_of_numbers(index, values):
    await index.upsert([{"id": "a", "values": values}])
    assert (await index.getByIds(["a"]))[0]["values"] == [1.5, 2.0]


async def test_queries_come_in_any_sequence_of_numbers(index):
    await index.upsert([{"id": "a", "values": [1.5, 2]}])
    for vector in ((1.5, 2), np.array([1.5, 2], np.float32), np.array([1.5, 2])):
        assert (await index.query(vector)).matches[0].score == 1
    assert (await index.query(bytes([3, 4]))).count == 1


@pytest.mark.spec("storage 2.9.6")
async def test_values_are_float32(index):
    await index.upsert([{"id": "a", "values": [0.1, 58.8]}])
    assert (await index.getByIds(["a"]))[0]["values"] == [0.10000000149011612, 58.79999923706055]


async def test_a_child_process_may_send_float32_as_bytes(invoke, index):
    values = np.array([0.5, 2], "<f4").tobytes()
    await invoke("upsert", [{"id": "a", "values": values}])
    found = await invoke("query", values, {"returnValues": True})
    assert found["matches"] == [{"id": "a", "score": 1.0, "values": [0.5, 2.0]}]
    with pytest.raises(BindingError, match=r"40026.*7 bytes are not"):
        await invoke("query", b"7 bytes")


async def test_metadata_round_trips(index):
    metadata = {
        "text": "é\x00\\",
        "number": 1.5,
        "integer": 2**53,
        "huge": 2**70,
        "flag": True,
        "none": None,
        "tags": ["a", "b"],
        "nested": {"deep": {"x": 1}},
    }
    await index.upsert([{"id": "a", "values": [1], "metadata": metadata, "namespace": "n"}])
    (vector,) = await index.get_by_ids(["a"])
    assert vector == {"id": "a", "values": [1.0], "metadata": metadata, "namespace": "n"}
    assert vector.metadata.nested.deep.x == 1


@pytest.mark.spec("storage 2.9.25")
async def test_one_long_id_refuses_the_whole_batch(index):
    with pytest.raises(BindingError) as caught:
        await index.upsert([{"id": "a", "values": [1]}, {"id": "é" * 32 + "x", "values": [1]}])
    assert str(caught.value) == (
        "VECTOR_UPSERT_ERROR (code = 40008): id too long; max is 64 bytes, got 65 bytes"
    )
    assert (caught.value.code, str(caught.value.__cause__)) == (
        "40008",
        "id too long; max is 64 bytes, got 65 bytes",
    )
    assert (await index.describe()).vectorCount == 0
    await index.upsert([{"id": "é" * 32, "values": [1]}])


REFUSED = [
    ({"id": "", "values": [1]}, "VECTOR_INSERT_ERROR: an id must not be empty"),
    ({"id": 5, "values": [1]}, r"\(code = 40023\).*id: expected a string"),
    ({"values": [1]}, r"\(code = 40023\).*id: expected a string"),
    ({"id": "\ud800", "values": [1]}, r"\(code = 40023\): failed to parse insert vectors"),
    ("a", r"\(code = 40023\).*expected an object"),
    ({"id": "a", "values": [1, "2"]}, r'\(code = 40023\).*id="a": expected a number at 1'),
    ({"id": "a", "values": [True]}, r"\(code = 40023\).*expected a number at 0, got bool"),
    ({"id": "a", "values": "12"}, r"\(code = 40023\).*expected a number at 0, got str"),
    ({"id": "a", "values": [float("nan")]}, r"\(code = 40023\).*expected finite numbers"),
    ({"id": "a", "values": [1e39]}, r"\(code = 40023\).*out of the range of float32"),
    ({"id": "a", "values": [10**400]}, r"\(code = 40023\).*out of the range of float32"),
    ({"id": "a", "values": []}, r'\(code = 40012\): invalid vector for id="a", expected 1 to 1536'),
    ({"id": "a", "values": [0] * 1537}, r"\(code = 40012\).* and got 1537 dimensions"),
    ({"id": "a", "values": {}}, r"\(code = 40012\).* and got 0 dimensions"),
    ({"id": "a", "values": [1], "namespace": 5}, r"\(code = 40023\).*namespace"),
    ({"id": "a", "values": [1], "namespace": "\ud800"}, r"\(code = 40023\).*namespace"),
    (
        {"id": "a", "values": [1], "namespace": "n" * 65},
        "VECTOR_INSERT_ERROR: namespace too long; max is 64 bytes, got 65 bytes",
    ),
    ({"id": "a", "values": [1], "metadata": 5}, r"\(code = 40023\).*expected an object"),
    ({"id": "a", "values": [1], "metadata": {"x": b""}}, r"\(code = 40023\).*JSON"),
    ({"id": "a", "values": [1], "metadata": {"x": "\ud800"}}, r"\(code = 40023\)"),
]  # fmt: skip


@pytest.mark.parametrize(("vector", "text"), REFUSED)
async def test_what_is_no_vector_is_refused_and_nothing_is_kept(index, vector, text):
    with pytest.raises(BindingError, match=text):
        await index.insert([{"id": "first", "values": [1]}, vector])
    assert (await index.describe()).vectorCount == 0


@pytest.mark.parametrize("key", ["", "a.b", '"', "$a", "nested"])
async def test_keys_of_metadata_have_rules(index, key):
    metadata = {"list": [{"ok": {"a.b": 1}}]} if key == "nested" else {key: 1}
    with pytest.raises(BindingError, match=r"40023.*must not be empty"):
        await index.upsert([{"id": "a", "values": [1], "metadata": metadata}])


async def test_metadata_is_up_to_10240_bytes_of_json(index):
    async def write(size):
        metadata = {"x": "y" * (size - len('{"x":""}'))}
        await index.upsert([{"id": "a", "values": [1], "metadata": metadata}])

    await write(10240)
    with pytest.raises(BindingError) as caught:
        await write(10241)
    assert str(caught.value) == (
        'VECTOR_UPSERT_ERROR (code = 40016): oversized metadata for vector id="a"; the compact '
        "JSON representation of the metadata must not exceed 10240 bytes, got 10241 bytes"
    )


async def test_metadata_is_not_nested_without_end(index):
    deep = {"x": 1}
    for _ in range(120):
        deep = {"x": deep}
    with pytest.raises(BindingError, match=r"40023"):
        await index.upsert([{"id": "a", "values": [1], "metadata": deep}])


@pytest.mark.parametrize("method", ["insert", "upsert"])
async def test_misuse_has_the_texts_of_the_platform(index, method):
    write = getattr(index, method)
    for wrong in (None, "a", {"id": "a"}, 5):
        with pytest.raises(TypeError, match=r"^vectors.map is not a function$"):
            await write(wrong)
    with pytest.raises(TypeError, match=r"^undefined is not iterable \(cannot read property"):
        await write([{"id": "a"}])


async def test_a_batch_has_up_to_1000_vectors(index):
    vectors = [{"id": str(n), "values": [n + 1]} for n in range(1001)]
    await index.upsert(vectors[:1000])
    with pytest.raises(BindingError, match="max vector count is 1000, got 1001"):
        await index.insert(vectors)
    assert (await index.describe()).vectorCount == 1000
    await index.insert([])
    await index.upsert(vector for vector in vectors[1000:])
    assert (await index.describe()).vectorCount == 1001


async def test_dimensions_come_from_the_first_vector_written(open_kind):
    async with open_kind() as room:
        index = room.env.VECTORIZE
        assert (await index.describe()).dimensions is None
        assert await index.query([1, 2, 3]) == {"matches": [], "count": 0}
        with pytest.raises(BindingError, match=r'40012.*id="b", expected 2 dimensions, and got 3'):
            await index.upsert([{"id": "a", "values": [1, 2]}, {"id": "b", "values": [1, 2, 3]}])
        assert (await index.describe()).dimensions is None
        await index.upsert([{"id": "a", "values": [1, 2]}])
        assert (await index.describe()).dimensions == 2
    async with open_kind() as room:
        index = room.env.VECTORIZE
        with pytest.raises(BindingError, match=r"VECTOR_INSERT_ERROR \(code = 40012\): invalid"):
            await index.insert([{"id": "b", "values": [1]}])


async def test_configured_dimensions_hold_from_the_start(open_kind):
    async with open_kind(Index("VECTORIZE", dimensions=2)) as room:
        index = room.env.VECTORIZE
        assert (await index.describe()).dimensions == 2
        with pytest.raises(BindingError, match=r"40012.*expected 2 dimensions, and got 1"):
            await index.insert([{"id": "b", "values": [1]}])
        with pytest.raises(BindingError, match=r"40006.*expected 2 dimensions, and got 1"):
            await index.query([1])


@pytest.mark.spec("storage 2.9.26")
async def test_missing_ids_are_left_out(index):
    await index.upsert([{"id": "a", "values": [1]}, {"id": "b", "values": [2]}])
    assert [vector.id for vector in await index.getByIds(["x", "a"])] == ["a"]
    assert [vector.id for vector in await index.getByIds(("b", "a", "b"))] == ["b", "a"]
    await index.deleteByIds(["x", "a"])
    assert await index.getByIds(["a"]) == []
    assert [match.id for match in (await index.query([1])).matches] == ["b"]


@pytest.mark.spec("storage 2.9.27")
async def test_calls_about_ids_have_limits(index):
    ids = [str(n) for n in range(101)]
    await index.getByIds(ids[:20])
    await index.deleteByIds(ids[:100])
    with pytest.raises(BindingError) as caught:
        await index.getByIds(ids[:21])
    assert str(caught.value) == (
        "VECTOR_GET_ERROR (code = 40007): too many ids in payload; max id count is 20, got 21"
    )
    with pytest.raises(BindingError) as caught:
        await index.delete_by_ids(ids)
    assert str(caught.value) == (
        "VECTOR_DELETE_ERROR (code = 40007): too many ids in payload; max id count is 100, got 101"
    )
    for wrong in ("a", [5], None):
        with pytest.raises(BindingError, match=r"40026"):
            await index.getByIds(wrong)
    with pytest.raises(BindingError, match=r"40008"):
        await index.getByIds(["x" * 65])


@pytest.mark.spec("storage 2.9.29")
async def test_describe_tells_the_last_mutation(room, index):
    assert await index.describe() == {
        "vectorCount": 0,
        "dimensions": None,
        "processedUpToDatetime": None,
        "processedUpToMutation": None,
    }
    await index.upsert([{"id": "a", "values": [1, 2]}])
    room.clock.advance(1.5)
    last = await index.insert([{"id": "b", "values": [1, 2]}])
    assert await index.describe() == {
        "vectorCount": 2,
        "dimensions": 2,
        "processedUpToDatetime": "2027-01-15T08:00:01.500Z",
        "processedUpToMutation": last.mutationId,
    }


@pytest.mark.spec("storage 2.9.30")
async def test_listing_is_not_on_the_binding(index):
    assert not hasattr(index, "list")


async def test_a_listing_has_pages_for_the_command_line(index, invoke):
    empty = await invoke("list")
    assert (empty["vectors"], empty["isTruncated"], empty["nextCursor"]) == ([], False, None)
    await index.upsert([{"id": str(n), "values": [1]} for n in range(5)])
    page = await invoke("list", {"count": 2})
    assert page["vectors"] == [{"id": "0"}, {"id": "1"}]
    assert (page["count"], page["totalCount"], page["isTruncated"]) == (2, 5, True)
    await index.upsert([{"id": "later", "values": [1]}])
    page = await invoke("list", {"count": 3, "cursor": page["nextCursor"]})
    assert [vector["id"] for vector in page["vectors"]] == ["2", "3", "4"]
    assert (page["isTruncated"], page["nextCursor"]) == (False, None)
    for wrong in ({"count": 1001}, {"count": -1}, {"count": "5"}, {"cursor": "nonsense"}):
        with pytest.raises(BindingError):
            await invoke("list", wrong)


async def test_the_trace_tells_what_a_call_was_about(index):
    spans = []
    token = current_run.set(Recorded(SimpleNamespace(begin=spans.append)))
    try:
        await index.upsert([{"id": "a", "values": [1]}, {"id": "b", "values": [1]}])
        await index.query([1])
        await index.getByIds(["a", "b"])
        with pytest.raises(TypeError):
            await index.insert(None)
    finally:
        current_run.reset(token)
    assert [(span.operation, span.subject) for span in spans] == [
        ("upsert", "2 vectors"),
        ("query", ""),
        ("getByIds", "a, b"),
        ("insert", ""),
    ]


async def test_concurrent_writes_and_queries(index):
    async def work(n):
        await index.upsert([{"id": f"{n}-{m}", "values": [n, m, 1]} for m in range(10)])
        found = await index.query([n, 3, 1])
        assert found.matches[0].id == f"{n}-3"
        await index.deleteByIds([f"{n}-3"])
        assert f"{n}-3" not in [match.id for match in (await index.query([n, 3, 1])).matches]

    await asyncio.gather(*(work(n) for n in range(1, 13)))
    assert (await index.describe()).vectorCount == 12 * 9
