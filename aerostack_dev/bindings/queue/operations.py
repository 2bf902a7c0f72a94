"""The verbs of a queue: limits, texts and meaning, once for every language (§1.1).

A body crosses as bytes in the form of its content type: `json` is the JSON text, `text`
is UTF-8, `bytes` are themselves, `v8` is a clone in the sender's language. Times are in
ms since the epoch.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ...clock import Clock
from ...errors import BindingError
from ..kind import Services
from ..options import int32
from ..options import options as chosen
from ..spans import operation
from . import MAX_DELAY, Producer, default_content_type, resource
from .backend import Backend, Outgoing
from .batch import Metrics
from .content import ENCODERS, unsupported

MAX_MESSAGE = 128_000
"""Bytes of one body."""
MAX_BATCH_COUNT = 100
MAX_BATCH = 256_000
"""Bytes of all bodies of a batch: production's limit."""

EXPOSED_CODES = datetime.date(2026, 3, 12)
"""From this compatibility date on, refusals carry their code."""

SEND_OPTIONS = ("contentType", "delaySeconds")
BATCH_OPTIONS = ("delaySeconds",)
ITEM_KEYS = ("body", "contentType", "delaySeconds")

NO_BODY = "Message body cannot be undefined"
NO_ITEMS = "sendBatch() requires at least one message"

Options = Mapping[str, Any] | None
Wire = dict[str, Any]


def _subject_of_batch(messages: Any, options: Any = None) -> str:
    return f"{len(messages)} messages" if isinstance(messages, list) else ""


class Operations:
    """What one binding of a queue can do."""

    def __init__(self, declaration: Producer, backend: Backend, services: Services) -> None:
        self.binding = declaration.binding
        self.default_content_type = default_content_type(services.project)
        self._queue = resource(declaration)
        self._delay = declaration.delivery_delay
        self._backend = backend
        self._clock = services.clock
        self._sender = Sender(services)

    @operation()
    async def send(self, body: Any, options: Options = None) -> Wire:
        """Enqueue one message; returns `{metadata: {metrics}}`, the backlog before it.

        Options: `contentType` (`json`, `text`, `bytes`, `v8`, any case; the default
        depends on the compatibility date), `delaySeconds` (0 to 86400). Raises
        `TypeError` for a wrong type and `BindingError` beyond a limit.
        """
        given = chosen(options, {}, SEND_OPTIONS)
        item = {"body": body, **given}
        if isinstance(given.get("contentType"), str):
            item["contentType"] = given["contentType"].lower()
        message = self._outgoing(item, self._delay)
        self._sender.check_message(message)
        before = await self._backend.enqueue(self._queue, [message], milliseconds(self._clock))
        return {"metadata": {"metrics": shown(before)}}

    @operation(_subject_of_batch)
    async def sendBatch(self, messages: Any, options: Options = None) -> Wire:
        """Enqueue 1 to 100 messages `{body, contentType?, delaySeconds?}`, all or none.

        Returns as `send`. Options: `delaySeconds`, for messages without their own.
        Raises as `send`.
        """
        given = chosen(options, {}, BATCH_OPTIONS)
        delay = _delay_of(given, self._delay)
        if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
            raise not_a_sequence()
        if not messages:
            raise TypeError(NO_ITEMS)
        outgoing = [self._outgoing(request(item), delay) for item in messages]
        self._sender.check_batch(outgoing)
        before = await self._backend.enqueue(self._queue, outgoing, milliseconds(self._clock))
        return {"metadata": {"metrics": shown(before)}}

    @operation()
    async def metrics(self) -> Wire:
        """`{backlogCount, backlogBytes, oldestMessageTimestamp?}` of what is due and waits."""
        return shown(await self._backend.metrics(self._queue, milliseconds(self._clock)))

    def _outgoing(self, item: Mapping[str, Any], delay: int) -> Outgoing:
        content_type = item.get("contentType")
        return self._sender.outgoing(
            item["body"],
            self.default_content_type if content_type is None else content_type,
            _delay_of(item, delay),
        )


class Refusal(Struct, frozen=True):
    """How the platform says no: by code from 2026-03-12 on, before that by call."""

    coded: bool

    def error(self, call: str, cause: str, code: int) -> BindingError:
        text = f"{cause} ({code})" if self.coded else f"Queue {call} failed: {cause}"
        return BindingError(text, code=str(code))


class Sender:
    """Makes messages and holds them to the limits."""

    def __init__(self, services: Services) -> None:
        self._entropy = services.entropy
        self._refusal = Refusal(services.project.since(EXPOSED_CODES, "queue_expose_error_codes"))

    def outgoing(self, body: Any, content_type: Any, delay: int) -> Outgoing:
        """A message, not yet held to the limits. Raises `TypeError`."""
        if not isinstance(content_type, str) or content_type not in ENCODERS:
            raise unsupported(content_type)
        if not isinstance(body, bytes):
            raise TypeError(f"the body crosses as bytes, not as {type(body).__name__}")
        return Outgoing(self._entropy(16).hex(), body, content_type, delay)

    def check_message(self, message: Outgoing) -> None:
        """Raises `BindingError` when a message of its own breaks a limit."""
        size = len(message.body)
        if size > MAX_MESSAGE:
            cause = f"message length of {size} bytes exceeds limit of {MAX_MESSAGE}"
            raise self._refusal.error("send", cause, 10204)
        self._check_delay("send", message, 10201)

    def check_batch(self, messages: Sequence[Outgoing]) -> None:
        """Raises `BindingError` when a batch breaks a limit."""
        if len(messages) > MAX_BATCH_COUNT:
            cause = f"batch message count of {len(messages)} exceeds limit of {MAX_BATCH_COUNT}"
            raise self._refusal.error("sendBatch", cause, 10206)
        largest = max(len(message.body) for message in messages)
        if largest > MAX_MESSAGE:
            cause = (
                f"message in batch has length {largest} bytes "
                f"which exceeds single message size limit of {MAX_MESSAGE}"
            )
            raise self._refusal.error("sendBatch", cause, 10204)
        total = sum(len(message.body) for message in messages)
        if total > MAX_BATCH:
            # Production's own words say "bytes" at the end; they come with the code.
            unit = " bytes" if self._refusal.coded else ""
            cause = f"batch size of {total} bytes exceeds limit of {MAX_BATCH}{unit}"
            raise self._refusal.error("sendBatch", cause, 10205)
        for message in messages:
            self._check_delay("sendBatch", message, 10202)

    def _check_delay(self, call: str, message: Outgoing, code: int) -> None:
        if not 0 <= message.delay <= MAX_DELAY:
            cause = f"message delay of {message.delay} seconds is not within 0 to {MAX_DELAY}"
            raise self._refusal.error(call, cause, code)


def request(item: Any) -> Mapping[str, Any]:
    """One item of `sendBatch`, its keys in camelCase. Raises `TypeError`."""
    if not isinstance(item, Mapping):
        raise TypeError("Incorrect type: the provided value is not of type 'MessageSendRequest'.")
    found = chosen(item, {}, ITEM_KEYS)
    if "body" not in found:
        raise TypeError(NO_BODY)
    return found


def not_a_sequence() -> TypeError:
    """The platform's answer to `sendBatch(5)`."""
    return TypeError(
        "Failed to execute 'sendBatch' on 'WorkerQueue': parameter 1 is not of type 'Sequence'."
    )


def shown(metrics: Metrics) -> Wire:
    """Metrics in the platform's names; a time that there is none of is left out."""
    wire: Wire = {
        "backlogCount": metrics.backlog_count,
        "backlogBytes": metrics.backlog_bytes,
    }
    if metrics.oldest_timestamp is not None:
        wire["oldestMessageTimestamp"] = metrics.oldest_timestamp
    return wire


def milliseconds(clock: Clock) -> int:
    """Now. Rounded, so that whoever waited for a ms finds that it has come."""
    return round(clock.now() * 1000)


def _delay_of(given: Mapping[str, Any], default: int) -> int:
    delay = given.get("delaySeconds")
    return default if delay is None else int32(delay)
