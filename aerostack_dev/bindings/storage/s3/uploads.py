"""Multipart uploads.

The platform's etags of parts are random. S3's are the MD5 of the part, and there are
clients that check it: so this is what they get here, and a completion is translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from ....wire import Stream
from ..backend import Upload
from ..multipart import MAX_PART_NUMBER, UPLOAD_LIFETIME_MS, Part
from .answers import Answer, close, xml
from .checksums import announced
from .documents import Reading
from .failures import (
    S3Error,
    invalid,
    invalid_request,
    malformed,
    no_such_upload,
    not_implemented,
)
from .fields import NAMES, conditions_of, details_of, ssec_headers, ssec_of
from .listing import NUMBER, OWNER, iso, number_of
from .payload import Payload
from .place import Call
from .writing import read_source, source_of, verified

SOURCE_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{1,15})")
MOST_PARTS = 1000
"""Of a page."""


async def create_upload(call: Call) -> Answer:
    """Begin an upload."""
    made = await call.bucket.createMultipartUpload(call.key, details_of(call.headers))
    content = {"Bucket": call.bucket.bucket, "Key": call.key, "UploadId": made["uploadId"]}
    algorithm = "x-amz-checksum-algorithm"
    headers = [(algorithm, call.headers[algorithm])] if algorithm in call.headers else []
    return xml("InitiateMultipartUploadResult", content, [*headers, *ssec_headers(call.headers)])


async def upload_part(call: Call) -> Answer:
    """Add a part, or replace one."""
    payload = Payload(call.request, call.authorized, md5=True)
    await _upload(call, payload.stream)
    headers = [("ETag", f'"{payload.md5}"'), *verified(payload), *ssec_headers(call.headers)]
    return Answer(200, headers)


async def upload_part_copy(call: Call) -> Answer:
    """Add a part from the content of an object."""
    bucket, key = source_of(call)
    found = await read_source(call, bucket, key, _source_range(call.headers))
    stream: Stream = found["body"]
    try:
        if "x-amz-copy-source-range" in call.headers:
            _check_whole(call.headers, stream)
        made = await _upload(call, stream)
    finally:
        await close(stream)
    _, parts = await _look(call)
    number = made["partNumber"]
    if number not in parts or parts[number].etag != made["etag"]:
        raise no_such_upload(call.parameters["uploadId"])
    content = {
        "LastModified": iso(int(call.clock.now() * 1000)),
        "ETag": f'"{parts[number].md5.hex()}"',
    }
    return xml("CopyPartResult", content, ssec_headers(call.headers))


async def complete_upload(call: Call) -> Answer:
    """Make the object of the parts that the document names."""
    if conditions_of(call.headers):
        raise not_implemented("A conditional completion of an upload")
    if announced(call.headers):
        raise not_implemented("The checksum of a whole upload")
    body = await Payload(call.request, call.authorized, checksums=False).document()
    entries = Reading("CompleteMultipartUpload", "Part", MAX_PART_NUMBER).read(body).entries
    wanted = [_wanted(entry) for entry in entries]
    numbers = [number for number, _ in wanted]
    if not wanted:
        raise malformed()
    if numbers != sorted(set(numbers)):
        why = "The list of parts was not in ascending order."
        raise S3Error("InvalidPartOrder", 400, why)
    _, parts = await _look(call)
    _check_size(call.headers, [parts[number] for number in numbers if number in parts])
    chosen = [
        {"partNumber": number, "etag": _own_etag(parts.get(number), number, etag)}
        for number, etag in wanted
    ]
    upload_id = call.parameters["uploadId"]
    stored = await call.bucket.completeMultipartUpload(call.key, upload_id, chosen)
    content = {
        "Location": call.request.path.decode("latin-1"),
        "Bucket": call.bucket.bucket,
        "Key": call.key,
        "ETag": stored["httpEtag"],
    }
    return xml("CompleteMultipartUploadResult", content)


async def abort_upload(call: Call) -> Answer:
    """Drop an upload and its parts."""
    await _look(call)
    await call.bucket.abortMultipartUpload(call.key, call.parameters["uploadId"])
    return Answer(204)


async def list_parts(call: Call) -> Answer:
    """The parts that were uploaded. They have no age of their own: it is the upload's."""
    upload, parts = await _look(call)
    marker, most = (
        number_of(call.parameters, "part-number-marker", 0),
        number_of(call.parameters, "max-parts", MOST_PARTS),
    )
    most = min(most, MOST_PARTS)
    left = [parts[number] for number in sorted(parts) if number > marker]
    page = left[:most]
    content = {
        "Bucket": call.bucket.bucket,
        "Key": call.key,
        "UploadId": upload.id,
        "Initiator": OWNER,
        "Owner": OWNER,
        "StorageClass": NAMES[upload.details.storage_class],
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else marker,
        "MaxParts": most,
        "IsTruncated": len(page) < len(left),
        "Part": [_listed(part, upload) for part in page],
    }
    return xml("ListPartsResult", content)


def _listed(part: Part, upload: Upload) -> dict[str, Any]:
    return {
        "PartNumber": part.number,
        "LastModified": iso(upload.created),
        "ETag": f'"{part.md5.hex()}"',
        "Size": part.size,
    }


async def _upload(call: Call, content: Stream) -> dict[str, Any]:
    """Hand a part to the room. An unknown upload is refused before the body is read."""
    number = call.parameters.get("partNumber", "")
    if not NUMBER.fullmatch(number) or not 1 <= int(number) <= MAX_PART_NUMBER:
        why = f"Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive"
        raise invalid("partNumber", number, why)
    await _look(call)
    upload_id = call.parameters["uploadId"]
    options = ssec_of(call.headers)
    return await call.bucket.uploadPart(call.key, upload_id, int(number), content, options)


class _LookedError(Exception):
    """Ends a look at an upload, which so remains as it is."""

    def __init__(self, upload: Upload | None, parts: Mapping[int, Part]) -> None:
        super().__init__()
        self.upload = upload
        self.parts = parts


async def _look(call: Call) -> tuple[Upload, Mapping[int, Part]]:
    """The upload that the request names, and its parts. Raises `S3Error` (NoSuchUpload).

    The room has no reading of its own for this: it shows an upload to who is about to
    complete it, and this one declines.
    """
    upload_id = call.parameters["uploadId"]
    found: _LookedError | None = None
    try:
        await call.backend.complete_upload(call.bucket.bucket, upload_id, _decline)
    except _LookedError as looked:
        found = looked
    upload = found.upload if found else None
    now = call.clock.now() * 1000
    if found is None or upload is None or not upload.open or upload.key != call.key:
        raise no_such_upload(upload_id)
    if upload.created + UPLOAD_LIFETIME_MS <= now:
        raise no_such_upload(upload_id)
    return upload, found.parts


def _decline(upload: Upload | None, parts: Mapping[int, Part]) -> NoReturn:
    raise _LookedError(upload, dict(parts))


def _wanted(entry: Mapping[str, str]) -> tuple[int, str]:
    number, etag = entry.get("PartNumber", "").strip(), entry.get("ETag")
    if etag is None or not NUMBER.fullmatch(number):
        raise malformed()
    return int(number), etag.strip().strip('"')


def _own_etag(part: Part | None, number: int, etag: str) -> str:
    """The room's etag of the part whose MD5 the client names."""
    if part is None or part.md5.hex() != etag:
        raise S3Error(
            "InvalidPart",
            400,
            "One or more of the specified parts could not be found. The part may not have "
            "been uploaded, or the specified entity tag may not match the part's entity tag.",
            PartNumber=str(number),
            ETag=etag,
        )
    return part.etag


def _check_size(headers: Mapping[str, str], parts: list[Part]) -> None:
    expected = headers.get("x-amz-mp-object-size")
    if expected is not None and expected != str(sum(part.size for part in parts)):
        raise invalid_request("The x-amz-mp-object-size is not the size of the parts together.")


def _source_range(headers: Mapping[str, str]) -> Mapping[str, int] | None:
    text = headers.get("x-amz-copy-source-range")
    if text is None:
        return None
    match = SOURCE_RANGE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        why = "The x-amz-copy-source-range value must be of the form bytes=first-last"
        raise invalid("x-amz-copy-source-range", text, why)
    return {"offset": int(match[1]), "length": int(match[2]) - int(match[1]) + 1}


def _check_whole(headers: Mapping[str, str], stream: Stream) -> None:
    """A range to copy lies within its object, to the last byte."""
    wanted = _source_range(headers)
    if wanted is not None and stream.size != wanted["length"]:
        why = "Range specified is not valid for the source object"
        raise invalid("x-amz-copy-source-range", headers["x-amz-copy-source-range"], why)
