"""One run of `aerostack dev`: everything opened in order, closed in reverse.

What loads the function is imported here; what comes after that (the HTTP server) and
after the ready line (the control port, the watchers, the hotkeys), where it is used.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ...bindings.kind import Kind, Services
from ...bindings.kinds import all_kinds
from ...bindings.state import State, open_state, own_folder
from ...clock import MovableClock
from ...config.load import require_main
from ...config.model import DEFAULT_PORT, Finding, Project
from ...config.secrets import redactor
from ...runtime.entropy import Entropy
from ...runtime.output import captured_output
from ...runtime.runtime import Runtime, Settings, Surroundings, load_project, open_runtime
from ...server.access import Access, new_token, published, withdraw
from ...server.hosts import is_loopback
from ...server.loops import loop_factory
from ...server.rooms import Endpoint, mounts_of
from ...server.sockets import Listening, listening
from ..project import Place
from . import services
from .ahead import import_ahead
from .banner import Banner, located
from .breakpoints import Breakpoints, breakpoints
from .console import Console, Level, open_console
from .hotkeys import Terminal, as_it_is
from .interpreter import keep_what_is_loaded, take_short_turns
from .leaving import Leaving

ENDPOINT_PORT = 8790
"""Where the endpoints of rooms begin: steady, so that settings pasted once stay valid."""
CONTROL_GRACE = 1
"""Seconds that the control port's last answers may take."""
HELD_BY = "`aerostack dev`"
FIRST_SECONDS = 0.02
"""So long the first requests have the loop for themselves, who may wait for the ready line."""


class Options(Struct, frozen=True):
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
    inspect: int | None
    install: bool
    open_browser: bool
    clock: float | None = None
    """The time to begin at, in seconds since the epoch; by default the machine's."""
    seeds: tuple[Path, ...] = ()
    """In place of those of the configuration."""


class Ports(Struct, frozen=True):
    """The two ports, and the key of the second."""

    user: Listening
    control: Listening
    endpoints: Mapping[str, Listening]
    """Of the rooms that have one."""
    token: str
    services: Mapping[str, Listening]
    """Of the services that have one."""


def run(options: Options) -> None:
    """Serve until a signal says to stop. Raises `AerostackError` when that cannot begin."""
    take_short_turns()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        loop = runner.get_loop()
        session = loop.create_task(_session(options, MovableClock()))
        while True:
            try:
                return loop.run_until_complete(session)
            except (SystemExit, KeyboardInterrupt):
                # A task of the author's raised it, which stops the loop: it goes on.
                if session.done():
                    raise


async def _session(options: Options, clock: MovableClock) -> None:
    if options.clock is not None:
        clock.move_to(options.clock)
    kinds = all_kinds()
    settings = _settings(options)
    project = load_project(settings, kinds)
    settings = _prepared(options, settings, require_main(project), project)
    leaving = Leaving()
    terminal = Terminal()
    async with AsyncExitStack() as stack:
        folder = own_folder(project.root)
        state = _open_state(stack, options, project, leaving)
        ports = _open_ports(stack, options, project, kinds)
        redact = redactor(project)
        console = stack.enter_context(
            open_console(options.log_format, options.log_level, redact, clock)
        )
        stack.enter_context(captured_output(clock, console.log))
        surroundings = Surroundings(
            kinds,
            state,
            clock,
            Entropy(),
            console.finding,
            redact.learn,
            meanwhile=import_ahead,
        )
        halting = Breakpoints(
            terminal, console.finding, console.overtaken, surroundings.limits.lift
        )
        stack.enter_context(breakpoints(halting))
        if options.seeds or project.dev.seed:
            await _sow(options, project, surroundings, console)
        runtime = await stack.enter_async_context(open_runtime(settings, project, surroundings))
        stack.callback(console.follow(runtime.trace))
        await _serve_user(stack, runtime, ports, console)
        await services.serve(stack, runtime, ports.services, console, ports.token)
        _publish(stack, ports, state, folder, leaving)
        _say_ready(runtime, ports, console, clock)
        keep_what_is_loaded()
        await clock.sleep(FIRST_SECONDS)
        await _serve_control(stack, runtime, ports, console, clock)
        await _serve_endpoints(stack, runtime, ports)
        stack.push_async_callback(_cancel, asyncio.create_task(runtime.open_rooms()))
        _watch(stack, runtime, console, options, lambda: halting.halts)
        _take_keys(stack, runtime, ports, console, leaving, options, terminal)
        await leaving.stop.wait()


def _open_ports(
    stack: AsyncExitStack, options: Options, project: Project, kinds: Sequence[Kind]
) -> Ports:
    user = stack.enter_context(
        listening(
            options.host or project.dev.host,
            options.port,
            default=project.dev.port or DEFAULT_PORT,
        )
    )
    return Ports(
        user,
        stack.enter_context(listening(port=options.control_port or 0)),
        {
            kind.name: stack.enter_context(listening(default=ENDPOINT_PORT))
            for kind in kinds
            if kind.endpoint
        },
        new_token(os.urandom),
        services.listen_for(stack, project, user) if project.services else {},
    )


def _publish(
    stack: AsyncExitStack, ports: Ports, state: State, folder: Path, leaving: Leaving
) -> None:
    """Tell other commands of the project where this server is."""
    endpoints = {name: each.url for name, each in ports.endpoints.items()}
    access = Access(
        os.getpid(), ports.user.url, ports.control.url, ports.token, str(state.root), endpoints
    )
    # Beside the state too, where the server of another state cannot take its place.
    for place in (folder, state.root):
        stack.enter_context(published(place, access))
        leaving.undo(partial(withdraw, place, access))


def _settings(options: Options) -> Settings:
    return Settings(
        options.place.start(),
        options.place.environment,
        options.variables,
        dict(os.environ),
        crons=options.crons,
        inspect=options.inspect,
        seeds=options.seeds,
    )


def _prepared(options: Options, settings: Settings, main: Path, project: Project) -> Settings:
    """Do what the command line asks for before anything opens. Raises `AerostackError`."""
    if options.inspect is not None:
        from .inspecting import let_in, port_of

        settings = replace(settings, inspect=port_of(options.inspect, main))
        let_in(main, port_of(options.inspect, main))
    if options.install:
        from .packages import install

        install(project.root)
    return settings


def _open_state(
    stack: AsyncExitStack, options: Options, project: Project, leaving: Leaving
) -> State:
    root = options.place.state(project)
    if options.ephemeral:
        import shutil
        import tempfile

        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aerostack-")))
        leaving.undo(partial(shutil.rmtree, root, ignore_errors=True))
    return stack.enter_context(open_state(root, HELD_BY))


async def _sow(
    options: Options, project: Project, surroundings: Surroundings, console: Console
) -> None:
    """Fill the state if it is empty. Raises `AerostackError` when a seed fails."""
    from ...runtime.seeding import seeds_of, sow

    given = surroundings
    services = Services(project, given.state, given.clock, given.entropy, given.notify)
    seeds = seeds_of(project, options.seeds)
    applied = await sow(given.kinds, services, seeds, said=bool(options.seeds))
    if applied:
        console.say(f"Seeded the empty state: {', '.join(applied)}")


async def _serve_user(
    stack: AsyncExitStack, runtime: Runtime, ports: Ports, console: Console
) -> None:
    from ...server.app import UserApp
    from ...server.serve import serving

    app = UserApp(
        runtime,
        port=ports.user.port,
        redact=console.redact,
        mounts=mounts_of(runtime.kinds, runtime),
        token=ports.token,
    )
    resting: list[asyncio.Task[None]] = []

    def leaving() -> None:
        """The queues rest while the last requests finish: both share one grace period."""
        resting.append(asyncio.create_task(runtime.rest()))

    stack.push_async_callback(lambda: asyncio.gather(*resting))
    await stack.enter_async_context(
        serving(app, ports.user.sockets, websockets=True, leaving=leaving)
    )


async def _serve_control(
    stack: AsyncExitStack, runtime: Runtime, ports: Ports, console: Console, clock: MovableClock
) -> None:
    from ...server.control import ControlApp
    from ...server.serve import serving

    app = ControlApp(
        runtime,
        port=ports.control.port,
        url=ports.user.url,
        token=ports.token,
        clock=clock,
        redact=console.redact,
        where=lambda bound: located(bound, runtime),
        say=console.say,
    )
    await stack.enter_async_context(
        serving(app, ports.control.sockets, leaving=app.close, grace=CONTROL_GRACE)
    )


async def _serve_endpoints(stack: AsyncExitStack, runtime: Runtime, ports: Ports) -> None:
    from ...server.serve import serving

    for kind in runtime.kinds:
        if kind.endpoint:
            own = ports.endpoints[kind.name]
            app = Endpoint(kind, runtime, own.port)
            await stack.enter_async_context(serving(app, own.sockets, grace=CONTROL_GRACE))


def _say_ready(runtime: Runtime, ports: Ports, console: Console, clock: MovableClock) -> None:
    """The findings and the banner, then the line that tools wait for."""
    for finding in (*runtime.project.findings, *_remarks(ports.user)):
        console.finding(finding)
    if runtime.failure is not None:
        console.failure(runtime.failure)
    for function in runtime.functions:
        if function.name and function.failure is not None:
            console.say(f"The service {function.name} cannot be loaded:")
            console.failure(function.failure)
    addresses = _addresses(ports)
    if runtime.settings.inspect is not None:
        addresses["debugger"] = f"127.0.0.1:{runtime.settings.inspect}"
    others = services.addresses(runtime.project, ports.user, ports.services)
    console.banner(Banner(runtime, addresses, clock.now(), clock.offset, others))
    console.ready(ports.user.url)
    console.flush()


def _addresses(ports: Ports) -> dict[str, str]:
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


def _watch(
    stack: AsyncExitStack,
    runtime: Runtime,
    console: Console,
    options: Options,
    halts: Callable[[], int],
) -> None:
    root = runtime.project.root
    if options.inspect is None:  # else a debugger may stop the loop at any time
        _watch_loop(stack, runtime, console, halts)
    if options.reload:
        stack.push_async_callback(_cancel, asyncio.create_task(_follow(runtime, root, console)))


def _watch_loop(
    stack: AsyncExitStack, runtime: Runtime, console: Console, halts: Callable[[], int]
) -> None:
    from ...runtime.blocking import watch_loop

    def busy() -> bool:
        return any(function.slot.busy for function in runtime.functions)

    root = runtime.project.root
    stack.enter_context(watch_loop(root, busy, console.blocked, console.stuck, halts))


def _take_keys(
    stack: AsyncExitStack,
    runtime: Runtime,
    ports: Ports,
    console: Console,
    leaving: Leaving,
    options: Options,
    terminal: Terminal,
) -> None:
    from .keys import Keys

    leaving.undo(as_it_is())
    keys = Keys(runtime, ports, console, leaving.stop)
    stack.enter_context(terminal.listen(keys.actions()))
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
