"""The child process: which program, with which rights, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from msgspec import Struct

from ....errors import FunctionError

HERE = Path(__file__).parent
BOOTSTRAP = HERE / "bootstrap.ts"
CONFIG = HERE / "deno.json"
PACKAGE = HERE.parents[2]

OLDEST = (2, 9)
"""The first Deno that lets `loading.ts` see every import."""
INSTALL = 'pip install "aerostack-dev[typescript]"'
END_SECONDS = 2.0
"""How long a child may take to end after its connection was closed."""
KEPT_LINES = 20
"""Of what a child wrote to its standard error, for the message about its end."""
LINE_BYTES = 1 << 20

MODULES = (
    "--no-lock",
    "--no-remote",
    "--cached-only",
    "--node-modules-dir=manual",
    "--unstable-sloppy-imports",
    "--conditions=workerd,worker,browser",
)
"""How modules are found: the project's own and its node_modules, nothing from the network.

The conditions are those with which the platform's bundler reads `exports` of packages.
"""

FLAGS: tuple[str, ...] = ()
"""More options for the child; tests make its memory small."""

WATCHDOG = 'read -r _; kill -9 "$0"'
"""Ends the child when the server is gone, however it ended and whatever the child does.

The shell waits for the end of its input, which the server alone holds open.
"""
EXPENDABLE = "1000"
"""Where memory is short the system ends the function, not the server."""
DUMP = "<--- Last few GCs --->"
"""From here on a child without memory writes about itself, in lines that help nobody."""
EXHAUSTED = "out of memory"

Say = Callable[[str, str], None]
"""`say(level, line)`: a line that the child wrote by itself."""


def find_deno() -> str:
    """The program: of the extra `typescript`, or else on PATH. Raises `FunctionError`."""
    try:
        from deno import find_deno_bin
    except ImportError:
        found = _on_path()
    else:
        found = os.fsdecode(find_deno_bin())
    if found is None:
        raise FunctionError(
            "a function in TypeScript or JavaScript needs Deno, which is not installed",
            hint=INSTALL,
        )
    return found


def _on_path() -> str | None:
    """The `deno` on PATH. Raises `FunctionError` when it is too old."""
    found = shutil.which("deno")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"deno (\d+)\.(\d+)", said.stdout)
    if version and (int(version[1]), int(version[2])) < OLDEST:
        raise FunctionError(
            f"{version[0]} on PATH is too old: functions need {OLDEST[0]}.{OLDEST[1]} or newer",
            hint=INSTALL,
        )
    return found


def environment(cache: Path) -> dict[str, str]:
    """All that the child's environment holds; its bootstrap takes it away again."""
    return {
        "DENO_DIR": str(cache),
        "DENO_NO_UPDATE_CHECK": "1",
        "DENO_NO_PROMPT": "1",
        "NO_COLOR": "1",
        "TZ": "UTC",
    }


@dataclass(eq=False, slots=True)
class Child:
    """A running child: `lines` is the end of what it wrote to standard error."""

    process: Process
    output: asyncio.Future[tuple[None, None]] = field(init=False)
    """Done when all that it wrote has been read."""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    killed: bool = False
    dumps: bool = False
    exhausted: bool = False
    """It had no memory left."""

    async def ended(self) -> str:
        """How it ended, in words; it is killed when it does not end by itself."""
        try:
            async with asyncio.timeout(END_SECONDS):
                code = await self.process.wait()
        except TimeoutError:
            self.kill()
            code = await self.process.wait()
        await self.read()
        if self.exhausted:
            return "it ran out of memory"
        if code == -signal.SIGKILL and not self.killed:
            return f"{describe(code)}, as it happens where memory is short"
        return describe(code)

    async def read(self) -> None:
        """Return when its last words have been read, or soon after."""
        await asyncio.wait({self.output}, timeout=END_SECONDS)

    def heard(self, line: str) -> bool:
        """Keep a line of its standard error; returns whether it is worth saying."""
        self.dumps = self.dumps or line.startswith(DUMP)
        self.exhausted = self.exhausted or (self.dumps and EXHAUSTED in line)
        said = not self.dumps and bool(line)
        if said:
            self.lines.append(line)
        return said

    def kill(self) -> None:
        self.killed = True
        _kill(self.process)


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def describe(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"it was ended by the signal {name}"
    return f"it exited with the code {code}"


class Rights(Struct, frozen=True):
    """What a child may do: read `readable` except what is `hidden`, and use the network.

    It may write nothing but its socket. `inspected`: it may open a port for a debugger.
    """

    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    inspected: bool = False

    def options(self, socket: Path) -> Iterator[str]:
        """The same as options of Deno."""
        yield "--no-prompt"
        yield "--allow-env"
        yield "--allow-net"
        yield f"--allow-read={_paths([*self.readable, socket])}"
        yield f"--deny-read={_paths(self.hidden)}"
        yield f"--allow-write={_paths([socket])}"
        if self.inspected:
            yield "--allow-sys=inspector"


class Command(Struct, frozen=True):
    """The program with all that it is started with.

    `config` is Deno's configuration; `cache` keeps what Deno makes of the modules; the
    child connects to `folder/socket`.
    """

    program: str
    config: Path
    folder: Path
    cache: Path
    rights: Rights

    @property
    def socket(self) -> Path:
        """Where the server listens for its child."""
        return self.folder / "socket"

    def arguments(self) -> Iterator[str]:
        """The command line after the program."""
        yield from ("run", "--quiet", "--no-check", f"--config={self.config}", *MODULES)
        yield from FLAGS
        yield from self.rights.options(self.socket)
        yield from (str(BOOTSTRAP), str(self.socket))


@asynccontextmanager
async def open_child(command: Command, secret: str, say: Say) -> AsyncIterator[Child]:
    """A child that connects to `command.socket`, until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        command.program,
        *command.arguments(),
        env=environment(command.cache),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=LINE_BYTES,
        start_new_session=True,  # Ctrl-C is for the server, which lets work finish first
    )
    child = Child(process)
    assert process.stdin and process.stdout and process.stderr
    child.output = asyncio.gather(
        _follow(process.stdout, partial(say, "info")),
        _follow(process.stderr, partial(_said, child, say)),
    )
    try:
        async with _guarded(process):
            with contextlib.suppress(ConnectionError):
                process.stdin.write(secret.encode())
                process.stdin.close()
                await process.stdin.wait_closed()
            yield child
    finally:
        await _ended(child)


@asynccontextmanager
async def _guarded(process: Process) -> AsyncIterator[None]:
    """See that `process` ends with the server, and before it where memory is short."""
    _offer(process.pid)
    watchdog = None
    with contextlib.suppress(OSError):  # a system without a shell
        watchdog = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            WATCHDOG,
            str(process.pid),
            env={},
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
    if watchdog is None:
        yield
        return
    ended = asyncio.ensure_future(process.wait())
    # At once, since the number of `process` may go to another; and only here, since a
    # second kill may take the exit of the first away from the loop, which then complains.
    ended.add_done_callback(lambda _: _kill(watchdog))
    try:
        yield
    finally:
        ended.cancel()
        await watchdog.wait()


def _offer(pid: int) -> None:
    """Let the system end this process first, where it can be told so."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(EXPENDABLE)


async def _ended(child: Child) -> None:
    """Wait for the end of `child` and of its output, whoever cancels meanwhile."""
    try:
        await child.ended()
    finally:
        child.kill()
        await child.read()
        child.output.cancel()


def _said(child: Child, say: Say, line: str) -> None:
    if child.heard(line):
        say("error", line)


async def _follow(stream: asyncio.StreamReader, said: Callable[[str], object]) -> None:
    while line := await _line(stream):
        said(line.decode("utf-8", "replace").rstrip("\r\n"))


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line, or what of it fits."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.read(error.consumed or LINE_BYTES)


def _paths(paths: Iterable[Path]) -> str:
    """Paths as Deno takes them: a comma in one is doubled."""
    return ",".join(str(path).replace(",", ",,") for path in paths)
