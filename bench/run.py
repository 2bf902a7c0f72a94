"""Ratios of `aerostack dev` to the bare libraries beneath it, in one run.

    make bench             # about a minute
    python bench/run.py --seconds 2 --rounds 2

Contenders take turns (A B A B), every answer is checked before it counts, and what is
printed is the median of the rounds with its spread. Needs `wrk`.
"""

import argparse
import contextlib
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
SIX = "aiosqlite, apscheduler.schedulers.asyncio, click, starlette.applications, tomli, uvicorn"
CONNECTIONS = 16
ROW = {"id": 42, "name": "item 42"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(20_000):
        with contextlib.suppress(OSError):
            get(url)
            return
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode}")
        time.sleep(0.001)
    raise SystemExit(f"{url} never answered")


@contextlib.contextmanager
def running(command: list[str], url: str, cwd: Path, log: Path | None = None):
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(log.open("wb")) if log else subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_for(url, process)
            yield
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def bare():
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port)]
    with running(
        [*command, "--log-level", "warning"], f"http://127.0.0.1:{port}/hello", HERE / "peers"
    ):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def ours(level: str = "warning"):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(shutil.copytree(HERE / "project", Path(folder) / "project"))
        command = [sys.executable, "-m", "aerostack_dev", "dev", "--port", str(port)]
        url = f"http://127.0.0.1:{port}"
        with running([*command, "--log-level", level], f"{url}/hello", project, project / "log"):
            get(f"{url}/seed")
            yield url


def rate(url: str, expected: object, seconds: int) -> float:
    """Requests per second, after checking what is served."""
    answer = get(url)
    found = json.loads(answer) if isinstance(expected, dict) else answer.decode()
    if found != expected:
        raise SystemExit(f"{url} answers {answer!r} in place of {expected!r}")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"{url}: {text}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def first_response() -> float:
    """Seconds from the start of the process to its first answer."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(shutil.copytree(HERE / "project", Path(folder) / "project"))
        port = free_port()
        command = [sys.executable, "-m", "aerostack_dev", "dev", "--port", str(port)]
        started = time.perf_counter()
        with running(command, f"http://127.0.0.1:{port}/hello", project):
            return time.perf_counter() - started


def bare_import() -> float:
    """Seconds of a process that only imports the six packages of the core."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {SIX}"], check=True)
    return time.perf_counter() - started


def said(name: str, values: list[float], base: list[float], unit: str, target: str) -> None:
    middle, other = statistics.median(values), statistics.median(base)
    spread = f"{min(values):.4g} to {max(values):.4g}"
    print(
        f"{name:<38} {middle:>10.4g} {unit:<4} ({spread})   "
        f"{middle / other:>5.2f} × {other:.4g}   wanted {target}"
    )


def measure_rates(rounds: int, seconds: int) -> None:
    names = ("bare hello", "hello", "bare row", "row", "hello logged", "cache", "put", "send")
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        with bare() as url:
            found["bare hello"].append(rate(f"{url}/hello", "hello", seconds))
            found["bare row"].append(rate(f"{url}/row", ROW, seconds))
        with ours() as url:
            found["hello"].append(rate(f"{url}/hello", "hello", seconds))
            found["row"].append(rate(f"{url}/row", ROW, seconds))
            found["put"].append(rate(f"{url}/put", "ok", seconds))
            found["cache"].append(rate(f"{url}/cache", ROW, seconds))
            found["send"].append(rate(f"{url}/send", "sent", seconds))
        with ours("info") as url:
            found["hello logged"].append(rate(f"{url}/hello", "hello", seconds))
    said("hello / bare uvicorn + Starlette", found["hello"], found["bare hello"], "/s", "≥ 0.75")
    said(
        "hello with its lines in a file / hello",
        found["hello logged"],
        found["hello"],
        "/s",
        "≥ 0.80",
    )
    said("DB one row / aiosqlite in Starlette", found["row"], found["bare row"], "/s", "≥ 0.85")
    said("CACHE get / aiosqlite in Starlette", found["cache"], found["bare row"], "/s", "-")
    said("CACHE put / aiosqlite in Starlette", found["put"], found["bare row"], "/s", "-")
    said("QUEUE send / aiosqlite in Starlette", found["send"], found["bare row"], "/s", "-")


def measure_starts(rounds: int) -> None:
    bare_import()
    first_response()
    imports, starts = [], []
    for _ in range(rounds):
        imports.append(bare_import())
        starts.append(first_response())
    said("start → first response / bare import", starts, imports, "s", "≤ 1.67")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("`wrk` makes the load and is not installed: install your system's package")
    measure_starts(chosen.rounds * 2 + 1)
    measure_rates(chosen.rounds, chosen.seconds)


if __name__ == "__main__":
    main()
