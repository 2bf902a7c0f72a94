"""The verbs on all queues, for the command line and the control API (interface §3)."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from ... import wire
from ...errors import BindingError
from ..kind import Services
from ..options import int32
from ..options import options as chosen
from ..spans import operation
from . import content, policy
from .backend import Backend, Depth, Outgoing, Waiting
from .operations import SEND_OPTIONS, Sender, Wire, milliseconds
from .watching import Event

PEEKED = 10
"""Messages that a look shows when it does not say how many."""
MAX_PEEKED = 1000

UNKNOWN = "10104"
"""The platform's code for a queue that does not exist."""


class Admin:
    """What can be done to queues from outside the function."""

    binding = "queue"

    def __init__(self, backend: Backend, services: Services) -> None:
        self._backend = backend
        self._project = services.project
        self._clock = services.clock
        self._sender = Sender(services)

    @operation()
    async def list(self) -> Sequence[Wire]:
        """Every queue that is configured or holds messages:
        `{queue, ready, delayed, inFlight, consumer, deadLetterQueue}`.
        """
        depths = await self._backend.depths(self._now())
        policies = policy.policies(self._project)
        consumed = {*policies, *self._backend.consumed}
        return [
            _listed(queue, depths.get(queue, Depth()), consumed, policies)
            for queue in self._names(depths)
        ]

    @operation()
    async def peek(self, queue: str, limit: int = PEEKED) -> Sequence[Wire]:
        """The first messages of a queue, delayed ones last; nothing is consumed:
        `{id, body, contentType, attempts, timestamp, dueAt}`, times as ISO 8601.

        The body is a JSON value, a string, or bytes, by its content type. Raises
        `BindingError` for an unknown queue.
        """
        await self._known(queue)
        if not 1 <= limit <= MAX_PEEKED:
            raise ValueError(f"the limit must be between 1 and {MAX_PEEKED}, not {limit!r}")
        return [_peeked(found) for found in await self._backend.peek(queue, limit, self._now())]

    @operation()
    async def send(self, queue: str, body: Any, options: Mapping[str, Any] | None = None) -> str:
        """Enqueue a wire value and return the message's id.

        Options: `contentType` (default `json`; never `v8`), `delaySeconds`. Raises as
        the binding's `send`, and `BindingError` for an unknown queue.
        """
        await self._known(queue)
        given = chosen(options, {}, SEND_OPTIONS)
        content_type = str(given.get("contentType") or content.JSON).lower()
        if content_type == content.V8:
            raise TypeError("a v8 message can only be sent by the function itself")
        delay = given.get("delaySeconds")
        if delay is None:
            delay = self._default_delay(queue)
        message = self._sender.outgoing(
            content.encode(body, content_type), content_type, int32(delay)
        )
        self._sender.check_message(message)
        await self._backend.enqueue(queue, [message], self._now())
        return message.id

    @operation()
    async def purge(self, queue: str) -> int:
        """Delete every message of a queue, also delayed ones and those in flight.

        Returns how many. Raises `BindingError` for an unknown queue.
        """
        await self._known(queue)
        return await self._backend.purge(queue)

    @operation()
    async def redrive(self, queue: str) -> int:
        """Move the waiting messages of a dead letter queue back to where they came from.

        Their attempts begin anew. Returns how many. Raises `BindingError` for an unknown
        queue, or when the origin of a message cannot be told; then nothing is moved.
        """
        await self._known(queue)
        sources = policy.sources_of(queue, self._project)
        fallback = sources[0] if len(sources) == 1 else None
        moved = await self._backend.redrive(queue, fallback, self._now())
        if moved is None:
            raise _no_origin(queue, sources)
        return moved

    @operation()
    async def tail(self, queue: str) -> AsyncIterator[bytes]:
        """What happens to the messages of a queue from now on: a line of JSON for each
        event, `{time, event, queue, …}`, as in `watching.Event`; of a message sent its
        `id`, `body`, `contentType` and `delaySeconds`.

        Raises `BindingError` for an unknown queue.
        """
        await self._known(queue)
        return self._tail(queue)

    async def _tail(self, queue: str) -> AsyncIterator[bytes]:
        with self._backend.watch(queue) as watch:
            yield b""  # whoever has this knows that nothing escapes the watch any more
            async for event in watch.events():
                yield wire.pack(_happened(event, self._now())) + b"\n"

    async def _known(self, queue: str) -> None:
        known = self._names(await self._backend.depths(self._now()))
        if queue not in known:
            raise BindingError(
                f"there is no queue {queue!r}", hint=f"there are: {', '.join(known)}", code=UNKNOWN
            )

    def _names(self, depths: Iterable[str]) -> Sequence[str]:
        return list(dict.fromkeys([*policy.configured(self._project), *sorted(depths)]))

    def _default_delay(self, queue: str) -> int:
        for producer in policy.producers(self._project):
            if producer.queue == queue:
                return producer.delivery_delay
        return 0

    def _now(self) -> int:
        return milliseconds(self._clock)


def _listed(
    queue: str, depth: Depth, consumed: set[str], policies: Mapping[str, policy.Policy]
) -> Wire:
    own = policies.get(queue)
    return {
        "queue": queue,
        "ready": depth.ready,
        "delayed": depth.delayed,
        "inFlight": depth.in_flight,
        "consumer": queue in consumed,
        "deadLetterQueue": own.consumer.dead_letter_queue if own is not None else None,
    }


def _peeked(message: Waiting) -> Wire:
    return {
        "id": message.id,
        "body": _body(message),
        "contentType": message.content_type,
        "attempts": message.attempts,
        "timestamp": _iso(message.timestamp),
        "dueAt": _iso(message.due_at),
    }


def _happened(event: Event, now: int) -> Wire:
    fields = dict(event.fields)
    sent: Outgoing | None = fields.pop("message", None)
    if sent is not None:
        fields = {"id": sent.id, "body": _body(sent), "contentType": sent.content_type}
        fields["delaySeconds"] = sent.delay
    return {"time": _iso(now), "event": event.what, "queue": event.queue, **fields}


def _body(message: Waiting | Outgoing) -> Any:
    if message.content_type == content.TEXT:
        return content.text_of(message.body)
    if message.content_type == content.JSON:
        return wire.loads(message.body)
    return message.body


def _iso(when: int) -> str:
    moment = datetime.datetime.fromtimestamp(when / 1000, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _no_origin(queue: str, sources: Iterable[str]) -> BindingError:
    several = " and ".join(sources)
    why = f"; it serves {several}" if several else "; no consumer has it as dead_letter_queue"
    return BindingError(
        f"some messages in {queue!r} were sent to it directly{why}: where they belong is unclear",
        hint="nothing was moved; look with `aerostack queue peek`, empty it with `purge`",
        code="redrive",
    )
