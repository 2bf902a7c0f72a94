"""The queues: `env.QUEUE` and the consumers' settings (queue-cron-dev.md §1)."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec

from ...config.model import Project, Section
from ..kind import Kind

MAX_DELAY = 86_400
"""Seconds: the longest delay of a message, first or retried."""
MAX_BATCH_SIZE = 100
MAX_BATCH_TIMEOUT = 60
MAX_RETRIES = 100
MAX_CONCURRENCY = 250
JSON_DEFAULT = datetime.date(2024, 3, 18)
"""From this compatibility date on, a message without a content type is json."""

Name = Annotated[str, msgspec.Meta(min_length=1)]
Delay = Annotated[int, msgspec.Meta(ge=0, le=MAX_DELAY)]


class Producer(msgspec.Struct, frozen=True):
    """One entry of `[[queues.producers]]`: bindings to the same `queue` share it.

    `delivery_delay`: seconds that a message waits when its sender does not say.
    """

    binding: str
    queue: Name = "default"
    delivery_delay: Delay = 0


class Consumer(msgspec.Struct, frozen=True):
    """One entry of `[[queues.consumers]]`; the defaults are production's (§1.2).

    A batch is delivered when `max_batch_size` messages wait, or `max_batch_timeout`
    seconds after the first of them. A message is tried `max_retries` + 1 times, again
    after `retry_delay` seconds, and then moved to `dead_letter_queue` (or dropped). At
    most `max_concurrency` batches run at once. `visibility_timeout_ms` means something
    to pull consumers on the platform only.
    """

    queue: Name
    type: Literal["worker"] = "worker"
    max_batch_size: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH_SIZE)] = 10
    max_batch_timeout: Annotated[int, msgspec.Meta(ge=0, le=MAX_BATCH_TIMEOUT)] = 5
    max_retries: Annotated[int, msgspec.Meta(ge=0, le=MAX_RETRIES)] = 3
    retry_delay: Delay = 0
    max_concurrency: Annotated[int, msgspec.Meta(ge=1, le=MAX_CONCURRENCY)] = 1
    dead_letter_queue: Name | None = None
    visibility_timeout_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None


PRODUCERS = Section("queues.producers", Producer)
CONSUMERS = Section("queues.consumers", Consumer)


def resource(producer: Producer) -> str:
    """The queue behind a binding."""
    return producer.queue


def default_content_type(project: Project) -> Literal["json", "v8"]:
    """What a message is that does not say."""
    return "json" if project.since(JSON_DEFAULT, "queues_json_messages") else "v8"


KIND = Kind(
    name="queue",
    title="message queue",
    default="QUEUE",
    section=PRODUCERS,
    resource=resource,
    location=lambda declaration: "queue.sqlite",
    backends={"sqlite": "aerostack_dev.bindings.queue.sqlite:open_backend"},
    operations="aerostack_dev.bindings.queue.operations:Operations",
    face="aerostack_dev.bindings.queue.api:Queue",
    admin="aerostack_dev.bindings.queue.admin:Admin",
    starts=True,
    settings=(CONSUMERS,),
    constants=lambda project: {"defaultContentType": default_content_type(project)},
    interface="Queue",
)
