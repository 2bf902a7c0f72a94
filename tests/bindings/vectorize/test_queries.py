from __future__ import annotations

import math

import pytest

from aerostack_dev.bindings.vectorize import KIND, Index
from aerostack_dev.errors import BindingError


@pytest.fixture
async def ten(index):
    """Ten vectors; the nearest to [1, 0] is "0", then "1" and so on."""
    await index.upsert(
        [
            {"id": str(n), "values": [10, n], "metadata": {"n": n}, "namespace": f"n{n % 2}"}
            for n in range(10)
        ]
    )
    return index


def ids(found) -> list[str]:
    return [match.id for match in found.matches]


@pytest.mark.spec("storage 2.9.7")
async def test_without_options_there_are_five_bare_matches(index):
    await index.upsert([{"id": str(n), "values": [10, n], "metadata": {"n": n}} for n in range(10)])
    found = await index.query([1, 0])
    assert found["count"] == 5
    assert [set(match) for match in found.matches] == [{"id", "score"}] * 5
    assert ids(found) == list("01234")


@pytest.mark.spec("storage 2.9.8")
async def test_top_k_is_at_most_100(index):
    await index.upsert([{"id": str(n), "values": [10, n]} for n in range(120)])
    assert (await index.query([1, 0], {"topK": 100})).count == 100
    assert (await index.query([1, 0], top_k=3)).count == 3
    with pytest.raises(BindingError, match=r"^VECTOR_QUERY_ERROR: max top K is 100, but got 101$"):
        await index.query([1, 0], topK=101)
    for wrong in (0, -1, 1.5, "5", True):
        with pytest.raises(BindingError, match=r"40026.*topK: expected an integer from 1 to 100"):
            await index.query([1, 0], topK=wrong)
    assert (await index.query([1, 0], topK=2.0)).count == 2
    assert (await index.query([1, 0], topK=None)).count == 5


@pytest.mark.spec("storage 2.9.9")
@pytest.mark.parametrize("whole", [{"returnValues": True}, {"returnMetadata": "all"}])
async def test_top_k_is_at_most_50_with_values_or_all_metadata(ten, whole):
    assert (await ten.query([1, 0], {"topK": 50, **whole})).count == 10
    with pytest.raises(BindingError) as caught:
        await ten.query([1, 0], {"topK": 51, **whole})
    assert str(caught.value) == (
        "VECTOR_QUERY_ERROR (code = 40025): with returnValues=true or returnMetadata=all, max "
        "top K is 50, but got 51; for a top K up to 100, retry with returnValues=false and "
        "returnMetadata=indexed"
    )
    assert (await ten.query([1, 0], topK=51, returnMetadata="indexed")).count == 10


@pytest.mark.spec("storage 2.9.10")
async def test_true_means_all_metadata_and_changes_the_callers_options(ten):
    for name in ("returnMetadata", "return_metadata"):
        options = {name: True, "topK": 1}
        found = await ten.query([1, 0], options)
        assert found.matches[0].metadata == {"n": 0}
        assert options == {name: "all", "topK": 1}


@pytest.mark.spec("storage 2.9.11")
async def test_false_is_none_with_a_warning_said_once(room, ten):
    for _ in range(2):
        found = await ten.query([1, 0], {"returnMetadata": False})
        assert "metadata" not in found.matches[0]
    (finding,) = room.findings
    assert finding.code == "vectorize-return-metadata"
    assert "40026" in finding.message


@pytest.mark.spec("storage 2.9.12")
async def test_another_return_metadata_is_an_error(index):
    with pytest.raises(BindingError) as caught:
        await index.query([1, 0], returnMetadata="foo")
    assert str(caught.value) == (
        'Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; got: foo'
    )


async def test_indexed_metadata_is_cut_to_64_bytes(index):
    metadata = {"long": "x" * 100, "wide": "é" * 31 + "xyz", "n": 5, "in": {"deep": ["y" * 70]}}
    metadata["cut"] = "é" * 31 + "x" + "é"
    await index.upsert([{"id": "a", "values": [1], "metadata": metadata}])
    assert (await index.query([1], returnMetadata="indexed")).matches[0].metadata == {
        "long": "x" * 64,
        "wide": "é" * 31 + "xy",
        "n": 5,
        "in": {"deep": ["y" * 64]},
        "cut": "é" * 31 + "x",
    }
    assert (await index.query([1], returnMetadata="all")).matches[0].metadata == metadata


@pytest.mark.spec("storage 2.9.14")
async def test_cosine_of_the_same_is_one(index):
    await index.upsert(
        [
            {"id": "far", "values": [-0.1, -0.7, -1.3]},
            {"id": "near", "values": [0.1, 0.7, 1.2]},
            {"id": "same", "values": [0.1, 0.7, 1.3]},
            {"id": "nothing", "values": [0, 0, 0]},
        ]
    )
    found = (await index.query([0.1, 0.7, 1.3], returnValues=True)).matches
    assert [(match.id, match.score) for match in (found[0], *found[2:])] == [
        ("same", 1.0),
        ("nothing", 0.0),
        ("far", -1.0),
    ]
    assert found[1].id == "near"
    assert 0.99 < found[1].score < 1
    assert found[0]["values"] == pytest.approx([0.1, 0.7, 1.3])


@pytest.mark.spec("storage 2.9.15")
async def test_euclidean_is_a_distance_and_the_least_is_first(open_kind):
    async with open_kind(Index("VECTORIZE", metric="euclidean")) as room:
        index = room.env.VECTORIZE
        await index.upsert([{"id": str(n), "values": [0.1 + 3 * n, 4 * n]} for n in range(8)])
        found = (await index.query([0.1, 0])).matches
        assert (found[0].id, found[0].score) == ("0", 0.0)
        assert [match.score for match in found] == pytest.approx([0, 5, 10, 15, 20])


async def test_dot_product_is_negative_and_the_least_is_first(open_kind):
    async with open_kind(Index("VECTORIZE", metric="dot-product")) as room:
        index = room.env.VECTORIZE
        await index.upsert([{"id": str(n), "values": [n, -n]} for n in range(4)])
        found = (await index.query([2, 0])).matches
        assert [(match.id, match.score) for match in found] == [
            ("3", -6),
            ("2", -4),
            ("1", -2),
            ("0", 0),
        ]
        assert math.copysign(1, found[3].score) == 1


async def test_equal_scores_keep_the_order_of_writing(index):
    await index.upsert([{"id": str(n), "values": [1, 1]} for n in range(50)])
    assert ids(await index.query([1, 1])) == list("01234")


@pytest.mark.spec("storage 2.9.22")
async def test_without_a_namespace_all_are_searched(ten):
    found = await ten.query([1, 0], topK=3)
    assert [(match.id, match.namespace) for match in found.matches] == [
        ("0", "n0"),
        ("1", "n1"),
        ("2", "n0"),
    ]


@pytest.mark.spec("storage 2.9.23")
async def test_a_namespace_is_searched_alone_and_an_id_is_in_one(ten):
    assert ids(await ten.query([1, 0], namespace="n1")) == list("13579")
    assert ids(await ten.query([1, 0], namespace="n")) == []
    await ten.upsert([{"id": "1", "values": [10, 1], "namespace": "n0"}])
    assert ids(await ten.query([1, 0], namespace="n1")) == list("3579")
    assert ids(await ten.query([1, 0], namespace="n0", topK=2)) == ["0", "1"]
    assert ids(await ten.query([1, 0], namespace="", topK=2)) == ["0", "1"]
    with pytest.raises(BindingError, match="max is 64 bytes, got 65"):
        await ten.query([1, 0], namespace="n" * 65)
    with pytest.raises(BindingError, match=r"40026.*namespace: expected a string"):
        await ten.query([1, 0], namespace=5)


@pytest.mark.spec("storage 2.9.24")
async def test_a_query_of_other_dimensions_is_refused(ten):
    with pytest.raises(BindingError) as caught:
        await ten.query([1, 2, 3])
    text = "invalid query vector, expected 2 dimensions, and got 3 dimensions"
    assert str(caught.value) == f"VECTOR_QUERY_ERROR (code = 40006): {text}"
    assert caught.value.code == "40006"
    assert str(caught.value.__cause__) == text


@pytest.mark.spec("storage 2.9.28")
async def test_an_object_as_the_vector_is_an_empty_one(ten):
    with pytest.raises(BindingError, match=r"40006.*expected 2 dimensions, and got 0"):
        await ten.query({"vector": [1, 0]})
    with pytest.raises(BindingError, match=r"40006.*expected 2 dimensions, and got 0"):
        await ten.query(5)


async def test_no_vector_and_no_numbers(ten):
    with pytest.raises(TypeError, match=r"^undefined is not iterable"):
        await ten.query(None)
    with pytest.raises(BindingError, match=r"40026.*vector: expected a number at 1, got str"):
        await ten.query([1, "2"])
    with pytest.raises(BindingError, match=r"40026.*vector: expected finite numbers"):
        await ten.query([1, math.inf])


async def test_query_by_id_takes_the_stored_values(ten):
    found = await ten.queryById("3", {"topK": 1, "returnValues": True, "returnMetadata": "all"})
    assert found == {
        "matches": [
            {
                "id": "3",
                "score": 1.0,
                "values": [10.0, 3.0],
                "metadata": {"n": 3},
                "namespace": "n1",
            }
        ],
        "count": 1,
    }
    with pytest.raises(BindingError, match=r'^VECTOR_QUERY_ERROR: no vector with id="x"$'):
        await ten.query_by_id("x")
    with pytest.raises(BindingError, match=r"40026.*vectorId"):
        await ten.query_by_id(None)


async def test_unknown_keywords_are_a_type_error(ten):
    with pytest.raises(TypeError, match="unknown option 'top'"):
        await ten.query([1, 0], top=5)
    assert (await ten.query([1, 0], {"top": 1})).count == 5


def test_the_default_binding_is_always_there():
    assert KIND.default == "VECTORIZE"
    assert KIND.section.shape(binding="VECTORIZE") == Index(binding="VECTORIZE")


async def test_it_says_what_it_is(index):
    assert repr(index) == "<vector index VECTORIZE>"
