"""Commands as a user runs them: without a server, and beside one."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aerostack_dev.cli.commands import run
from tests.support.server import PATIENCE, aerostack, serving, write_project

FILES = {
    "aerostack.toml": """
name = "shop"

[triggers]
crons = ["0 9 * * MON", "*/5 * * * *"]

[[d1_databases]]
binding = "DB"
database_name = "shop-db"

[[kv_namespaces]]
binding = "CACHE"

[[vectorize]]
binding = "VECTORIZE"

[[vectorize]]
binding = "DOCS"
index_name = "docs"

[ai]
provider = "offline"
models = { "@cf/meta/llama-3.2-3b-instruct" = "a name of mine" }

[[queues.consumers]]
queue = "orders"
dead_letter_queue = "orders-dlq"
""",
    ".dev.vars": "TOKEN=very-secret-token\n",
    "src/index.py": """
from workers import Response

async def fetch(request, env, ctx):
    return Response("hello")

async def scheduled(event, env, ctx):
    print("token", env.TOKEN)
    if event.cron == "0 0 1 1 *":
        raise ValueError(f"no new year with {env.TOKEN}")
    await env.CACHE.put("fired", f"{event.cron} {event.scheduledTime}")
""",
}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


Cli = Callable[..., Done]


def invoke(*arguments: str, stdin: bytes = b"") -> Done:
    """Run a command in this process."""
    with CliRunner().isolation(input=stdin) as (out, err, _):
        code = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        return Done(code, out.getvalue(), err.getvalue().decode())


def of_process(done: subprocess.CompletedProcess[str]) -> Done:
    return Done(done.returncode, done.stdout.encode(), done.stderr)


@pytest.fixture(scope="module", params=["alone", "beside"])
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A project without a server and, in turn, one with `aerostack dev` running."""
    root = write_project(tmp_path_factory.mktemp("project"), FILES)
    if request.param == "alone":
        yield root
        return
    with serving(root, None, "--no-cron"):
        yield root


@pytest.fixture
def cli(project: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run commands in `project`, in this process."""
    monkeypatch.chdir(project)
    return invoke


@pytest.fixture
def process(project: Path) -> Cli:
    """Run commands in `project`, each in a process of its own."""
    return lambda *arguments, **options: of_process(aerostack(*arguments, cwd=project, **options))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`here(files)`: a project of its own, in which `invoke` then runs."""

    def write(files: dict[str, str] | None = None) -> Path:
        root = write_project(tmp_path / "own", {"aerostack.toml": "", **(files or {})})
        monkeypatch.chdir(root)
        return root

    return write


def at_terminal(arguments: Sequence[str], cwd: Path, keys: bytes = b"") -> tuple[int, str]:
    """Run a command whose input and output are a terminal; exit code and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "aerostack_dev", *arguments],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    os.write(ours, keys)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    return process.wait(PATIENCE), shown.decode().replace("\r\n", "\n")
