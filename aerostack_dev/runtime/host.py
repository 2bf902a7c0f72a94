"""What runs the author's function: one `FunctionHost` per language, chosen by suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from ..bindings.kind import named
from ..bindings.opening import Bindings
from ..clock import Clock
from ..config.model import Finding, Project
from ..errors import FunctionError
from ..functions.incoming import Message as Message
from ..functions.incoming import Receive as Receive
from ..functions.incoming import Scope as Scope
from ..functions.incoming import Send as Send
from ..runs import Recorder as Recorder

if TYPE_CHECKING:
    from ..bindings.queue.batch import Batch
    from .caches import Caches
    from .calling import ServiceBinding
    from .debugging import DebugPort

HANDLERS = ("fetch", "queue", "scheduled")
CLIENT_LEFT = 499
"""The status of a request whose client left before it was complete: nothing is sent."""
NO_WAIT = "queue_consumer_no_wait_for_wait_until"
"""The flag with which a batch does not wait for `wait_until` (queue-cron-dev.md §1.8)."""
NO_SCHEDULED = (
    "Received a ScheduledEvent but we lack a handler for ScheduledEvents (a.k.a. Cron "
    "Triggers). Did you remember to export a scheduled() function?"
)
REQUEST_ID = "aerostack.request_id"
"""Where the scope of a request that was cancelled names its invocation."""


class ScheduledEvent(Struct):
    """One firing of a cron: `scheduled_time` in ms since the epoch (queue-cron-dev §2.3)."""

    cron: str
    scheduled_time: int
    no_retry: bool = False


class Frame(Struct, frozen=True):
    """One line of a stack: the author's own where `own` is true."""

    file: str
    line: int
    function: str
    source: str
    own: bool
    more: int = 0
    """How many frames of the same line, of a recursion, are left out further on."""

    @property
    def rest(self) -> str:
        """What says so; empty when nothing is left out."""
        return f"… {self.more} more frames of {self.function}" if self.more else ""


LONGEST_MESSAGE = 10_000
LONGEST_STACK = 100_000


class Failure(Struct, frozen=True):
    """An error of the author's function in the words of its language.

    `stack` is the traceback as text, the author's frames first. Both texts are cut at a
    length that nobody reads on beyond: the trace keeps hundreds of them.
    """

    type: str
    message: str
    frames: tuple[Frame, ...]
    stack: str
    hint: str = ""

    def __post_init__(self) -> None:
        force_setattr(self, "message", shortened(self.message, LONGEST_MESSAGE))
        force_setattr(self, "stack", shortened(self.stack, LONGEST_STACK))


def shortened(text: str, longest: int) -> str:
    """`text` in at most `longest` characters, with a word about what was cut off."""
    if len(text) <= longest:
        return text
    cut = f"… ({len(text)} characters in all)"
    return text[: longest - len(cut)] + cut


class HandlerError(Exception):
    """The author's handler failed. `failure` says how; `started` whether the response
    had begun; the runtime adds the `request_id` of the invocation.
    """

    request_id = ""

    def __init__(self, failure: Failure, *, started: bool = False) -> None:
        super().__init__(f"{failure.type}: {failure.message}")
        self.failure = failure
        self.started = started


class LoadError(FunctionError):
    """The author's function cannot be loaded: `failure` says why, in its language."""

    request_id = ""

    def __init__(self, failure: Failure, *, hint: str = "") -> None:
        where = f"{failure.frames[0].file}:{failure.frames[0].line}" if failure.frames else ""
        super().__init__(f"{failure.type}: {failure.message}", hint=hint, where=where)
        self.failure = replace(failure, hint=hint)


class FunctionHost(Protocol):
    """A loaded function. What exists works: a host comes from an async context manager,
    and leaving that lets running work finish (`GRACE_SECONDS`), then cancels it. What a
    handler calls, prints and logs goes to the `record` of its run.
    """

    @property
    def handlers(self) -> frozenset[str]:
        """Which of `HANDLERS` the function has."""

    @property
    def sources(self) -> frozenset[Path]:
        """The author's files that were loaded: a change in one means a reload."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What the loading found worth saying."""

    async def fetch(
        self, scope: Scope, receive: Receive, send: Send, record: Recorder | None = None
    ) -> int:
        """Serve one HTTP request (ASGI messages); returns the status that was sent.

        Raises `HandlerError` when the author's code fails.
        """

    async def queue(self, batch: Batch, record: Recorder | None = None) -> None:
        """Hand a batch to the `queue` handler, and wait for its wait_until work.

        The handler's acks and retries go to `batch.settlement`. Raises `HandlerError`.
        """

    async def scheduled(self, event: ScheduledEvent, record: Recorder | None = None) -> None:
        """Run the `scheduled` handler and its wait_until work. Raises `HandlerError`."""

    async def call(
        self, method: str, arguments: Sequence[Any], record: Recorder | None = None
    ) -> Any:
        """Call a public method of the `WorkerEntrypoint` class, with wire values both ways.

        Raises `HandlerError`, also when there is no such method.
        """

    def overdue(self) -> None:
        """A request ran past its limit and was cancelled: end what cannot be cancelled."""

    async def settled(self) -> None:
        """Return when no handler and no wait_until work is running."""


class HostServices(Struct, frozen=True):
    """What a host is given."""

    project: Project
    bindings: Bindings
    clock: Clock
    caches: Caches | None = None
    """What `caches` of a function holds; it outlives the host."""
    debugging: DebugPort | None = None
    """Where a debugger is let in; None: nowhere."""
    hidden: tuple[Path, ...] = ()
    """Folders that the function must not read."""
    service: str = ""
    """The name of the function, where it is not the main one."""
    entrypoint: str = ""
    """The class of the module that answers; empty: the default one."""
    bound: Mapping[str, ServiceBinding] = field(default_factory=dict)
    """The service bindings of the project."""
    meanwhile: Callable[[], None] = lambda: None
    """Called while the process of a function starts, when this one has nothing to do."""


GRACE_SECONDS = 5.0
"""How long work that is under way may take when a host is left."""

HOSTS: Mapping[str, str] = {
    ".py": "aerostack_dev.runtime.hosts.python:open_host",
    ".ts": "aerostack_dev.runtime.hosts.deno:open_host",
    ".tsx": "aerostack_dev.runtime.hosts.deno:open_host",
    ".js": "aerostack_dev.runtime.hosts.deno:open_host",
    ".mjs": "aerostack_dev.runtime.hosts.deno:open_host",
}
"""Suffix of `main` -> `open_host(main, services)`. A third language is one line more."""


def open_host(main: Path, services: HostServices) -> AbstractAsyncContextManager[FunctionHost]:
    """The host for `main`, by its suffix. Raises `LoadError` when it cannot be loaded."""
    opener = HOSTS.get(main.suffix)
    if opener is None:
        raise FunctionError(
            f"{main.name} is in no language that runs here",
            where=str(main),
            hint=f"`main` may end in {', '.join(HOSTS)}",
        )
    host: AbstractAsyncContextManager[FunctionHost] = named(opener)(main, services)
    return host
