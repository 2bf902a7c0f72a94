"""A real `aerostack dev` in a process of its own, as a user starts it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from .measured import MEASURED

OURS = (sys.executable, "-m", "aerostack_dev")
READY = "Ready on "
PATIENCE = 30.0
"""Seconds that anything here may take on a busy machine before it counts as broken."""


def write_project(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below `root` (made if need be); returns `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def aerostack(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. `env` is added to the environment of the tests."""
    return subprocess.run(
        [sys.executable, "-m", "aerostack_dev", *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        check=False,
        **options,  # type: ignore[call-overload]
    )


class Server:
    """A running server: its URL, a client for it, and everything it printed."""

    def __init__(self, process: subprocess.Popen[str], root: Path) -> None:
        self.process = process
        self.root = root
        self.lines: list[str] = []
        self.url = ""
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def access(self) -> dict[str, str]:
        """What `.aerostack/dev.json` says."""
        return json.loads((self.root / ".aerostack/dev.json").read_text())

    def until(self, wanted: str | Callable[[str], bool]) -> str:
        """Wait for a line that has (or satisfies) `wanted`; returns it."""
        matches = wanted if callable(wanted) else lambda line: wanted in line
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._fresh.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line with {wanted!r} in:\n{self.output}") from None
            if line is None:
                raise AssertionError(f"ended before {wanted!r}:\n{self.output}")
            if matches(line):
                return line

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=PATIENCE, **options)  # type: ignore[arg-type]

    def eventually(self, path: str, satisfied: Callable[[httpx.Response], bool]) -> httpx.Response:
        """Ask `path` until the answer satisfies; for what a save or a queue brings about."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.get(path)
            if satisfied(answer):
                return answer
            assert time.monotonic() < deadline, f"{answer.status_code} {answer.text}\n{self.output}"
            time.sleep(0.005)

    def save(self, name: str, text: str) -> None:
        write_project(self.root, {name: text})

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._fresh.put(line)
        self._fresh.put(None)


@contextmanager
def serving(
    root: Path,
    files: Mapping[str, str] | None = None,
    *arguments: str,
    port: str | None = "0",
    env: Mapping[str, str] | None = None,
    measured: bool = False,
    program: Sequence[str] = OURS,
) -> Iterator[Server]:
    """`aerostack dev` in `root` on a free port, ready; ended at the end of the block.

    `port` None: it is not told one. `measured`: its lines count as covered. `program`: the
    words that call `aerostack`.
    """
    write_project(root, files or {})
    if not any((root / name).exists() for name in ("aerostack.toml", "wrangler.toml")):
        write_project(root, {"aerostack.toml": ""})
    command = [*program, "dev", *arguments]
    if port is not None:
        command += ["--port", port]
    process = subprocess.Popen(
        command,
        cwd=root,
        env={
            **os.environ,
            **(MEASURED if measured else {}),
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = Server(process, root)
    try:
        line = server.until(lambda line: READY in line or '"ready"' in line)
        server.url = json.loads(line)["url"] if line.startswith("{") else line.split()[-1]
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            server._reader.join(PATIENCE)
            process.stdout.close()
