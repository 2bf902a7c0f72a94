"""What editors and type checkers see is what the running modules have."""

from __future__ import annotations

import ast
import importlib
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from aerostack_dev.runtime.hosts.python.importing import PROVIDED

STUBS = Path(__file__).parents[2] / "stubs"
RESPONSE = "aerostack_dev.functions.response.Response"
FILES = {
    "workers": "workers-stubs/__init__.pyi",
    "asgi": "asgi-stubs/__init__.pyi",
    "pyodide.ffi": "pyodide-stubs/ffi.pyi",
}


@pytest.mark.parametrize("module", FILES)
def test_a_stub_has_the_names_of_its_module(module):
    tree = ast.parse((STUBS / FILES[module]).read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    stubbed = {alias.asname: node.module for node in imports for alias in node.names}
    source = PROVIDED[module]
    assert set(stubbed.values()) == {source}
    assert sorted(stubbed) == sorted(importlib.import_module(source).__all__)


def test_mypy_resolves_them(tmp_path):
    site = tmp_path / "site"
    for stub in STUBS.iterdir():
        # mypy knows the ending `-stubs` among installed packages only.
        shutil.copytree(stub, site / stub.name.removesuffix("-stubs"))
    (tmp_path / "index.py").write_text(
        textwrap.dedent(
            """
            from workers import Request, Response, WorkerEntrypoint, fetch
            from pyodide.ffi import run_sync
            import asgi

            class Default(WorkerEntrypoint):
                async def fetch(self, request: Request) -> Response:
                    reveal_type(await request.text())
                    reveal_type(Response.json({}, status=201))
                    reveal_type((await fetch("https://x.test")).headers.get_all("a"))
                    reveal_type(await asgi.fetch(None, request, self.env))
                    return Response(request.body, status="no")
            """
        )
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--cache-dir",
            str(STUBS.parent / "build/mypy/stubs"),
            "--follow-imports=silent",
            "index.py",
        ],
        cwd=tmp_path,
        env={"MYPYPATH": f"{site}:{STUBS.parent}", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    revealed = [line for line in done.stdout.splitlines() if "note: Revealed" in line]
    assert [line.split('"')[1].replace(RESPONSE, "Response") for line in revealed] == [
        "str",
        "Response",
        "list[str]",
        "Response",
    ], done.stdout
    assert 'incompatible type "str"; expected "int"' in done.stdout
