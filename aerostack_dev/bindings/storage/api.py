"""`env.STORAGE` for Python authors (interface.md §5, storage-vectorize-ai.md §1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...wire import Record
from .arguments import FixedLengthStream, options_of, value_of
from .objects import Body, Checksums, R2Object, R2ObjectBody, object_of
from .operations import Operations
from .values import text

__all__ = [
    "Body",
    "Checksums",
    "FixedLengthStream",
    "R2Bucket",
    "R2MultipartUpload",
    "R2Object",
    "R2ObjectBody",
]

GET = ("onlyIf", "range", "ssecKey")
WRITE = ("httpMetadata", "customMetadata", "storageClass", "ssecKey")
PUT = (*WRITE, "onlyIf", "md5", "sha1", "sha256", "sha384", "sha512")
PART = ("ssecKey",)
LIST = ("limit", "prefix", "delimiter", "cursor", "startAfter", "include")


class R2Bucket:
    """A bucket of objects. Options come as a dict or as keywords, in either case.

    Misuse raises `TypeError` or `ValueError`, a refusal `BindingError` with the
    platform's text and code; a full or failing disk is a `StateError`.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def head(self, key: Any) -> R2Object | None:
        """The object without its content; None when there is none."""
        return object_of(await self._operations.head(key))

    async def get(self, key: Any, options: Mapping[str, Any] | None = None, **keywords: Any) -> Any:
        """The object with its content (`R2ObjectBody`); None when there is none.

        Options: `range` (`{"offset", "length"}`, `{"suffix"}` or Headers), `onlyIf` (see
        `put`; when it fails, an `R2Object` without `body` comes back), `ssecKey`.
        """
        given = options_of(options, keywords, GET)
        return object_of(await self._operations.get(key, given))

    async def put(
        self,
        key: Any,
        value: Any = ...,
        options: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> R2Object | None:
        """Make or replace an object; None, with nothing changed, when `onlyIf` fails.

        `value`: str, bytes or another buffer, None (empty), a `Blob`, or an async iterator
        of bytes that tells its length (`size`, `length` or `content_length`: the `body`
        of an object does; `FixedLengthStream(chunks, size)` gives one to any other).

        Options: `httpMetadata` (dict or Headers), `customMetadata`, `storageClass`,
        `ssecKey` (32 bytes or hex; a read must show it, but the content is not encrypted),
        one of `md5`, `sha1`, `sha256`, `sha384`, `sha512` (hex or bytes), and
        `onlyIf`: `etagMatches`, `etagDoesNotMatch`, `uploadedBefore`, `uploadedAfter`
        (aware datetimes), `secondsGranularity`, or Headers.
        """
        given = options_of(options, keywords, PUT)
        return object_of(await self._operations.put(key, await value_of(value), given))

    async def delete(self, keys: Any) -> None:
        """Delete a key, or a list of 1 to 1000; a missing one is fine."""
        await self._operations.delete(keys)

    async def list(self, options: Mapping[str, Any] | None = None, **keywords: Any) -> Record:
        """A page: `objects`, `truncated`, `cursor`, `delimitedPrefixes`.

        Options: `limit` (1 to 1000; at most 100 come with metadata), `prefix`,
        `delimiter`, `cursor`, `startAfter`, `include` (`httpMetadata`, `customMetadata`).
        Go on with `cursor` while `truncated`.
        """
        page = await self._operations.list(options_of(options, keywords, LIST))
        return Record({**page, "objects": [object_of(found) for found in page["objects"]]})

    async def createMultipartUpload(
        self, key: Any, options: Mapping[str, Any] | None = None, **keywords: Any
    ) -> R2MultipartUpload:
        """Begin an upload in parts. Options: those of `put` about metadata, `ssecKey`."""
        given = options_of(options, keywords, WRITE)
        begun = await self._operations.createMultipartUpload(key, given)
        return R2MultipartUpload(self._operations, begun["key"], begun["uploadId"])

    def resumeMultipartUpload(self, key: Any, uploadId: Any) -> R2MultipartUpload:
        """The upload with this id; whether it exists, its methods find out."""
        return R2MultipartUpload(self._operations, text(key), text(uploadId))

    create_multipart_upload = createMultipartUpload
    resume_multipart_upload = resumeMultipartUpload

    def __repr__(self) -> str:
        return f"<R2Bucket {self._operations.bucket}>"


class R2MultipartUpload(Record):
    """An upload in parts: `key`, `uploadId`."""

    def __init__(self, operations: Operations, key: str, upload_id: str) -> None:
        super().__init__(key=key, uploadId=upload_id)
        self.__dict__["_operations"] = operations

    @property
    def upload_id(self) -> str:
        """The same as `uploadId`."""
        return str(self["uploadId"])

    async def uploadPart(
        self,
        partNumber: Any,
        value: Any = ...,
        options: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Record:
        """Add or replace part 1 to 10000: `{partNumber, etag}`, for `complete`.

        All parts but the last have one size, 5 MiB or more. Option: `ssecKey`.
        """
        operations: Operations = self.__dict__["_operations"]
        given = options_of(options, keywords, PART)
        content = await value_of(value)
        return Record(
            await operations.uploadPart(self.key, self.uploadId, partNumber, content, given)
        )

    async def complete(self, parts: Sequence[Mapping[str, Any]]) -> Any:
        """Make the object of the parts that `uploadPart` returned, in any order."""
        operations: Operations = self.__dict__["_operations"]
        found = [_part(part) for part in parts]
        return object_of(await operations.completeMultipartUpload(self.key, self.uploadId, found))

    async def abort(self) -> None:
        """Drop the upload and its parts."""
        operations: Operations = self.__dict__["_operations"]
        await operations.abortMultipartUpload(self.key, self.uploadId)

    upload_part = uploadPart


def _part(part: Any) -> Any:
    if isinstance(part, Mapping) and "part_number" in part:
        return {**part, "partNumber": part["part_number"]}
    return part
