"""PutObject, CopyObject, DeleteObject and DeleteObjects."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from ..failures import MAX_DELETED_KEYS
from ..operations import MAX_KEY_BYTES, Operations
from .answers import Answer, close, xml
from .checksums import KEPT
from .documents import Reading
from .failures import (
    S3Error,
    invalid,
    invalid_request,
    malformed,
    no_such_key,
    not_implemented,
    precondition_failed,
)
from .fields import (
    COPY_SSEC,
    Headers,
    conditions_of,
    details_of,
    ssec_headers,
    ssec_of,
)
from .listing import iso
from .payload import Payload
from .place import Call
from .reading import check_version

SOURCE = "x-amz-copy-source"
SOURCE_CONDITION = "x-amz-copy-source-"
DIRECTIVES = ("COPY", "REPLACE")


async def put_object(call: Call) -> Answer:
    """Store the body under the key."""
    payload = Payload(call.request, call.authorized)
    options = {**details_of(call.headers), **conditions_of(call.headers)}
    for header, value in payload.checksums.items():
        if header in KEPT and header in call.headers:
            options[KEPT[header]] = value
            break  # the room keeps one
    stored = await call.bucket.put(call.key, payload.stream, options)
    if stored is None:
        raise precondition_failed(", ".join(name for name, _ in options["onlyIf"]))
    return Answer(
        200, [("ETag", stored["httpEtag"]), *verified(payload), *ssec_headers(call.headers)]
    )


def verified(payload: Payload) -> Headers:
    """The checksums that the body was found to have."""
    return [
        (name, base64.b64encode(value).decode())
        for name, value in payload.checksums.items()
        if name.startswith("x-amz-")
    ]


async def copy_object(call: Call) -> Answer:
    """Store the content of another object, or of the same one with other metadata."""
    directive = call.headers.get("x-amz-metadata-directive", DIRECTIVES[0])
    if directive not in DIRECTIVES:
        raise invalid("x-amz-metadata-directive", directive, "It must be COPY or REPLACE.")
    if call.headers.get("x-amz-tagging-directive", DIRECTIVES[0]) != DIRECTIVES[0]:
        raise not_implemented("The header x-amz-tagging-directive")
    details = details_of(call.headers)
    replace = directive == DIRECTIVES[1]
    bucket, key = source_of(call)
    same = bucket.bucket == call.bucket.bucket and key == call.key
    if same and not replace and "x-amz-storage-class" not in call.headers:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata or storage class."
        )
    found = await read_source(call, bucket, key)
    try:
        if not replace:
            details["httpMetadata"] = found["httpMetadata"]
            details["customMetadata"] = found["customMetadata"]
        options = {**details, **conditions_of(call.headers)}
        stored = await call.bucket.put(call.key, found["body"], options)
    finally:
        await close(found["body"])
    if stored is None:
        raise precondition_failed(", ".join(name for name, _ in options["onlyIf"]))
    content = {"LastModified": iso(stored["uploaded"]), "ETag": stored["httpEtag"]}
    return xml("CopyObjectResult", content, ssec_headers(call.headers))


def source_of(call: Call) -> tuple[Operations, str]:
    """The bucket and the key that `x-amz-copy-source` names. Raises `S3Error`."""
    header = call.headers[SOURCE]
    path, _, query = header.partition("?versionId=")
    check_version({"versionId": query} if query else {})
    try:
        decoded = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        decoded = ""
    name, _, key = decoded.removeprefix("/").partition("/")
    if not name or not key:
        raise invalid(SOURCE, header, "Copy Source must mention the source bucket and key.")
    bucket = call.buckets.get(name)
    if bucket is None:
        raise no_such_bucket(name)
    return bucket, key


async def read_source(
    call: Call, bucket: Operations, key: str, range_: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The object to copy, open. Raises `S3Error`."""
    conditions = conditions_of(call.headers, SOURCE_CONDITION)
    options: dict[str, Any] = {**conditions, **ssec_of(call.headers, COPY_SSEC)}
    if range_ is not None:
        options["range"] = range_
    found = await bucket.get(key, options)
    if found is None:
        raise no_such_key(key)
    if "body" not in found:
        names = (SOURCE_CONDITION + name for name, _ in conditions["onlyIf"])
        raise precondition_failed(", ".join(names))
    return found


async def delete_object(call: Call) -> Answer:
    """Delete the object; there need not be one."""
    check_version(call.parameters)
    if conditions_of(call.headers):
        raise not_implemented("A conditional delete")
    await call.bucket.delete(call.key)
    return Answer(204)


async def delete_objects(call: Call) -> Answer:
    """Delete the keys that the document names."""
    body = await Payload(call.request, call.authorized).document()
    request = Reading("Delete", "Object", MAX_DELETED_KEYS).read(body)
    keys = [_key(entry) for entry in request.entries]
    if not keys:
        raise malformed()
    deleted = [key for key in keys if len(key.encode()) <= MAX_KEY_BYTES]
    if deleted:
        await call.bucket.delete(deleted)
    quiet = request.fields.get("Quiet") == "true"
    errors = [
        {"Key": key, "Code": "KeyTooLongError", "Message": "Your key is too long"}
        for key in keys
        if len(key.encode()) > MAX_KEY_BYTES
    ]
    content = {"Deleted": [] if quiet else [{"Key": key} for key in deleted], "Error": errors}
    return xml("DeleteResult", content)


def _key(entry: Mapping[str, str]) -> str:
    key = entry.get("Key")
    if not key:
        raise malformed()
    if {"ETag", "LastModifiedTime", "Size"} & set(entry):
        raise not_implemented("A conditional delete")
    check_version({"versionId": entry.get("VersionId", "null")})
    return key


def no_such_bucket(name: str) -> S3Error:
    """The project declares no such bucket."""
    return S3Error(
        "NoSuchBucket",
        404,
        "The specified bucket does not exist. Buckets are declared as [[r2_buckets]] in "
        "aerostack.toml.",
        BucketName=name,
    )
