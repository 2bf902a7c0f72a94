"""ListMultipartUploads: the uploads that were begun and neither completed nor aborted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..backend import Upload
from ..listing import Listing
from ..multipart import UPLOAD_LIFETIME_MS
from .answers import Answer, xml
from .fields import NAMES
from .listing import OWNER, iso, number_of, shown_as
from .place import Call

MOST_UPLOADS = 1000
"""Of a page."""


class _Entry(NamedTuple):
    """What counts as one: an upload, or a group of keys."""

    key: str
    upload: Upload | None = None


async def list_uploads(call: Call) -> Answer:
    """A page of uploads by key and age; the next one begins behind the two `Next…Marker`s."""
    given = call.parameters
    most = min(number_of(given, "max-uploads", MOST_UPLOADS), MOST_UPLOADS)
    shown = shown_as(given)
    since = int(call.clock.now() * 1000) - UPLOAD_LIFETIME_MS
    uploads = await call.backend.uploads(call.bucket.bucket, since)
    left = list(_entries(_behind(uploads, given), given))
    page = left[:most]
    last = page[-1] if page else None
    truncated = bool(page) and len(page) < len(left)
    content = {
        "Bucket": call.bucket.bucket,
        "KeyMarker": shown(given.get("key-marker", "")),
        "UploadIdMarker": given.get("upload-id-marker", ""),
        "NextKeyMarker": shown(last.key) if last and truncated else None,
        "NextUploadIdMarker": last.upload.id if last and last.upload and truncated else None,
        "Prefix": shown(given.get("prefix", "")),
        "Delimiter": shown(given.get("delimiter", "")) or None,
        "MaxUploads": most,
        "EncodingType": given.get("encoding-type"),
        "IsTruncated": truncated,
        "Upload": [_listed(entry.upload, shown) for entry in page if entry.upload],
        "CommonPrefixes": [{"Prefix": shown(entry.key)} for entry in page if not entry.upload],
    }
    return xml("ListMultipartUploadsResult", content)


def _behind(uploads: Iterable[Upload], given: Mapping[str, str]) -> Iterator[Upload]:
    """`uploads` without those up to the markers.

    A marker that is gone meanwhile leaves all uploads of its key: none is missed.
    """
    key, upload_id = given.get("key-marker", "").encode(), given.get("upload-id-marker", "")
    ordered = list(uploads)
    ids = [upload.id for upload in ordered]
    at = ids.index(upload_id) if upload_id in ids else -1
    for place, upload in enumerate(ordered):
        own = upload.key.encode()
        if own > key or (own == key and upload_id and place > at):
            yield upload


def _entries(uploads: Iterable[Upload], given: Mapping[str, str]) -> Iterator[_Entry]:
    prefix, delimiter = given.get("prefix", "").encode(), given.get("delimiter", "").encode()
    listing = Listing(limit=MOST_UPLOADS, prefix=prefix, delimiter=delimiter)
    behind = listing.group(given.get("key-marker", "").encode())
    seen = {behind} if behind == given.get("key-marker", "").encode() else set()
    for upload in uploads:
        key = upload.key.encode()
        if not key.startswith(prefix):
            continue
        group = listing.group(key)
        if group is None:
            yield _Entry(upload.key, upload)
        elif group not in seen:
            seen.add(group)
            yield _Entry(group.decode())


def _listed(upload: Upload, shown: Any) -> dict[str, Any]:
    return {
        "Key": shown(upload.key),
        "UploadId": upload.id,
        "Initiator": OWNER,
        "Owner": OWNER,
        "StorageClass": NAMES[upload.details.storage_class],
        "Initiated": iso(upload.created),
    }
