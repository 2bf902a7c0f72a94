"""Objects through the function and over the public path, whole and in constant memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import aerostack, serving

FILES = {
    "aerostack.toml": """
[[r2_buckets]]
binding = "STORAGE"
bucket_name = "uploads"
public = true

[[r2_buckets]]
binding = "SECRET"
bucket_name = "secret"
""",
    "src/index.py": """
from workers import Response

async def fetch(request, env):
    key = request.url.split("/", 3)[3]
    if request.method == "PUT":
        stored = await env.STORAGE.put(key, request.body, {"httpMetadata": request.headers})
        await env.SECRET.put(key, "hidden")
        return Response.json({"size": stored.size, "etag": stored.etag})
    found = await env.STORAGE.get(key)
    return Response(found.body) if found else Response("missing", status=404)
""",
}
SIZE = 96 * 2**20
PIECE = bytes(range(256)) * 1024


def pieces() -> Iterator[bytes]:
    for _ in range(SIZE // len(PIECE)):
        yield PIECE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("storage"), FILES, measured=True) as running:
        yield running


def resident(pid: int) -> int:
    """The most memory that the process has held so far, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_an_upload_and_download_pass_through_in_constant_memory(server):
    server.request("PUT", "/warm", content=PIECE)
    before = resident(server.process.pid)
    headers = {"Content-Length": str(SIZE), "Content-Type": "application/x-test"}
    answer = server.request("PUT", "/big", content=pieces(), headers=headers)
    assert answer.json()["size"] == SIZE, answer.text
    digest = hashlib.md5(server.get("/big").content).hexdigest()
    assert digest == answer.json()["etag"]
    assert resident(server.process.pid) - before < 40 * 2**20


@pytest.mark.parametrize("content", [b"", b"small", PIECE])
def test_an_object_as_a_response_has_its_length(server, content: bytes):
    server.request("PUT", "/object", content=content)
    answer = server.get("/object")
    assert answer.headers["content-length"] == str(len(content))
    assert answer.content == content
    head = server.request("HEAD", "/object")
    assert (head.headers["content-length"], head.content) == (str(len(content)), b"")


def test_a_public_object_is_served_as_an_attachment_to_nothing(server):
    server.request(
        "PUT", "/a.html", content=b"<script>1</script>", headers={"Content-Type": "text/html"}
    )
    answer = server.get("/cdn-cgi/local/storage/uploads/a.html")
    assert (answer.status_code, answer.text) == (200, "<script>1</script>")
    assert answer.headers["content-type"] == "text/html"
    assert "sandbox" in answer.headers["content-security-policy"]
    again = server.get(
        "/cdn-cgi/local/storage/uploads/a.html", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    part = server.get("/cdn-cgi/local/storage/uploads/a.html", headers={"Range": "bytes=1-6"})
    assert (part.status_code, part.text) == (206, "script")


def test_a_bucket_that_is_not_public_is_not_served(server):
    assert server.get("/cdn-cgi/local/storage/secret/a.html").status_code == 404
    assert server.request("PUT", "/cdn-cgi/local/storage/uploads/x").status_code == 405


def test_an_s3_client_that_nobody_here_wrote_sees_what_the_function_stored(server):
    import boto3

    shown = json.loads(aerostack("storage", "s3", "--json", cwd=server.root).stdout)
    client = boto3.client(
        "s3",
        endpoint_url=shown["endpoint"],
        region_name=shown["region"],
        aws_access_key_id=shown["accessKeyId"],
        aws_secret_access_key=shown["secretAccessKey"],
    )
    server.request("PUT", "/from-function.txt", content=b"hello")
    assert client.get_object(Bucket="uploads", Key="from-function.txt")["Body"].read() == b"hello"
    client.put_object(Bucket="uploads", Key="from-client.txt", Body=b"hi")
    assert server.get("/from-client.txt").text == "hi"


def test_dns_rebinding_does_not_reach_the_s3_port(server):
    endpoint = json.loads(aerostack("storage", "s3", "--json", cwd=server.root).stdout)["endpoint"]
    answer = httpx.get(endpoint, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.text) == (403, "Invalid Host header.\n")
    assert httpx.get(endpoint).status_code == 403
