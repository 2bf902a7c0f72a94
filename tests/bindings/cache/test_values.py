from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.cache import values


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (123.456, "123.456"),
        (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e300, "1.5e+300"),
        (123456789012345680000.0, "123456789012345680000"),
        (0.1, "0.1"), (1e-6, "0.000001"), (1.5e-6, "0.0000015"), (1e-7, "1e-7"),
        (1.25e-9, "1.25e-9"), (5e-324, "5e-324"), (0.5, "0.5"), (100.0, "100"), (10.01, "10.01"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (math.inf, "Infinity"), (-math.inf, "-Infinity"), (math.nan, "NaN"),
    ],
)  # fmt: skip
def test_numbers_are_spelled_as_in_javascript(number, text):
    assert values.spelled(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_spelled_number_reads_back(number):
    text = values.spelled(number)
    assert text is not None
    assert float(text) == number
    assert ("e" in text) == (number != 0 and not 1e-6 <= abs(number) < 1e21)


@given(st.text(st.characters(), max_size=20))
def test_text_is_encoded_without_loss_but_for_lone_surrogates(text):
    well_formed = "".join(
        "\ufffd" if "\ud800" <= letter <= "\udfff" else letter
        for letter in text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    )
    assert values.encoded(text).decode() == well_formed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON.filter(lambda value: "inf" not in repr(value)))
def test_json_reads_back(value):
    assert values.parsed(json.dumps(value).encode()) == value
    assert values.parsed(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\\ud800"', "\ud800"),
        (b"1e999", math.inf),
        (b"-1e999", -math.inf),
        (b'"\xff"', "\ufffd"),
        (b"[1e999, " + b"9" * 5000 + b"]", [math.inf, math.inf]),
        (b" \t\r\n1 ", 1),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
    ],
    ids=lambda value: str(value)[:12],
)
def test_json_that_only_a_lenient_reader_takes(text, value):
    assert values.parsed(text) == value


@pytest.mark.parametrize(
    "text",
    [b"", b" ", b"NaN", b"[Infinity]", b"-Infinity", b"{a: 1}", b"01", b"1 2", b"\xef\xbb\xbf1",
     b'"\x01"', b"'a'", b"[" * 100_000],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_what_is_no_json(text):
    with pytest.raises(json.JSONDecodeError):
        values.parsed(text)


def test_a_json_error_tells_its_place():
    with pytest.raises(json.JSONDecodeError) as caught:
        values.parsed(b'{"a": 1,\n "b": NaN}')
    assert (caught.value.lineno, caught.value.colno) == (2, 7)
    assert isinstance(caught.value, ValueError)
