"""The verbs of `env.STORAGE`: limits, validation, texts and semantics for every language.

An object crosses the wire as a dict: `key, version, size, etag, httpEtag, uploaded` (ms),
`checksums` (name to bytes), `httpMetadata` (`cacheExpiry` in ms), `customMetadata`,
`range, storageClass, ssecKeyMd5`; a `get` whose conditions hold adds `body`, a
`wire.Stream`. What the platform leaves undefined is None. Headers in place of an options
object (`httpMetadata`, `onlyIf`, `range`) are a list of [name, value].
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ...wire import Stream
from ..kind import Services
from ..options import int32
from ..spans import operation
from . import Bucket
from .backend import Backend, Details, Received, Stored, Upload
from .checksums import Checksum, checksum_of, ssec_of
from .conditions import Conditions, conditions_of
from .content import content_of, size_of
from .failures import (
    BAD_KEY,
    BAD_KEY_COUNT,
    BAD_RANGE,
    INTERNAL,
    MAX_DELETED_KEYS,
    METADATA_TOO_LARGE,
    NO_SUCH_UPLOAD,
    TOO_LARGE,
    refusal,
    wrong_ssec_key,
)
from .listing import INCLUDABLE, included, listing_of
from .metadata import (
    MAX_METADATA,
    custom_metadata,
    http_metadata,
    metadata_size,
    storage_class,
)
from .multipart import (
    COMPLETE,
    GIB,
    MAX_PART_SIZE,
    MIB,
    UPLOAD_LIFETIME_MS,
    Part,
    assemble,
    check_number,
    object_etag,
)
from .ranges import Range, Span, UnsatisfiableError, range_of
from .shape import described
from .values import text

MAX_KEY_BYTES = 1024
MAX_PUT_SIZE = 5 * GIB - 5 * MIB
VERSION_BYTES = 16
PART_ETAG_BYTES = 16
UPLOAD_ID_BYTES = 128
INCLUDE_HONOURED_SINCE = datetime.date(2022, 8, 4)
INCLUDE_FLAG = "r2_list_honor_include"

BUCKET = "R2Bucket"
UPLOAD = "R2MultipartUpload"


def _about(keys: Any) -> str:
    return f"{len(keys)} keys" if isinstance(keys, (list, tuple)) else text(keys)


def _prefix(options: Any = None) -> str:
    return text(options.get("prefix", "")) if isinstance(options, Mapping) else ""


class Operations:
    """What can be done with one bucket."""

    def __init__(self, declaration: Bucket, backend: Backend, services: Services) -> None:
        self.binding = declaration.binding
        self.bucket = declaration.resource
        self.public = declaration.public
        self._backend = backend
        self._services = services
        self._honours_include = services.project.since(INCLUDE_HONOURED_SINCE, INCLUDE_FLAG)

    @operation()
    async def head(self, key: Any) -> dict[str, Any] | None:
        """The object without its content, or None."""
        stored = await self._backend.head(self.bucket, _key("head", key))
        return None if stored is None else described(stored, Span(0, stored.size))

    @operation()
    async def get(self, key: Any, options: Any = None) -> dict[str, Any] | None:
        """The object with its `body`; without it when `onlyIf` fails; None: no such key.

        Options: `onlyIf`, `range`, `ssecKey` (§1.4, §1.5).
        """
        given = _options(options)
        choose = partial(
            _choose,
            ssec_of(given),
            conditions_of(given.get("onlyIf")),
            range_of(given.get("range")),
        )
        found = await self._backend.read(self.bucket, _key("get", key), choose)
        if found is None:
            return None
        stored, span, body = found
        answer = described(stored, span or Span(0, stored.size))
        if body is not None:
            answer["body"] = body
        return answer

    @operation()
    async def put(self, key: Any, value: Any = ..., options: Any = None) -> dict[str, Any] | None:
        """Make or replace an object; None, and nothing is changed, when `onlyIf` fails.

        The value is text, bytes, None (empty) or a `Stream` of known size. Options:
        `httpMetadata`, `customMetadata`, `onlyIf`, `storageClass`, `ssecKey` and one of
        `md5`, `sha1`, `sha256`, `sha384`, `sha512` (§1.2).
        """
        given = _options(options)
        conditions, checksum = conditions_of(given.get("onlyIf")), checksum_of(given)
        details = _details(given)
        content = content_of(b"" if value is None else value, "put", BUCKET)
        name = _key("put", key)
        if size_of(content) > MAX_PUT_SIZE:
            raise refusal("put", TOO_LARGE)
        if metadata_size(details.custom) > MAX_METADATA:
            raise refusal("put", METADATA_TOO_LARGE)
        return await self._put(name, content, details, checksum, conditions)

    @operation(subject=_about)
    async def delete(self, keys: Any) -> None:
        """Delete a key, or 1 to 1000 keys at once; a missing one is fine."""
        many = keys if isinstance(keys, (list, tuple)) else [keys]
        if not 1 <= len(many) <= MAX_DELETED_KEYS:
            raise refusal("delete", BAD_KEY_COUNT)
        await self._backend.delete(self.bucket, [_key("delete", key) for key in many])

    @operation(subject=_prefix)
    async def list(self, options: Any = None) -> dict[str, Any]:
        """A page of objects, in UTF-8 byte order of their keys (§1.6).

        Options: `limit`, `prefix`, `delimiter`, `cursor`, `startAfter`, `include`.
        """
        given = _options(options)
        include = included(given)
        if not self._honours_include:
            include = INCLUDABLE
        page = await self._backend.page(self.bucket, listing_of(given, include))
        http, custom = (name in include for name in INCLUDABLE)
        return {
            "objects": [described(found, http=http, custom=custom) for found in page.objects],
            "truncated": page.cursor is not None,
            "cursor": page.cursor,
            "delimitedPrefixes": page.groups,
        }

    @operation()
    async def createMultipartUpload(self, key: Any, options: Any = None) -> dict[str, Any]:
        """Begin an upload in parts: `{key, uploadId}` (§1.7).

        Options: `httpMetadata`, `customMetadata`, `storageClass`, `ssecKey`.
        """
        details = _details(_options(options))
        name = _key("createMultipartUpload", key)
        upload_id = base64.urlsafe_b64encode(self._services.entropy(UPLOAD_ID_BYTES))
        upload = Upload(upload_id.rstrip(b"=").decode(), name, self._now(), True, details)
        await self._backend.create_upload(self.bucket, upload)
        return {"key": name, "uploadId": upload.id}

    @operation()
    async def uploadPart(
        self, key: Any, uploadId: Any, partNumber: Any, value: Any = ..., options: Any = None
    ) -> dict[str, Any]:
        """Add or replace a part: `{partNumber, etag}`. Options: `ssecKey`."""
        number = check_number(int32(partNumber))
        ssec = ssec_of(_options(options))
        content = content_of(value, "uploadPart", UPLOAD)
        name = _key("uploadPart", key)
        if size_of(content) > MAX_PART_SIZE:
            raise refusal("uploadPart", TOO_LARGE)
        etag = self._services.entropy(PART_ETAG_BYTES).hex()
        check = partial(self._takes_part, name, ssec)
        async with self._backend.receive(content, ("md5",), part=True) as received:
            part = Part(number, etag, received.size, received.digests["md5"], received.blob)
            await self._backend.put_part(self.bucket, text(uploadId), part, received, check)
        return {"partNumber": number, "etag": etag}

    @operation()
    async def completeMultipartUpload(self, key: Any, uploadId: Any, parts: Any) -> dict[str, Any]:
        """Make the object of `parts`, a list of `{partNumber, etag}` in any order."""
        requested = _requested(parts)
        name = _key(COMPLETE, key)
        assembly = partial(self._assemble, name, requested)
        stored = await self._backend.complete_upload(self.bucket, text(uploadId), assembly)
        return described(stored)

    @operation()
    async def abortMultipartUpload(self, key: Any, uploadId: Any) -> None:
        """Drop an upload and its parts; one that is finished or aborted is left alone."""
        name = _key("abortMultipartUpload", key)
        check = partial(_is_of, "abortMultipartUpload", INTERNAL, name)
        await self._backend.abort_upload(self.bucket, text(uploadId), check)

    async def _put(
        self,
        key: str,
        content: bytes | Stream,
        details: Details,
        checksum: Checksum | None,
        conditions: Conditions,
    ) -> dict[str, Any] | None:
        algorithms = {"md5", checksum.algorithm} if checksum else {"md5"}
        async with self._backend.receive(content, sorted(algorithms)) as received:
            if checksum is not None:
                checksum.verify("put", received.digests)
            stored = self._stored(key, details, received)
            done = await self._backend.put(self.bucket, stored, received, conditions)
        return described(stored) if done else None

    def _stored(self, key: str, details: Details, received: Received) -> Stored:
        checksums = {name: digest.hex() for name, digest in received.digests.items()}
        return Stored(
            key=key,
            version=self._version(),
            size=received.size,
            etag=checksums["md5"],
            uploaded=self._now(),
            details=_with_checksums(details, checksums),
        )

    def _takes_part(self, key: str, ssec: str | None, upload: Upload | None) -> None:
        begun = self._is_open("uploadPart", NO_SUCH_UPLOAD, key, upload)
        if begun.details.ssec != ssec:
            raise wrong_ssec_key("uploadPart")

    def _assemble(
        self,
        key: str,
        requested: Sequence[tuple[int, str]],
        upload: Upload | None,
        stored: Mapping[int, Part],
    ) -> tuple[Stored, Sequence[Part]]:
        begun = self._is_open(COMPLETE, INTERNAL, key, upload)
        parts = assemble(requested, stored)
        whole = Stored(
            key=key,
            version=self._version(),
            size=sum(part.size for part in parts),
            etag=object_etag(part.md5 for part in parts),
            uploaded=self._now(),
            details=begun.details,
        )
        return whole, parts

    def _is_open(self, method: str, unknown: int, key: str, upload: Upload | None) -> Upload:
        found = _is_of(method, unknown, key, upload)
        if not found.open or found.created + UPLOAD_LIFETIME_MS <= self._now():
            raise refusal(method, NO_SUCH_UPLOAD)
        return found

    def _version(self) -> str:
        return self._services.entropy(VERSION_BYTES).hex()

    def _now(self) -> int:
        return int(self._services.clock.now() * 1000)


def _choose(ssec: str | None, conditions: Conditions, wanted: Range, stored: Stored) -> Span | None:
    if stored.details.ssec != ssec:
        raise wrong_ssec_key("get")
    if not conditions.hold(stored.etag, stored.uploaded):
        return None
    try:
        return wanted.within(stored.size)
    except UnsatisfiableError:
        raise refusal("get", BAD_RANGE) from None


def _key(method: str, value: Any) -> str:
    key = text(value)
    if len(key) > MAX_KEY_BYTES or len(key.encode()) > MAX_KEY_BYTES:
        raise refusal(method, BAD_KEY, hint=f"a key has at most {MAX_KEY_BYTES} bytes of UTF-8")
    return key


def _options(given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"options must be an object, not {type(given).__name__}")
    return given


def _details(given: Mapping[str, Any]) -> Details:
    return Details(
        http=http_metadata(given.get("httpMetadata")),
        custom=custom_metadata(given.get("customMetadata")),
        storage_class=storage_class(given.get("storageClass")),
        ssec=ssec_of(given),
    )


def _with_checksums(details: Details, checksums: dict[str, str]) -> Details:
    return Details(checksums, details.http, details.custom, details.storage_class, details.ssec)


def _requested(parts: Any) -> list[tuple[int, str]]:
    if not isinstance(parts, (list, tuple)):
        raise TypeError(f"the parts must be a list, not {type(parts).__name__}")
    requested: list[tuple[int, str]] = []
    for part in parts:
        if not isinstance(part, Mapping) or not isinstance(part.get("etag"), str):
            raise TypeError("each part must be {partNumber, etag}, as uploadPart returned it")
        requested.append((check_number(int32(part.get("partNumber"))), part["etag"]))
    return requested


def _is_of(method: str, unknown: int, key: str, upload: Upload | None) -> Upload:
    """The upload, when it is one of this key. Raises `BindingError` with the code `unknown`."""
    if upload is None or upload.key != key:
        raise refusal(method, unknown)
    return upload
