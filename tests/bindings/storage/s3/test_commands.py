"""The endpoint through the commands people use: aws, s3cmd, rclone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .conftest import Served


async def test_aws(served: Served, large: Path):
    async def aws(*arguments: str, **options: bool) -> str:
        return await served.run("aws", *arguments, **options)

    up, back = served.home / "up", served.home / "back"
    (up / "e").mkdir(parents=True)
    (up / "small.txt").write_text("0123456789")
    (up / "e/large.bin").write_bytes(large.read_bytes())
    quiet = ("--recursive", "--no-progress")
    await aws("s3", "cp", str(up), "s3://uploads/d", "--metadata", "colour=blue", *quiet)
    assert (await served.room.env.STORAGE.head("d/e/large.bin")).etag.endswith("-3")
    listed = await aws("s3", "ls", "s3://uploads/d/")
    assert "PRE e/" in listed and "small.txt" in listed and "large.bin" not in listed
    where = ("--bucket", "uploads", "--key", "d/small.txt")
    got = json.loads(await aws("s3api", "get-object", *where, "--range", "bytes=2-4", "part"))
    assert (served.home / "part").read_text() == "234"
    assert got["Metadata"] == {"colour": "blue"}
    await aws("s3", "sync", "s3://uploads/d", "s3://other/copy", "--no-progress")
    copied = await served.room.env.OTHER.list()
    assert [found.key for found in copied.objects] == ["copy/e/large.bin", "copy/small.txt"]
    await aws("s3", "mv", "s3://uploads/d", str(back), *quiet)
    assert (back / "e/large.bin").read_bytes() == large.read_bytes()
    assert (back / "small.txt").read_text() == "0123456789"
    await aws("s3api", "get-object", *where, "part", fails=True)
    assert (await served.room.env.STORAGE.list()).objects == []


async def test_s3cmd(served: Served, large: Path):
    address = served.url.removeprefix("http://")
    (served.home / ".s3cfg").write_text(
        "[default]\n"
        f"access_key = {served.pair.access_key_id}\n"
        f"secret_key = {served.pair.secret_access_key}\n"
        f"host_base = {address}\nhost_bucket = {address}\nbucket_location = auto\n"
        "use_https = False\nsignature_v2 = False\n"
    )

    async def s3cmd(*arguments: str, **options: bool) -> str:
        return await served.run("s3cmd", "--no-progress", *arguments, **options)

    small = served.home / "small ü.txt"
    small.write_text("hello")
    header = "--add-header=x-amz-meta-colour:blue"
    await s3cmd("put", header, str(small), "s3://uploads/d/small ü.txt")
    await s3cmd("put", "--multipart-chunk-size-mb=8", str(large), "s3://uploads/d/e/large.bin")
    stored = await served.room.env.STORAGE.head("d/small ü.txt")
    assert stored.customMetadata["colour"] == "blue"
    assert (await served.room.env.STORAGE.head("d/e/large.bin")).etag.endswith("-3")
    listed = await s3cmd("ls", "s3://uploads/d/")
    assert "DIR  s3://uploads/d/e/" in listed and "s3://uploads/d/small ü.txt" in listed
    assert "s3://other" in await s3cmd("ls")
    await s3cmd("get", "s3://uploads/d/e/large.bin", "back.bin")
    assert (served.home / "back.bin").read_bytes() == large.read_bytes()
    (served.home / "half").write_bytes(large.read_bytes()[:1000])
    await s3cmd("get", "--continue", "s3://uploads/d/e/large.bin", "half")
    assert (served.home / "half").read_bytes() == large.read_bytes()
    await s3cmd("cp", "s3://uploads/d/small ü.txt", "s3://other/copied")
    copied = await served.room.env.OTHER.get("copied")
    assert await copied.text() == "hello"
    await s3cmd("del", "--recursive", "--force", "s3://uploads/d/")
    assert (await served.room.env.STORAGE.list()).objects == []
    await s3cmd("get", "s3://uploads/missing", "never", fails=True)


async def test_rclone(served: Served, large: Path):
    folder = served.home / "rclone.conf"
    folder.write_text(
        "[a]\ntype = s3\nprovider = Other\nregion = auto\n"
        f"endpoint = {served.url}\n"
        f"access_key_id = {served.pair.access_key_id}\n"
        f"secret_access_key = {served.pair.secret_access_key}\n"
    )

    async def rclone(*arguments: str, **options: bool) -> str:
        return await served.run(
            "rclone", "--config", str(folder), "--retries=1", *arguments, **options
        )

    source = served.home / "source"
    (source / "d").mkdir(parents=True)
    (source / "small ü+%.txt").write_text("hello")
    (source / "d/large.bin").write_bytes(large.read_bytes())
    options = ("--s3-upload-cutoff=8Mi", "--s3-chunk-size=8Mi")
    await rclone("copy", *options, "--metadata-set=colour=blue", "-M", "source", "a:uploads/s")
    await rclone("check", "--download", "source", "a:uploads/s")
    stored = await served.room.env.STORAGE.head("s/small ü+%.txt")
    assert stored.etag == hashlib.md5(b"hello").hexdigest()
    assert stored.customMetadata["colour"] == "blue" and "mtime" in stored.customMetadata
    assert (await served.room.env.STORAGE.head("s/d/large.bin")).etag.endswith("-3")
    assert (await rclone("lsf", "a:uploads/s")).split("\n")[:2] == ["d/", "small ü+%.txt"]
    assert await rclone("lsd", "a:") != ""
    assert await rclone("cat", "--offset=1", "--count=3", "a:uploads/s/small ü+%.txt") == "ell"
    await rclone("sync", "a:uploads/s", "a:other/t")
    await rclone("check", "--download", "source", "a:other/t")
    await rclone("rcat", "a:other/piped")
    await rclone("touch", "a:other/t/small ü+%.txt", "--timestamp=2030-01-01T00:00:00")
    touched = await served.room.env.OTHER.head("t/small ü+%.txt")
    assert touched.customMetadata["mtime"].startswith("18934")
    await rclone("delete", "a:uploads/s")
    assert (await served.room.env.STORAGE.list()).objects == []
    await rclone("purge", "a:other/t")
    await rclone("lsf", "a:missing", fails=True)
