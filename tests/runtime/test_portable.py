"""Values that pass between functions: copied, and refused where they cannot."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.runtime.portable import DEEPEST, portable
from aerostack_dev.wire import Record

WIRE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


class Name(str):
    pass


@settings(max_examples=50)
@given(WIRE)
def test_wire_values_pass_as_they_are(value: Any):
    assert portable(value, "it") == value


def test_what_passes_is_a_copy_of_plain_values():
    given = {"list": [1, (2, 3)], "record": Record(a=Name("b"))}
    passed = portable(given, "it")
    assert passed == {"list": [1, [2, 3]], "record": {"a": "b"}}
    assert passed["list"] is not given["list"]
    assert type(passed["record"]) is dict
    assert type(passed["record"]["a"]) is str
    assert portable(bytearray(b"x"), "it") == portable(memoryview(b"x"), "it") == b"x"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (datetime.date.today, "it holds a builtin_function_or_method"),
        ([{1, 2}], "it holds a set"),
        ({1: 2}, "it holds a dict with the key 1: keys must be texts"),
    ],
)
def test_others_are_refused(value: Any, message: str):
    with pytest.raises(TypeError, match="it holds") as caught:
        portable(value, "it")
    assert message in str(caught.value)


def test_a_value_that_contains_itself_is_refused():
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(TypeError, match=f"more than {DEEPEST} levels"):
        portable(endless, "it")
