from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.storage.conditions import ANY, Conditions, Tag, conditions_of, tags_of
from aerostack_dev.bindings.storage.http_date import http_date, milliseconds, moment
from aerostack_dev.errors import BindingError
from aerostack_dev.functions.headers import Headers

HOUR = datetime.timedelta(hours=1)


@pytest.mark.spec("storage 1.11.21")
async def test_an_object_whose_condition_fails_has_no_body(storage: Any) -> None:
    etag = (await storage.put("k", "value")).etag
    found = await storage.get("k", {"onlyIf": {"etagDoesNotMatch": etag}})
    assert found.etag == etag
    assert "body" not in found
    assert not hasattr(found, "body")


@pytest.mark.spec("storage 1.11.22")
async def test_weak_etags(storage: Any) -> None:
    etag = (await storage.put("k", "value")).etag
    for name in ("If-Match", "If-None-Match"):
        found = await storage.get("k", {"onlyIf": Headers({name: f'W/"{etag}"'})})
        assert "body" not in found
    assert "body" in await storage.get("k", only_if=Headers({"If-Match": f'"{etag}"'}))
    assert "body" in await storage.get("k", only_if=Headers({"If-None-Match": 'W/"x", "y"'}))


@pytest.mark.spec("storage 1.11.23")
async def test_quotes_of_etags(storage: Any) -> None:
    with pytest.raises(TypeError) as caught:
        await storage.get("k", {"onlyIf": {"etagMatches": '"x"'}})
    assert str(caught.value) == 'Conditional ETag should not be wrapped in quotes ("x").'
    with pytest.raises(BindingError, match=r"^Invalid ETag in if-match header$"):
        await storage.get("k", {"onlyIf": Headers({"If-Match": "abc"})})


@pytest.mark.spec("storage 1.11.24")
async def test_create_if_absent(storage: Any) -> None:
    absent = {"onlyIf": {"etagDoesNotMatch": "*"}}
    assert (await storage.put("k", "first", absent)).size == 5
    assert await storage.put("k", "second", absent) is None
    assert await storage.put("k", "x" * 100_000, absent) is None
    assert await (await storage.get("k")).text() == "first"


async def test_update_only(storage: Any) -> None:
    present = {"onlyIf": {"etagMatches": "*"}}
    assert await storage.put("k", "v", present) is None
    assert await storage.head("k") is None
    await storage.put("k", "v")
    assert (await storage.put("k", "new", present)).size == 3


@pytest.mark.spec("storage 1.11.25")
async def test_a_new_key_was_not_uploaded_after_anything(storage: Any) -> None:
    epoch = datetime.datetime.fromtimestamp(0, datetime.UTC)
    assert await storage.put("k", "v", {"onlyIf": {"uploadedAfter": epoch}}) is None


@pytest.mark.spec("storage 1.11.26")
async def test_a_matching_etag_waives_the_date(storage: Any) -> None:
    put = await storage.put("k", "v")
    past = put.uploaded - HOUR
    assert "body" not in await storage.get("k", only_if={"uploaded_before": past})
    waived = {"etagMatches": put.etag, "uploadedBefore": past}
    assert "body" in await storage.get("k", {"onlyIf": waived})
    waived = {"etagDoesNotMatch": "x", "uploadedAfter": put.uploaded + HOUR}
    assert "body" in await storage.get("k", {"onlyIf": waived})


@pytest.mark.spec("storage 1.11.27")
async def test_seconds_granularity(room: Any, storage: Any) -> None:
    room.clock.advance(0.9)
    put = await storage.put("k", "v")
    earlier = put.uploaded - datetime.timedelta(milliseconds=800)
    condition = {"uploadedAfter": earlier}
    assert "body" in await storage.get("k", {"onlyIf": condition})
    condition["secondsGranularity"] = True
    assert "body" not in await storage.get("k", {"onlyIf": condition})
    modified = Headers({"If-Modified-Since": http_date(int(put.uploaded.timestamp() * 1000))})
    assert "body" not in await storage.get("k", {"onlyIf": modified})
    unmodified = Headers({"If-Unmodified-Since": http_date(0)})
    assert "body" not in await storage.get("k", {"onlyIf": unmodified})


@pytest.mark.parametrize("date", ["2030-01-01", 5, True, datetime.datetime(2030, 1, 1)])  # noqa: DTZ001
async def test_dates_are_aware_datetimes(storage: Any, date: Any) -> None:
    with pytest.raises(TypeError) as caught:
        await storage.get("k", {"onlyIf": {"uploadedBefore": date}})
    assert str(caught.value) == (
        "Incorrect type for the 'uploadedBefore' field on 'Conditional': "
        "the provided value is not of type 'date'."
    )


@pytest.mark.parametrize("date", ["2030-01-01", True, float("nan"), [1]])
async def test_dates_on_the_wire_are_numbers(invoke: Any, date: Any) -> None:
    with pytest.raises(TypeError, match="not of type 'date'"):
        await invoke("get", "k", {"onlyIf": {"uploadedAfter": date}})


@pytest.mark.parametrize("given", [5, "x", True])
def test_conditions_of_another_type(given: Any) -> None:
    with pytest.raises(TypeError, match="onlyIf must be"):
        conditions_of(given)


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', (Tag("a"),)),
        ('"a","b"', (Tag("a"), Tag("b"))),
        (' , "a" ,\tW/"b" ,', (Tag("a"), Tag("b", weak=True))),
        ('""', (Tag(""),)),
        ('"a,b*"', (Tag("a,b*"),)),
        ("*", (ANY,)),
        ('"a", *', (ANY,)),
        ('*, "a', (ANY,)),
    ],
)
def test_etags_of_a_header(header: str, tags: tuple[Tag, ...]) -> None:
    assert tags_of({"if-match": header}, "if-match") == tags


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("abc", "Invalid ETag in if-none-match header"),
        ("", "Invalid ETag in if-none-match header"),
        (" , ", "Invalid ETag in if-none-match header"),
        ('"a" "b"', "Invalid ETag in if-none-match header"),
        ('"a"b', "Invalid ETag in if-none-match header"),
        ("W/a", "Weak etags must start with W/ and their value must be quoted"),
        ('W"a"', "Weak etags must start with W/ and their value must be quoted"),
        ('"a', "Unclosed double quote for Etag"),
        ('"a", W/"b', "Unclosed double quote for Etag"),
    ],
)
def test_malformed_etags(header: str, message: str) -> None:
    with pytest.raises(BindingError) as caught:
        tags_of({"if-none-match": header}, "if-none-match")
    assert str(caught.value) == message


@given(st.text(alphabet='Ww/"*, ab\t', max_size=20))
def test_no_header_raises_anything_else(header: str) -> None:
    try:
        tags = tags_of({"if-match": header}, "if-match")
    except BindingError:
        return
    assert tags


def test_conditions_from_headers() -> None:
    found = conditions_of(
        [
            ["IF-MATCH", '"a"'],
            ["if-match", '"b"'],
            ["If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"],
            ["If-Modified-Since", "never"],
        ]
    )
    assert found == Conditions(
        matches=(Tag("a"), Tag("b")), before=784_111_777_000, whole_seconds=True
    )


TAGS = st.lists(
    st.sampled_from([Tag("a"), Tag("a", weak=True), Tag("b"), ANY]), min_size=1, max_size=2
).map(tuple)
TIMES = st.integers(0, 3000)


def naive(given: Conditions, etag: str, uploaded: int) -> bool:
    """The six rules of §1.5, one by one."""
    results = []
    passed_match = passed_differ = False
    if given.matches is not None:
        passed_match = any(tag == ANY or tag == Tag(etag) for tag in given.matches)
        results.append(passed_match)
    if given.differs is not None:
        passed_differ = all(tag != ANY and tag.value != etag for tag in given.differs)
        results.append(passed_differ)
    scale = 1000 if given.whole_seconds else 1
    if given.before is not None:
        results.append(passed_match or uploaded // scale < given.before // scale)
    if given.after is not None:
        results.append(passed_differ or given.after // scale < uploaded // scale)
    return all(results)


@given(
    st.builds(
        Conditions,
        st.none() | TAGS,
        st.none() | TAGS,
        st.none() | TIMES,
        st.none() | TIMES,
        st.booleans(),
    ),
    st.sampled_from("ab"),
    TIMES,
)
def test_evaluation_follows_the_rules(given: Conditions, etag: str, uploaded: int) -> None:
    assert given.hold(etag, uploaded) == naive(given, etag, uploaded)


@settings(max_examples=50)
@given(st.integers(-60_000_000_000, 250_000_000_000))
def test_http_dates_round_trip(seconds: int) -> None:
    if moment(seconds * 1000).year >= 1000:
        assert milliseconds(http_date(seconds * 1000)) == seconds * 1000


@pytest.mark.parametrize("text", ["", "never", "99 Nov 1994", "Sun, 06 Nov 99999 08:49:37 GMT"])
def test_what_is_no_http_date(text: str) -> None:
    assert milliseconds(text) is None


def test_dates_beyond_the_calendar_are_its_end() -> None:
    assert http_date(10**18) == "Fri, 31 Dec 9999 23:59:59 GMT"
    assert moment(-(10**18)).year == 1
