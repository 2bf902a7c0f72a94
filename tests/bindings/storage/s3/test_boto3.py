"""The endpoint through boto3."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from .conftest import Served

BUCKET = "uploads"
TRANSFER = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20)


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


async def test_put_get_head_delete(boto: Any, served: Served):
    def work(s3: Any) -> None:
        put = s3.put_object(
            Bucket=BUCKET,
            Key="a/b c+ü.txt",
            Body=b"hello",
            ContentType="text/plain",
            CacheControl="max-age=60",
            ContentDisposition="inline",
            ContentEncoding="gzip",
            ContentLanguage="de",
            Expires="Sun, 06 Nov 2044 08:49:37 GMT",
            Metadata={"Colour": "blue", "empty": ""},
        )
        etag = f'"{hashlib.md5(b"hello").hexdigest()}"'
        assert put["ETag"] == etag and put["ChecksumCRC32"]
        got = s3.get_object(Bucket=BUCKET, Key="a/b c+ü.txt")
        assert got["Body"].read() == b"hello"
        head = s3.head_object(Bucket=BUCKET, Key="a/b c+ü.txt")
        for found in (got, head):
            assert (found["ContentLength"], found["ETag"]) == (5, etag)
            assert (found["ContentType"], found["CacheControl"]) == ("text/plain", "max-age=60")
            assert (found["ContentDisposition"], found["ContentLanguage"]) == ("inline", "de")
            assert found["ContentEncoding"] == "gzip"
            assert found["ExpiresString"] == "Sun, 06 Nov 2044 08:49:37 GMT"
            assert found["Metadata"] == {"colour": "blue", "empty": ""}
            assert found["AcceptRanges"] == "bytes"
        gone = s3.delete_object(Bucket=BUCKET, Key="a/b c+ü.txt")
        assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
        s3.delete_object(Bucket=BUCKET, Key="a/b c+ü.txt")
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=BUCKET, Key="a/b c+ü.txt")
        assert code(error) == ("NoSuchKey", 404)
        with pytest.raises(ClientError) as error:
            s3.head_object(Bucket=BUCKET, Key="a/b c+ü.txt")
        assert code(error) == ("404", 404)

    await boto(work)


async def test_what_a_client_puts_the_function_gets_and_the_other_way_round(
    boto: Any, served: Served
):
    storage = served.room.env.STORAGE

    def put(s3: Any) -> None:
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"from S3", Metadata={"by": "s3"})

    await boto(put)
    found = await storage.get("k")
    assert await found.text() == "from S3"
    assert found.customMetadata == {"by": "s3"}
    assert await served.room.env.ALIAS.head("k") is not None
    assert await served.room.env.OTHER.head("k") is None
    await storage.put("n", "x", custom_metadata={"ä": "1", "Grüße": "2", "ok": "ü"})

    def get(s3: Any) -> None:
        head = s3.head_object(Bucket=BUCKET, Key="n")
        assert head["MissingMeta"] == 2
        assert head["Metadata"] == {"ok": "=?UTF-8?B?w7w=?="}
        assert head["ContentType"] == "binary/octet-stream"

    await boto(get)


async def test_ranges(boto: Any):
    def work(s3: Any) -> None:
        s3.put_object(Bucket=BUCKET, Key="r", Body=b"0123456789")
        s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
        for wanted, part, content_range in (
            ("bytes=0-0", b"0", "bytes 0-0/10"),
            ("bytes=7-", b"789", "bytes 7-9/10"),
            ("bytes=-3", b"789", "bytes 7-9/10"),
            ("bytes=-30", b"0123456789", "bytes 0-9/10"),
            ("bytes=0-99", b"0123456789", "bytes 0-9/10"),
        ):
            got = s3.get_object(Bucket=BUCKET, Key="r", Range=wanted)
            assert (got["Body"].read(), got["ContentRange"]) == (part, content_range)
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
            head = s3.head_object(Bucket=BUCKET, Key="r", Range=wanted)
            assert head["ContentLength"] == len(part)
        for wanted in ("lines=1-2", "bytes=1-2,4-5", "bytes=5-1"):
            got = s3.get_object(Bucket=BUCKET, Key="r", Range=wanted)
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
            assert got["Body"].read() == b"0123456789"
        for key, wanted in (("r", "bytes=10-"), ("r", "bytes=-0"), ("empty", "bytes=0-")):
            with pytest.raises(ClientError) as error:
                s3.get_object(Bucket=BUCKET, Key=key, Range=wanted)
            assert code(error) == ("InvalidRange", 416)
        assert s3.get_object(Bucket=BUCKET, Key="empty")["Body"].read() == b""

    await boto(work)


async def test_conditions(boto: Any):
    def work(s3: Any) -> None:
        etag = s3.put_object(Bucket=BUCKET, Key="c", Body=b"1")["ETag"]
        when = s3.head_object(Bucket=BUCKET, Key="c")["LastModified"]
        for good in (
            {"IfMatch": etag},
            {"IfMatch": etag.strip('"')},
            {"IfNoneMatch": '"x"'},
            {"IfUnmodifiedSince": when},
        ):
            assert s3.get_object(Bucket=BUCKET, Key="c", **good)["Body"].read() == b"1"
        for condition in ({"IfNoneMatch": etag}, {"IfModifiedSince": when}):
            for read in (s3.get_object, s3.head_object):
                with pytest.raises(ClientError) as error:
                    read(Bucket=BUCKET, Key="c", **condition)
                assert code(error)[1] == 304
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=BUCKET, Key="c", IfMatch='"x"')
        assert code(error) == ("PreconditionFailed", 412)
        assert error.value.response["Error"]["Condition"] == "If-Match"
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=BUCKET, Key="c", IfUnmodifiedSince=0)
        assert code(error) == ("PreconditionFailed", 412)
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=BUCKET, Key="c", IfMatch='"x')
        assert code(error) == ("InvalidArgument", 400)
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=BUCKET, Key="c", Body=b"2", IfNoneMatch="*")
        assert code(error) == ("PreconditionFailed", 412)
        s3.put_object(Bucket=BUCKET, Key="c", Body=b"3", IfMatch=etag)
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=BUCKET, Key="c", Body=b"4", IfMatch=etag)
        assert code(error) == ("PreconditionFailed", 412)
        assert s3.get_object(Bucket=BUCKET, Key="c")["Body"].read() == b"3"

    await boto(work)


async def test_lists(boto: Any):
    keys = ["a", "b/1", "b/2", "c d", "ü/x", "z\x01y"]

    def work(s3: Any) -> None:
        for key in keys:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"12")
        page = s3.list_objects_v2(Bucket=BUCKET, FetchOwner=True)
        assert [each["Key"] for each in page["Contents"]] == sorted(keys, key=str.encode)
        assert page["KeyCount"] == 6 and not page["IsTruncated"]
        first = page["Contents"][0]
        assert (first["Size"], first["StorageClass"]) == (2, "STANDARD")
        assert first["ETag"] == f'"{hashlib.md5(b"12").hexdigest()}"'
        assert first["Owner"]["DisplayName"]
        for name in ("list_objects_v2", "list_objects"):
            for size in (1, 2, 3, 1000):
                pages = s3.get_paginator(name).paginate(
                    Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": size}
                )
                found, groups = [], []
                for page in pages:
                    assert (
                        len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])) <= size
                    )
                    found += [each["Key"] for each in page.get("Contents", [])]
                    groups += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
                assert (found, groups) == (["a", "c d", "z\x01y"], ["b/", "ü/"])
        page = s3.list_objects_v2(Bucket=BUCKET, Prefix="b/", StartAfter="b/1")
        assert [each["Key"] for each in page["Contents"]] == ["b/2"]
        page = s3.list_objects(Bucket=BUCKET, Marker="b/2", MaxKeys=1)
        assert [each["Key"] for each in page["Contents"]] == ["c d"]
        page = s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)
        assert (page["KeyCount"], page["IsTruncated"]) == (0, False)
        for bad in ({"ContinuationToken": "not one"}, {"ContinuationToken": "é"}):
            with pytest.raises(ClientError) as error:
                s3.list_objects_v2(Bucket=BUCKET, **bad)
            assert code(error) == ("InvalidArgument", 400)
        with pytest.raises(ClientError) as error:
            s3.list_objects_v2(Bucket=BUCKET, MaxKeys=-1)
        assert code(error) == ("InvalidArgument", 400)

    await boto(work)


async def test_buckets(boto: Any):
    def work(s3: Any) -> None:
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["other", "uploads"]
        assert s3.head_bucket(Bucket=BUCKET)["BucketRegion"] == "auto"
        assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == "auto"
        for call in (s3.list_objects_v2, s3.get_bucket_location):
            with pytest.raises(ClientError) as error:
                call(Bucket="missing")
            assert code(error) == ("NoSuchBucket", 404)
        with pytest.raises(ClientError) as error:
            s3.create_bucket(Bucket=BUCKET)
        assert code(error) == ("BucketAlreadyOwnedByYou", 409)
        for call in (s3.create_bucket, s3.delete_bucket):
            with pytest.raises(ClientError) as error:
                call(Bucket="missing")
            assert code(error)[0] in ("NotImplemented", "NoSuchBucket")
        for call in (s3.get_bucket_acl, s3.get_bucket_versioning):
            with pytest.raises(ClientError) as error:
                call(Bucket=BUCKET)
            assert code(error) == ("NotImplemented", 501)

    await boto(work)


async def test_delete_many(boto: Any):
    def work(s3: Any) -> None:
        keys = [f"d/{number} & <{number}>\r" for number in range(30)]
        for key in keys:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
        objects = [{"Key": key} for key in [*keys, "missing", "x" * 1025]]
        answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
        assert [each["Key"] for each in answer["Deleted"]] == [*keys, "missing"]
        assert [each["Code"] for each in answer["Errors"]] == ["KeyTooLongError"]
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
        quiet = {"Objects": [{"Key": "d"}], "Quiet": True}
        assert "Deleted" not in s3.delete_objects(Bucket=BUCKET, Delete=quiet)
        for bad in ([{"Key": f"{number}"} for number in range(1001)], []):
            with pytest.raises(ClientError) as error:
                s3.delete_objects(Bucket=BUCKET, Delete={"Objects": bad})
            assert code(error) == ("MalformedXML", 400)
        for bad in ([{"Key": "a", "ETag": "x"}], [{"Key": "a", "VersionId": "1"}]):
            with pytest.raises(ClientError) as error:
                s3.delete_objects(Bucket=BUCKET, Delete={"Objects": bad})
            assert code(error) == ("NotImplemented", 501)

    await boto(work)


async def test_copies(boto: Any):
    def work(s3: Any) -> None:
        body = b"x" * 300_000
        put = s3.put_object(
            Bucket=BUCKET, Key="s ü", Body=body, ContentType="text/x", Metadata={"a": "1"}
        )
        source = {"Bucket": BUCKET, "Key": "s ü"}
        copied = s3.copy_object(Bucket="other", Key="t", CopySource=source)
        assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
        got = s3.get_object(Bucket="other", Key="t")
        assert got["Body"].read() == body
        assert (got["ContentType"], got["Metadata"]) == ("text/x", {"a": "1"})
        s3.copy_object(
            **source, CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"}
        )
        got = s3.get_object(**source)
        assert got["Body"].read() == body
        assert (got["ContentType"], got["Metadata"]) == ("binary/octet-stream", {"b": "2"})
        s3.copy_object(**source, CopySource=source, StorageClass="STANDARD_IA")
        head = s3.head_object(**source)
        assert (head["StorageClass"], head["Metadata"]) == ("STANDARD_IA", {"b": "2"})
        bad = [
            ({"CopySource": source}, ("InvalidRequest", 400)),
            ({"CopySource": {**source, "Key": "missing"}}, ("NoSuchKey", 404)),
            ({"CopySource": {**source, "Bucket": "missing"}}, ("NoSuchBucket", 404)),
            ({"CopySource": "nothing"}, ("InvalidArgument", 400)),
            ({"CopySource": {**source, "VersionId": "1"}}, ("NotImplemented", 501)),
        ]
        for options, expected in bad:
            with pytest.raises(ClientError) as error:
                s3.copy_object(**source, **options)
            assert code(error) == expected, options
        other = {"Bucket": "other", "Key": "u"}
        more = [
            ({"CopySourceIfMatch": '"x"'}, ("PreconditionFailed", 412)),
            ({"IfNoneMatch": "*"}, ("PreconditionFailed", 412)),
            ({"MetadataDirective": "KEEP"}, ("InvalidArgument", 400)),
            ({"TaggingDirective": "REPLACE"}, ("NotImplemented", 501)),
        ]
        s3.copy_object(**other, CopySource=source, CopySourceIfMatch=put["ETag"])
        for options, expected in more:
            with pytest.raises(ClientError) as error:
                s3.copy_object(**other, CopySource=source, **options)
            assert code(error) == expected, options

    await boto(work)


async def test_multipart_of_a_file(boto: Any, large: Path, tmp_path: Path):
    content = large.read_bytes()
    parts = [content[start : start + (8 << 20)] for start in range(0, len(content), 8 << 20)]
    md5s = b"".join(hashlib.md5(part).digest() for part in parts)
    etag = f'"{hashlib.md5(md5s).hexdigest()}-{len(parts)}"'

    def work(s3: Any) -> None:
        extra = {"ContentType": "video/x", "Metadata": {"k": "v"}}
        s3.upload_file(str(large), BUCKET, "large", ExtraArgs=extra, Config=TRANSFER)
        head = s3.head_object(Bucket=BUCKET, Key="large")
        assert (head["ETag"], head["ContentLength"]) == (etag, len(content))
        assert (head["ContentType"], head["Metadata"]) == ("video/x", {"k": "v"})
        s3.download_file(BUCKET, "large", str(tmp_path / "back"), Config=TRANSFER)
        assert (tmp_path / "back").read_bytes() == content
        source = {"Bucket": BUCKET, "Key": "large"}
        s3.copy(source, "other", "copy", Config=TRANSFER)
        assert s3.head_object(Bucket="other", Key="copy")["ETag"] == etag
        got = s3.get_object(
            Bucket="other", Key="copy", Range=f"bytes={(8 << 20) - 5}-{(8 << 20) + 4}"
        )
        assert got["Body"].read() == content[(8 << 20) - 5 : (8 << 20) + 5]

    await boto(work)


async def test_unfinished_uploads_are_listed(boto: Any):
    def work(s3: Any) -> None:
        def listed(**options: Any) -> Any:
            return s3.list_multipart_uploads(Bucket=BUCKET, **options)

        assert "Uploads" not in listed()
        keys = ["b/2", "a", "b/1", "ü &<", "a", "c"]
        begun = [
            (key, s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]) for key in keys
        ]
        s3.create_multipart_upload(Bucket="other", Key="elsewhere")
        s3.abort_multipart_upload(Bucket=BUCKET, Key="c", UploadId=begun[5][1])
        wanted = [begun[1], begun[4], begun[2], begun[0], begun[3]]
        if listed()["Uploads"][0]["UploadId"] == begun[4][1]:  # begun in the same millisecond
            wanted[:2] = wanted[1], wanted[0]
        found = listed()
        assert [(one["Key"], one["UploadId"]) for one in found["Uploads"]] == wanted
        assert (found["IsTruncated"], found["MaxUploads"]) == (False, 1000)
        assert found["Uploads"][0]["StorageClass"] == "STANDARD"
        assert found["Uploads"][0]["Initiated"].year >= 2026
        pages = s3.get_paginator("list_multipart_uploads").paginate
        for size in (1, 2, 3, 5):
            found = [
                (one["Key"], one["UploadId"])
                for page in pages(Bucket=BUCKET, PaginationConfig={"PageSize": size})
                for one in page.get("Uploads", ())
            ]
            assert found == wanted, size
        assert [one["Key"] for one in listed(Prefix="b/")["Uploads"]] == ["b/1", "b/2"]
        assert [one["Key"] for one in listed(KeyMarker="b/1")["Uploads"]] == ["b/2", "ü &<"]
        grouped = [
            one.get("Key") or one["Prefix"]
            for page in pages(Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": 1})
            for one in [*page.get("Uploads", ()), *page.get("CommonPrefixes", ())]
        ]
        assert grouped == ["a", "a", "b/", "ü &<"]
        s3.abort_multipart_upload(Bucket=BUCKET, Key=wanted[0][0], UploadId=wanted[0][1])
        gone = listed(KeyMarker="a", UploadIdMarker=wanted[0][1])["Uploads"]
        assert [one["UploadId"] for one in gone] == [upload_id for _, upload_id in wanted[1:]]
        assert listed(MaxUploads=0)["IsTruncated"] is False

    await boto(work)


async def test_multipart_by_hand(boto: Any):
    def work(s3: Any) -> None:
        where = {"Bucket": BUCKET, "Key": "m"}
        upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
        etags = {}
        for number, body in ((1, b"a" * (5 << 20)), (3, b"c"), (2, b"dropped"), (3, b"cc")):
            made = s3.upload_part(**upload, PartNumber=number, Body=body)
            etags[number] = made["ETag"]
            assert made["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        listed = s3.list_parts(**upload)
        assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [
            (1, 5 << 20), (2, 7), (3, 2),
        ]  # fmt: skip
        assert {p["PartNumber"]: p["ETag"] for p in listed["Parts"]} == etags
        page = s3.list_parts(**upload, MaxParts=1, PartNumberMarker=1)
        assert [p["PartNumber"] for p in page["Parts"]] == [2]
        assert (page["IsTruncated"], page["NextPartNumberMarker"]) == (True, 2)

        def complete(*parts: tuple[int, str], **more: Any) -> Any:
            chosen = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
            return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": chosen}, **more)

        bad = [
            ([(1, etags[1]), (3, '"x"')], {}, "InvalidPart"),
            ([(1, etags[1]), (4, etags[3])], {}, "InvalidPart"),
            ([(3, etags[3]), (1, etags[1])], {}, "InvalidPartOrder"),
            ([(2, etags[2]), (3, etags[3])], {}, "EntityTooSmall"),
            ([(1, etags[1])], {"MpuObjectSize": 7}, "InvalidRequest"),
            ([(1, etags[1])], {"IfNoneMatch": "*"}, "NotImplemented"),
            ([(1, etags[1])], {"ChecksumCRC32": "AAAAAA=="}, "NotImplemented"),
            ([], {}, "MalformedXML"),
        ]
        for parts, more, expected in bad:
            with pytest.raises(ClientError) as error:
                complete(*parts, **more)
            assert code(error)[0] == expected, (parts, more)
        done = complete((1, etags[1]), (3, etags[3]), MpuObjectSize=(5 << 20) + 2)
        assert done["ETag"].endswith('-2"')
        assert s3.get_object(**where)["Body"].read()[-3:] == b"acc"
        calls = [
            lambda: complete((1, etags[1])),
            lambda: s3.upload_part(**upload, PartNumber=1, Body=b""),
            lambda: s3.list_parts(**upload),
            lambda: s3.abort_multipart_upload(**upload),
            lambda: s3.list_parts(**{**upload, "UploadId": "none"}),
        ]
        for call in calls:
            with pytest.raises(ClientError) as error:
                call()
            assert code(error) == ("NoSuchUpload", 404)

    await boto(work)


async def test_an_aborted_upload_and_parts_by_copy(boto: Any):
    def work(s3: Any) -> None:
        where = {"Bucket": BUCKET, "Key": "p"}
        s3.put_object(Bucket="other", Key="source", Body=b"0123456789")
        upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
        copy = {**upload, "PartNumber": 1, "CopySource": "other/source"}
        made = s3.upload_part_copy(**copy, CopySourceRange="bytes=2-4")["CopyPartResult"]
        assert made["ETag"] == f'"{hashlib.md5(b"234").hexdigest()}"'
        for wanted, expected in (
            ("bytes=8-10", "InvalidArgument"),
            ("bytes=10-12", "InvalidRange"),
            ("bytes=5-", "InvalidArgument"),
            ("bytes=5-4", "InvalidArgument"),
        ):
            with pytest.raises(ClientError) as error:
                s3.upload_part_copy(**copy, CopySourceRange=wanted)
            assert code(error)[0] == expected, wanted
        for number in (0, 10_001):
            with pytest.raises(ClientError) as error:
                s3.upload_part(**upload, PartNumber=number, Body=b"")
            assert code(error) == ("InvalidArgument", 400)
        parts = {"Parts": [{"PartNumber": 1, "ETag": made["ETag"]}]}
        s3.complete_multipart_upload(**upload, MultipartUpload=parts)
        assert s3.get_object(**where)["Body"].read() == b"234"
        upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
        s3.abort_multipart_upload(**upload)
        with pytest.raises(ClientError) as error:
            s3.upload_part(**upload, PartNumber=1, Body=b"")
        assert code(error) == ("NoSuchUpload", 404)

    await boto(work)


@pytest.mark.parametrize("name", ["CRC32", "SHA1", "SHA256"])
async def test_checksums(boto: Any, name: str):
    def work(s3: Any) -> None:
        where = {"Bucket": BUCKET, "Key": "sum"}
        put = s3.put_object(**where, Body=b"hello", ChecksumAlgorithm=name)
        assert put[f"Checksum{name}"]
        found = s3.get_object(**where, ChecksumMode="ENABLED")
        assert found["Body"].read() == b"hello"
        assert found.get(f"Checksum{name}") == (None if name == "CRC32" else put[f"Checksum{name}"])
        wrong = base64.b64encode(bytes(len(base64.b64decode(put[f"Checksum{name}"])))).decode()
        with pytest.raises(ClientError) as error:
            s3.put_object(**where, Body=b"changed", **{f"Checksum{name}": wrong})
        assert code(error) == ("BadDigest", 400)
        with pytest.raises(ClientError) as error:
            s3.put_object(**where, Body=b"changed", **{f"Checksum{name}": "AA=="})
        assert code(error) == ("InvalidArgument", 400)
        md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        for given, expected in ((md5, "BadDigest"), ("nothing", "InvalidDigest")):
            with pytest.raises(ClientError) as error:
                s3.put_object(**where, Body=b"changed", ContentMD5=given)
            assert code(error) == (expected, 400)
        assert s3.get_object(**where)["Body"].read() == b"hello"

    await boto(work)


async def test_presigned_urls(boto: Any, served: Served):
    def sign(s3: Any, method: str, **parameters: Any) -> str:
        return s3.generate_presigned_url(
            method, Params={"Bucket": BUCKET, "Key": "p ü/+.txt", **parameters}, ExpiresIn=60
        )

    put = await boto(lambda s3: sign(s3, "put_object", ContentType="text/plain"))
    get = await boto(lambda s3: sign(s3, "get_object"))
    named = await boto(
        lambda s3: sign(s3, "get_object", ResponseContentDisposition='attachment; filename="x"')
    )
    async with httpx.AsyncClient() as client:
        assert (await client.put(put, content=b"body")).status_code == 403  # its type is signed
        done = await client.put(put, content=b"body", headers={"Content-Type": "text/plain"})
        assert done.status_code == 200
        found = await client.get(get, headers={"Origin": "http://evil.test"})
        assert (found.status_code, found.text) == (200, "body")
        assert found.headers["content-type"] == "text/plain"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert not [name for name in found.headers if name.startswith("access-control")]
        assert (await client.get(named)).headers[
            "content-disposition"
        ] == 'attachment; filename="x"'
        assert (await client.put(get, content=b"no")).status_code == 403
        assert (await client.get(f"{get}&response-content-type=text/html")).status_code == 403


async def test_virtual_hosts(served: Served):
    """`uploads.localhost`, which the client looks up like any other name."""
    host = f"{BUCKET}.localhost:{served.port}"
    credentials = Credentials(served.pair.access_key_id, served.pair.secret_access_key)
    async with httpx.AsyncClient() as client:
        for method, status in (("PUT", 200), ("GET", 200), ("DELETE", 204)):
            request = AWSRequest(method, f"http://{host}/v/k")
            S3SigV4QueryAuth(credentials, "s3", "auto", 60).add_auth(request)
            url = request.url.replace(host, f"127.0.0.1:{served.port}")
            done = await client.request(method, url, headers={"Host": host})
            assert done.status_code == status
            if method == "PUT":
                assert await served.room.env.STORAGE.head("v/k") is not None


async def test_customer_keys(boto: Any):
    def work(s3: Any) -> None:
        key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
        wrong = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"w" * 32}
        where = {"Bucket": BUCKET, "Key": "secret"}
        put = s3.put_object(**where, Body=io.BytesIO(b"hidden"), **key)
        assert put["SSECustomerAlgorithm"] == "AES256"
        assert s3.get_object(**where, **key)["Body"].read() == b"hidden"
        s3.head_object(**where, **key)
        for given in ({}, wrong):
            for read in (s3.get_object, s3.head_object):
                with pytest.raises(ClientError) as error:
                    read(**where, **given)
                assert code(error)[1] == 403
        s3.copy_object(
            Bucket=BUCKET, Key="open", CopySource=f"{BUCKET}/secret",
            CopySourceSSECustomerAlgorithm="AES256", CopySourceSSECustomerKey=b"k" * 32,
        )  # fmt: skip
        assert s3.get_object(Bucket=BUCKET, Key="open")["Body"].read() == b"hidden"
        for bad in ({**key, "SSECustomerKey": b"short"}, {**key, "SSECustomerAlgorithm": "ROT13"}):
            with pytest.raises(ClientError) as error:
                s3.get_object(**where, **bad)
            assert code(error) == ("InvalidArgument", 400)
        for given in ("SSECustomerKeyMD5", "CopySourceSSECustomerKeyMD5"):
            with pytest.raises(ClientError) as error:
                s3.copy_object(
                    **where, CopySource=f"{BUCKET}/open", StorageClass="STANDARD_IA",
                    **{given: "no base64"},
                )  # fmt: skip
            assert code(error) == ("InvalidArgument", 400)

    await boto(work)


async def test_what_is_refused(boto: Any):
    def work(s3: Any) -> None:
        where = {"Bucket": BUCKET, "Key": "k"}
        s3.put_object(**where, Body=b"", ACL="private", ServerSideEncryption="AES256")
        s3.put_object(**where, Body=b"", StorageClass="STANDARD_IA")
        assert s3.list_objects_v2(Bucket=BUCKET)["Contents"][0]["StorageClass"] == "STANDARD_IA"
        bad = [
            (s3.put_object, {"ACL": "public-read"}, ("NotImplemented", 501)),
            (s3.put_object, {"ServerSideEncryption": "aws:kms"}, ("NotImplemented", 501)),
            (s3.put_object, {"Tagging": "a=b"}, ("NotImplemented", 501)),
            (s3.put_object, {"StorageClass": "GLACIER"}, ("InvalidStorageClass", 400)),
            (s3.put_object, {"Metadata": {"k": "v" * 8192}}, ("MetadataTooLarge", 400)),
            (s3.put_object, {"Key": "k" * 1025}, ("KeyTooLongError", 400)),
            (s3.get_object, {"PartNumber": 1}, ("NotImplemented", 501)),
            (s3.get_object, {"VersionId": "1"}, ("NotImplemented", 501)),
            (s3.delete_object, {"VersionId": "1"}, ("NotImplemented", 501)),
            (s3.delete_object, {"IfMatch": "x"}, ("NotImplemented", 501)),
            (s3.get_object_tagging, {}, ("NotImplemented", 501)),
        ]
        for call, options, expected in bad:
            with pytest.raises(ClientError) as error:
                call(**{**where, **options})
            assert code(error) == expected, options

    await boto(work)
