from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.vectorize import KIND
from aerostack_dev.bindings.vectorize.filters import parse
from aerostack_dev.errors import BindingError
from tests.support.rooms import open_room

FEW = settings(max_examples=100, deadline=None)


async def matching(index, wanted, **options) -> set[str]:
    found = await index.query([1, 0], filter=wanted, topK=100, **options)
    return {match.id for match in found.matches}


async def keep(index, **metadata: Any) -> None:
    """A vector for each of `metadata`, its id the keyword."""
    await index.upsert(
        [{"id": name, "values": [1, 1], "metadata": value} for name, value in metadata.items()]
    )


@pytest.mark.spec("storage 2.9.16")
async def test_a_filter_comes_before_top_k(index):
    near = [{"id": f"near{n}", "values": [1, 0], "metadata": {"a": 2}} for n in range(100)]
    far = [{"id": f"far{n}", "values": [-1, n], "metadata": {"a": 1}} for n in range(5)]
    await index.upsert([*near, *far])
    found = await index.query([1, 0], topK=3, filter={"a": 1})
    assert [match.id for match in found.matches] == ["far4", "far3", "far2"]


@pytest.mark.spec("storage 2.9.17")
async def test_a_dot_walks_into_objects(index):
    await keep(index, yes={"a": {"b": "x"}}, no={"a": {"b": "y"}}, flat={"a": "x"}, none=None)
    assert await matching(index, {"a.b": "x"}) == {"yes"}


@pytest.mark.spec("storage 2.9.18")
async def test_one_lower_and_one_upper_bound(index):
    await keep(index, **{f"n{n}": {"n": n} for n in range(5)})
    assert await matching(index, {"n": {"$gte": 1, "$lt": 3}}) == {"n1", "n2"}
    assert await matching(index, {"n": {"$lte": 3, "$gt": 1}}) == {"n2", "n3"}


@pytest.mark.spec("storage 2.9.19")
async def test_values_are_exact_in_type(index):
    await keep(index, number={"n": 1}, float={"n": 1.0}, text={"n": "1"}, flag={"n": True})
    assert await matching(index, {"n": {"$in": [1, "1"]}}) == {"number", "float", "text"}
    assert await matching(index, {"n": {"$in": [1]}}) == {"number", "float"}
    assert await matching(index, {"n": "1"}) == {"text"}
    assert await matching(index, {"n": True}) == {"flag"}
    assert await matching(index, {"n": {"$gte": 0}}) == {"number", "float"}
    assert await matching(index, {"n": {"$gte": "0"}}) == {"text"}


@pytest.mark.spec("storage 2.9.20")
async def test_an_empty_filter_is_an_error(index):
    with pytest.raises(BindingError, match=r"^VECTOR_QUERY_ERROR: filter: expected a non-empty"):
        await index.query([1, 0], filter={})
    assert (await index.query([1, 0], filter=None)).count == 0


async def test_every_property_can_be_filtered_by_at_once(index):
    await keep(index, early={"x": 1})
    assert await matching(index, {"x": 1}) == {"early"}
    await keep(index, early={"x": 2})
    assert await matching(index, {"x": 1}) == set()
    assert await matching(index, {"x": 2}) == {"early"}


async def test_what_is_missing_counts_as_null(index):
    await keep(index, bare=None, empty={}, null={"x": None}, other={"x": "b"}, here={"x": "a"})
    missing = {"bare", "empty", "null"}
    assert await matching(index, {"x": None}) == missing
    assert await matching(index, {"x": {"$ne": None}}) == {"other", "here"}
    assert await matching(index, {"x": {"$ne": "a"}}) == missing | {"other"}
    assert await matching(index, {"x": {"$nin": ["a", "b"]}}) == missing
    assert await matching(index, {"x": {"$in": ["a", None]}}) == missing | {"here"}
    assert await matching(index, {"x": {"$in": []}}) == set()
    assert len(await matching(index, {"x": {"$nin": []}})) == 5


async def test_a_namespace_comes_before_the_filter(index):
    await index.upsert(
        [
            {"id": "in", "values": [1, 0], "metadata": {"a": 1}, "namespace": "n"},
            {"id": "out", "values": [1, 0], "metadata": {"a": 1}},
            {"id": "no", "values": [1, 0], "metadata": {"a": 2}, "namespace": "n"},
        ]
    )
    assert await matching(index, {"a": 1}, namespace="n") == {"in"}


async def test_many_conditions_and_values(index):
    await keep(index, a={"n": 999})
    assert await matching(index, {"n": {"$in": [*range(500), 999]}}) == {"a"}
    many = {f"{n:x}": 1 for n in range(280)}
    await keep(index, b=many)
    assert await matching(index, many) == {"b"}


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ([], "expected a non-empty object"),
        ("a", "expected a non-empty object"),
        ({"a": {}}, "a: expected an operator, got an empty object"),
        ({"a": [1]}, "expected a string, number, boolean or null, got an array"),
        ({"a": {"b": 1}}, "unknown operator 'b'"),
        ({"a": {"$like": 1}}, "unknown operator '\\$like', expected \\$eq"),
        ({"a": {"$eq": {}}}, "got an object"),
        ({"a": {"$in": 1}}, "a.\\$in: expected an array, got 1"),
        ({"a": {"$nin": [[1]]}}, "got an array"),
        ({"a": {"$lt": None}}, "a.\\$lt: expected a string or number, got null"),
        ({"a": {"$gt": True}}, "expected a string or number, got true"),
        ({"a": {"$gt": 1, "$gte": 2}}, "only one lower bound"),
        ({"a": {"$gt": 1, "$ne": 2}}, "only one lower bound"),
        ({"a": {"$gt": 1, "$lt": 2, "$lte": 2}}, "only one lower bound"),
        ({"": 1}, "a key must not be empty"),
        ({"$a": 1}, "nor begin with"),
        ({'a"': 1}, "must not hold"),
        ({"x" * 513: 1}, "512 characters, got 513"),
        ({"a": "x" * 2041}, "smaller than 2048 bytes, got 2049 bytes"),
        ({"a": b""}, "not JSON"),
        ({"a": "\ud800"}, "not JSON"),
    ],
)
async def test_what_is_no_filter_is_refused(index, wanted, text):
    with pytest.raises(BindingError, match=text):
        await index.query([1, 0], filter=wanted)


def test_the_limits_of_filters_are_inclusive():
    parse({"x" * 512: 1})
    parse({"a": "x" * (2047 - len('{"a":""}'))})


KEYS = st.sampled_from(["a", "b", "é", "\\", "x y", "\x01"])
NUMBERS = st.integers(-3, 3) | st.sampled_from(
    [0.5, -1.5, 1e300, 2**53, 2**53 + 1, -(2**62), 2**70]
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "a", "b", "é", "a\x00b", "1"])
METADATA = st.dictionaries(
    KEYS,
    SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(KEYS, SCALARS, max_size=2),
    max_size=3,
)
PATHS = st.lists(KEYS, min_size=1, max_size=2).map(".".join)
BOUNDS = st.tuples(st.sampled_from(["$lt", "$lte", "$gt", "$gte"]), SCALARS.filter(
    lambda value: isinstance(value, (int, float, str)) and not isinstance(value, bool)
))  # fmt: skip
OPERATIONS = (
    SCALARS
    | st.tuples(st.sampled_from(["$eq", "$ne"]), SCALARS).map(lambda pair: dict([pair]))
    | st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, max_size=3)).map(
        lambda pair: dict([pair])
    )
    | BOUNDS.map(lambda pair: dict([pair]))
)
FILTERS = st.dictionaries(PATHS, OPERATIONS, min_size=1, max_size=2)


def same(one: Any, other: Any) -> bool:
    kinds = [str, bool, type(None)]
    if any(isinstance(value, kind) for value in (one, other) for kind in kinds):
        return type(one) is type(other) and one == other
    return not isinstance(one, (list, dict)) and one == other


def compared(operator: str, value: Any, bound: Any) -> bool:
    texts = isinstance(value, str), isinstance(bound, str)
    if texts != (True, True) and (
        any(texts) or value is None or isinstance(value, (bool, list, dict))
    ):
        return False
    return {
        "$lt": value < bound,
        "$lte": value <= bound,
        "$gt": value > bound,
        "$gte": value >= bound,
    }[operator]


def meets(metadata: Any, conditions: dict[str, Any]) -> bool:
    """The meaning of a filter, spelled out plainly."""
    for path, wanted in conditions.items():
        value = metadata
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        for operator, operand in (wanted if isinstance(wanted, dict) else {"$eq": wanted}).items():
            if operator in ("$eq", "$ne"):
                met = same(value, operand) is (operator == "$eq")
            elif operator in ("$in", "$nin"):
                met = any(same(value, item) for item in operand) is (operator == "$in")
            else:
                met = compared(operator, value, operand)
            if not met:
                return False
    return True


@pytest.fixture(scope="module")
def within(tmp_path_factory):
    """Runs a test's coroutine with an index that all examples share."""
    root = tmp_path_factory.mktemp("vectorize")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        room = runner.run(stack.enter_async_context(open_room(root, KIND)))
        yield lambda test: runner.run(test(room.env.VECTORIZE))
        runner.run(stack.aclose())


@FEW
@given(documents=st.lists(METADATA | st.none(), min_size=8, max_size=8), conditions=FILTERS)
def test_filters_mean_what_the_plain_model_says(within, documents, conditions):
    async def test(index):
        await keep(index, **{str(n): metadata for n, metadata in enumerate(documents)})
        assert await matching(index, conditions) == {
            str(n) for n, metadata in enumerate(documents) if meets(metadata, conditions)
        }

    within(test)
