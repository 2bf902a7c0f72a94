"""A batch of messages as it crosses to the child."""

from __future__ import annotations

from typing import Any

from ....bindings.queue import MAX_DELAY
from ....bindings.queue.batch import Batch
from ....bindings.queue.operations import shown


def payload_of(batch: Batch) -> dict[str, Any]:
    """What `bindings/queue/batch.ts` makes a `MessageBatch` of: `bodies` are in one piece."""
    messages = batch.messages
    return {
        "queue": batch.queue,
        "ids": [message.id for message in messages],
        "timestamps": [message.timestamp for message in messages],
        "attempts": [message.attempts for message in messages],
        "contentTypes": [message.content_type for message in messages],
        "sizes": [len(message.body) for message in messages],
        "bodies": b"".join([message.body for message in messages]),
        "metrics": shown(batch.metrics),
        "maxDelay": MAX_DELAY,
    }
