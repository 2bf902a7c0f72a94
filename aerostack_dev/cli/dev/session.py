"""One run of `aerostack dev`: everything opened in order, closed in reverse.

What serves the first request is imported here; what comes after the ready line (the
control port, the watchers, the hotkeys) is imported where it is used.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from ...bindings.kinds import all_kinds
from ...bindings.state import State, open_state, own_folder
from ...clock import Clock, SystemClock, stopwatch
from ...config.load import require_main
from ...config.model import DEFAULT_PORT, Finding, Project
from ...config.secrets import redactor
from ...runtime.output import captured_output
from ...runtime.runtime import Runtime, Settings, Surroundings, load_project, open_runtime
from ...server.access import Access, new_token, published
from ...server.app import UserApp
from ...server.hosts import is_loopback
from ...server.rooms import Endpoint, mounts_of
from ...server.serve import loop_factory, serving
from ...server.sockets import Listening, listening
from ..project import Place
from .banner import Banner, located
from .console import Console, Level, open_console

FORCED = 130
"""The exit code of a second Ctrl-C."""
SAME_SECONDS = 0.1
"""Two signals closer together than this are one wish to stop."""
ENDPOINT_PORT = 8790
"""Where the endpoints of rooms begin: steady, so that settings pasted once stay valid."""
CONTROL_GRACE = 1
"""Seconds that the control port's last answers may take."""
HELD_BY = "`aerostack dev`"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line."""

    place: Place
    host: str | None
    port: int | None
    control_port: int | None
    variables: dict[str, str]
    ephemeral: bool
    crons: bool
    reload: bool
    log_format: str
    log_level: Level
    open_browser: bool


@dataclass(frozen=True, slots=True)
class Ports:
    """The two ports, and the key of the second."""

    user: Listening
    control: Listening
    endpoints: Mapping[str, Listening]
    """Of the rooms that have one."""
    token: str


def run(options: Options) -> None:
    """Serve until a signal says to stop. Raises `AerostackError` when that cannot begin."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        loop = runner.get_loop()
        session = loop.create_task(_session(options, SystemClock()))
        while True:
            try:
                return loop.run_until_complete(session)
            except SystemExit:
                # A task of the author's called exit(), which stops the loop: it goes on.
                if session.done():
                    raise


async def _session(options: Options, clock: Clock) -> None:
    settings = Settings(
        options.place.start(),
        options.place.environment,
        options.variables,
        dict(os.environ),
        crons=options.crons,
    )
    kinds = all_kinds()
    project = load_project(settings, kinds)
    require_main(project)
    stop = _stopping()
    async with AsyncExitStack() as stack:
        folder = own_folder(project.root)
        state = _open_state(stack, options, project)
        ports = Ports(
            stack.enter_context(_user_port(options, project)),
            stack.enter_context(listening(port=options.control_port or 0)),
            {
                kind.name: stack.enter_context(listening(default=ENDPOINT_PORT))
                for kind in kinds
                if kind.endpoint
            },
            new_token(os.urandom),
        )
        redact = redactor(project)
        console = stack.enter_context(open_console(options.log_format, options.log_level, redact))
        stack.enter_context(captured_output(clock, console.log))
        surroundings = Surroundings(kinds, state, clock, os.urandom, console.finding, redact.learn)
        runtime = await stack.enter_async_context(open_runtime(settings, project, surroundings))
        stack.callback(runtime.trace.subscribe(console.invocation))
        await _serve_user(stack, runtime, ports, console)
        endpoints = {name: each.url for name, each in ports.endpoints.items()}
        access = Access(
            os.getpid(), ports.user.url, ports.control.url, ports.token, str(state.root), endpoints
        )
        # Beside the state too, where the server of another state cannot take its place.
        for place in (folder, state.root):
            stack.enter_context(published(place, access))
        _say_ready(runtime, ports, console, options, clock)
        await _serve_control(stack, runtime, ports, console, clock)
        await _serve_endpoints(stack, runtime, ports)
        stack.push_async_callback(_cancel, asyncio.create_task(runtime.open_rooms()))
        _watch(stack, runtime, console, options)
        _take_keys(stack, runtime, ports, console, stop, options)
        await stop.wait()


def _stopping() -> asyncio.Event:
    """An event that the first Ctrl-C or SIGTERM sets; the second one leaves at once.

    Under `npm run`, `make` or `timeout` one Ctrl-C arrives twice, from the terminal and
    from the wrapper: what comes at the same moment is the same one. The handler is not
    the loop's own, which could not leave while the author's code keeps the loop busy.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    first = 0.0

    def asked(*_: object) -> None:
        nonlocal first
        if not first:
            first = stopwatch()
            loop.call_soon_threadsafe(stop.set)
        elif stopwatch() - first > SAME_SECONDS:
            os._exit(FORCED)

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, asked)
    return stop


def _open_state(stack: AsyncExitStack, options: Options, project: Project) -> State:
    root = options.place.state(project)
    if options.ephemeral:
        import tempfile

        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aerostack-")))
    return stack.enter_context(open_state(root, HELD_BY))


def _user_port(options: Options, project: Project) -> AbstractContextManager[Listening]:
    return listening(
        options.host or project.dev.host,
        options.port,
        default=project.dev.port or DEFAULT_PORT,
    )


async def _serve_user(
    stack: AsyncExitStack, runtime: Runtime, ports: Ports, console: Console
) -> None:
    app = UserApp(
        runtime,
        port=ports.user.port,
        redact=console.redact,
        mounts=mounts_of(runtime.kinds, runtime),
    )
    resting: list[asyncio.Task[None]] = []

    def leaving() -> None:
        """The queues rest while the last requests finish: both share one grace period."""
        resting.append(asyncio.create_task(runtime.rest()))

    stack.push_async_callback(lambda: asyncio.gather(*resting))
    await stack.enter_async_context(serving(app, ports.user.sockets, leaving=leaving))


async def _serve_control(
    stack: AsyncExitStack, runtime: Runtime, ports: Ports, console: Console, clock: Clock
) -> None:
    from ...server.control import ControlApp

    app = ControlApp(
        runtime,
        port=ports.control.port,
        url=ports.user.url,
        token=ports.token,
        clock=clock,
        redact=console.redact,
        where=lambda bound: located(bound, runtime),
    )
    await stack.enter_async_context(
        serving(app, ports.control.sockets, leaving=app.close, grace=CONTROL_GRACE)
    )


async def _serve_endpoints(stack: AsyncExitStack, runtime: Runtime, ports: Ports) -> None:
    for kind in runtime.kinds:
        if kind.endpoint:
            own = ports.endpoints[kind.name]
            app = Endpoint(kind, runtime, own.port)
            await stack.enter_async_context(serving(app, own.sockets, grace=CONTROL_GRACE))


def _say_ready(
    runtime: Runtime, ports: Ports, console: Console, options: Options, clock: Clock
) -> None:
    """The findings and the banner, then the line that tools wait for."""
    for finding in (*runtime.project.findings, *_remarks(ports.user)):
        console.finding(finding)
    if runtime.failure is not None:
        console.failure(runtime.failure)
    console.banner(Banner(runtime, _addresses(ports), clock.now()))
    console.ready(ports.user.url)
    console.flush()


def _addresses(ports: Ports) -> Mapping[str, str]:
    endpoints = {name: each.url for name, each in ports.endpoints.items()}
    return {"control": ports.control.url, **endpoints}


def _remarks(user: Listening) -> Iterator[Finding]:
    """What is worth saying of the port, at every log level that shows warnings."""
    if user.moved:
        yield Finding(
            "port-busy", f"the default port is busy: using {user.port}", hint="choose with --port"
        )
    if not is_loopback(user.host):
        yield Finding(
            "open-host",
            f"listening on {user.host}: everyone on this network can call the function",
            hint="the control port stays on loopback; a browser elsewhere must name a host of "
            "[dev] allowed_hosts",
        )


def _watch(stack: AsyncExitStack, runtime: Runtime, console: Console, options: Options) -> None:
    from ...runtime.blocking import watch_loop

    root = runtime.project.root

    def busy() -> bool:
        return runtime.trace.running > 0

    stack.enter_context(watch_loop(root, busy, console.blocked, console.stuck))
    if options.reload:
        stack.push_async_callback(_cancel, asyncio.create_task(_follow(runtime, root, console)))


def _take_keys(
    stack: AsyncExitStack,
    runtime: Runtime,
    ports: Ports,
    console: Console,
    stop: asyncio.Event,
    options: Options,
) -> None:
    from .hotkeys import listen
    from .keys import Keys

    keys = Keys(runtime, ports, console, stop)
    stack.enter_context(listen(keys.actions()))
    if options.open_browser:
        keys.open()


async def _follow(runtime: Runtime, root: Path, console: Console) -> None:
    from ...runtime.reloading import follow
    from ...runtime.watcher import watch_files

    async with watch_files(root) as bursts:
        await follow(runtime, bursts, console.reloaded)


async def _cancel(task: asyncio.Task[None]) -> None:
    """End a task at the end of the session; what went wrong in it by itself is raised."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
