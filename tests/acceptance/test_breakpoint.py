"""`breakpoint()` at the terminal of `aerostack dev`: pdb asks, the server goes on."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest

from tests.support.server import PATIENCE, serving, write_project

from .test_terminal import Terminal

FUNCTION = """import asyncio, time
from workers import Response
import helper

async def fetch(request, env):
    path = request.url.rpartition("/")[2]
    if path == "awaited":
        print("printed before")
        number = 41
        breakpoint()
        number += 1
        await asyncio.sleep(0)
        print("printed after")
        return Response(f"number {number}")
    if path == "quit":
        breakpoint()
        return Response("never")
    return Response(helper.WORD)
"""
PLAIN = """from workers import Response

def fetch(request, env):
    if request.url.endswith("/stop"):
        word = "thread"
        breakpoint()
        return Response(word)
    return Response("plain")
"""
FILES = {
    "aerostack.toml": 'main = "index.py"\n[dev]\nrequest_timeout = 0.3\n',
    "index.py": FUNCTION,
    "helper.py": 'WORD = "hello"\n',
}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    root = write_project(tmp_path_factory.mktemp("halting"), FILES)
    running = Terminal(root)
    try:
        running.until("q quit")
        _wait_for_keys(running)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.end()


def _wait_for_keys(terminal: Terminal) -> None:
    """The keys are taken after the ready line."""
    pause = threading.Event()
    for _ in range(int(PATIENCE * 100)):
        if not terminal.echoes:
            return
        pause.wait(0.01)
    raise AssertionError("the keys were never taken")


def asked(terminal: Terminal, path: str) -> Future[httpx.Response]:
    """A request that waits for its answer."""
    found = re.search(r"Ready on (\S+)", terminal.screen)
    assert found is not None
    answer: Future[httpx.Response] = Future()

    def ask() -> None:
        answer.set_result(httpx.get(found[1] + path, timeout=PATIENCE))

    threading.Thread(target=ask, daemon=True).start()
    return answer


def prompts(terminal: Terminal) -> int:
    return terminal.screen.count("(Pdb)")


def test_pdb_asks_and_the_request_goes_on(terminal: Terminal):
    answer = asked(terminal, "/awaited")
    terminal.until("(Pdb)")
    assert "printed before" in terminal.screen.partition("(Pdb)")[0]
    terminal.press("p number\n")
    terminal.until("41\n")
    terminal.press("number = 100\n")
    terminal.press("print('typed', request.method)\n")
    terminal.until("\ntyped GET")
    terminal.press("until 12\n")
    terminal.until("-> await asyncio.sleep(0)")
    terminal.press("n\n")
    terminal.until('-> print("printed after")')
    pause = threading.Event()
    pause.wait(0.5)  # longer than the limit of requests, and than a blocked loop's patience
    before = prompts(terminal)
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("--KeyboardInterrupt--")
    terminal.until("(Pdb)", before + 1)
    terminal.press("c\n")
    assert answer.result(PATIENCE).text == "number 101"
    terminal.until("GET /awaited 200")
    terminal.until("│ printed after")
    assert "stood still" not in terminal.screen


def test_q_ends_the_request_alone(terminal: Terminal):
    before = prompts(terminal)
    answer = asked(terminal, "/quit")
    terminal.until("(Pdb)", before + 1)
    terminal.press("q\n")
    failed = answer.result(PATIENCE)
    assert failed.status_code == 500
    assert failed.json()["error"] == "BdbQuit"
    assert failed.json()["message"] == "the debugger was left by q"
    assert "bdb.py" not in failed.text
    terminal.until("GET /quit 500")


def test_the_keys_are_back_and_a_save_is_served(terminal: Terminal):
    _wait_for_keys(terminal)
    before = terminal.screen.count("q quit")
    terminal.press("h")
    terminal.until("q quit", before + 1)
    write_project(terminal.root, {"helper.py": 'WORD = "changed"\n'})
    terminal.until("Reloaded in")
    assert asked(terminal, "/").result(PATIENCE).text == "changed"


def test_a_plain_def_halts_in_its_thread_while_others_are_served(terminal: Terminal):
    reloads, before = terminal.screen.count("Reloaded in"), prompts(terminal)
    write_project(terminal.root, {"index.py": PLAIN})
    terminal.until("Reloaded in", reloads + 1)
    answer = asked(terminal, "/stop")
    terminal.until("(Pdb)", before + 1)
    assert asked(terminal, "/").result(PATIENCE).text == "plain"
    pause = threading.Event()
    pause.wait(0.4)  # longer than the limit of requests
    terminal.press("p word.upper()\n")
    terminal.until("'THREAD'")
    terminal.press("c\n")
    assert answer.result(PATIENCE).text == "thread"
    _wait_for_keys(terminal)


def test_the_end_is_not_kept_waiting_by_a_prompt(tmp_path: Path):
    terminal = Terminal(write_project(tmp_path, FILES))
    terminal.until("Ready on ")
    answer = asked(terminal, "/quit")
    terminal.until("(Pdb)")
    terminal.process.terminate()
    # A signal in the moment before readline waits is heeded with the next key only.
    terminal.press("\n")
    assert answer.result(PATIENCE).status_code == 500
    assert terminal.end() == 0
    assert "Traceback" not in terminal.screen


def test_the_server_ends_in_order_and_the_terminal_is_as_it_was(terminal: Terminal):
    terminal.press("q")
    terminal.process.wait(PATIENCE)
    assert terminal.echoes
    assert terminal.end() == 0
    assert "Traceback" not in terminal.screen


def test_without_a_terminal_it_is_passed_over_and_said(tmp_path: Path):
    with serving(tmp_path, FILES) as server:
        assert server.get("/awaited").text == "number 42"
        server.until("breakpoint() was passed over")
        assert server.get("/awaited").text == "number 42"
        assert server.output.count("was passed over") == 1
