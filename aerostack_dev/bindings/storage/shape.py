"""The form in which an object crosses the wire."""

from __future__ import annotations

from typing import Any

from .backend import Stored
from .ranges import Span


def described(
    stored: Stored, span: Span | None = None, *, http: bool = True, custom: bool = True
) -> dict[str, Any]:
    """The object as wire value: times in ms, checksums as bytes, None for undefined.

    `http` and `custom`: whether the metadata is known (a listing may leave it out).
    """
    details = stored.details
    return {
        "key": stored.key,
        "version": stored.version,
        "size": stored.size,
        "etag": stored.etag,
        "httpEtag": f'"{stored.etag}"',
        "uploaded": stored.uploaded,
        "checksums": {name: bytes.fromhex(text) for name, text in details.checksums.items()},
        "httpMetadata": dict(details.http) if http else None,
        "customMetadata": dict(details.custom) if custom else None,
        "range": None if span is None else {"offset": span.offset, "length": span.length},
        "storageClass": details.storage_class,
        "ssecKeyMd5": details.ssec,
    }
