"""What S3 clients are told when a request is refused: S3's codes over the room's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ....errors import AerostackError, BindingError
from .. import failures as room


class S3Error(AerostackError):
    """A refusal in S3's terms: `code` and `status`, and more elements for the document."""

    def __init__(self, code: str, status: int, message: str, **details: str) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.details = details


class ClientGoneError(Exception):
    """Nobody is there to be answered any more."""


CODES: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        str(room.TOO_LARGE): ("EntityTooLarge", 400),
        str(room.TOO_SMALL): ("EntityTooSmall", 400),
        str(room.METADATA_TOO_LARGE): ("MetadataTooLarge", 400),
        str(room.BAD_KEY): ("KeyTooLongError", 400),
        str(room.BAD_LIMIT): ("InvalidArgument", 400),
        str(room.NO_SUCH_UPLOAD): ("NoSuchUpload", 404),
        str(room.NO_SUCH_PART): ("InvalidPart", 400),
        str(room.BAD_KEY_COUNT): ("MalformedXML", 400),
        str(room.BAD_DIGEST): ("BadDigest", 400),
        str(room.BAD_RANGE): ("InvalidRange", 416),
        str(room.BAD_PARTS): ("InvalidPart", 400),
        room.WRONG_SSEC_KEY: ("AccessDenied", 403),
        "etag": ("InvalidArgument", 400),
        "state-full": ("InsufficientStorage", 507),
    }
)
"""The room's code -> S3's code and the HTTP status."""
INTERNAL = ("InternalError", 500)


def translated(error: BindingError) -> S3Error:
    """A refusal of the room as S3 says it."""
    code, status = CODES.get(error.code, INTERNAL)
    hint = f" ({error.hint})" if error.hint else ""
    return S3Error(code, status, f"{error.message}{hint}")


def internal() -> S3Error:
    """Something of ours is broken; the terminal says what."""
    return S3Error(*INTERNAL, "We encountered an internal error. Please try again.")


def not_implemented(what: str) -> S3Error:
    """A part of S3 that the platform, or this endpoint, has not got."""
    return S3Error("NotImplemented", 501, f"{what} is not implemented by this endpoint.")


def invalid(name: str, value: str, why: str) -> S3Error:
    """A header or query parameter makes no sense."""
    return S3Error("InvalidArgument", 400, why, ArgumentName=name, ArgumentValue=value)


def invalid_request(why: str) -> S3Error:
    """The request as a whole makes no sense."""
    return S3Error("InvalidRequest", 400, why)


def malformed() -> S3Error:
    """A document that is not the one the operation takes."""
    return S3Error(
        "MalformedXML",
        400,
        "The XML you provided was not well-formed or did not validate against our schema.",
    )


def no_such_key(key: str) -> S3Error:
    """There is no object of this key."""
    return S3Error("NoSuchKey", 404, "The specified key does not exist.", Key=key)


def no_such_upload(upload_id: str) -> S3Error:
    """There is no such upload, or it is completed or aborted."""
    return S3Error(
        "NoSuchUpload",
        404,
        "The specified multipart upload does not exist. The upload ID may be invalid, or "
        "the upload may have been aborted or completed.",
        UploadId=upload_id,
    )


def precondition_failed(condition: str) -> S3Error:
    """A condition of the request does not hold."""
    return S3Error(
        "PreconditionFailed",
        412,
        "At least one of the pre-conditions you specified did not hold",
        Condition=condition,
    )


def denied_key() -> S3Error:
    """The object was stored with another customer's key, or with one at all."""
    return S3Error("AccessDenied", 403, "The SSE-C key is not the one of the object.")
