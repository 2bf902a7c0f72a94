from __future__ import annotations

import array
import datetime

import pytest

from aerostack_dev.bindings.cache import validation
from aerostack_dev.errors import BindingError
from aerostack_dev.wire import Stream

UNSTORABLE = (
    "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values."
)
MIB = 1024 * 1024


async def chunks(*pieces):
    for piece in pieces:
        yield piece


@pytest.mark.spec("db 2.10.3")
@pytest.mark.parametrize(
    ("value", "stored"),
    [(5, "5"), (5.0, "5"), (0.5, "0.5"), (True, "true"), (False, "false"), (None, "null"),
     (2**70, str(2**70)), (1e21, "1e+21"), (float("nan"), "NaN")],
)  # fmt: skip
async def test_scalars_are_stored_as_they_are_spelled(cache, value, stored):
    await cache.put("k", value)
    assert await cache.get("k") == stored


@pytest.mark.spec("db 2.10.3")
@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        (),
        {"a"},
        object(),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        len,
        iter([]),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_other_values_are_refused(cache, value):
    with pytest.raises(TypeError) as caught:
        await cache.put("k", value)
    assert str(caught.value) == UNSTORABLE
    assert await cache.get("k") is None


class Blob:
    """Stands where `workers.Blob` stands: bytes that only its stream gives out."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self):
        return chunks(self._content)


@pytest.mark.spec("db 2.10.4")
async def test_a_blob_is_refused_and_its_stream_accepted(cache):
    with pytest.raises(TypeError) as caught:
        await cache.put("k", Blob(b"x"))
    assert str(caught.value) == UNSTORABLE
    await cache.put("k", Blob(b"x").stream())
    assert await cache.get("k") == "x"


async def test_bytes_like_values(cache):
    values = {
        "bytes": b"\x00\xff",
        "bytearray": bytearray(b"\x00\xff"),
        "window": memoryview(b"..\x00\xff..")[2:4],
        "strided": memoryview(b"\x00.\xff.")[::2],
        "array": array.array("H", [0xFF00 if array.array("H", [1]).tobytes()[0] else 0x00FF]),
    }
    for key, value in values.items():
        await cache.put(key, value)
        assert await cache.get(key, "arrayBuffer") == b"\x00\xff", key


async def test_streams_of_known_and_unknown_length(cache):
    await cache.put("k", chunks(b"a", bytearray(b"b"), memoryview(b"c"), b""))
    assert await cache.get("k") == "abc"
    await cache.put("k", Stream(chunks(b"d", b"e"), size=2))
    assert await cache.get("k") == "de"
    await cache.put("k", chunks())
    assert await cache.get("k") == ""


async def test_a_stream_that_is_not_of_bytes_or_breaks_stores_nothing(cache):
    await cache.put("k", "old")
    with pytest.raises(TypeError, match="a stream consists of bytes, not of str"):
        await cache.put("k", chunks(b"a", "b"))

    async def broken():
        yield b"a"
        raise OSError("the line went dead")

    with pytest.raises(OSError, match="the line went dead"):
        await cache.put("k", broken())
    assert await cache.get("k") == "old"


async def test_half_a_surrogate_pair_becomes_the_replacement_character(cache):
    await cache.put("k\ud800", "v\udc00")
    assert await cache.get("k\ufffd") == await cache.get("k\ud800") == "v\ufffd"


def put_failed(text: str) -> str:
    return f"KV PUT failed: {text}"


@pytest.mark.spec("db 2.10.14")
@pytest.mark.parametrize(
    ("ttl", "said", "advice"),
    [
        (0, 0, "Please specify integer greater than 0."),
        (-5, -5, "Please specify integer greater than 0."),
        ("abc", 0, "Please specify integer greater than 0."),
        (float("nan"), 0, "Please specify integer greater than 0."),
        (1, 1, "Expiration TTL must be at least 60."),
        (30, 30, "Expiration TTL must be at least 60."),
        (59.9, 59, "Expiration TTL must be at least 60."),
    ],
)
async def test_ttls_that_are_refused(cache, ttl, said, advice):
    with pytest.raises(BindingError) as caught:
        await cache.put("k", "v", {"expirationTtl": ttl})
    assert str(caught.value) == put_failed(f"400 Invalid expiration_ttl of {said}. {advice}")
    assert await cache.get("k") is None


@pytest.mark.spec("db 2.10.15")
@pytest.mark.parametrize(
    ("lead", "advice"),
    [
        (-1, "Please specify integer greater than "
             "the current number of seconds since the UNIX epoch."),
        (0, "Please specify integer greater than "
            "the current number of seconds since the UNIX epoch."),
        (1, "Expiration times must be at least 60 seconds in the future."),
        (30, "Expiration times must be at least 60 seconds in the future."),
        (59, "Expiration times must be at least 60 seconds in the future."),
    ],
)  # fmt: skip
async def test_expirations_that_are_refused(room, cache, lead, advice):
    room.clock.advance(0.75)
    at = int(room.clock.now()) + lead
    with pytest.raises(BindingError) as caught:
        await cache.put("k", "v", expiration=at)
    assert str(caught.value) == put_failed(f"400 Invalid expiration of {at}. {advice}")


@pytest.mark.parametrize("name", ["expiration", "expirationTtl"])
@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**400 // 10**390])
async def test_numbers_beyond_32_bits(cache, name, value):
    with pytest.raises(TypeError) as caught:
        await cache.put("k", "v", {name: value})
    assert str(caught.value) == (
        "Value out of range. Must be between -2147483648 and 2147483647 (inclusive)."
    )


async def test_a_number_beyond_every_float_counts_as_zero(cache):
    with pytest.raises(BindingError, match="Invalid expiration_ttl of 0"):
        await cache.put("k", "v", expirationTtl=10**400)


@pytest.mark.spec("db 2.10.17")
async def test_the_ttl_wins_over_the_expiration(room, cache):
    await cache.put("k", "v", {"expirationTtl": 100, "expiration": 1})
    (entry,) = (await cache.list())["keys"]
    assert entry.expiration == int(room.clock.now()) + 100


@pytest.mark.spec("db 2.10.18")
async def test_a_put_replaces_metadata_and_expiration(room, cache):
    await cache.put("k", "v", {"expirationTtl": 60, "metadata": {"a": 1}})
    await cache.put("k", "w")
    assert (await cache.getWithMetadata("k"))["metadata"] is None
    assert (await cache.list())["keys"] == [{"name": "k"}]
    room.clock.advance(3600)
    assert await cache.get("k") == "w"


@pytest.mark.spec("db 2.10.19")
@pytest.mark.parametrize("metadata", [0, False, "", [], {}, 1.5, [None, {"a": None}]])
async def test_metadata_that_looks_like_nothing_is_kept(cache, metadata):
    await cache.put("k", "v", metadata=metadata)
    for found in (await cache.getWithMetadata("k"), (await cache.list())["keys"][0]):
        assert found["metadata"] == metadata
        assert type(found["metadata"]) is type(metadata) or isinstance(metadata, dict)


@pytest.mark.spec("db 2.10.20")
async def test_metadata_of_none_is_none(cache, invoke):
    await cache.put("k", "v", {"metadata": None})
    assert (await cache.getWithMetadata("k")) == {
        "value": "v",
        "metadata": None,
        "cacheStatus": None,
    }
    assert (await cache.list())["keys"] == [{"name": "k"}]
    await invoke("put", "k", "v", {"metadata": None})
    assert (await cache.list())["keys"] == [{"name": "k"}]


@pytest.mark.spec("db 2.10.21")
async def test_metadata_is_at_most_1024_bytes_of_json(cache):
    await cache.put("k", "v", metadata="x" * 1022)
    for metadata, size in [("x" * 1023, 1025), ("é" * 512, 1026)]:
        with pytest.raises(BindingError) as caught:
            await cache.put("k", "new", metadata=metadata)
        assert str(caught.value) == put_failed(
            f"413 Metadata length of {size} exceeds limit of 1024."
        )
    assert (await cache.getWithMetadata("k"))["metadata"] == "x" * 1022
    assert await cache.get("k") == "v"


async def test_a_date_in_metadata_becomes_its_iso_text(cache):
    when = datetime.datetime(2026, 11, 22, 9, 30, tzinfo=datetime.UTC)
    await cache.put("k", "v", metadata={"when": when})
    assert (await cache.getWithMetadata("k")).metadata.when == "2026-11-22T09:30:00Z"


async def test_metadata_that_is_no_json(cache):
    circular: list = []
    circular.append(circular)
    with pytest.raises(TypeError, match="metadata is circular, or nested too deeply"):
        await cache.put("k", "v", metadata=circular)
    for metadata in (object(), b"raw", {"a": "\ud800"}):
        with pytest.raises(TypeError, match="metadata cannot be written as JSON: "):
            await cache.put("k", "v", metadata=metadata)
    assert await cache.get("k") is None


@pytest.mark.spec("db 2.10.22")
async def test_a_value_is_at_most_25_mib(cache):
    largest = bytes(25 * MIB)
    await cache.put("k", largest)
    with pytest.raises(BindingError) as caught:
        await cache.put("k", "x" * (25 * MIB + 1))
    assert str(caught.value) == put_failed(
        "413 Value length of 26214401 exceeds limit of 26214400."
    )
    assert caught.value.code == "413"
    assert await cache.get("k", "arrayBuffer") == largest


@pytest.mark.spec("db 2.10.23")
async def test_a_stream_is_read_to_its_end_before_it_is_refused(cache):
    read = []

    async def endless():
        for number in range(30):
            read.append(number)
            yield bytes(MIB)

    with pytest.raises(BindingError) as caught:
        await cache.put("k", endless())
    assert str(caught.value) == put_failed(
        f"413 Value length of {30 * MIB} exceeds limit of 26214400."
    )
    assert len(read) == 30
    assert await cache.get("k") is None
    assert validation.VALUE_BYTES == 26_214_400


async def test_the_order_of_the_checks(cache):
    """The client's: key, metadata, value; then the server's: key, expiry, metadata, size."""
    wrong = {"expirationTtl": 1, "metadata": "x" * 2000}
    with pytest.raises(TypeError, match="Value out of range"):
        await cache.put("", {}, expirationTtl=2**40)
    with pytest.raises(TypeError, match="Key name cannot be empty"):
        await cache.put("", {}, wrong)
    with pytest.raises(TypeError, match="metadata cannot"):
        await cache.put("k" * 513, {}, metadata=object())
    with pytest.raises(TypeError, match="KV put\\(\\) accepts only"):
        await cache.put("k" * 513, {}, wrong)
    with pytest.raises(BindingError, match="414 UTF-8"):
        await cache.put("k" * 513, "v", wrong)
    with pytest.raises(BindingError, match="400 Invalid expiration_ttl of 1"):
        await cache.put("k", "v", wrong)
    with pytest.raises(BindingError, match="413 Metadata"):
        await cache.put("k", bytes(25 * MIB + 1), metadata=wrong["metadata"])


async def test_options_in_every_spelling(room, cache):
    at = int(room.clock.now()) + 60
    await cache.put("k", "v", {"expirationTtl": 60})
    await cache.put("l", "v", {"expiration_ttl": "60"})
    await cache.put("m", "v", expirationTtl=60, metadata=1)
    await cache.put("n", "v", expiration_ttl=60.9, expiration=None)
    await cache.put("o", "v", None, expiration=at)
    assert {entry.expiration for entry in (await cache.list())["keys"]} == {at}
    with pytest.raises(TypeError, match="options must be a dict, not str"):
        await cache.put("k", "v", "text")
    with pytest.raises(TypeError, match="unknown option 'ttl'"):
        await cache.put("k", "v", ttl=60)


async def test_null_is_zero_for_the_platform_and_absent_in_python(cache, invoke):
    await cache.put("k", "v", {"expirationTtl": None})
    with pytest.raises(BindingError, match="Invalid expiration_ttl of 0"):
        await invoke("put", "k", "v", {"expirationTtl": None})


async def test_a_missing_argument_is_pythons_own_type_error(cache):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'value'"):
        await cache.put("k")
    with pytest.raises(TypeError) as caught:
        await cache.put(object(), "v")
    assert str(caught.value) == (
        "Failed to execute 'put' on 'KvNamespace': parameter 1 is not of type 'string'."
    )
