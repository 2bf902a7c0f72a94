"""What HTTP says about keeping responses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.runtime.caching import Part, lifetime, part_of, storable, unchanged

NOW = 1_788_256_800.0  # Tue, 01 Sep 2026 10:00:00 GMT


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {}, 7200),
        (301, {}, 7200),
        (302, {}, 1200),
        (404, {}, 180),
        (500, {}, 0),
        (304, {"cache-control": "max-age=9"}, 0),
        (500, {"cache-control": "max-age=9"}, 9),
        (200, {"cache-control": "public, Max-Age=10"}, 10),
        (200, {"cache-control": "max-age=10, s-maxage=20"}, 20),
        (200, {"cache-control": 'max-age="30"'}, 30),
        (200, {"cache-control": "max-age=soon"}, 0),
        (200, {"cache-control": "max-age=-1"}, 0),
        (200, {"cache-control": "max-age=0", "expires": "Tue, 01 Sep 2026 10:01:00 GMT"}, 0),
        (200, {"expires": "Tue, 01 Sep 2026 10:01:00 GMT"}, 60),
        (200, {"expires": "Tue, 01 Sep 2026 09:59:00 GMT"}, -60),
        (200, {"expires": "0"}, -NOW),
    ],
)
def test_how_long(status, headers, seconds):
    assert lifetime(status, [*headers.items()], NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ([], []),
        ([("cache-control", "no-store")], None),
        ([("cache-control", "no-cache")], None),
        ([("cache-control", "private, max-age=9")], None),
        ([("cache-control", 'private="x-a"')], None),
        ([("set-cookie", "a=1")], None),
        ([("set-cookie", "a=1"), ("cache-control", "private=Set-Cookie"), ("x", "y")],
         [("cache-control", "private=Set-Cookie"), ("x", "y")]),
    ],
)  # fmt: skip
def test_whether(headers, kept):
    assert storable(headers) == kept


TAGGED = [("etag", '"a"'), ("last-modified", "Tue, 01 Sep 2026 10:00:00 GMT")]


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ({}, False),
        ({"if-none-match": '"a"'}, True),
        ({"if-none-match": 'W/"a"'}, True),
        ({"if-none-match": '"b", "a"'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": '"b"', "if-modified-since": "Tue, 01 Sep 2026 10:00:00 GMT"}, False),
        ({"if-modified-since": "Tue, 01 Sep 2026 10:00:00 GMT"}, True),
        ({"if-modified-since": "Tue, 01 Sep 2026 09:00:00 GMT"}, False),
        ({"if-modified-since": "yesterday"}, False),
    ],
)
def test_conditions(asked, same):
    assert unchanged([*asked.items()], TAGGED) is same
    assert not unchanged([*asked.items()], [])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes=0-", Part(0, 10)),
        ("bytes=2-4", Part(2, 5)),
        ("bytes=8-99", Part(8, 10)),
        ("bytes=-3", Part(7, 10)),
        ("bytes=-30", Part(0, 10)),
        ("bytes=-0", Part(10, 10)),
        ("bytes=10-", Part(10, 10)),
        ("bytes=99-100", Part(10, 10)),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("", None),
    ],
)
def test_ranges(text, part):
    assert part_of([("range", text)], 10) == part


@given(st.text(max_size=40), st.integers(0, 100))
@settings(max_examples=100)
def test_no_header_breaks_anything(text, size):
    headers = [("cache-control", text), ("expires", text), ("etag", text), ("last-modified", text)]
    asked = [("range", text), ("if-none-match", text), ("if-modified-since", text)]
    lifetime(200, headers, NOW)
    storable(headers)
    unchanged(asked, headers)
    part = part_of([("range", f"bytes={text}")], size)
    assert part is None or 0 <= part.start <= size
