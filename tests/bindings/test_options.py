"""Options as a dict or as keywords, in either case (interface §5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.options import INT32, camel, int32, options

ALLOWED = ("expirationTtl", "metadata")


@pytest.mark.parametrize(
    ("given_", "keywords"),
    [
        ({"expirationTtl": 60}, {}),
        ({"expiration_ttl": 60}, {}),
        (None, {"expirationTtl": 60}),
        (None, {"expiration_ttl": 60}),
        ({"expirationTtl": 1}, {"expiration_ttl": 60}),
        ({"expirationTtl": 60, "unheard_of": 1, 5: 6}, {}),
    ],
)
def test_every_spelling_means_the_same(given_, keywords):
    assert options(given_, keywords, ALLOWED) == {"expirationTtl": 60}


def test_a_keyword_that_nobody_knows_is_a_mistake():
    with pytest.raises(TypeError, match="unknown option 'ttl'; there are: expirationTtl"):
        options(None, {"ttl": 60}, ALLOWED)


def test_options_that_are_no_dict_are_a_mistake():
    with pytest.raises(TypeError, match="options must be a dict, not str"):
        options("json", {}, ALLOWED)  # type: ignore[arg-type]


@given(st.from_regex(r"[a-z]+([A-Z][a-z]+)*", fullmatch=True))
def test_a_camel_case_name_stays_as_it_is(name):
    assert camel(name) == name


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.7, 1), (-1.7, -1), ("2", 2), ("abc", 0), (None, 0), (float("nan"), 0), (True, 1), ([], 0)],
)
def test_a_number_is_read_as_the_platform_does(value, expected):
    assert int32(value) == expected


@pytest.mark.parametrize("value", [INT32, -INT32 - 1, 1e300])
def test_a_number_out_of_range_is_refused(value):
    with pytest.raises(TypeError, match=r"Value out of range\. Must be between -2147483648"):
        int32(value)
