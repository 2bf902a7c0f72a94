"""`env.QUEUE` and the batches of a handler, as a Python author holds them (interface §5)."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from typing import Any

from ... import wire
from ..options import int32
from ..options import options as chosen
from . import content
from .batch import Batch, Message, Settlement
from .operations import BATCH_OPTIONS, SEND_OPTIONS, Operations, not_a_sequence, request

_MISSING: Any = object()


class Queue:
    """A queue to send to.

    Bodies are encoded when a method is called, so a value may be changed afterwards; a
    send that is not awaited is done all the same. A message is up to 128 000 bytes, a
    batch up to 100 messages and 256 000 bytes. Misuse raises `TypeError`, a call beyond
    a limit `BindingError`, both when the result is awaited.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._sending: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<queue {self._operations.binding}>"

    def send(
        self, body: Any = _MISSING, options: Mapping[str, Any] | None = None, **keywords: Any
    ) -> Awaitable[Any]:
        """Send one message; gives `{metadata: {metrics}}`, the backlog before it.

        Options: `contentType`: `json` (anything JSON can hold), `text` (`str`), `bytes`
        (anything bytes-like), `v8` (Python values as they are, sets, datetimes and
        cycles among them); `delaySeconds` (0 to 86400).
        """
        try:
            given = chosen(options, keywords, SEND_OPTIONS)
            encoded = self._encoded_one(body, given)
        except Exception as error:
            return self._begun(_refused(error))
        return self._begun(self._send(encoded, given))

    def sendBatch(
        self,
        messages: Iterable[Mapping[str, Any]],
        options: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Awaitable[Any]:
        """Send up to 100 messages, all or none; gives what `send` gives.

        `messages`: any iterable of `{body, contentType?, delaySeconds?}`. Options:
        `delaySeconds`, for messages without their own.
        """
        try:
            given = chosen(options, keywords, BATCH_OPTIONS)
            encoded = [self._encoded_item(item) for item in _items(messages)]
        except Exception as error:
            return self._begun(_refused(error))
        return self._begun(self._send_batch(encoded, given))

    async def metrics(self) -> Any:
        """`{backlogCount, backlogBytes, oldestMessageTimestamp?}`; the time is an aware
        `datetime`. Messages that are delayed or in flight do not count.
        """
        return _metrics(await self._operations.metrics())

    def _encoded_one(self, body: Any, given: dict[str, Any]) -> bytes:
        if body is _MISSING:
            raise TypeError(
                "Failed to execute 'send' on 'WorkerQueue': parameter 1 is not of type 'Value'."
            )
        content_type = given.get("contentType")
        if isinstance(content_type, str):
            content_type = content_type.lower()
        return self._encode(body, content_type)

    def _encoded_item(self, item: Any) -> dict[str, Any]:
        found = dict(request(item))
        found["body"] = self._encode(found["body"], found.get("contentType"))
        return found

    def _encode(self, body: Any, content_type: Any) -> bytes:
        if content_type is None:
            content_type = self._operations.default_content_type
        return content.encode(body, content_type)

    async def _send(self, body: bytes, given: dict[str, Any]) -> Any:
        return _result(await self._operations.send(body, given))

    async def _send_batch(self, messages: list[Any], given: dict[str, Any]) -> Any:
        return _result(await self._operations.sendBatch(messages, given))

    def _begun(self, work: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        """`work` under way; in a thread without a loop it waits for its `run_sync`."""
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:
            return work
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    send_batch = sendBatch


class QueueMessage:
    """One message: `id`, `timestamp` (aware `datetime` of the send), `body`, `attempts`
    (1 at the first delivery).
    """

    __slots__ = ("_attempts", "_body", "_id", "_settlement", "_timestamp")

    def __init__(self, message: Message, settlement: Settlement) -> None:
        self._id = message.id
        self._timestamp = _moment(message.timestamp)
        self._body = content.decode(message.body, message.content_type)
        self._attempts = message.attempts
        self._settlement = settlement

    def __repr__(self) -> str:
        return f"<message {self._id}, attempt {self._attempts}>"

    @property
    def id(self) -> str:
        return self._id

    @property
    def timestamp(self) -> datetime.datetime:
        return self._timestamp

    @property
    def body(self) -> Any:
        return self._body

    @property
    def attempts(self) -> int:
        return self._attempts

    def ack(self) -> None:
        """The message is done, even if the handler fails later."""
        self._settlement.ack(self._id)

    def retry(self, options: Mapping[str, Any] | None = None, **keywords: Any) -> None:
        """Deliver this message again, after `delaySeconds` (default: the consumer's)."""
        self._settlement.retry(self._id, _delay(options, keywords))


class MessageBatch:
    """What a `queue` handler is given: `queue` (its name), `messages` (a tuple, in order)
    and `metadata` (`metadata.metrics`: the backlog left when the batch was taken).

    Bodies are decoded here, before the handler starts: raises `ValueError` when one of
    them cannot be.
    """

    __slots__ = ("_messages", "_metadata", "_queue", "_settlement")

    def __init__(self, batch: Batch) -> None:
        self._queue = batch.queue
        self._settlement = batch.settlement
        self._messages = tuple(
            QueueMessage(message, batch.settlement) for message in batch.messages
        )
        left = batch.metrics
        metrics = {"backlogCount": left.backlog_count, "backlogBytes": left.backlog_bytes}
        if left.oldest_timestamp is not None:
            metrics["oldestMessageTimestamp"] = left.oldest_timestamp
        self._metadata = wire.Record(metrics=_metrics(metrics))

    def __repr__(self) -> str:
        return f"<batch of {len(self._messages)} from {self._queue}>"

    @property
    def queue(self) -> str:
        return self._queue

    @property
    def messages(self) -> tuple[QueueMessage, ...]:
        return self._messages

    @property
    def metadata(self) -> Any:
        return self._metadata

    def ackAll(self) -> None:
        """Every message without a decision of its own is done, even if the handler fails."""
        self._settlement.ack_all()

    def retryAll(self, options: Mapping[str, Any] | None = None, **keywords: Any) -> None:
        """Deliver every message that is not acked again, after `delaySeconds`."""
        self._settlement.retry_all(_delay(options, keywords))

    ack_all = ackAll
    retry_all = retryAll


def _items(messages: Any) -> list[Any]:
    if isinstance(messages, (str, bytes, bytearray, memoryview, Mapping)):
        raise not_a_sequence()
    try:
        iterator = iter(messages)
    except TypeError:
        raise not_a_sequence() from None
    return list(iterator)


async def _refused(error: Exception) -> Any:
    raise error


def _delay(options: Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> int | None:
    delay = chosen(options, keywords, BATCH_OPTIONS).get("delaySeconds")
    return None if delay is None else int32(delay)


def _result(sent: dict[str, Any]) -> Any:
    return wire.Record(metadata=wire.Record(metrics=_metrics(sent["metadata"]["metrics"])))


def _metrics(metrics: dict[str, Any]) -> Any:
    found = wire.Record(metrics)
    if "oldestMessageTimestamp" in found:
        found["oldestMessageTimestamp"] = _moment(found["oldestMessageTimestamp"])
    return found


def _moment(when: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(when / 1000, datetime.UTC)
