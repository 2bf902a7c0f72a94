"""The child process: which program, with which rights, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ....errors import FunctionError

HERE = Path(__file__).parent
BOOTSTRAP = HERE / "bootstrap.ts"
CONFIG = HERE / "deno.json"
PACKAGE = HERE.parents[2]

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
    f"--config={CONFIG}",
)
"""How modules are found: the project's own and its node_modules, nothing from the network."""

Say = Callable[[str, str], None]
"""`say(level, line)`: a line that the child wrote by itself."""


def find_deno() -> str:
    """The program: of the extra `typescript`, or else on PATH. Raises `FunctionError`."""
    try:
        from deno import find_deno_bin  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        found = shutil.which("deno")
    else:
        found = os.fsdecode(find_deno_bin())
    if found is None:
        raise FunctionError(
            "a function in TypeScript or JavaScript needs Deno, which is not installed",
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
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))

    async def ended(self) -> str:
        """How it ended, in words; it is killed when it does not end by itself."""
        try:
            async with asyncio.timeout(END_SECONDS):
                code = await self.process.wait()
        except TimeoutError:
            self.kill()
            code = await self.process.wait()
        return describe(code)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


def describe(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"it was ended by the signal {name}"
    return f"it exited with the code {code}"


@asynccontextmanager
async def open_child(
    program: str,
    folder: Path,
    cache: Path,
    readable: Iterable[Path],
    hidden: Iterable[Path],
    secret: str,
    say: Say,
) -> AsyncIterator[Child]:
    """A child that connects to `folder/socket`, until the end of the block.

    It may read `readable` except what is `hidden`, use the network, and write nothing but
    the socket. `cache` keeps what Deno makes of the modules.
    """
    socket = folder / "socket"
    rights = (
        "--no-prompt",
        "--allow-env",
        "--allow-net",
        f"--allow-read={_paths([*readable, socket])}",
        f"--deny-read={_paths(hidden)}",
        f"--allow-write={_paths([socket])}",
    )
    process = await asyncio.create_subprocess_exec(
        program,
        "run",
        "--quiet",
        "--no-check",
        *MODULES,
        *rights,
        str(BOOTSTRAP),
        str(socket),
        env=environment(cache),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=LINE_BYTES,
        start_new_session=True,  # Ctrl-C is for the server, which lets work finish first
    )
    child = Child(process)
    assert process.stdin and process.stdout and process.stderr
    reading = asyncio.gather(
        _follow(process.stdout, "info", say, None),
        _follow(process.stderr, "error", say, child.lines),
    )
    try:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(secret.encode())
            process.stdin.close()
            await process.stdin.wait_closed()
        yield child
    finally:
        await _ended(child, reading)


async def _ended(child: Child, reading: asyncio.Future[tuple[None, None]]) -> None:
    """Wait for the end of `child` and of its output, whoever cancels meanwhile."""
    try:
        await child.ended()
    finally:
        child.kill()
        await asyncio.wait({reading}, timeout=END_SECONDS)
        reading.cancel()


async def _follow(
    stream: asyncio.StreamReader, level: str, say: Say, kept: deque[str] | None
) -> None:
    while line := await _line(stream):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if kept is not None:
            kept.append(text)
        say(level, text)


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
