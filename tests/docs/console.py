"""Runs what a page shows: its files are written, its commands run, their output compared.

In a page,

    ```toml title="aerostack.toml"        a file of the reader's project
    ```console                            `$ command` and its output
    ```text title="aerostack dev"         lines that the running server prints

are taken in order, as a reader would. `aerostack dev` goes on in the background until the
next one, on a free port, while the page says 8788. Times, ids and durations may differ.

    python -m tests.docs.console PAGE …   writes the real output into the pages
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.server import PATIENCE, Server, serving

REPOSITORY = Path(__file__).parents[2]
SHOWN = "127.0.0.1:8788"
HOME = "/home/ada"
"""Stands in pages for the folder in which they are run."""
TERMINAL = "aerostack dev"
PLUGIN = "aerostack_dev.testing.plugin"
"""A reader's pytest has ours, and perhaps no other."""
ANYTHING = "…"
"""A line of its own in a page: any lines, also none."""

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_STYLE = re.compile(r"\x1b\[[\d;]*m|\x1b\]8;;.*?\x1b\\", re.DOTALL)
"""What curl and others do to a terminal: bold text, links."""
_VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+ ?(Z|\+00:00|UTC)?(, in [^\n]+)?"), "<time>"),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b,?( \d\d \w{3} <?\d{4} [\d:]+ GMT)?"), "<day>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}-[0-9a-f]{6}\b"), "<id>"),
    (re.compile(r"\b1[6-9]\d{11}\b"), "<ms>"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|µs|s)\b"), "<took>"),
    (re.compile(r"\(\+\d+ \w+( \d+ \w+)?\)|(?<=\"aheadMs\": )\d+"), "<ahead>"),
    (re.compile(r'("duration(Ms)?": ?)[\d.]+'), r"\1<took>"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), "<address>"),
    (re.compile(r"[ \t]+"), " "),
]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `at` is where its text begins in the page."""

    language: str
    title: str
    text: str
    at: int
    indent: str

    @property
    def commands(self) -> Iterator[tuple[str, str]]:
        """Each command with the output that the page shows."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            count = next(
                (at for at, line in enumerate(lines, 1) if not line.endswith("\\\n")), len(lines)
            )
            yield "".join(lines[:count]).rstrip("\n"), "".join(lines[count:]).strip()


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, their indentation taken away."""
    return [
        Block(
            found["language"],
            found["title"] or "",
            re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            found.start("text"),
            found["indent"],
        )
        for found in _FENCE.finditer(page)
    ]


def alike(text: str) -> str:
    """`text` without what differs from run to run."""
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


@dataclass(frozen=True)
class Line:
    """Satisfied by a line that is like `text`."""

    text: str

    def __call__(self, fresh: str) -> bool:
        return alike(fresh) == self.text


class Session:
    """A reader's terminal: a folder, and perhaps a server in the background."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home = home
        self.folder = home
        self.server: Server | None = None
        self._stack = stack

    def write(self, name: str, text: str) -> None:
        """Write a file at one stroke, as an editor does: a server may be watching."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.home / ".draft"
        draft.write_text(text)
        draft.replace(path)

    def run(self, command: str) -> str:
        """The output of a command."""
        words = command.split()
        if words[0] == "cd" and len(words) == 2:
            self.folder = (self.folder / words[1]).resolve()
            return ""
        if words[:2] == ["aerostack", "dev"] and "--help" not in words:
            return self._serve(words[2:])
        return self._shown(self._plain(command))

    def printed(self, wanted: str) -> None:
        """Wait until the server has printed the lines of `wanted`, in their order."""
        assert self.server is not None
        for line in filter(None, map(alike, wanted.splitlines())):
            self.server.until(Line(line))

    def _serve(self, options: list[str]) -> str:
        self._stack.close()
        self.server = self._stack.enter_context(
            serving(self.folder, None, *options, env=_environment())
        )
        return self._shown(self.server.output.strip("\n"))

    def _plain(self, command: str) -> str:
        """Its output as at a terminal, but without anybody to answer its questions."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", self._addressed(command)],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            output = b"".join(_pieces(terminal))
        process.wait(PATIENCE)
        return output.decode().strip("\r\n")

    def _addressed(self, command: str) -> str:
        if self.server is None:
            return command
        return command.replace(SHOWN, self.server.url.removeprefix("http://"))

    def _shown(self, output: str) -> str:
        output = _STYLE.sub("", output).replace(str(self.home), HOME)
        if self.server is not None:
            output = output.replace(self.server.url.removeprefix("http://"), SHOWN)
        return output.replace("\r\n", "\n")


@contextmanager
def session(home: Path) -> Iterator[Session]:
    with ExitStack() as stack:
        yield Session(home, stack)


def same(shown: str, real: str) -> bool:
    """Whether `real` is what a page shows, where its `…` lines stand for any lines."""
    parts = [
        re.escape(alike(part)) for part in re.split(rf"^{ANYTHING}$", shown, flags=re.MULTILINE)
    ]
    return re.fullmatch("(?:.*)".join(parts), alike(real), re.DOTALL) is not None


def differences(page: str, terminal: Session) -> list[str]:
    """Where what a page shows is not what happens, one text for each place."""
    found = []
    for block, command, shown, real in played(page, terminal):
        if not same(shown, real):
            line = page.count("\n", 0, block.at) + 1
            found.append(f"line {line}: $ {command}\n--- shown\n{shown}\n--- real\n{real}\n")
    return found


def played(page: str, terminal: Session) -> Iterator[tuple[Block, str, str, str]]:
    """Play a page: each block and command with the output shown and the real one."""
    for block in blocks(page):
        if block.language == "console":
            for command, shown in block.commands:
                yield block, command, shown, terminal.run(command)
        elif block.title == TERMINAL:
            terminal.printed(block.text)
        elif block.title:
            terminal.write(block.title, block.text)


def rewritten(page: str, terminal: Session) -> str:
    """The page with the real output in its place."""
    texts: dict[int, tuple[Block, list[str]]] = {}
    for block, command, shown, real in played(page, terminal):
        if ANYTHING in shown.splitlines() and same(shown, real):
            real = shown
        answer = "\n".join(line.rstrip() for line in real.splitlines())
        part = f"$ {command}\n" + (f"{answer}\n" if answer else "")
        texts.setdefault(block.at, (block, []))[1].append(part)
    for at, (block, parts) in sorted(texts.items(), reverse=True):
        end = page.index(f"{block.indent}```", at)
        text = "".join(
            block.indent + line if line.strip() else line
            for line in "".join(parts).splitlines(keepends=True)
        )
        page = page[:at] + text + page[end:]
    return page


def _pieces(terminal: IO[bytes]) -> Iterator[bytes]:
    """What comes from a terminal until its other end is closed."""
    while True:
        try:
            piece = terminal.read(65536)
        except OSError:  # Linux's way to say so
            return
        if not piece:
            return
        yield piece


def _environment() -> dict[str, str]:
    """As a reader's: our command on the path, plain pytest, no colours."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": PLUGIN}
    plain = {**plugins, "NO_COLOR": "1", "COLUMNS": "120"}
    return {**os.environ, **plain, "PATH": path, "TERM": "xterm"}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder, session(Path(folder)) as terminal:
            file = Path(name)
            file.write_text(rewritten(file.read_text(), terminal))
