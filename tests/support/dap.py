"""A client of the Debug Adapter Protocol, as an editor is one."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .server import PATIENCE

Message = dict[str, Any]


class Debugger:
    """Connected to an adapter at `port` of loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")
        self._count = 0
        self._events: list[Message] = []

    def attach(self) -> None:
        """Attach, without breakpoints yet."""
        self.ask("initialize", adapterID="test", clientID="test", pathFormat="path")
        attaching = self._send("attach", {"justMyCode": True, "subProcess": False})
        self.event("initialized")
        self.ask("configurationDone")
        self._answer(attaching)

    def break_at(self, file: Path, *lines: int) -> None:
        """Stop at these lines of `file`, and at no others of it."""
        wanted = [{"line": line} for line in lines]
        self.ask("setBreakpoints", source={"path": str(file)}, breakpoints=wanted)

    def stopped(self) -> tuple[int, int]:
        """Wait for a halt; the thread, and the line that its innermost frame is at."""
        thread = self.event("stopped")["body"]["threadId"]
        frames = self.ask("stackTrace", threadId=thread)["body"]["stackFrames"]
        self.frame = frames[0]["id"]
        return thread, frames[0]["line"]

    def evaluate(self, expression: str) -> str:
        """An expression in the frame of the last halt."""
        answer = self.ask("evaluate", expression=expression, frameId=self.frame, context="watch")
        return str(answer["body"]["result"])

    def go_on(self, thread: int) -> None:
        self.ask("continue", threadId=thread)

    def ask(self, command: str, **arguments: Any) -> Message:
        """The answer to a request."""
        return self._answer(self._send(command, arguments))

    def event(self, name: str) -> Message:
        """The next event of this name."""
        return self._until(lambda each: each.get("event") == name, self._events)

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _answer(self, number: int) -> Message:
        found = self._until(lambda each: each.get("request_seq") == number, [])
        assert found["success"], found
        return found

    def _send(self, command: str, arguments: Message) -> int:
        self._count += 1
        request = {"seq": self._count, "type": "request", "command": command}
        body = json.dumps({**request, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        return self._count

    def _until(self, wanted: Callable[[Message], bool], known: list[Message]) -> Message:
        for message in known:
            if wanted(message):
                known.remove(message)
                return message
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            message = self._read()
            if wanted(message):
                return message
            if message["type"] == "event":
                self._events.append(message)
        raise AssertionError("the debugger did not answer")

    def _read(self) -> Message:
        size = 0
        while (line := self._file.readline().strip()) or not size:
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        found: Message = json.loads(self._file.read(size))
        return found
