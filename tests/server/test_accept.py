"""Which form of an error a client prefers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.server.accept import prefers_html

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML", True),
        ("text/*", True),
        ("text/html, */*", True),
        ("text/html;q=0.5, */*;q=0.1", True),
        ("text/html;charset=utf-8", True),
        ("text/html; q=0.9, application/json; q=0.8", True),
        ("application/*;q=0.2, text/*;q=0.3", True),
        ('text/html;level="1,2;q=0", */*;q=0.1', True),
        ("text/html;q=2", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("text/html, application/json", False),
        ("text/html;q=0.5, application/json", False),
        ("text/html;q=0, */*", False),
        ("text/html;q=0", False),
        ("text/plain", False),
        ("*/*, text/html;q=0.1", False),
        ("text/*;q=0.1, */*;q=0.2", False),
        (",,;;q", False),
        ("x" * 5000 + ",text/html", False),
    ],
)
def test_preference(accept: str, html: bool) -> None:
    assert prefers_html(accept) is html


@given(st.text(max_size=200))
def test_nothing_raises(accept: str) -> None:
    assert prefers_html(accept) in (True, False)


@given(st.text(alphabet='textapplicon/html*json;q=.01," \\', max_size=80))
def test_nothing_likely_raises(accept: str) -> None:
    assert prefers_html(accept) in (True, False)
