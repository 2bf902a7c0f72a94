"""A batch of messages as it crosses to the child."""

from __future__ import annotations

from typing import Any

from ....bindings.queue import MAX_DELAY
from ....bindings.queue.batch import Batch
from ....bindings.queue.operations import shown


def payload_of(batch: Batch) -> dict[str, Any]:
    """What `bindings/queue/batch.ts` makes a `MessageBatch` of."""
    return {
        "queue": batch.queue,
        "messages": [
            {
                "id": message.id,
                "timestamp": message.timestamp,
                "attempts": message.attempts,
                "contentType": message.content_type,
                "body": message.body,
            }
            for message in batch.messages
        ],
        "metrics": shown(batch.metrics),
        "maxDelay": MAX_DELAY,
    }
