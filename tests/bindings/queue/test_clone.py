"""The content type `v8` in Python: values come back as they were."""

from __future__ import annotations

import datetime
import decimal
import math
import re
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.queue import clone

hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
values = st.recursive(
    hashable | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.sets(hashable, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_values_come_back(value: Any) -> None:
    found = clone.loads(clone.dumps(value))
    assert found == value
    assert shape(found) == shape(value)


def shape(value: Any) -> Any:
    """The types inside, which equality does not tell (True == 1 == 1.0)."""
    kind = dict if isinstance(value, dict) else type(value)
    if isinstance(value, dict):
        return kind, [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return kind, [shape(item) for item in value]
    return kind


def test_what_json_cannot_say() -> None:
    value = [math.inf, -math.inf, -0.0, 2**64, -(2**53) - 1, "\ud800", 10**5000]
    found = clone.loads(clone.dumps(value))
    assert found == value
    assert math.copysign(1, found[2]) == -1
    assert math.isnan(clone.loads(clone.dumps(math.nan)))


def test_a_pattern() -> None:
    found = clone.loads(clone.dumps(re.compile("a+", re.IGNORECASE)))
    assert found.fullmatch("AA")


def test_the_second_of_two_equal_times() -> None:
    moment = datetime.datetime(2026, 10, 25, 2, 30, fold=1)  # noqa: DTZ001 - naive is the case
    assert clone.loads(clone.dumps(moment)).fold == 1


def test_the_same_value_twice_and_cycles() -> None:
    shared: list[Any] = [1]
    circle: dict[str, Any] = {"one": shared, "two": shared}
    circle["self"] = (circle,)
    found = clone.loads(clone.dumps(circle))
    assert found["one"] is found["two"]
    assert found["self"][0] is found
    assert found.one == [1]


def test_depth_does_not_matter() -> None:
    value: list[Any] = []
    for _ in range(20_000):
        value = [value]
    found = clone.loads(clone.dumps(value))
    depth = 0
    while found:
        (found,) = found
        depth += 1
    assert depth == 20_000


@pytest.mark.parametrize("value", [len, object(), [lambda: None], {"x": 1j}, ValueError("x" * 99)])
def test_what_cannot_be_cloned(value: Any) -> None:
    with pytest.raises(TypeError, match=r"could not be cloned\.$") as refused:
        clone.dumps(value)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"nonsense",
        b"{}",
        b'[["list",[7]]]',
        b'[["nobody",1]]',
        b'[["list"]]',
        b'[["int","x"]]',
        b'[["dict",[[1,1]]],["list",[]]]',
        b'[["tuple",[0]]]',
        b'[["decimal","x"]]',
        b'[["pattern",[1,0]],"("]',
        b'[["list",5]]',
        b'[[["list"],1]]',
    ],
)
def test_a_damaged_body(body: bytes) -> None:
    with pytest.raises(ValueError, match="body is damaged"):
        clone.loads(clone.MARK + body)


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_any_other_bytes(body: bytes) -> None:
    with pytest.raises(ValueError, match="clone of another language's value"):
        clone.loads(b"\xff\x0f" + body)


def test_identifiers_and_decimals_keep_their_type() -> None:
    value = [uuid.UUID(int=5), decimal.Decimal("1.10")]
    assert [str(item) for item in clone.loads(clone.dumps(value))] == [str(item) for item in value]
