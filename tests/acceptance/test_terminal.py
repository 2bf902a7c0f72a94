"""`aerostack dev` at a terminal: the banner, the colours, the keys."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.measured import MEASURED
from tests.support.server import PATIENCE, write_project

COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
FILES = {
    "aerostack.toml": """
name = "shop"

[triggers]
crons = ["0 9 * * MON", "30 4 1 * *"]
""",
    "src/index.py": """
from workers import Response

async def fetch(request):
    return Response("hello")

async def scheduled(event):
    print("fired", event.cron)
""",
}
BROWSER = """#!/bin/sh
echo "$1" > "$BROWSED"
"""


class Terminal:
    """A process at a terminal of its own, and what is on the screen so far."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.raw = ""
        self._grown = threading.Condition()
        self._ours, theirs = pty.openpty()
        environment = {
            **os.environ,
            **MEASURED,
            "BROWSER": str(root / "browser"),
            "BROWSED": str(root / "browsed"),
        }
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aerostack_dev", "dev", "--port", "0", *arguments],
            cwd=root,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def screen(self) -> str:
        return COLOUR.sub("", self.raw).replace("\r", "")

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    def until(self, wanted: str, times: int = 1) -> None:
        """Wait until `wanted` has been on the screen so many times."""
        with self._grown:
            found = self._grown.wait_for(lambda: self.screen.count(wanted) >= times, PATIENCE)
        assert found, f"no {wanted!r} in:\n{self.screen}"

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        os.close(self._ours)
        return code

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._ours, 4096)
            except OSError:  # the other side is closed
                return
            if not piece:
                return
            with self._grown:
                self.raw += piece.decode(errors="replace")
                self._grown.notify_all()


@contextmanager
def at_terminal(root: Path, *arguments: str) -> Iterator[Terminal]:
    write_project(root, {**FILES, "browser": BROWSER})
    (root / "browser").chmod(0o755)
    terminal = Terminal(root, *arguments)
    try:
        terminal.until("Ready on ")
        yield terminal
    finally:
        if terminal.process.poll() is None:
            terminal.process.terminate()
            terminal.end()


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with at_terminal(tmp_path_factory.mktemp("terminal")) as running:
        running.until("q quit")
        yield running


def test_the_banner_tells_what_there_is(terminal: Terminal):
    screen = terminal.screen
    assert re.search(r"^shop src/index\.py$", screen, re.MULTILINE)
    assert re.search(r"control +http://127\.0\.0\.1:\d+", screen)
    assert "fetch, scheduled" in screen
    assert re.search(r"env\.CACHE +key-value cache +sqlite +\.aerostack/state/cache", screen)
    assert re.search(r"0 9 \* \* MON +Mon \d{4}-\d\d-\d\d 09:00 UTC, in \d+ (d|h|min|s)", screen)
    assert "c cron" in screen
    assert "\x1b[1mshop\x1b[0m" in terminal.raw


def test_the_token_is_not_on_the_screen(terminal: Terminal):
    token = re.search(r'"token":"([^"]+)"', (terminal.root / ".aerostack/dev.json").read_text())
    assert token is not None
    assert token[1] not in terminal.raw


def test_c_asks_which_cron_and_a_number_runs_it(terminal: Terminal):
    terminal.press("c")
    terminal.until("Press the number")
    terminal.press("2")
    terminal.until("fired 30 4 1 * *")
    terminal.until('CRON "30 4 1 * *" ok')


def test_r_reloads(terminal: Terminal):
    terminal.press("r")
    terminal.until("Reloaded\n")


def test_h_says_the_keys_again(terminal: Terminal):
    before = terminal.screen.count("q quit")
    terminal.press("H")
    terminal.until("q quit", before + 1)


@pytest.mark.parametrize(("key", "address"), [("o", "http://127.0.0.1:"), ("d", "/#token=")])
def test_o_and_d_open_a_browser(terminal: Terminal, key: str, address: str):
    browsed = terminal.root / "browsed"
    browsed.unlink(missing_ok=True)
    terminal.press(key)
    for _ in range(int(PATIENCE * 100)):
        if browsed.exists() and browsed.read_text().endswith("\n"):
            break
        threading.Event().wait(0.01)
    assert address in browsed.read_text()


def test_l_clears_and_q_quits(tmp_path: Path):
    with at_terminal(tmp_path, "--open") as terminal:
        terminal.press("x")  # no key of ours: nothing happens
        terminal.press("l")
        with terminal._grown:
            assert terminal._grown.wait_for(lambda: "\x1b[2J" in terminal.raw, PATIENCE)
        terminal.press("q")
        assert terminal.end() == 0
        assert "Traceback" not in terminal.screen


def test_no_crons_no_choice(tmp_path: Path):
    with at_terminal(tmp_path, "--no-cron") as terminal:
        write_project(tmp_path, {"aerostack.toml": ""})
        terminal.until("Reloaded in")
        terminal.press("c")
        terminal.until("No crons")


def test_a_second_ctrl_c_leaves_the_terminal_as_it_was(tmp_path: Path):
    flag = tmp_path / "begun"
    endless = f"async def fetch(request):\n    open({str(flag)!r}, 'x')\n    while True: pass\n"
    with at_terminal(tmp_path, "--no-reload") as terminal:
        deadline = time.monotonic() + PATIENCE
        while terminal.echoes:  # the keys are taken after the ready line
            assert time.monotonic() < deadline
            time.sleep(0.005)
        write_project(tmp_path, {"src/index.py": endless})
        terminal.press("r")
        terminal.until("Reloaded")
        url = re.search(r"Ready on (\S+)", terminal.screen)
        assert url is not None
        client = threading.Thread(target=_tolerant, args=(url[1],), daemon=True)
        client.start()
        while not flag.exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        terminal.process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # two signals at the very same moment would be one
        assert not terminal.echoes
        terminal.process.send_signal(signal.SIGINT)
        terminal.process.wait(PATIENCE)
        assert terminal.echoes
        assert terminal.end() == 130


def _tolerant(url: str) -> None:
    with suppress(httpx.HTTPError):
        httpx.get(url, timeout=PATIENCE)


def test_a_host_that_others_reach_is_warned_about(tmp_path: Path):
    with at_terminal(tmp_path, "--host", "0.0.0.0") as terminal:
        terminal.until("everyone on this network can call the function")
        control = re.search(r"control +(http://127\.0\.0\.1:\d+)", terminal.screen)
        assert control is not None
        assert httpx.get(control[1] + "/api/status").status_code == 401


def test_broken_arguments_are_usage_errors(tmp_path: Path):
    from tests.support.server import aerostack

    write_project(tmp_path, FILES)
    for arguments in (("--var", "novalue"), ("--ephemeral", "--persist-to", "x"), ("--port", "x")):
        done = aerostack("dev", *arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
