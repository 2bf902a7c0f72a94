"""ListBuckets, HeadBucket, GetBucketLocation, ListObjectsV2 and ListObjects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from ..failures import MAX_LIMIT
from ..http_date import moment
from ..listing import Listing, bound, cursor, successor
from ..operations import Operations
from .answers import Answer, xml
from .credentials import REGION, KeyPair
from .documents import TYPE, single
from .failures import invalid
from .fields import NAMES
from .place import Call

OWNER = MappingProxyType({"ID": "aerostack", "DisplayName": "aerostack"})
NUMBER = re.compile(r"[0-9]{1,10}")


def iso(ms: int) -> str:
    """A moment as S3's documents write it."""
    return f"{moment(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def list_buckets(buckets: Iterable[str], pair: KeyPair) -> Answer:
    """All buckets. They have no age of their own: they are as old as the key pair."""
    since = iso(pair.created)
    entries = [{"Name": name, "CreationDate": since} for name in sorted(buckets)]
    return xml("ListAllMyBucketsResult", {"Owner": OWNER, "Buckets": {"Bucket": entries}})


async def head_bucket(call: Call) -> Answer:
    """There is such a bucket."""
    return Answer(200, [("x-amz-bucket-region", REGION)])


async def bucket_location(call: Call) -> Answer:
    """Where all buckets are."""
    return Answer(200, [("Content-Type", TYPE)], single("LocationConstraint", REGION))


async def list_objects_v2(call: Call) -> Answer:
    """A page of keys; the next one begins at `NextContinuationToken`."""
    given = call.parameters
    if given["list-type"] != "2":
        raise invalid("list-type", given["list-type"], "Only list type 2 is supported.")
    token, start_after = given.get("continuation-token"), given.get("start-after", "")
    if token is not None and (not token or cursor(bound(token)) != token):
        why = "The continuation token provided is incorrect"
        raise invalid("continuation-token", token, why)
    options = {"cursor": token or "", "startAfter": start_after}
    page = await _page(call, options)
    shown = shown_as(given)
    owner = given.get("fetch-owner") == "true"
    content = {
        **_head(call, shown),
        "StartAfter": shown(start_after) or None,
        "ContinuationToken": token,
        "NextContinuationToken": page["cursor"],
        "KeyCount": len(page["objects"]) + len(page["delimitedPrefixes"]),
        **_entries(page, shown, owner),
    }
    return xml("ListBucketResult", content)


async def list_objects(call: Call) -> Answer:
    """A page of keys; the next one begins behind the key or group `NextMarker`."""
    given = call.parameters
    marker = given.get("marker", "")
    page = await _page(call, _behind(marker, given))
    shown = shown_as(given)
    last = max(
        [found["key"].encode() for found in page["objects"]]
        + [group.encode() for group in page["delimitedPrefixes"]],
        default=b"",
    ).decode()
    content = {
        **_head(call, shown),
        "Marker": shown(marker),
        "NextMarker": shown(last) if page["truncated"] else None,
        **_entries(page, shown, True),
    }
    return xml("ListBucketResult", content)


def _behind(marker: str, given: Mapping[str, str]) -> dict[str, str]:
    """Where a page behind `marker` begins: behind all of a group when it names one."""
    prefix, delimiter = given.get("prefix", ""), given.get("delimiter", "")
    listing = Listing(limit=1, prefix=prefix.encode(), delimiter=delimiter.encode())
    key = marker.encode()
    if marker and marker.startswith(prefix) and listing.group(key) == key:
        return {"cursor": cursor(successor(key) or b"")}
    return {"startAfter": marker}


async def _page(call: Call, begin: Mapping[str, str]) -> dict[str, Any]:
    limit = _limit(call.parameters)
    if not limit:
        return {"objects": [], "delimitedPrefixes": [], "truncated": False, "cursor": None}
    return await _list(call.bucket, call.parameters, {**begin, "limit": limit})


async def _list(
    bucket: Operations, given: Mapping[str, str], options: Mapping[str, Any]
) -> dict[str, Any]:
    chosen = {name: given.get(name, "") for name in ("prefix", "delimiter")}
    return await bucket.list({**chosen, **options})


def _limit(given: Mapping[str, str]) -> int:
    return min(number_of(given, "max-keys", MAX_LIMIT), MAX_LIMIT)


def number_of(given: Mapping[str, str], name: str, default: int) -> int:
    """A number from 0 on among the parameters. Raises `S3Error`."""
    text = given.get(name) or str(default)
    if not NUMBER.fullmatch(text):
        raise invalid(name, text, f"Argument {name} must be an integer from 0 on")
    return int(text)


def shown_as(given: Mapping[str, str]) -> Any:
    """How names are written: as they are, or percent-encoded on demand. Raises `S3Error`."""
    encoding = given.get("encoding-type")
    if encoding is None:
        return str
    if encoding != "url":
        raise invalid("encoding-type", encoding, "Invalid Encoding Method specified in Request")
    return quote


def _head(call: Call, shown: Any) -> dict[str, Any]:
    given = call.parameters
    return {
        "Name": call.bucket.bucket,
        "Prefix": shown(given.get("prefix", "")),
        "Delimiter": shown(given.get("delimiter", "")) or None,
        "MaxKeys": _limit(given),
        "EncodingType": given.get("encoding-type"),
    }


def _entries(page: Mapping[str, Any], shown: Any, owner: bool) -> dict[str, Any]:
    return {
        "IsTruncated": page["truncated"],
        "Contents": [
            {
                "Key": shown(found["key"]),
                "LastModified": iso(found["uploaded"]),
                "ETag": found["httpEtag"],
                "Size": found["size"],
                "StorageClass": NAMES[found["storageClass"]],
                "Owner": OWNER if owner else None,
            }
            for found in page["objects"]
        ],
        "CommonPrefixes": [{"Prefix": shown(group)} for group in page["delimitedPrefixes"]],
    }
