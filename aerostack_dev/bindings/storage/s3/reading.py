"""GetObject and HeadObject: ranges and conditions as HTTP has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..conditions import Conditions, tags_of
from ..http_date import http_date, milliseconds
from ..ranges import is_beyond, ranges_of
from .answers import NOT_MODIFIED, Answer, close
from .failures import S3Error, no_such_key, not_implemented, precondition_failed
from .fields import (
    check_ssec,
    conditions_of,
    described,
    kept_checksums,
    ssec_headers,
    ssec_of,
    tags,
)
from .place import Call

NO_BYTES = re.compile(r" *bytes *= *-0+ *", re.IGNORECASE)


async def get_object(call: Call) -> Answer:
    """The object, or the range of it that the request names."""
    _check_parameters(call.parameters)
    wanted = call.headers.get("range")
    found = await _read(call, wanted)
    if wanted and not _range_applies(call.headers, found):
        await close(found["body"])
        wanted, found = None, await _read(call, None)
    try:
        return _answer(call, found, wanted)
    except BaseException:
        await close(found["body"])
        raise


async def head_object(call: Call) -> Answer:
    """What `get_object` would answer, without the content."""
    _check_parameters(call.parameters)
    found = await call.bucket.head(call.key)
    if found is None:
        raise no_such_key(call.key)
    check_ssec(call.headers, found)
    wanted = call.headers.get("range")
    if wanted and not _range_applies(call.headers, found):
        wanted = None
    return _answer(call, {**found, "body": b""}, wanted)


async def _read(call: Call, wanted: str | None) -> dict[str, Any]:
    options = ssec_of(call.headers)
    if wanted:
        options["range"] = [["range", wanted]]
    found = await call.bucket.get(call.key, options)
    if found is None:
        raise no_such_key(call.key)
    return found


def _answer(call: Call, found: Mapping[str, Any], wanted: str | None) -> Answer:
    if _not_modified(call.headers, found):
        return Answer(NOT_MODIFIED, tags(found))
    headers = [*described(found, call.parameters), ("Accept-Ranges", "bytes")]
    headers += ssec_headers(call.headers)
    offset, length = _extent(found, wanted)
    status = 200
    if offset is not None:
        status = 206
        last = offset + length - 1
        headers.append(("Content-Range", f"bytes {offset}-{last}/{found['size']}"))
    elif call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers += kept_checksums(found)
    return Answer(status, headers, found["body"], length)


def _extent(found: Mapping[str, Any], wanted: str | None) -> tuple[int | None, int]:
    """Where the range begins (None: all is sent) and how long it is. Raises `S3Error`."""
    size: int = found["size"]
    spans = ranges_of(wanted, size) if wanted else None
    if wanted and (is_beyond(wanted, size) or NO_BYTES.fullmatch(wanted)):
        raise S3Error(
            "InvalidRange",
            416,
            "The requested range is not satisfiable",
            RangeRequested=wanted,
            ActualObjectSize=str(size),
        )
    if spans is None or len(spans) > 1:
        return None, size
    if not spans:  # the last bytes, more than there are
        return (0, size) if size else (None, size)
    return spans[0].offset, spans[0].length


def _not_modified(headers: Mapping[str, str], found: Mapping[str, Any]) -> bool:
    """Whether the client has it already (RFC 9110 §13.2.2). Raises `S3Error` (412)."""
    given = dict(conditions_of(headers).get("onlyIf", ()))
    etag, uploaded = found["etag"], found["uploaded"]
    before = milliseconds(given.get("if-unmodified-since"))
    expected = Conditions(
        matches=tags_of(given, "if-match"),
        before=None if before is None else before + 1000,  # the second that was named is in it
    )
    if not expected.hold(etag, uploaded):
        name = "If-Match" if "if-match" in given else "If-Unmodified-Since"
        raise precondition_failed(name)
    changed = Conditions(
        differs=tags_of(given, "if-none-match"),
        after=milliseconds(given.get("if-modified-since")),
        whole_seconds=True,
    )
    return not changed.hold(etag, uploaded)


def _range_applies(headers: Mapping[str, str], found: Mapping[str, Any]) -> bool:
    """Whether `If-Range`, if there is one, names the object as it is."""
    condition = headers.get("if-range")
    return condition is None or condition in (found["httpEtag"], http_date(found["uploaded"]))


def _check_parameters(parameters: Mapping[str, str]) -> None:
    if "partNumber" in parameters:
        raise not_implemented("The parameter partNumber of a read")
    check_version(parameters)


def check_version(parameters: Mapping[str, str]) -> None:
    """Buckets have no versions but the one there is. Raises `S3Error`."""
    if parameters.get("versionId", "null") not in ("null", ""):
        raise not_implemented("Versioning")
