"""Values cross a boundary and come back the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.wire import (
    Record,
    at_hand,
    close_chunks,
    dumps,
    loads,
    pack,
    record,
    taken,
    unpack,
)

wire_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["$bytes", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=100)
@given(wire_values)
def test_what_is_packed_comes_back(value):
    assert unpack(pack(value)) == value


def test_bytes_of_every_kind_are_packed():
    assert unpack(pack([bytearray(b"a"), memoryview(b"b")])) == [b"a", b"b"]


@pytest.mark.parametrize("text", [b"{", b'{"$bytes":"*"}', b"\xff"])
def test_what_was_not_packed_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        unpack(text)


def test_json_is_written_as_the_platform_would():
    value = {"nan": float("nan"), "when": datetime(2026, 1, 2, tzinfo=UTC), "t": (1, 2)}
    assert dumps(value) == b'{"nan":null,"when":"2026-01-02T00:00:00Z","t":[1,2]}'
    assert loads(b'{"a":[1]}') == {"a": [1]}


@pytest.mark.parametrize("value", [b"x", {"a": [b"x"]}, memoryview(b"x")])
def test_json_holds_no_bytes(value):
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        dumps(value)


def test_a_record_answers_by_item_and_by_attribute():
    result = record({"meta": {"changes": 1}, "results": [{"id": 7}], "keys": 3})
    assert result.meta.changes == result["meta"]["changes"] == 1
    assert result.results[0].id == 7
    assert result["keys"] == 3
    assert callable(result.keys)
    assert isinstance(result, Record)


def test_a_name_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(AttributeError, match="no 'rows' in this result; it has: results, meta"):
        _ = Record(results=[], meta={}).rows


async def test_bytes_at_hand_are_read_or_taken_once():
    stream = at_hand(b"abc")
    assert stream.size == 3
    assert taken(stream.chunks) == b"abc"
    assert [piece async for piece in stream.chunks] == []
    read = at_hand(b"abc").chunks
    assert [piece async for piece in read] == [b"abc"]
    assert taken(read) == b""
    left = at_hand(b"abc").chunks
    await close_chunks(left)
    assert taken(left) == b""
    assert [piece async for piece in at_hand(b"").chunks] == []


async def test_what_has_to_be_waited_for_is_not_taken():
    async def pieces():
        yield b"abc"

    assert taken(pieces()) is None
