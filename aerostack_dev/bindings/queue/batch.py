"""A batch of messages on its way to a handler, and what the handler decides about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from . import MAX_DELAY


class Metrics(Struct, frozen=True):
    """The backlog of a queue: messages that are due and not yet delivered.

    `backlog_bytes` is the size of their bodies; `oldest_timestamp` is when the oldest
    was sent, in ms since the epoch (None: there is none).
    """

    backlog_count: int
    backlog_bytes: int
    oldest_timestamp: int | None = None


class Message(Struct, frozen=True):
    """A message of a batch. `timestamp`: when it was sent, in ms since the epoch.

    `body` is in the form of `content_type` (`json`, `text`, `bytes`, `v8`); `attempts`
    counts deliveries, this one included.
    """

    id: str
    timestamp: int
    body: bytes
    content_type: str
    attempts: int


class Decision(Struct, frozen=True):
    """What becomes of a batch: message ids, and for retries their delay in seconds.

    A delay of None leaves it to the consumer's `retry_delay`.
    """

    acked: tuple[str, ...]
    retries: Mapping[str, int | None]


class Settlement:
    """What a handler said about its batch: acks and retries, and which of them counts (§1.4).

    `warn` hears of calls that have no effect.
    """

    def __init__(self, ids: Sequence[str], warn: Callable[[str], None]) -> None:
        self._ids = tuple(ids)
        self._warn = warn
        self._acked: set[str] = set()
        self._retries: dict[str, int | None] = {}
        self._ack_all = False
        self._retry_all = False
        self._retry_all_delay: int | None = None

    def ack(self, message_id: str) -> None:
        """Message `message_id` is done, even if the handler fails later."""
        if self._ack_all:
            return
        if self._retry_all:
            self._warn(_no_effect("ack()", "retryAll()", message_id))
        elif message_id in self._retries:
            self._warn(_no_effect("ack()", "retry()", message_id))
        else:
            self._acked.add(message_id)

    def retry(self, message_id: str, delay: int | None = None) -> None:
        """Deliver `message_id` again, `delay` seconds from the end of the batch on.

        A second call replaces the first. Raises `ValueError` for a delay out of range.
        """
        _check(delay)
        if self._ack_all:
            self._warn(_no_effect("retry()", "ackAll()", message_id))
        elif message_id in self._acked:
            self._warn(_no_effect("retry()", "ack()", message_id))
        else:
            self._retries[message_id] = delay

    def ack_all(self) -> None:
        """Every message without a decision of its own is done."""
        if self._retry_all:
            self._warn(_no_effect("ackAll()", "retryAll()"))
        else:
            self._ack_all = True

    def retry_all(self, delay: int | None = None) -> None:
        """Deliver every message that is not acked again. Raises as `retry`."""
        _check(delay)
        if self._ack_all:
            self._warn(_no_effect("retryAll()", "ackAll()"))
            return
        self._retry_all = True
        if delay is not None:
            self._retry_all_delay = delay

    def decide(self, *, failed: bool) -> Decision:
        """What becomes of each message, given how the handler ended; changes nothing."""
        acked = []
        retries: dict[str, int | None] = {}
        for message_id in self._ids:
            own = self._retries.get(message_id)
            if message_id in self._acked:
                acked.append(message_id)
            elif message_id in self._retries:
                retries[message_id] = self._retry_all_delay if own is None else own
            elif self._retry_all or (failed and not self._ack_all):
                retries[message_id] = self._retry_all_delay
            else:
                acked.append(message_id)
        return Decision(tuple(acked), retries)


class Batch(Struct, frozen=True):
    """Messages for one call of the `queue` handler, in delivery order.

    `metrics` is the backlog left when they were taken.
    """

    queue: str
    messages: tuple[Message, ...]
    metrics: Metrics
    settlement: Settlement


def _no_effect(call: str, earlier: str, message_id: str | None = None) -> str:
    about = f" on message {message_id}" if message_id is not None else ""
    general = " on a message" if message_id is not None else ""
    return (
        f"Received a call to {call}{about} after {earlier} was already called. "
        f"Calling {call}{general} after calling {earlier} has no effect."
    )


def _check(delay: int | None) -> None:
    if delay is not None and not 0 <= delay <= MAX_DELAY:
        raise ValueError(f"delaySeconds must be between 0 and {MAX_DELAY}, not {delay}")
