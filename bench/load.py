"""Load on one URL: wrk with every answer checked, or a client of our own where wrk is absent."""

import asyncio
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from processes import FailedError, Running

CONNECTIONS = 16
OBJECT = b"x" * 10_240
ITEM = {"id": 42, "name": "item 42"}
LAST = [{"id": number, "name": f"item {number}"} for number in range(100, 50, -1)]
SETTLED_WITHIN = 60

WRK = shutil.which("wrk")


@dataclass(frozen=True)
class Work:
    """One kind of request. `right` judges an answer before and after; in between, every
    answer must be the same, or match `pattern` (of Lua)."""

    name: str
    title: str
    right: Callable[[bytes], bool]
    body: bytes | None = None
    pattern: str | None = None
    confirmed: Callable[[Running], Callable[[int], None]] | None = None
    """Called before; what it returns raises unless the work of so many requests is there."""


@dataclass(frozen=True)
class Figures:
    """Requests per second, and milliseconds."""

    rate: float
    p50: float
    p99: float
    requests: int
    cpu: float | None = None
    """Microseconds of processor time per request, of all processes of the contender."""


def _is(expected: bytes) -> Callable[[bytes], bool]:
    return lambda answer: answer == expected


def _says(expected: object) -> Callable[[bytes], bool]:
    return lambda answer: json.loads(answer) == expected


def _is_note(answer: bytes) -> bool:
    made = json.loads(answer)
    return made["text"] == "a note" and isinstance(made["id"], int)


def _rows(found: Running) -> Callable[[int], None]:
    def count() -> int:
        return json.loads(found.fetch("/notes"))["count"]

    before = count()

    def confirm(requests: int) -> None:
        if count() - before < requests:
            raise FailedError(f"{requests} rows were inserted, {count() - before} are there")

    return confirm


def _written(found: Running) -> Callable[[int], None]:
    def confirm(requests: int) -> None:
        if json.loads(found.fetch("/cache-written")) != ITEM:
            raise FailedError("the cache does not hold what was put")

    return confirm


def _stored(found: Running) -> Callable[[int], None]:
    def confirm(requests: int) -> None:
        if found.fetch("/storage-stored") != OBJECT:
            raise FailedError("the bucket does not hold what was put")

    return confirm


def _arrived(found: Running) -> Callable[[int], None]:
    """Also waits for what was sent, so that the next measurement does not pay for it."""

    def count() -> int:
        return json.loads(found.fetch("/received"))["others"]

    before = count()

    def confirm(requests: int) -> None:
        until, came = time.perf_counter() + SETTLED_WITHIN, 0
        while came < requests:
            if time.perf_counter() > until:
                raise FailedError(f"{requests} messages were sent, {came} arrived")
            time.sleep(0.05)
            came = count() - before

    return confirm


WORKS = {
    work.name: work
    for work in (
        Work("hello", "hello", _is(b"hello")),
        Work("row", "DB, one row", _says(ITEM)),
        Work("last", "DB, last 50 rows", _says(LAST)),
        Work(
            "insert",
            "DB, insert returning",
            _is_note,
            pattern='^{"id": ?%d+, ?"text": ?"a note"}$',
            confirmed=_rows,
        ),
        Work("cache-get", "CACHE get", _says(ITEM)),
        Work("cache-put", "CACHE put", _is(b"ok"), confirmed=_written),
        Work("send", "QUEUE send", _is(b"sent"), confirmed=_arrived),
        Work("storage-get", "STORAGE get 10 KiB", _is(OBJECT)),
        Work("storage-put", "STORAGE put 10 KiB", _is(b"stored"), OBJECT, confirmed=_stored),
    )
}


def measured(found: Running, work: Work, seconds: int) -> Figures:
    """Sixteen connections that ask without a pause. Raises `FailedError` for a wrong answer."""
    path = f"/{work.name}"
    first = _judged(work, found.fetch(path, work.body))
    expected = work.pattern.encode() if work.pattern else first
    confirm = work.confirmed(found) if work.confirmed else None
    drive = _wrk if WRK else _own_client
    before = found.cpu_seconds()
    figures = drive(found.url + path, work, expected, seconds)
    if before is not None:
        used = found.cpu_seconds() - before
        figures = replace(figures, cpu=used / figures.requests * 1e6)
    _judged(work, found.fetch(path, work.body))
    if confirm is not None:
        confirm(figures.requests)
    return figures


def warmed(found: Running, work: Work, seconds: float) -> None:
    """Load that counts for nothing: what is only done at first is done."""
    path = f"/{work.name}"
    first = _judged(work, found.fetch(path, work.body))
    _own_client(found.url + path, work, work.pattern.encode() if work.pattern else first, seconds)


def _judged(work: Work, answer: bytes) -> bytes:
    if not work.right(answer):
        raise FailedError(f"{work.name}: wrong answer {answer[:200]!r}")
    return answer


def _wrk(url: str, work: Work, expected: bytes, seconds: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "expected")
        answer.write_bytes(expected)
        kind = "PATTERN" if work.pattern else "EXACT"
        arguments = [str(answer), kind, "GET" if work.body is None else "POST"]
        if work.body is not None:
            body = Path(folder, "body")
            body.write_bytes(work.body)
            arguments.append(str(body))
        script = str(Path(__file__).with_name("check.lua"))
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script]
        command = [WRK, *options, url, "--", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode or not done.stdout.strip():
        raise FailedError(f"wrk: {done.stderr}")
    told = json.loads(done.stdout.splitlines()[-1])
    if told["wrong"] or told["lost"] or not told["requests"]:
        raise FailedError(
            f"{work.name}: of {told['requests']} answers {told['wrong']} were wrong, "
            f"{told['lost']} connections failed: {done.stderr.strip()}"
        )
    rate = told["requests"] / told["seconds"]
    return Figures(rate, told["p50"], told["p99"], told["requests"])


def _own_client(url: str, work: Work, expected: bytes, seconds: float) -> Figures:
    """As wrk, but itself the limit above some 10 000 requests per second."""
    try:
        return asyncio.run(_asked(url, work, expected, seconds))
    except* (FailedError, OSError, EOFError) as failed:
        raise FailedError(f"{work.name}: {failed.exceptions[0]}") from None


async def _asked(url: str, work: Work, expected: bytes, seconds: float) -> Figures:
    parts = urlsplit(url)
    body = work.body or b""
    method = "GET" if work.body is None else "POST"
    length = f"Content-Length: {len(body)}\r\n" if work.body is not None else ""
    head = f"{method} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{length}\r\n".encode()
    # The only special signs of the patterns here are the same in Python, but for the digits.
    pattern = re.compile(expected.replace(b"%d", rb"\d")) if work.pattern else None
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def ask() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            while (begun := time.perf_counter()) < until:
                writer.write(head + body)
                status, answer = await _answer(reader)
                took.append(time.perf_counter() - begun)
                right = pattern.search(answer) if pattern else answer == expected
                if status != 200 or not right:
                    raise FailedError(f"{work.name}: wrong answer {status} {answer[:200]!r}")
        finally:
            writer.close()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(ask())
    cuts = statistics.quantiles(took, n=100)
    return Figures(
        len(took) / (time.perf_counter() - begun), cuts[49] * 1000, cuts[98] * 1000, len(took)
    )


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    if found := re.search(rb"\r\ncontent-length: *(\d+)", head):
        return status, await reader.readexactly(int(found[1]))
    pieces = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return status, b"".join(pieces)
