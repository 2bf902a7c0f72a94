"""Bodies through a real server and a TypeScript function: constant memory, piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import Server, serving

SOURCE = """
    let next: () => void = () => {};
    const encoder = new TextEncoder();
    export default {
      async fetch(request: Request, env: any) {
        const { pathname } = new URL(request.url);
        if (pathname === "/next") {
          next();
          return new Response();
        }
        if (pathname === "/events") {
          let n = 0;
          return new Response(new ReadableStream({
            async pull(controller) {
              controller.enqueue(encoder.encode(`data: ${n++}\\n\\n`));
              await new Promise<void>((resolve) => next = resolve);
              if (n === 4) controller.close();
            },
          }), { headers: { "content-type": "text/event-stream" } });
        }
        if (pathname === "/ai") {
          const input = { prompt: "count", stream: true };
          return new Response(await env.AI.run("@cf/meta/llama-3.1-8b-instruct", input));
        }
        if (request.method === "PUT") {
          const { size } = await env.STORAGE.put(pathname, request.body);
          return Response.json({ size });
        }
        return new Response((await env.STORAGE.get(pathname)).body);
      },
    };
"""
SIZE = 96 * 2**20
PIECE = bytes(range(256)) * 1024
LIMIT = 200 * 2**20
"""Bytes that all processes may hold together, whatever passes through them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    files = {"src/index.ts": SOURCE, "aerostack.toml": '[ai]\nprovider = "offline"\n'}
    with serving(tmp_path_factory.mktemp("bodies"), files) as running:
        yield running


def pieces() -> Iterator[bytes]:
    for _ in range(SIZE // len(PIECE)):
        yield PIECE


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def most(pid: int) -> int:
    """The most memory that the processes have held so far, each for itself, in bytes."""
    total = 0
    for each in family(pid):
        status = Path(f"/proc/{each}/status").read_text()
        total += int(status.split("VmHWM:")[1].split()[0]) * 1024
    return total


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="memory is read from /proc")
def test_an_upload_and_download_in_constant_memory(server):
    expected = hashlib.md5()
    for piece in pieces():
        expected.update(piece)
    stored = server.request("PUT", "/big", content=pieces(), headers={"content-length": str(SIZE)})
    assert stored.json() == {"size": SIZE}
    found = hashlib.md5()
    with httpx.stream("GET", server.url + "/big", timeout=60) as answer:
        assert answer.headers["content-length"] == str(SIZE)
        for piece in answer.iter_raw():
            found.update(piece)
    assert found.digest() == expected.digest()
    processes = family(server.process.pid)
    assert len(processes) > 1
    assert most(server.process.pid) < LIMIT


def test_events_arrive_one_by_one(server):
    with httpx.stream("GET", server.url + "/events", timeout=30) as answer:
        arriving = answer.iter_raw()
        for n in range(4):
            # The next one is only made after this one has arrived here.
            assert next(arriving) == f"data: {n}\n\n".encode()
            assert server.get("/next").status_code == 200
        assert next(arriving, None) is None


def test_a_model_streams_through(server):
    with httpx.stream("GET", server.url + "/ai", timeout=30) as answer:
        arrived = list(answer.iter_raw())
    assert len(arrived) > 1
    assert b"".join(arrived).endswith(b"data: [DONE]\n\n")
