"""Signature Version 4, in headers and in presigned URLs.

Pure but for the clock: what a request says of itself, what it would be signed with, and
whether both agree. Everything here comes before any other look at the request.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

import msgspec

from ..http_date import EPOCH, MILLISECOND
from .credentials import KeyPair
from .failures import S3Error
from .request import Request

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "s3"
TERMINATOR = "aws4_request"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()

MAX_SKEW_MS = 15 * 60 * 1000
MAX_EXPIRES = 7 * 24 * 3600
UNRESERVED = "-_.~"

PAYLOAD_HEADER = "x-amz-content-sha256"
SIGNATURE_PARAMETER = "X-Amz-Signature"
TIMESTAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
SIGNATURE = re.compile(r"[0-9a-f]{64}")
EXPIRES = re.compile(r"[0-9]{1,7}")


class Claim(msgspec.Struct, frozen=True):
    """What a request says it was signed with. `expires` (seconds) is a presigned URL's."""

    credential: str
    timestamp: str
    signed: tuple[str, ...]
    signature: str
    payload: str
    expires: int | None = None

    @property
    def access_key_id(self) -> str:
        return self._parts[0]

    @property
    def scope(self) -> str:
        return "/".join(self._parts[1:])

    @property
    def _parts(self) -> Sequence[str]:
        return self.credential.split("/")


class Signer(msgspec.Struct, frozen=True):
    """Signs what comes after an accepted head: the chunks of a body."""

    key: bytes
    timestamp: str
    scope: str
    seed: str

    def sign(self, kind: str, *lines: str) -> str:
        """The signature of `lines`, under the algorithm `AWS4-HMAC-SHA256-<kind>`."""
        text = "\n".join((f"{ALGORITHM}-{kind}", self.timestamp, self.scope, *lines))
        return _hmac(self.key, text).hex()


class Authorized(msgspec.Struct, frozen=True):
    """An accepted request: what its body must be, and who signs the rest."""

    payload: str
    signer: Signer


def authorize(request: Request, pair: KeyPair, now_ms: int) -> Authorized:
    """Accept a request that `pair` signed, and nobody touched since. Raises `S3Error` (403)."""
    claim = _claim(request)
    if not hmac.compare_digest(claim.access_key_id.encode(), pair.access_key_id.encode()):
        raise S3Error(
            "InvalidAccessKeyId",
            403,
            "The access key ID you provided does not exist in our records. "
            "`aerostack storage s3` shows the one that does.",
        )
    _check_time(claim, now_ms)
    _check_coverage(request, claim)
    canonical = canonical_request(request, claim)
    digest = hashlib.sha256(canonical).hexdigest()
    text = "\n".join((ALGORITHM, claim.timestamp, claim.scope, digest))
    key = signing_key(pair.secret_access_key, claim)
    if not hmac.compare_digest(_hmac(key, text).hex(), claim.signature):
        raise mismatch(StringToSign=text, CanonicalRequest=canonical.decode("latin-1"))
    return Authorized(claim.payload, Signer(key, claim.timestamp, claim.scope, claim.signature))


def canonical_request(request: Request, claim: Claim) -> bytes:
    """The request in the one form that both sides sign."""
    given: dict[bytes, list[bytes]] = {}
    for name, value in request.raw_headers:
        given.setdefault(name, []).append(b" ".join(value.split()))
    headers = b"".join(
        name.encode() + b":" + b",".join(given.get(name.encode(), ())) + b"\n"
        for name in claim.signed
    )
    lines = (
        request.method.encode(),
        quote(unquote_to_bytes(request.path), safe="/" + UNRESERVED).encode(),
        _canonical_query(request),
        headers,
        ";".join(claim.signed).encode(),
        claim.payload.encode(),
    )
    return b"\n".join(lines)


def signing_key(secret: str, claim: Claim) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in claim.scope.split("/"):
        key = _hmac(key, part)
    return key


def mismatch(**details: str) -> S3Error:
    """The signature is not the one that was calculated here."""
    return S3Error(
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
        **details,
    )


def denied(why: str, **details: str) -> S3Error:
    """Access denied, for a reason."""
    return S3Error("AccessDenied", 403, why, **details)


def _claim(request: Request) -> Claim:
    header = request.headers.get("authorization")
    presigned = _query(request)
    if header is not None:
        if presigned:
            raise denied("Only one auth mechanism is allowed: a header, or the query.")
        return _checked(_from_header(header, request.headers))
    if not presigned:
        raise denied("Access Denied: the request is not signed.")
    return _checked(_from_query(presigned, request.headers))


def _query(request: Request) -> Mapping[str, str]:
    """The parameters of a presigned URL; none of them may be repeated."""
    found: dict[str, str] = {}
    for raw_name, raw_value in request.query:
        name = raw_name.decode("latin-1")
        if name.startswith("X-Amz-"):
            if name in found:
                raise _malformed_query(f"{name} is repeated")
            found[name] = raw_value.decode("latin-1")
    return found


def _from_header(header: str, headers: Mapping[str, str]) -> Claim:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise denied(f"The authorization mechanism is not supported. Please use {ALGORITHM}.")
    fields = [part.strip().partition("=") for part in rest.split(",")]
    found = {name: value for name, _, value in fields}
    if len(fields) != 3 or set(found) != {"Credential", "SignedHeaders", "Signature"}:
        raise _malformed_header("Credential, SignedHeaders and Signature are needed, once each")
    payload = headers.get(PAYLOAD_HEADER)
    if payload is None:
        raise _malformed_header(f"the header {PAYLOAD_HEADER} is missing")
    return Claim(
        found["Credential"],
        headers.get("x-amz-date", ""),
        tuple(found["SignedHeaders"].split(";")),
        found["Signature"],
        payload,
    )


def _from_query(given: Mapping[str, str], headers: Mapping[str, str]) -> Claim:
    needed = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    missing = [name for name in needed if f"X-Amz-{name}" not in given]
    if missing:
        raise _malformed_query(f"X-Amz-{missing[0]} is missing")
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise _malformed_query(f"X-Amz-Algorithm only supports {ALGORITHM}")
    expires = given["X-Amz-Expires"]
    if not EXPIRES.fullmatch(expires) or not 1 <= int(expires) <= MAX_EXPIRES:
        raise _malformed_query(f"X-Amz-Expires must be from 1 to {MAX_EXPIRES} seconds")
    return Claim(
        given["X-Amz-Credential"],
        given["X-Amz-Date"],
        tuple(given["X-Amz-SignedHeaders"].split(";")),
        given[SIGNATURE_PARAMETER],
        given.get("X-Amz-Content-Sha256") or headers.get(PAYLOAD_HEADER, UNSIGNED),
        int(expires),
    )


def _checked(claim: Claim) -> Claim:
    """`claim`, when its parts have the form they must have."""
    parts = claim.credential.split("/")
    if len(parts) != 5 or parts[3:] != [SERVICE, TERMINATOR]:
        form = f"<access key>/<date>/<region>/{SERVICE}/{TERMINATOR}"
        raise _malformed_header(f"the Credential must be {form}")
    if not SIGNATURE.fullmatch(claim.signature):
        raise _malformed_header("the Signature must be 64 hexadecimal digits")
    if not claim.timestamp.startswith(parts[1]) or "T" in parts[1]:
        raise _malformed_header("the date of the Credential is not that of the request")
    return claim


def _check_time(claim: Claim, now: int) -> None:
    signed = _moment(claim.timestamp)
    server = {"ServerTime": f"{EPOCH + now * MILLISECOND:%Y-%m-%dT%H:%M:%SZ}"}
    if claim.expires is not None:
        if signed > now + MAX_SKEW_MS:
            raise denied("Request is not yet valid", **server)
        if now > signed + claim.expires * 1000:
            raise denied("Request has expired", Expires=claim.timestamp, **server)
    elif abs(now - signed) > MAX_SKEW_MS:
        raise S3Error(
            "RequestTimeTooSkewed",
            403,
            "The difference between the request time and the current time is too large.",
            RequestTime=claim.timestamp,
            MaxAllowedSkewMilliseconds=str(MAX_SKEW_MS),
            **server,
        )


def _moment(timestamp: str) -> int:
    try:
        if not TIMESTAMP.fullmatch(timestamp):
            raise ValueError(timestamp)
        when = datetime.datetime.fromisoformat(timestamp)
    except ValueError:
        raise denied("A valid x-amz-date is required, such as 20260131T120000Z.") from None
    return (when - EPOCH) // MILLISECOND


def _check_coverage(request: Request, claim: Claim) -> None:
    """Host and all of Amazon's headers are signed, and what is signed is there."""
    present = {name.decode("latin-1") for name, _ in request.raw_headers}
    must = {name for name in present if name.startswith("x-amz-")} | {"host"}
    unsigned, absent = must - set(claim.signed), set(claim.signed) - present
    if unsigned or absent:
        raise denied(
            "There were headers present in the request which were not signed"
            if unsigned
            else "There were headers signed which were not present in the request",
            Headers=", ".join(sorted(unsigned or absent)),
        )


def _canonical_query(request: Request) -> bytes:
    pairs = [
        (quote(name, safe=UNRESERVED), quote(value, safe=UNRESERVED))
        for name, value in request.query
        if name != SIGNATURE_PARAMETER.encode()
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs)).encode()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _malformed_header(why: str) -> S3Error:
    message = f"The authorization header you provided is invalid: {why}."
    return S3Error("AuthorizationHeaderMalformed", 403, message)


def _malformed_query(why: str) -> S3Error:
    message = f"The query of the presigned URL is invalid: {why}."
    return S3Error("AuthorizationQueryParametersError", 403, message)
