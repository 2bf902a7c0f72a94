"""What the configuration says about queues: who consumes which, and how."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ...config.model import Project
from ...errors import ConfigError
from . import CONSUMERS, PRODUCERS, Consumer, Producer

DEFAULT_PRODUCER = Producer(binding="QUEUE")


class Policy(Struct, frozen=True):
    """How one queue is consumed. Delays in seconds."""

    consumer: Consumer
    dead_letter_delay: int = 0
    """The `delivery_delay` of the dead letter queue's own producer."""

    @property
    def queue(self) -> str:
        return self.consumer.queue

    @property
    def attempts(self) -> int:
        """How often a message is delivered before it is given up."""
        return self.consumer.max_retries + 1


def consumers(project: Project) -> Sequence[Consumer]:
    """The entries of `[[queues.consumers]]`."""
    return project.sections.get(CONSUMERS.path, ())


def producers(project: Project) -> Sequence[Producer]:
    """The entries of `[[queues.producers]]`, and the binding that exists without one."""
    declared: Sequence[Producer] = project.sections.get(PRODUCERS.path, ())
    if any(producer.binding == DEFAULT_PRODUCER.binding for producer in declared):
        return declared
    return (*declared, DEFAULT_PRODUCER)


def configured(project: Project) -> list[str]:
    """The queues that the configuration names, each once, in its order."""
    names = [producer.queue for producer in producers(project)]
    for consumer in consumers(project):
        names.append(consumer.queue)
        if consumer.dead_letter_queue is not None:
            names.append(consumer.dead_letter_queue)
    return list(dict.fromkeys(names))


def policies(project: Project) -> dict[str, Policy]:
    """The configured consumers by queue."""
    return {consumer.queue: _policy(consumer, project) for consumer in consumers(project)}


def default_policies(project: Project) -> dict[str, Policy]:
    """Consumers with production's defaults for produced queues without an entry (§5.2)."""
    taken = {consumer.queue for consumer in consumers(project)}
    return {
        producer.queue: Policy(Consumer(queue=producer.queue))
        for producer in producers(project)
        if producer.queue not in taken
    }


def sources_of(dead_letter_queue: str, project: Project) -> list[str]:
    """The queues whose dead letter queue this is."""
    return [
        consumer.queue
        for consumer in consumers(project)
        if consumer.dead_letter_queue == dead_letter_queue
    ]


def validate(project: Project) -> None:
    """Check what the entries mean together. Raises `ConfigError` (§1.2)."""
    first: dict[str, int] = {}
    for index, consumer in enumerate(consumers(project)):
        place = f"{CONSUMERS.path}[{index}]"
        if consumer.dead_letter_queue == consumer.queue:
            raise ConfigError(
                f'Dead letter queue for queue "{consumer.queue}" cannot be itself',
                where=f"{_file(project)}: {place}.dead_letter_queue",
                hint="name another queue, or leave `dead_letter_queue` out",
            )
        if consumer.queue in first:
            other = f"{CONSUMERS.path}[{first[consumer.queue]}]"
            raise ConfigError(
                f'Multiple consumers defined for queue "{consumer.queue}": "{other}" and "{place}"',
                where=f"{_file(project)}: {place}.queue",
                hint="keep one of the two entries: a queue has one consumer",
            )
        first[consumer.queue] = index


def _file(project: Project) -> str:
    return project.file.name if project.file is not None else "aerostack.toml"


def _policy(consumer: Consumer, project: Project) -> Policy:
    delays = {producer.queue: producer.delivery_delay for producer in reversed(producers(project))}
    return Policy(consumer, delays.get(consumer.dead_letter_queue or "", 0))
