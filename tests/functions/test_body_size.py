"""A body of known length says so: what storage needs to take it in as it arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aerostack_dev.functions import Request, Response


async def chunks() -> AsyncIterator[bytes]:
    yield b"abc"


@pytest.mark.parametrize(
    ("headers", "size"), [({"content-length": "3"}, 3), ({}, None), ({"content-length": "x"}, None)]
)
def test_a_stream_is_as_long_as_its_header_says(headers, size):
    assert Response(chunks(), headers=headers).body.size == size


def test_bytes_are_as_long_as_they_are():
    assert Response("héllo").body.size == 6
    assert Request("http://localhost/", method="POST", body=b"abc").body.size == 3
