"""What the scripts of the TypeScript templates say when something is wrong."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from aerostack_dev.runtime.hosts.deno.process import find_deno
from tests.docs.console import REPOSITORY
from tests.support.server import PATIENCE


def run(template: str, *arguments: str, folder: Path | None = None) -> tuple[int, str]:
    """Run a task of a template; its exit code and what it wrote to standard error."""
    done = subprocess.run(
        [find_deno(), "task", "--quiet", *arguments],
        cwd=folder or REPOSITORY / "templates" / template / "typescript",
        env={
            **{name: text for name, text in os.environ.items() if "WEBHOOK_SECRET" not in name},
            "NO_COLOR": "1",
        },
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, done.stderr


def nowhere() -> str:
    """The address of a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("given", [(), ("/elsewhere",)])
def test_an_event_needs_a_provider(given: tuple[str, ...]):
    wanted = "name a URL that ends in /stripe or /github\n"
    assert run("webhooks", "send", *given) == (2, wanted)


def test_an_event_needs_a_secret_and_a_server(tmp_path: Path):
    url = f"{nowhere()}/webhooks/stripe"
    assert run("webhooks", "send", url) == (
        1,
        "STRIPE_WEBHOOK_SECRET is not set; copy .dev.vars.example to .dev.vars\n",
    )
    project = tmp_path / "project"
    shutil.copytree(REPOSITORY / "templates/webhooks/typescript", project)
    shutil.copy(project / ".dev.vars.example", project / ".dev.vars")
    code, said = run("webhooks", "send", url, folder=project)
    assert code == 1
    assert said.startswith(f"{url} cannot be reached: ")


def test_documents_need_a_server():
    assert run("rag", "seed") == (2, "name the URL of the server\n")
    url = nowhere()
    code, said = run("rag", "seed", url)
    assert code == 1
    assert said.startswith(f"{url}/documents cannot be reached: ")
