from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.storage.ranges import (
    Everything,
    HeaderRange,
    Span,
    UnsatisfiableError,
    Wanted,
    is_beyond,
    range_of,
    ranges_of,
)

SIZES = st.integers(0, 20)
NUMBERS = st.integers(0, 25)


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-1", [Span(0, 2)]),
        ("  BYTES  =  0 - 1 ", [Span(0, 2)]),
        ("bytes=8-99", [Span(8, 2)]),
        ("bytes=8-", [Span(8, 2)]),
        ("bytes=-3", [Span(7, 3)]),
        ("bytes=-10", []),
        ("bytes=-99", []),
        ("bytes=-0", []),
        ("bytes=0-0,-1, 2-", [Span(0, 1), Span(9, 1), Span(2, 8)]),
        ("bytes=", []),
        ("bytes=  ", []),
        ("bytes=10-", None),
        ("bytes=2-1", None),
        ("bytes=0-1,10-", None),
        ("bytes=-", None),
        ("bytes=a-1", None),
        ("bytes=1", None),
        ("bytes=0-1,", None),
        ("bytes=٣-٤", None),
        ("items=0-1", None),
        ("0-1", None),
        ("", None),
        (f"bytes=0-{'9' * 5000}", [Span(0, 10)]),
        (f"bytes={'9' * 5000}-", None),
        (f"bytes={'0' * 5000}-1", [Span(0, 2)]),
    ],
)
def test_the_grammar(header: str, spans: list[Span] | None) -> None:
    assert ranges_of(header, 10) == spans


@given(NUMBERS, NUMBERS, SIZES)
def test_first_and_last(first: int, last: int, size: int) -> None:
    indices = [at for at in range(size) if first <= at <= last]
    found = HeaderRange(f"bytes={first}-{last}").within(size)
    if indices:
        assert found == Span(indices[0], len(indices))
    else:
        assert found == Span(0, size)
    assert is_beyond(f"bytes={first}-{last}", size) == (first <= last and first >= size)


@given(NUMBERS, SIZES)
def test_suffixes_and_open_ends(number: int, size: int) -> None:
    content = bytes(range(size))
    suffix = HeaderRange(f"bytes=-{number}").within(size)
    expected = content[-number:] if number else content
    assert content[suffix.offset : suffix.offset + suffix.length] == expected
    rest = HeaderRange(f"bytes={number}-").within(size)
    expected = content[number:] or content
    assert content[rest.offset : rest.offset + rest.length] == expected


@given(st.text(alphabet="bytesBYTES=0123456789-, \t", max_size=20), SIZES)
def test_every_header_is_something_within(header: str, size: int) -> None:
    span = HeaderRange(header).within(size)
    assert 0 <= span.offset <= span.offset + span.length <= size
    is_beyond(header, size)


@given(st.none() | NUMBERS, st.none() | NUMBERS, SIZES)
def test_offset_and_length(offset: int | None, length: int | None, size: int) -> None:
    content = bytes(range(size))
    start = offset or 0
    expected = content[start:] if length is None else content[start : start + length]
    wanted = range_of({"offset": offset, "length": length})
    if not expected:
        with pytest.raises(UnsatisfiableError):
            wanted.within(size)
    else:
        span = wanted.within(size)
        assert content[span.offset : span.offset + span.length] == expected


@given(NUMBERS, SIZES)
def test_suffix(suffix: int, size: int) -> None:
    if not suffix or not size:
        with pytest.raises(UnsatisfiableError):
            Wanted(suffix=suffix).within(size)
    else:
        assert Wanted(suffix=suffix).within(size).length == min(suffix, size)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, Everything()),
        ([], Everything()),
        ([["accept", "*"]], Everything()),
        ([["Range", "bytes=0-1"]], HeaderRange("bytes=0-1")),
        ([["Range", "bytes=0-1"], ["range", "2-3"]], HeaderRange("bytes=0-1, 2-3")),
        ({}, Wanted()),
        ({"offset": 2.0, "length": "3"}, Wanted(2, 3)),
    ],
)
def test_the_forms_of_the_option(given: Any, expected: Any) -> None:
    assert range_of(given) == expected


@pytest.mark.parametrize("value", ["x", [], float("nan"), float("inf"), {}])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(ValueError, match="must be an integer"):
        range_of({"offset": value})


def test_another_type() -> None:
    with pytest.raises(TypeError, match="range must be"):
        range_of(5)
