"""How a command reaches the state: through a running server, or by opening it directly.

Both ways offer the same calls, so that no command knows which it is (interface §3).
"""

from __future__ import annotations

import asyncio
import http.client
import os
import sys
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from ..bindings.kind import Services
from ..bindings.kinds import all_kinds
from ..bindings.opening import Bindings, open_bindings
from ..bindings.state import FOLDER, State, open_state, own_folder
from ..clock import SystemClock
from ..config.model import Project
from ..errors import AerostackError, BindingError, ControlError
from ..server.access import Access as Live
from ..server.access import read
from ..server.streams import parted
from ..wire import close_chunks, pack, unpack
from .output import say_finding
from .project import Place

CONNECT_SECONDS = 5.0
READ_BYTES = 256 * 1024

T = TypeVar("T")
Invoke = Callable[[str, Sequence[Any]], Awaitable[Any]]
"""Calls an operation of one target: `("batch", [statements])`."""


class Access(Protocol):
    """The state of a project and what runs on it."""

    @property
    def project(self) -> Project: ...

    def invoke(self, target: str, operation: str, *arguments: Any) -> Any:
        """Call an operation of a binding (`CACHE`) or a room (`queue`) with wire values.

        Raises `AerostackError`, with the binding's own text when it refuses.
        """

    def stream(
        self, target: str, operation: str, *arguments: Any
    ) -> tuple[Any, Generator[bytes, None, None]]:
        """The same for an operation whose result holds a stream, as it comes: the result
        with None in its place, and its pieces.
        """

    def run(self, target: str, work: Callable[[Invoke], Coroutine[Any, Any, T]]) -> T:
        """The result of `work`, which makes several calls to one target."""


@contextmanager
def open_access(place: Place) -> Iterator[Access]:
    """The project's state, through the server that holds it if one runs.

    Raises `StateError` when another program holds the state, `ConfigError` when the
    project cannot be read.
    """
    project = place.load()
    live = running(project, place)
    if live is not None:
        yield Remote(project, live)
        return
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            bindings = runner.run(_open_bindings(stack, project, place))
            yield Direct(project, bindings, runner)
        finally:
            runner.run(stack.aclose())


def running(project: Project, place: Place) -> Live | None:
    """The server that runs this project, if one answers (and holds `--persist-to`).

    Raises `ControlError` when it serves another environment of the project: its
    bindings are not the ones that are meant.
    """
    for folder in (project.root / FOLDER, place.state(project)):
        live = read(folder)
        if live is None or (place.persist_to and not _same(live.state, place.state(project))):
            continue
        status = _status(project, live)
        if status is None:
            continue
        served = status.get("environment", project.environment)
        if served != project.environment:
            raise ControlError(
                f"the running server serves {_environment(served)}, "
                f"not {_environment(project.environment)}",
                where=live.control_url,
                hint="give this command the server's --env, or stop the server",
            )
        return live
    return None


def _status(project: Project, live: Live) -> dict[str, Any] | None:
    """What a server says of itself; None when it is gone."""
    try:
        status = Remote(project, live).call("GET", "/api/status", None)
    except AerostackError:
        return None  # its port may belong to a stranger by now
    return status if isinstance(status, dict) and status.get("pid") == live.pid else None


@contextmanager
def hold_state(place: Place, project: Project, what: str = "") -> Iterator[State]:
    """The state of the project, held by this command (or `what`). Raises `StateError`."""
    if place.persist_to is None:
        own_folder(project.root)
    what = what or f"aerostack {' '.join(sys.argv[1:3])}"
    with open_state(place.state(project), f"`{what}`") as state:
        yield state


class Remote:
    """Through the control port of a running server."""

    def __init__(self, project: Project, live: Live) -> None:
        self.project = project
        self._live = live

    def invoke(self, target: str, operation: str, *arguments: Any) -> Any:
        body = {"target": target, "operation": operation, "arguments": list(arguments)}
        answer = self.call("POST", "/api/invoke", body)
        if not isinstance(answer, dict) or "result" not in answer:
            raise self._nonsense()
        return answer["result"]

    def stream(
        self, target: str, operation: str, *arguments: Any
    ) -> tuple[Any, Generator[bytes, None, None]]:
        body = {"target": target, "operation": operation, "arguments": list(arguments)}
        lines = self._lines("POST", "/api/stream", body)
        first = next(lines, None)
        if first is None or "result" not in first:
            raise self._nonsense()
        return first["result"], self._pieces(lines)

    def run(self, target: str, work: Callable[[Invoke], Coroutine[Any, Any, T]]) -> T:
        async def invoke(operation: str, arguments: Sequence[Any]) -> Any:
            # In a thread, so that Ctrl-C ends the work and not only its last call.
            return await asyncio.to_thread(self.invoke, target, operation, *arguments)

        return asyncio.run(work(invoke))

    def run_cron(self, cron: str | None, time_ms: int | None) -> dict[str, Any]:
        """Fire a cron; returns `{"cron", "outcome", "durationMs", "error"?}`."""
        given = {"cron": cron, "time": time_ms}
        body = {name: value for name, value in given.items() if value is not None}
        result: dict[str, Any] = self.call("POST", "/api/crons/run", body)
        return result

    def call(self, method: str, path: str, body: Any) -> Any:
        """One request to the control API. Raises `ControlError` and what the API says."""
        with self._answered(method, path, body) as response:
            answer = response.read()
        try:
            return unpack(answer)
        except ValueError as error:
            raise self._nonsense() from error

    def _lines(self, method: str, path: str, body: Any) -> Generator[dict[str, Any], None, None]:
        """The same for an answer that is lines of JSON."""
        with self._answered(method, path, body) as response:
            for line in _split(response):
                try:
                    yield unpack(line)
                except ValueError as error:
                    raise self._nonsense() from error

    def _pieces(self, lines: Generator[dict[str, Any], None, None]) -> Generator[bytes, None, None]:
        with closing(lines):
            for line in lines:
                if "chunk" in line:
                    yield line["chunk"]
                elif "error" in line:
                    raise _worded(line["error"])
                else:
                    return
        raise self._silent("it broke off")

    @contextmanager
    def _answered(self, method: str, path: str, body: Any) -> Iterator[http.client.HTTPResponse]:
        """The answer to a request, to be read in the block. Raises as `call`."""
        address = urlsplit(self._live.control_url)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=CONNECT_SECONDS if body is None else None
        )
        payload = None if body is None else _packed(body)
        headers = {
            "Authorization": f"Bearer {self._live.token}",
            "Content-Type": "application/json",
        }
        try:
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            if response.status >= 400:
                raise _refused(response.status, response.read(), self._live)
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()

    def _silent(self, why: object) -> ControlError:
        return ControlError(
            f"the running server (process {self._live.pid}) does not answer: {why}",
            where=self._live.control_url,
            hint="stop it and try again; the command then opens the state itself",
        )

    def _nonsense(self) -> ControlError:
        return ControlError(
            f"the running server (process {self._live.pid}) gave an answer that makes no sense",
            where=self._live.control_url,
            hint="is it of another version of aerostack-dev? Stop it and try again",
        )


class Direct:
    """By opening the state in this process."""

    def __init__(self, project: Project, bindings: Bindings, runner: asyncio.Runner) -> None:
        self.project = project
        self._bindings = bindings
        self._runner = runner

    def invoke(self, target: str, operation: str, *arguments: Any) -> Any:
        return self._runner.run(self._invoke(target, operation, arguments))

    def stream(
        self, target: str, operation: str, *arguments: Any
    ) -> tuple[Any, Generator[bytes, None, None]]:
        result, chunks = parted(self.invoke(target, operation, *arguments))
        return result, self._pieces(chunks)

    def _pieces(self, chunks: AsyncIterator[bytes] | None) -> Generator[bytes, None, None]:
        if chunks is None:
            return
        try:
            while (chunk := self._runner.run(_next(chunks))) is not None:
                yield chunk
        finally:
            self._runner.run(close_chunks(chunks))

    def run(self, target: str, work: Callable[[Invoke], Coroutine[Any, Any, T]]) -> T:
        async def invoke(operation: str, arguments: Sequence[Any]) -> Any:
            return await self._invoke(target, operation, arguments)

        return self._runner.run(work(invoke))

    async def _invoke(self, target: str, operation: str, arguments: Sequence[Any]) -> Any:
        try:
            return await self._bindings.invoke(target, operation, arguments)
        except (TypeError, ValueError) as error:
            raise BindingError(str(error)) from error


def _split(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The lines of an answer, as they come; its own `readline` is slow with long ones."""
    begun: list[bytes] = []
    while data := response.read1(READ_BYTES):
        *whole, rest = data.split(b"\n")
        for line in whole:
            yield b"".join([*begun, line])
            begun.clear()
        begun.append(rest)
    if any(begun):
        yield b"".join(begun)


def _packed(body: Any) -> bytes:
    try:
        return pack(body)
    except UnicodeEncodeError as error:
        raise BindingError(f"an argument is not valid UTF-8: {error.object!r}") from error


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


async def _open_bindings(stack: AsyncExitStack, project: Project, place: Place) -> Bindings:
    state = stack.enter_context(hold_state(place, project))
    services = Services(project, state, SystemClock(), os.urandom, say_finding)
    return await stack.enter_async_context(open_bindings(all_kinds(), services))


def _same(one: str, other: Path) -> bool:
    return Path(one).resolve() == other.resolve()


def _environment(name: str | None) -> str:
    return f"[env.{name}]" if name else "the top level of the configuration"


def _refused(status: int, answer: bytes, live: Live) -> AerostackError:
    """The error that the control API answered with, as if it had been raised here."""
    if status == http.HTTPStatus.NOT_FOUND:  # all that is asked for is served by this version
        return ControlError(
            f"the running server (process {live.pid}) does not know this: it is of another "
            "version of aerostack-dev",
            where=live.control_url,
            hint="stop it and start it again",
        )
    try:
        return _worded(msgspec.json.decode(answer)["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ControlError(
            f"the running server (process {live.pid}) answered {status}", where=live.control_url
        )


def _worded(error: dict[str, Any]) -> AerostackError:
    kind = ControlError if error.get("type") == "ControlError" else BindingError
    return kind(
        error["message"],
        hint=error.get("hint") or "",
        where=error.get("where") or "",
        code=error.get("code"),
    )
