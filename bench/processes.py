"""The processes that are measured: started alone, ended with all that they started."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

LINUX = Path("/proc/self/smaps_rollup").exists()
STARTED_WITHIN = 60
ENDED_WITHIN = 10
SLOWING = frozenset(
    ("PYTHONDONTWRITEBYTECODE", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "NODE_OPTIONS")
)
"""Variables of whoever measures that must not reach a contender."""
BETWEEN_TRIES = 0.002
SHOWN_OF_LOG = 2000


class FailedError(Exception):
    """A contender does not do its work."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def fetched(url: str, body: bytes | None = None, timeout: float = 30) -> bytes:
    """The body of a response whose status is 200."""
    with urllib.request.urlopen(url, body, timeout=timeout) as response:
        return response.read()


@dataclass
class Running:
    """A contender that serves at `url`; `folder` holds its project."""

    process: subprocess.Popen
    url: str
    folder: Path
    started_in: float = 0.0
    """Seconds from the start of the process to its first right answer."""

    def fetch(self, path: str, body: bytes | None = None) -> bytes:
        try:
            return fetched(self.url + path, body)
        except urllib.error.HTTPError as error:
            raise FailedError(f"{path}: {error.code} {error.read()[:500]!r}") from None
        except OSError as error:
            raise FailedError(f"{path}: {error}") from None

    def wait_for(self, path: str, expected: bytes, seconds: float) -> None:
        """Ask every two milliseconds until the answer is `expected`."""
        until, answer = time.perf_counter() + seconds, b""
        while time.perf_counter() < until:
            with contextlib.suppress(OSError, urllib.error.HTTPError):
                answer = fetched(self.url + path)
                if answer == expected:
                    return
            if self.process.poll() is not None:
                raise FailedError(f"it ended with {self.process.returncode}: {self.log()}")
            time.sleep(BETWEEN_TRIES)
        raise FailedError(f"{path} never answered {expected!r} but {answer!r}: {self.log()}")

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-SHOWN_OF_LOG:]

    def memory(self) -> float:
        """MiB of all processes: their proportional share (Linux), else what is resident."""
        pids = tree(self.process.pid)
        if LINUX:
            return sum(_proportional(pid) for pid in pids) / 1024
        listed = ",".join(map(str, pids))
        text = subprocess.run(["ps", "-o", "rss=", "-p", listed], capture_output=True, text=True)
        return sum(map(int, text.stdout.split())) / 1024

    def cpu_seconds(self) -> float | None:
        """What all its processes have used of the processor; None where that cannot be seen."""
        if not LINUX:
            return None
        return sum(_ticks(pid) for pid in tree(self.process.pid)) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int | None:
        """How many descriptors all its processes have; None where that cannot be seen."""
        if not LINUX:
            return None
        count = 0
        for pid in tree(self.process.pid):
            with contextlib.suppress(OSError):
                count += len(os.listdir(f"/proc/{pid}/fd"))
        return count


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has just ended
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ticks(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    user, system = text.rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def tree(root: int) -> list[int]:
    """`root` and all processes below it."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True)
    children: dict[int, list[int]] = {}
    for line in table.stdout.splitlines():
        pid, parent = map(int, line.split())
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


@contextlib.contextmanager
def running(command, environ, folder: Path, port: int, check: bytes, health: str = "/hello"):
    """`command`, serving on `port` until the end of the block.

    It runs in a session of its own: Ctrl-C reaches this script, and this ends it.
    """
    known = {name: value for name, value in os.environ.items() if name not in SLOWING}
    with (folder / "log").open("wb") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**known, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        found = Running(process, f"http://127.0.0.1:{port}", folder)
        found.wait_for(health, check, STARTED_WITHIN)
        found.started_in = time.perf_counter() - begun
        yield found
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    """End a process and whatever it started; ask first."""
    below = tree(process.pid)
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDED_WITHIN)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    left = set(below) & set(_alive(below)) - {process.pid}
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _alive(pids: list[int]) -> list[int]:
    listed = ",".join(map(str, pids))
    text = subprocess.run(["ps", "-o", "pid=", "-p", listed], capture_output=True, text=True)
    return [int(pid) for pid in text.stdout.split()]


@contextlib.contextmanager
def copied(source: Path, below: Path):
    """A copy of a project that is gone at the end of the block."""
    below.mkdir(parents=True, exist_ok=True)
    folder = below / f"{source.name}-{os.getpid()}-{time.monotonic_ns()}"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__", ".aerostack"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
