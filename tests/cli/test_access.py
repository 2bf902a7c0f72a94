"""Through a server or directly: who is found, and what is said when nobody may be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from aerostack_dev.bindings.state import open_state
from aerostack_dev.cli.access import Remote
from aerostack_dev.config.model import Project
from aerostack_dev.errors import ControlError
from aerostack_dev.server.access import Access
from tests.support.server import serving

from .conftest import FILES, invoke


def leave_access(root: Path, **fields: object) -> None:
    """A `dev.json` as a server leaves it that was killed."""
    (root / ".aerostack").mkdir(exist_ok=True)
    access = {"pid": os.getpid(), "url": "http://127.0.0.1:1", "token": "key", "state": "",
              "control_url": "http://127.0.0.1:1", **fields}  # fmt: skip
    (root / ".aerostack/dev.json").write_text(json.dumps(access))


@contextmanager
def stranger(status: int, body: bytes) -> Iterator[str]:
    """Somebody else's server; yields its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_stale_address_is_passed_over(here):
    leave_access(here())
    assert invoke("cache", "put", "k", "v").code == 0
    assert invoke("cache", "get", "k").out == "v"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"pid": 1}'),
        (401, b'{"error": {"message": "the token of this session is needed"}}'),
        (404, b"not found"),
        (500, b""),
    ],
)
def test_a_stranger_on_the_old_port_is_passed_over(here, status: int, body: bytes):
    root = here()
    with stranger(status, body) as url:
        leave_access(root, control_url=url)
        assert invoke("cache", "put", "k", "v").out == "Stored 1 B under k in CACHE.\n"


@pytest.mark.parametrize("content", ["", "{", '{"pid": "x"}', '{"control_url": 1}'])
def test_a_broken_address_is_passed_over(here, content: str):
    root = here({".aerostack/dev.json": content})
    assert invoke("cache", "put", "k", "v").code == 0
    assert (root / ".aerostack/state/cache.sqlite").exists()


@pytest.mark.parametrize(
    "command", [("cache", "get", "k"), ("queue", "list"), ("db", "info"), ("cron", "run")]
)
def test_a_state_that_is_in_use(here, command: tuple[str, ...]):
    root = here({**FILES, "aerostack.toml": '[triggers]\ncrons = ["0 0 * * *"]\n'})
    with open_state(root / ".aerostack/state", "a test"):
        done = invoke(*command)
    assert (done.code, done.raw) == (1, b"")
    assert f"the state is in use by a test (process {os.getpid()})" in done.err
    assert "hint: stop that process, or use another folder with --persist-to" in done.err
    assert "Traceback" not in done.err


def test_the_state_folder_ignores_itself(here):
    root = here()
    assert invoke("cache", "put", "k", "v").code == 0
    assert (root / ".aerostack/.gitignore").read_text() == "*\n"


def test_another_state_folder(here, tmp_path: Path):
    here()
    elsewhere = str(tmp_path / "elsewhere")
    assert invoke("cache", "put", "k", "v", "--persist-to", elsewhere).code == 0
    assert invoke("cache", "get", "k", "--persist-to", elsewhere).out == "v"
    assert invoke("cache", "get", "k").code == 1


def test_a_server_with_another_state_or_environment_is_not_meant(tmp_path: Path, monkeypatch):
    staging = "[env.staging]\n[env.staging.vars]\nX = 1\n"
    root = tmp_path / "own"
    with serving(root, {**FILES, "aerostack.toml": staging}, "--env", "staging"):
        monkeypatch.chdir(root)
        assert invoke("cache", "put", "k", "v", "--env", "staging").code == 0
        assert not invoke("cache", "get", "k", "--env", "staging").err
        done = invoke("cache", "get", "k")
        assert done.code == 1
        assert "the running server serves [env.staging], not the top level" in done.err
        elsewhere = str(tmp_path / "elsewhere")
        assert invoke("cache", "get", "k", "--persist-to", elsewhere).code == 1
        served = str(root / ".aerostack/state")
        found = invoke("cache", "get", "k", "--persist-to", served, "--env", "staging")
        assert found.out == "v"


def test_a_server_of_another_make_is_an_error(here):
    root = here()
    with stranger(200, json.dumps({"pid": os.getpid()}).encode()) as url:
        leave_access(root, control_url=url)
        done = invoke("cache", "list")
    assert done.code == 1
    assert "gave an answer that makes no sense" in done.err


def test_answers_that_make_no_sense(tmp_path: Path):
    project = Project(root=tmp_path, file=None, name="x", main=None)
    for status, body in ((200, b"<html>"), (500, b"oops"), (400, b"[]")):
        with stranger(status, body) as url:
            remote = Remote(project, Access(1, "", url, "key"))
            with pytest.raises(ControlError, match="process 1"):
                remote.invoke("CACHE", "list")
    with (
        stranger(404, b'{"error": {"message": "not found"}}') as url,
        pytest.raises(ControlError, match="is of another version of aerostack-dev"),
    ):
        Remote(project, Access(1, "", url, "key")).invoke("CACHE", "list")
    with pytest.raises(ControlError, match="does not answer"):
        remote.invoke("CACHE", "list")


def test_commands_need_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for command in (["cache", "list"], ["queue", "list"], ["db", "info"], ["cron", "list"]):
        done = invoke(*command)
        assert done.code == 1
        assert "no aerostack.toml here or in a folder above" in done.err
        assert "hint: go to a project" in done.err
    (tmp_path / "wrangler.jsonc").write_text("{}")
    done = invoke("cache", "list")
    assert f"hint: {tmp_path}/wrangler.jsonc is not read: write what it says as" in done.err


def test_a_killed_server_leaves_its_state_to_commands(tmp_path: Path, monkeypatch):
    root = tmp_path / "own"
    with serving(root, FILES) as server:
        monkeypatch.chdir(root)
        assert invoke("cache", "put", "k", "v").code == 0
        server.kill()
        assert (root / ".aerostack/dev.json").exists()
        assert invoke("cache", "get", "k").out == "v"


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_second_server_with_another_state_leaves_the_first_one_reachable(
    tmp_path: Path, monkeypatch, end: str
):
    root = tmp_path / "own"
    with serving(root, FILES):
        monkeypatch.chdir(root)
        assert invoke("cache", "put", "k", "v").code == 0
        with serving(root, None, "--ephemeral") as second:
            assert invoke("cache", "get", "k").code == 1
            getattr(second, end)()
        assert invoke("cache", "get", "k").out == "v"
