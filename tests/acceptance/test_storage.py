"""Objects through the function and over the public path, whole and in constant memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import serving

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
    with serving(tmp_path_factory.mktemp("storage"), FILES) as running:
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
