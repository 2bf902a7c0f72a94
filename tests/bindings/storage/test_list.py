from __future__ import annotations

import datetime
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.storage import Bucket
from aerostack_dev.bindings.storage.listing import Listing, collect
from aerostack_dev.errors import BindingError

TOO_MANY = "list: MaxKeys params must be positive integer <= 1000. (10022)"


async def fill(storage: Any, *keys: str) -> None:
    for key in keys:
        await storage.put(key, key)


def keys(page: Any) -> list[str]:
    return [found.key for found in page.objects]


@pytest.mark.spec("storage 1.11.30")
async def test_limits(storage: Any) -> None:
    await fill(storage, "a", "b")
    for limit in (0, 1001, -2):
        with pytest.raises(BindingError) as caught:
            await storage.list(limit=limit)
        assert str(caught.value) == TOO_MANY
    assert keys(await storage.list({"limit": -1})) == ["a", "b"]
    assert keys(await storage.list(limit="1")) == ["a"]
    assert keys(await storage.list(limit=1.9)) == ["a"]
    assert keys(await storage.list(limit=None)) == ["a", "b"]


async def test_null_is_no_limit_on_the_wire(invoke: Any) -> None:
    with pytest.raises(BindingError) as caught:
        await invoke("list", {"limit": None})
    assert str(caught.value) == TOO_MANY


@pytest.mark.spec("storage 1.11.31")
async def test_a_key_equal_to_the_prefix_stays_an_object(storage: Any) -> None:
    await fill(storage, "d", "d/1", "d/2")
    page = await storage.list({"prefix": "d", "delimiter": "/"})
    assert (keys(page), page.delimitedPrefixes) == (["d"], ["d/"])
    assert (page.truncated, page.cursor) == (False, None)
    assert "cursor" in page


@pytest.mark.spec("storage 1.11.32")
async def test_groups_count_towards_the_limit(storage: Any) -> None:
    await fill(storage, "a", "b/1", "b/2", "c")
    first = await storage.list(limit=2, delimiter="/")
    assert (keys(first), first.delimitedPrefixes, first.truncated) == (["a"], ["b/"], True)
    await fill(storage, "b/3")
    second = await storage.list(limit=2, delimiter="/", cursor=first.cursor)
    assert (keys(second), second.delimitedPrefixes, second.truncated) == (["c"], [], False)


@pytest.mark.spec("storage 1.11.33")
async def test_metadata_makes_pages_smaller(storage: Any) -> None:
    await fill(storage, *(f"{number:03}" for number in range(150)))
    page = await storage.list(include=["httpMetadata"])
    assert len(page.objects) == 100
    assert page.truncated
    rest = await storage.list(include=["httpMetadata"], cursor=page.cursor)
    assert keys(page) + keys(rest) == [f"{number:03}" for number in range(150)]


@pytest.mark.spec("storage 1.11.34")
async def test_the_later_of_cursor_and_start_after(storage: Any) -> None:
    await fill(storage, "a", "b", "c", "d")
    cursor = (await storage.list(limit=2)).cursor
    assert keys(await storage.list(cursor=cursor, startAfter="a")) == ["c", "d"]
    assert keys(await storage.list(cursor=cursor, start_after="c")) == ["d"]
    await fill(storage, "bb")
    assert keys(await storage.list(cursor=cursor)) == ["bb", "c", "d"]


@pytest.mark.spec("storage 1.11.35")
async def test_order_is_that_of_utf8(storage: Any) -> None:
    await fill(storage, "é", "z", "𐀀", "\uffff")
    assert keys(await storage.list()) == ["z", "é", "\uffff", "𐀀"]


@pytest.mark.spec("storage 1.11.36")
async def test_metadata_is_unknown_unless_included(storage: Any) -> None:
    await storage.put("k", "v", http_metadata={"contentType": "a/b"}, custom_metadata={"a": "1"})
    (found,) = (await storage.list()).objects
    assert (found.httpMetadata, found.customMetadata) == (None, None)
    with pytest.raises(TypeError) as caught:
        found.writeHttpMetadata({})
    assert str(caught.value) == (
        "HTTP metadata unknown for key `k`. "
        "Did you forget to add 'httpMetadata' to `include` when listing?"
    )
    (found,) = (await storage.list(include=["customMetadata"])).objects
    assert (found.httpMetadata, found.customMetadata) == (None, {"a": "1"})
    (found,) = (await storage.list(include=["httpMetadata", "customMetadata"])).objects
    assert found.httpMetadata.contentType == "a/b"
    assert found.range is None


async def test_old_dates_include_everything(open_kind: Any) -> None:
    async with open_kind(compatibility_date=datetime.date(2022, 8, 3)) as room:
        await room.env.STORAGE.put("k", "v", custom_metadata={"a": "1"})
        (found,) = (await room.env.STORAGE.list()).objects
        assert found.customMetadata == {"a": "1"}
        with pytest.raises(ValueError, match="foo"):
            await room.env.STORAGE.list(include=["foo"])


async def test_wrong_options(storage: Any) -> None:
    with pytest.raises(ValueError, match=r"^Unsupported include value foo$"):
        await storage.list(include=["foo"])
    with pytest.raises(TypeError, match="'include' field on 'ListOptions'"):
        await storage.list(include="httpMetadata")
    for field in ("prefix", "delimiter", "cursor", "startAfter"):
        with pytest.raises(TypeError) as caught:
            await storage.list({field: 5})
        assert str(caught.value) == (
            f"Incorrect type for the '{field}' field on 'ListOptions': "
            "the provided value is not of type 'string'."
        )


@pytest.mark.parametrize("cursor", ["garbage", "é", "!", "====", ""])
async def test_a_garbage_cursor_raises_nothing(storage: Any, cursor: str) -> None:
    await fill(storage, "~")
    assert keys(await storage.list(cursor=cursor)) in (["~"], [])


@pytest.mark.spec("storage 1.11.37")
async def test_delete(storage: Any, invoke: Any) -> None:
    await fill(storage, "a", "b", "c")
    assert await storage.delete(["a", "missing"]) is None
    await storage.delete("b")
    assert keys(await storage.list()) == ["c"]
    for many in ([], [str(number) for number in range(1001)]):
        with pytest.raises(BindingError) as caught:
            await storage.delete(many)
        assert str(caught.value) == (
            "delete: The number of keys in the request must be between 1 and 1000 "
            "inclusive. (10027)"
        )
    await storage.delete(["c", *(str(number) for number in range(999))])
    assert keys(await storage.list()) == []


async def test_buckets_are_apart(open_kind: Any) -> None:
    buckets = (
        Bucket(binding="ONE", bucket_name="uploads"),
        Bucket(binding="SAME", bucket_name="uploads"),
        Bucket(binding="MY_FILES"),
    )
    async with open_kind(*buckets) as room:
        await room.env.ONE.put("k", "v")
        assert keys(await room.env.SAME.list()) == ["k"]
        assert keys(await room.env.MY_FILES.list()) == keys(await room.env.STORAGE.list()) == []
        assert room.bindings.bound["MY_FILES"].resource == "my-files"
        assert room.bindings.bound["STORAGE"].resource == "storage"


def test_a_group_costs_one_seek() -> None:
    class Named(NamedTuple):
        key: str

    names = [f"{group}/{number:05}" for group in "abc" for number in range(50_000)]
    read = 0

    def scan(lower: bytes, upper: bytes | None) -> Iterator[Named]:
        nonlocal read
        for name in names[bisect_left(names, lower.decode()) :]:
            read += 1
            yield Named(name)

    page = collect(scan, Listing(limit=10, delimiter=b"/"))
    assert (page.groups, page.objects, page.cursor) == (["a/", "b/", "c/"], [], None)
    assert read == 3


def naive(names: list[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """Every entry of a listing in order: (key or group, whether it is a group)."""
    entries: list[tuple[str, bool]] = []
    for name in sorted(names, key=str.encode):
        if not name.startswith(prefix):
            continue
        head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
        entry = (prefix + head + found, True) if found else (name, False)
        if entry not in entries:
            entries.append(entry)
    return entries


NAMES = st.text(alphabet="ab/é𐀀", max_size=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(NAMES, max_size=12, unique=True),
    st.text(alphabet="ab/", max_size=2),
    st.sampled_from(["", "/", "a", "//", "é", "ab"]),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
async def test_pages_together_are_everything_once(
    storage: Any, names: list[str], prefix: str, delimiter: str, limits: list[int]
) -> None:
    for old in keys(await storage.list()):
        await storage.delete(old)
    await fill(storage, *names)
    entries: list[tuple[str, bool]] = []
    cursor, number = None, 0
    while True:
        limit = limits[number % len(limits)]
        page = await storage.list(prefix=prefix, delimiter=delimiter, limit=limit, cursor=cursor)
        found = [(key, False) for key in keys(page)]
        found += [(group, True) for group in page.delimitedPrefixes]
        assert len(found) <= limit
        entries += sorted(found, key=lambda entry: entry[0].encode())
        cursor, number = page.cursor, number + 1
        assert page.truncated == (cursor is not None)
        if not page.truncated:
            break
        assert len(found) == limit
    assert entries == naive(names, prefix, delimiter)
