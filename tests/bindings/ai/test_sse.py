"""Server-sent events, read however they are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.ai import sse


async def heard(chunks: list[bytes]) -> list[str]:
    async def arriving():
        for chunk in chunks:
            yield chunk

    return [event async for event in sse.events(arriving())]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("aé🎈{}: "), min_size=1, max_size=4), st.data())
async def test_however_it_is_cut(events, data):
    text = "".join(f"event: x\r\nid: 1\r\ndata: {event}\r\n\r\n" for event in events).encode()
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6).map(sorted))
    bounds = [0, *cuts, len(text)]
    chunks = [text[a:b] for a, b in itertools.pairwise(bounds)]
    assert await heard(chunks) == events


async def test_lines_of_one_event_belong_together():
    assert await heard([b": hi\ndata: a\ndata:b\n\nretry: 3\n\n"]) == ["a\nb"]


async def test_the_end():
    assert await heard([]) == []
    assert await heard([b"data: a\n\ndata: [DONE]"]) == ["a"]
    assert await heard([b"data: [DONE]\n"]) == []
    with pytest.raises(sse.FrameError, match="broke off inside a frame: 'data: a'"):
        await heard([b"data: a"])


async def test_a_frame_without_an_end(monkeypatch):
    monkeypatch.setattr(sse, "LARGEST_FRAME", 10)
    with pytest.raises(sse.FrameError, match="larger than 10 characters"):
        await heard([b"data: ", b"a" * 20])
