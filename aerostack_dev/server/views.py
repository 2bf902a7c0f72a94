"""What the control port shows, as JSON values: times ISO 8601 UTC, durations in ms."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from typing import Any

from ..bindings.opening import Bound
from ..bindings.spans import Span
from ..clock import Clock
from ..errors import AerostackError
from ..runtime.host import Failure
from ..runtime.trace import Invocation
from ..version import __version__
from .contract import Redact, Runtime, ScheduledRun

NEXT_RUNS = 3


def moment(seconds: float) -> str:
    """Seconds since the epoch as `2026-11-23T09:00:00.000Z`."""
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return _iso(when, "milliseconds")


class Views:
    """Renders the runtime for the API and the dashboard; secrets are taken out here."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        clock: Clock,
        url: str,
        redact: Redact,
        where: Callable[[Bound], str],
    ) -> None:
        self._runtime = runtime
        self.time = clock
        self._url = url
        self._redact = redact
        self._where = where

    def status(self) -> dict[str, Any]:
        """The function, its bindings and its crons."""
        runtime = self._runtime
        return {
            "name": runtime.project.name,
            "version": __version__,
            "pid": os.getpid(),
            "environment": runtime.project.environment,
            "url": self._url,
            "handlers": sorted(runtime.handlers),
            "failure": self.failure(runtime.failure),
            "bindings": [self._binding(bound) for bound in runtime.bindings.bound.values()],
            "crons": self.crons(),
            "services": [
                {
                    "name": each.name,
                    "handlers": sorted(each.handlers),
                    "failure": self.failure(each.failure),
                }
                for each in self._runtime.functions
                if each.name
            ],
            "clock": self.clock(),
        }

    def clock(self) -> dict[str, Any]:
        """The time, and by how many ms it is ahead of the machine's."""
        now = self.time.now()
        ahead = round((now - self.time.real(now)) * 1000)
        return {"now": moment(now), "real": moment(now - ahead / 1000), "aheadMs": ahead}

    def crons(self) -> list[dict[str, Any]]:
        """The configured crons with their next three runs."""
        now = datetime.datetime.fromtimestamp(self.time.now(), datetime.UTC)
        return [
            {
                "cron": cron.expression,
                "next": [_iso(when, "seconds") for when in cron.upcoming(now, NEXT_RUNS)],
            }
            for cron in self._runtime.crons
        ]

    def cron_run(self, cron: str, run: ScheduledRun) -> dict[str, Any]:
        """How a firing went; `error` only when the handler failed."""
        shown = {"cron": cron, "outcome": run.outcome, "durationMs": _ms(run.duration_ms / 1000)}
        if run.failure is None:
            return shown
        message = self._redact(f"{run.failure.type}: {run.failure.message}")
        return {**shown, "error": message, "stack": self._redact(run.failure.stack)}

    def invocation(self, invocation: Invocation) -> dict[str, Any]:
        """A finished invocation with its spans and what its code printed."""
        shown = {
            "id": invocation.id,
            "kind": invocation.kind,
            "service": invocation.service or None,
            "parent": invocation.parent.id if invocation.parent else None,
            "name": invocation.name,
            "when": moment(invocation.when),
            "durationMs": _ms(invocation.duration),
            "outcome": invocation.outcome,
            "status": invocation.status,
            "detail": {**invocation.detail},
            "calls": invocation.calls,
            "spans": [_span(span, invocation.started) for span in invocation.spans],
            "logs": [
                {"level": log.level, "message": log.message, "when": moment(log.when)}
                for log in invocation.logs
            ],
        }
        return {**self._clean(shown), "failure": self.failure(invocation.failure)}

    def invocations(self, limit: int) -> list[dict[str, Any]]:
        """The last `limit` invocations, newest first."""
        recent = self._runtime.trace.recent()
        return [self.invocation(one) for one in reversed(recent[-limit:])]

    def failure(self, failure: Failure | None) -> dict[str, Any] | None:
        """An error of the author's function."""
        if failure is None:
            return None
        fields = {"type": failure.type, "message": failure.message, "stack": failure.stack}
        cleaned: dict[str, Any] = self._clean(fields)
        return cleaned

    def error(self, error: Exception) -> dict[str, Any]:
        """An error of a call, so that a command can say the same as the server would."""
        code, hint, where = type(error).__name__, "", ""
        if isinstance(error, AerostackError):
            code, hint, where = error.code, error.hint, error.where
        fields = {
            "code": code,
            "message": str(error),
            "hint": hint,
            "where": where,
            "type": type(error).__name__,
        }
        return {"error": self._clean(fields)}

    def _binding(self, bound: Bound) -> dict[str, str]:
        return {**bound.described(), "where": self._where(bound)}

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._redact(value).encode("utf-8", "replace").decode()
        if isinstance(value, dict):
            return {self._clean(key): self._clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(item) for item in value]
        return value


def _span(span: Span, origin: float) -> dict[str, Any]:
    return {
        "binding": span.binding,
        "operation": span.operation,
        "subject": span.subject,
        "startMs": _ms(span.started - origin),
        "durationMs": _ms(span.duration),
        "error": f"{type(span.error).__name__}: {span.error}" if span.error else None,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _iso(when: datetime.datetime, precision: str) -> str:
    return when.isoformat(timespec=precision).replace("+00:00", "Z")
