"""The platform's refusals: v4 codes with their texts (storage-vectorize-ai.md §1.8)."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ...errors import BindingError, StateError

INTERNAL = 10001
TOO_LARGE = 100100
TOO_SMALL = 10011
METADATA_TOO_LARGE = 10012
BAD_KEY = 10020
BAD_LIMIT = 10022
NO_SUCH_UPLOAD = 10024
NO_SUCH_PART = 10025
BAD_KEY_COUNT = 10027
BAD_DIGEST = 10037
BAD_RANGE = 10039
BAD_PARTS = 10048
WRONG_SSEC_KEY = "ssec-key"

MAX_LIMIT = 1000
MAX_DELETED_KEYS = 1000

MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        INTERNAL: "We encountered an internal error. Please try again.",
        TOO_LARGE: "Your proposed upload exceeds the maximum allowed object size.",
        TOO_SMALL: "Your proposed upload is smaller than the minimum allowed object size.",
        METADATA_TOO_LARGE: "Your metadata headers exceed the maximum allowed metadata size.",
        BAD_KEY: "The specified object name is not valid.",
        BAD_LIMIT: f"MaxKeys params must be positive integer <= {MAX_LIMIT}.",
        NO_SUCH_UPLOAD: "The specified multipart upload does not exist.",
        NO_SUCH_PART: "One or more of the specified parts could not be found.",
        BAD_KEY_COUNT: (
            f"The number of keys in the request must be between 1 and {MAX_DELETED_KEYS} inclusive."
        ),
        BAD_RANGE: "The requested range is not satisfiable",
        BAD_PARTS: "There was a problem with the multipart upload.",
    }
)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def refusal(method: str, code: int, message: str = "", *, hint: str = "") -> BindingError:
    """`<method>: <message> (<code>)`, the platform's form of an error."""
    text = message or MESSAGES[code]
    return BindingError(f"{method}: {text} ({code})", hint=hint, code=str(code))


def wrong_ssec_key(method: str) -> BindingError:
    """The object was stored with another SSE-C key, or with one at all."""
    return BindingError(
        f"{method}: The SSE-C key is not the one that the object was stored with.",
        hint="pass the ssecKey that was given when the object was written",
        code=WRONG_SSEC_KEY,
    )


def wrong_value(method: str, interface: str) -> TypeError:
    """The value to store is of none of the types that can be stored (§1.2)."""
    return TypeError(
        f"Failed to execute '{method}' on '{interface}': parameter 2 is not of type "
        "'ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob'."
    )


def wrong_type(field: str, owner: str, expected: str) -> TypeError:
    """A field of an options object has another type than the platform's."""
    return TypeError(
        f"Incorrect type for the '{field}' field on '{owner}': "
        f"the provided value is not of type '{expected}'."
    )


def unusable(folder: Path, error: OSError) -> StateError:
    """What a failing file of the storage folder means to a person."""
    where = str(error.filename or folder)
    if error.errno in FULL:
        return StateError(
            f"storage cannot grow: {error.strerror}",
            where=where,
            hint="free some space and try again; the object is as it was before",
            code="state-full",
        )
    if isinstance(error, FileNotFoundError):
        return StateError(
            "the content of an object is missing from storage",
            where=where,
            hint="its file was removed by hand: put the object again, or delete it",
        )
    return StateError(
        f"storage cannot be read or written: {error.strerror or error}",
        where=where,
        hint="check the disk, and the folder's owner and mode",
    )
