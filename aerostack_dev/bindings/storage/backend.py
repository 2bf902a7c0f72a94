"""What the verbs need of whatever keeps the objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from ...wire import Stream
from .conditions import Conditions
from .listing import Listing, Page
from .metadata import STORAGE_CLASSES, HttpMetadata
from .multipart import Part
from .ranges import Span


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an object (or the upload it comes from) carries beside its content.

    `checksums` maps algorithm to hex digest, `ssec` is the MD5 of its SSE-C key.
    """

    checksums: dict[str, str] = {}
    http: HttpMetadata = {}
    custom: dict[str, str] = {}
    storage_class: str = STORAGE_CLASSES[0]
    ssec: str | None = None


class Stored(msgspec.Struct, frozen=True):
    """An object without its content; `uploaded` in ms since the epoch."""

    key: str
    version: str
    size: int
    etag: str
    uploaded: int
    details: Details


class Received(msgspec.Struct, frozen=True):
    """Content that has arrived and belongs to no object yet."""

    size: int
    digests: Mapping[str, bytes]
    data: bytes = b""
    """The content itself when it is small,"""
    blob: str | None = None
    """or the name under which it is kept apart."""


class Upload(msgspec.Struct, frozen=True):
    """A multipart upload: `open` until it is completed or aborted."""

    id: str
    key: str
    created: int
    open: bool
    details: Details


Choice = Callable[[Stored], Span | None]
"""What of an object to read; None: nothing but the object itself. It may raise."""

Check = Callable[[Upload | None], object]
"""Raises when an upload (None: there is none of that id) does not take the call."""

Assembly = Callable[[Upload | None, Mapping[int, Part]], tuple[Stored, Sequence[Part]]]
"""From an upload and its parts to the object; raises when it cannot be made."""


class Backend(Protocol):
    """Objects and uploads of all buckets. Every change is on disk when a call returns,
    and happened wholly or not at all.
    """

    async def head(self, bucket: str, key: str) -> Stored | None:
        """The object, or None."""

    async def read(
        self, bucket: str, key: str, choose: Choice
    ) -> tuple[Stored, Span | None, Stream | None] | None:
        """The object with the part of its content that `choose` wants, or None.

        The content stays whole and the same however long reading takes.
        """

    def receive(
        self, content: bytes | Stream, algorithms: Sequence[str], *, part: bool = False
    ) -> AbstractAsyncContextManager[Received]:
        """Take content of known size in, for a `put`, or (`part`) for a `put_part`.

        What none of these takes within the block is removed.
        """

    async def put(
        self, bucket: str, stored: Stored, received: Received, conditions: Conditions
    ) -> bool:
        """Make or replace an object, if the conditions hold for what is there."""

    async def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete the objects that exist among `keys`."""

    async def page(self, bucket: str, listing: Listing) -> Page[Stored]:
        """A page of objects."""

    async def create_upload(self, bucket: str, upload: Upload) -> None:
        """Begin a multipart upload."""

    async def uploads(self, bucket: str, since: int) -> Sequence[Upload]:
        """The open uploads begun after `since` (ms), by key (as UTF-8), then by age."""

    async def put_part(
        self,
        bucket: str,
        upload_id: str,
        part: Part,
        received: Received,
        check: Check,
    ) -> None:
        """Add or replace a part."""

    async def complete_upload(self, bucket: str, upload_id: str, assembly: Assembly) -> Stored:
        """Turn parts into an object, over whatever the key holds; the other parts go."""

    async def abort_upload(self, bucket: str, upload_id: str, check: Check) -> None:
        """Close an upload and drop its parts; nothing happens when it is closed."""
