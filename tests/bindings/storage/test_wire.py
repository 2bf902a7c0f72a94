"""The operations as another language or the control API calls them, and small parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.spans import Span
from aerostack_dev.bindings.storage import KIND, Bucket
from aerostack_dev.bindings.storage.check import check
from aerostack_dev.bindings.storage.content import TOO_SHORT, UNKNOWN_LENGTH
from aerostack_dev.bindings.storage.listing import bound, cursor, successor
from aerostack_dev.bindings.storage.values import text, unicode
from aerostack_dev.config.model import Project
from aerostack_dev.runs import Recorded, current_run
from aerostack_dev.wire import Stream


async def some(*chunks: bytes) -> Any:
    for chunk in chunks:
        yield chunk


async def test_an_object_on_the_wire(invoke: Any) -> None:
    options = {
        "httpMetadata": [["Content-Type", "a/b"], ["Expires", "Sun, 06 Nov 1994 08:49:37 GMT"]],
        "customMetadata": {"a": 1.0},
    }
    put = await invoke("put", "k", "value", options)
    assert put == {
        "key": "k",
        "version": put["version"],
        "size": 5,
        "etag": "2063c1608d6e0baf80249c42e2be5804",
        "httpEtag": '"2063c1608d6e0baf80249c42e2be5804"',
        "uploaded": 1_800_000_000_000,
        "checksums": {"md5": bytes.fromhex("2063c1608d6e0baf80249c42e2be5804")},
        "httpMetadata": {"contentType": "a/b", "cacheExpiry": 784_111_777_000},
        "customMetadata": {"a": "1"},
        "range": None,
        "storageClass": "Standard",
        "ssecKeyMd5": None,
    }
    assert await invoke("head", "k") == {**put, "range": {"offset": 0, "length": 5}}
    got = await invoke("get", "k", {"range": [["range", "bytes=1-2"]]})
    body = got.pop("body")
    assert body.size == 2
    assert [chunk async for chunk in body.chunks] == [b"al"]
    assert got == {**put, "range": {"offset": 1, "length": 2}}
    page = await invoke("list", {"include": ["httpMetadata"]})
    assert page == {
        "objects": [{**put, "customMetadata": None}],
        "truncated": False,
        "cursor": None,
        "delimitedPrefixes": [],
    }
    assert await invoke("delete", ["k"]) is None


async def test_streams_on_the_wire(invoke: Any) -> None:
    assert (await invoke("put", "k", Stream(some(b"a", b"b"), 2)))["size"] == 2
    with pytest.raises(TypeError, match="known length") as caught:
        await invoke("put", "k", Stream(some(b"a")))
    assert str(caught.value) == UNKNOWN_LENGTH
    with pytest.raises(TypeError) as caught:
        await invoke("put", "k", Stream(some(b"a"), 2))
    assert str(caught.value) == TOO_SHORT


async def test_options_are_an_object(invoke: Any) -> None:
    with pytest.raises(TypeError, match="options must be an object, not str"):
        await invoke("put", "k", "v", "options")
    with pytest.raises(TypeError, match="customMetadata must be an object"):
        await invoke("put", "k", "v", {"customMetadata": [1]})
    with pytest.raises(TypeError, match="httpMetadata must be"):
        await invoke("put", "k", "v", {"httpMetadata": 5})
    with pytest.raises(TypeError, match="'cacheExpiry' field"):
        await invoke("put", "k", "v", {"httpMetadata": {"cacheExpiry": "soon"}})


async def test_spans_say_what_a_call_was_about(invoke: Any) -> None:
    seen: list[Span] = []

    class Recorder:
        def begin(self, span: Span) -> None:
            seen.append(span)

    token = current_run.set(Recorded(Recorder()))
    try:
        await invoke("put", "k", "v")
        await invoke("delete", ["a", "b"])
        await invoke("delete", 5)
        await invoke("list", {"prefix": "p"})
        await invoke("list")
        with pytest.raises(TypeError):
            await invoke("list", 5)
    finally:
        current_run.reset(token)
    told = [(span.operation, span.subject) for span in seen]
    assert told == [
        ("put", "k"),
        ("delete", "2 keys"),
        ("delete", "5"),
        ("list", "p"),
        ("list", ""),
        ("list", ""),
    ]


def test_what_check_says() -> None:
    buckets = (
        Bucket(binding="A", bucket_name="fine-1"),
        Bucket(binding="B", bucket_name="Not_Fine"),
        Bucket(binding="MY_FILES"),
    )
    project = Project(
        root=None,  # type: ignore[arg-type]
        file=None,
        name="x",
        main=None,
        sections={KIND.section.path: buckets},
    )
    (finding,) = check(project)
    assert finding.where == "r2_buckets[1].bucket_name"
    assert "'Not_Fine'" in finding.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        (-0.5, "-0.5"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (1e20, "100000000000000000000"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (False, "false"),
        (None, "null"),
        ([], ""),
        ({"a": 1}, "[object Object]"),
    ],
)
def test_values_as_text(value: Any, expected: str) -> None:
    assert text(value) == expected


@given(st.text())
def test_text_without_surrogates_stays(value: str) -> None:
    assert unicode(value) == value


@pytest.mark.parametrize(
    ("given", "expected"),
    [("\ud800", "\ufffd"), ("\udc00\ud800", "\ufffd\ufffd"), ("\ud83d\ude00", "😀")],
)
def test_surrogates(given: str, expected: str) -> None:
    assert unicode(given) == expected


@given(st.binary(max_size=30))
def test_cursors_round_trip(lower: bytes) -> None:
    assert bound(cursor(lower)) == lower


@given(st.text(min_size=1, max_size=5), st.text(max_size=5))
def test_the_successor_is_behind_all_that_has_the_prefix(prefix: str, rest: str) -> None:
    behind = successor(prefix.encode())
    assert behind is not None
    assert prefix.encode() <= (prefix + rest).encode() < behind
    assert successor(b"") is None
