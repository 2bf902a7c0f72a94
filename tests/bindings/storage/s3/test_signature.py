"""Signature Version 4 against its published examples, and against botocore's signer."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.storage.http_date import milliseconds
from aerostack_dev.bindings.storage.s3.credentials import KeyPair
from aerostack_dev.bindings.storage.s3.failures import S3Error
from aerostack_dev.bindings.storage.s3.request import Request
from aerostack_dev.bindings.storage.s3.signature import EMPTY_HASH, authorize

PAIR = KeyPair("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 0)
NOW = milliseconds("Fri, 24 May 2013 00:00:00 GMT") or 0
HOST = "examplebucket.s3.amazonaws.com"
HEADER = (
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
    "SignedHeaders={},Signature={}"
)


async def nothing() -> Any:
    raise AssertionError("the body must not be read")


def request_of(method: str, target: str, headers: dict[str, str]) -> Request:
    path, _, query = target.partition("?")
    scope = {
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    return Request(scope, nothing)


@pytest.mark.parametrize(
    ("method", "target", "headers", "signature"),
    [
        (
            "GET",
            "/test.txt",
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            {
                "Date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
                "x-amz-content-sha256": (
                    "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
                ),
            },
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/?lifecycle",
            {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_published_examples(method: str, target: str, headers: dict[str, str], signature: str):
    every = {
        "Host": HOST,
        "x-amz-content-sha256": EMPTY_HASH,
        "x-amz-date": "20130524T000000Z",
        **headers,
    }
    signed = ";".join(sorted(name.lower() for name in every))
    every["Authorization"] = HEADER.format(signed, signature)
    authorized = authorize(request_of(method, target, every), PAIR, NOW)
    assert authorized.payload == every["x-amz-content-sha256"]


def test_the_published_presigned_url():
    target = (
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
        "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
        "86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    request = request_of("GET", target, {"Host": HOST})
    assert authorize(request, PAIR, NOW + 86_400_000).payload == "UNSIGNED-PAYLOAD"
    with pytest.raises(S3Error, match="expired"):
        authorize(request, PAIR, NOW + 86_400_001)


METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.text("abcXYZ019-_.~ +/%&=é", min_size=1, max_size=8)
QUERY = st.lists(st.tuples(NAMES, TEXT), max_size=5)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADERS = st.dictionaries(
    st.from_regex(r"x-amz-meta-[a-z0-9-]{1,6}", fullmatch=True), VALUES, max_size=4
)
DATE = "%Y%m%dT%H%M%SZ"


def wire(request: AWSRequest) -> Request:
    prepared = request.prepare()
    target = "/" + prepared.url.partition("://")[2].partition("/")[2]
    headers = {name: str(value) for name, value in request.headers.items()}
    return request_of(request.method, target, {"Host": "127.0.0.1:9000", **headers})


def moment(text: str) -> int:
    import datetime

    when = datetime.datetime.strptime(text, DATE).replace(tzinfo=datetime.UTC)
    return int(when.timestamp() * 1000)


@given(METHODS, TEXT, QUERY, HEADERS, st.binary(max_size=20))
@settings(max_examples=100, deadline=None)
def test_what_botocore_signs_is_accepted_and_nothing_else(
    method: str, key: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes
):
    encoded = "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query)
    url = f"http://127.0.0.1:9000/b/{quote(key, safe='/~')}" + (f"?{encoded}" if encoded else "")
    credentials = Credentials(PAIR.access_key_id, PAIR.secret_access_key)
    request = AWSRequest(method, url, dict(headers), body)
    S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)
    now = moment(request.headers["X-Amz-Date"])
    authorize(wire(request), PAIR, now)
    for changed in (KeyPair(PAIR.access_key_id, "other", 0),):
        with pytest.raises(S3Error, match="does not match"):
            authorize(wire(request), changed, now)
    request.url += "&more=1" if "?" in request.url else "?more=1"
    with pytest.raises(S3Error, match="does not match"):
        authorize(wire(request), PAIR, now)


@given(METHODS, TEXT, QUERY, st.integers(1, 604_800))
@settings(max_examples=100, deadline=None)
def test_what_botocore_presigns_is_accepted(
    method: str, key: str, query: list[tuple[str, str]], expires: int
):
    url = f"http://127.0.0.1:9000/b/{quote(key, safe='/~')}"
    credentials = Credentials(PAIR.access_key_id, PAIR.secret_access_key)
    request = AWSRequest(method, url, params=dict(query))
    S3SigV4QueryAuth(credentials, "s3", "auto", expires).add_auth(request)
    found = wire(request)
    now = moment(found.parameters["X-Amz-Date"])
    authorize(found, PAIR, now + expires * 1000)
    with pytest.raises(S3Error, match="expired"):
        authorize(found, PAIR, now + expires * 1000 + 1)
