"""What a request's headers say about an object, and an object's headers in an answer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from email.errors import HeaderParseError
from email.header import decode_header
from types import MappingProxyType
from typing import Any

from ..http_date import http_date, milliseconds
from ..metadata import EXPIRY, HEADERS, STORAGE_CLASSES, headers_of
from .checksums import KEPT
from .failures import S3Error, denied_key, invalid, not_implemented

Headers = list[tuple[str, str]]

META = "x-amz-meta-"
CODING = "aws-chunked"
CLASSES = MappingProxyType(dict(zip(("STANDARD", "STANDARD_IA"), STORAGE_CLASSES, strict=True)))
NAMES = MappingProxyType({value: name for name, value in CLASSES.items()})
DEFAULT_TYPE = "binary/octet-stream"
SSEC = "x-amz-server-side-encryption-customer-"
COPY_SSEC = "x-amz-copy-source-server-side-encryption-customer-"
SSEC_ALGORITHM = "AES256"
REFUSED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "x-amz-acl": ("private", "bucket-owner-full-control"),
        "x-amz-server-side-encryption": (SSEC_ALGORITHM,),
        "x-amz-tagging": (),
        "x-amz-website-redirect-location": (),
        "x-amz-object-lock-mode": (),
        "x-amz-object-lock-retain-until-date": (),
        "x-amz-object-lock-legal-hold": (),
        "x-amz-grant-full-control": (),
        "x-amz-grant-read": (),
        "x-amz-grant-read-acp": (),
        "x-amz-grant-write-acp": (),
        "x-amz-write-offset-bytes": (),
    }
)
"""Header -> the values that ask for nothing that is not so anyway; the rest is refused."""
OVERRIDES = MappingProxyType({f"response-{each.lower()}": each for each in HEADERS.values()})
"""Parameter of a GET -> the header of the answer that it sets."""

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def details_of(headers: Mapping[str, str]) -> dict[str, Any]:
    """The options of a put that the headers stand for. Raises `S3Error`."""
    for name, harmless in REFUSED.items():
        if name in headers and headers[name] not in harmless:
            raise not_implemented(f"The header {name}: {headers[name]}")
    found: dict[str, Any] = {
        "httpMetadata": _http(headers),
        "customMetadata": {
            name.removeprefix(META): _unworded(value)
            for name, value in headers.items()
            if name.startswith(META)
        },
        "storageClass": _storage_class(headers),
    }
    return {**found, **ssec_of(headers)}


def conditions_of(headers: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """`onlyIf`, from the headers `If-Match` and its like with a prefix."""
    names = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
    pairs = [[name, headers[prefix + name].strip()] for name in names if prefix + name in headers]
    return {"onlyIf": [[name, _quoted(value)] for name, value in pairs]} if pairs else {}


def ssec_of(headers: Mapping[str, str], prefix: str = SSEC) -> dict[str, Any]:
    """`ssecKey`, from the headers of a customer's key. Raises `S3Error`."""
    given = {name: headers.get(prefix + name) for name in ("algorithm", "key", "key-md5")}
    if given["algorithm"] is None and given["key"] is None and given["key-md5"] is None:
        return {}
    if given["algorithm"] != SSEC_ALGORITHM:
        raise invalid(f"{prefix}algorithm", given["algorithm"] or "", "It must be AES256.")
    key, md5 = _base64(given["key"]), _base64(given["key-md5"])
    if len(key) != 32 or hashlib.md5(key, usedforsecurity=False).digest() != md5:
        why = "It must be the base64 of 32 bytes, with their MD5 beside it."
        raise invalid(f"{prefix}key", "", why)
    return {"ssecKey": key}


def check_ssec(headers: Mapping[str, str], found: Mapping[str, Any]) -> None:
    """The key in the headers is the object's. Raises `S3Error` (for what reads no content)."""
    key = ssec_of(headers).get("ssecKey")
    given = None if key is None else hashlib.md5(key, usedforsecurity=False).hexdigest()
    if given != found["ssecKeyMd5"]:
        raise denied_key()


def ssec_headers(headers: Mapping[str, str]) -> Headers:
    """What an answer says about the customer's key that the request carried."""
    names = (f"{SSEC}algorithm", f"{SSEC}key-md5")
    return [(name, headers[name]) for name in names if name in headers]


def described(found: Mapping[str, Any], parameters: Mapping[str, str]) -> Headers:
    """The headers of an answer that carries the object, or stands for one that would."""
    stored = {"Content-Type": DEFAULT_TYPE, **dict(headers_of(found["httpMetadata"]))}
    for name, header in OVERRIDES.items():
        if name in parameters:
            stored[header] = parameters[name]
    headers = [*tags(found), *((n, v) for n, v in stored.items() if not CONTROL.search(v))]
    if found["storageClass"] != STORAGE_CLASSES[0]:
        headers.append(("x-amz-storage-class", NAMES[found["storageClass"]]))
    return [*headers, *_custom(found["customMetadata"])]


def tags(found: Mapping[str, Any]) -> Headers:
    """The headers that tell one version of the object from another."""
    return [("ETag", found["httpEtag"]), ("Last-Modified", http_date(found["uploaded"]))]


def kept_checksums(found: Mapping[str, Any]) -> Headers:
    """The checksums that the room keeps with the object."""
    return [
        (header, base64.b64encode(found["checksums"][name]).decode())
        for header, name in KEPT.items()
        if name in found["checksums"]
    ]


def _http(headers: Mapping[str, str]) -> dict[str, Any]:
    """The content headers as `httpMetadata`; the coding of the transfer is none of it."""
    found: dict[str, Any] = {}
    for field, header in HEADERS.items():
        value: Any = headers.get(header.lower())
        if field == EXPIRY:
            value = milliseconds(value)
        elif field == "contentEncoding" and value is not None:
            codings = [each.strip() for each in value.split(",")]
            value = ",".join(each for each in codings if each and each != CODING) or None
        if value is not None:
            found[field] = value
    return found


def _storage_class(headers: Mapping[str, str]) -> str:
    name = headers.get("x-amz-storage-class", "STANDARD")
    if name not in CLASSES:
        raise S3Error(
            "InvalidStorageClass",
            400,
            f"The storage class must be one of {', '.join(CLASSES)}.",
            StorageClassRequested=name,
        )
    return CLASSES[name]


def _quoted(etags: str) -> str:
    """Etags as the room wants them: some clients leave the quotes away."""
    if '"' in etags or "*" in etags or "," in etags or " " in etags:
        return etags
    return f'"{etags}"'


def _base64(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _custom(metadata: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The author's metadata; what no header can hold is counted, as S3 does."""
    missing = 0
    for name, value in metadata.items():
        if TOKEN.fullmatch(name) and not CONTROL.search(value):
            yield META + name.lower(), _worded(value)
        else:
            missing += 1
    if missing:
        yield "x-amz-missing-meta", str(missing)


def _worded(value: str) -> str:
    """Text as a header can hold it: beyond ASCII as an encoded word (RFC 2047)."""
    if value.isascii():
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


def _unworded(value: str) -> str:
    """Text from a header, its encoded words read."""
    if "=?" not in value:
        return value
    try:
        parts = decode_header(value)
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii")
            for part, charset in parts
        )
    except (HeaderParseError, LookupError, ValueError):
        return value
