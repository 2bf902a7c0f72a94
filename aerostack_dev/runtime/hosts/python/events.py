"""The object that a `scheduled` handler is given (queue-cron-dev.md §2.3)."""

from __future__ import annotations

from ...host import ScheduledEvent


class ScheduledController:
    """One firing of a cron."""

    type = "scheduled"

    def __init__(self, event: ScheduledEvent) -> None:
        self._event = event

    @property
    def cron(self) -> str:
        """The expression exactly as it is configured."""
        return self._event.cron

    @property
    def scheduled_time(self) -> int:
        """When it was due, in ms since the epoch."""
        return self._event.scheduled_time

    def no_retry(self) -> None:
        """Mark this run as one that is not to be tried again."""
        self._event.no_retry = True

    scheduledTime = scheduled_time
    noRetry = no_retry

    def __repr__(self) -> str:
        return f"<ScheduledController {self.cron!r} {self.scheduled_time}>"
