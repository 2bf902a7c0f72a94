"""A TypeScript function with its real bindings in a real child process."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from aerostack_dev.bindings.kind import Services
from aerostack_dev.bindings.kinds import all_kinds
from aerostack_dev.bindings.opening import Bindings, open_bindings
from aerostack_dev.bindings.queue.batch import Batch, Message, Metrics, Settlement
from aerostack_dev.bindings.state import State
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Finding, Project
from aerostack_dev.runtime.host import HostServices
from aerostack_dev.runtime.hosts.deno import DenoHost, open_host
from aerostack_dev.runtime.trace import Trace
from tests.support.asgi import Drives

from ..python.driving import write

TODAY = datetime.date(2026, 1, 1)


@dataclass
class Driven(Drives):
    """An open host with its bindings and its project's folder."""

    host: DenoHost
    root: Path
    bindings: Bindings
    trace: Trace
    clock: ManualClock

    async def run(self, code: str) -> Any:
        """What the body of an async function gives, run inside a handler as JSON."""
        answer = await self(method="POST", body=code.encode())
        return json.loads(answer.body)


@asynccontextmanager
async def opened(
    root: Path,
    source: str | Mapping[str, str],
    *,
    main: str = "index.ts",
    hidden: tuple[Path, ...] = (),
    **project: Any,
) -> AsyncIterator[Driven]:
    """The host for `source` (the text of `main`, or files by name)."""
    write(root, {main: dedent(source)} if isinstance(source, str) else source)
    clock = ManualClock()
    kinds = all_kinds()
    findings: list[Finding] = []
    settings = Project(
        root=root,
        file=None,
        name="test",
        main=root / main,
        **{"compatibility_date": TODAY, **project},
    )
    services = Services(
        settings, State(root / ".aerostack" / "state"), clock, os.urandom, findings.append
    )
    trace = Trace(clock, os.urandom)
    async with (
        open_bindings(kinds, services) as bindings,
        open_host(root / main, HostServices(settings, bindings, clock, hidden=hidden)) as host,
    ):
        yield Driven(host, root, bindings, trace, clock)


def batch_of(*bodies: Any, warn: Any = print, content_type: str = "json") -> Batch:
    """A batch of messages m0, m1, …"""
    messages = tuple(
        Message(
            f"m{at}",
            1_800_000_000_000,
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            content_type,
            1,
        )
        for at, body in enumerate(bodies)
    )
    settlement = Settlement([message.id for message in messages], warn)
    return Batch("default", messages, Metrics(0, 0), settlement)


EVALUATOR = """
    const AsyncFunction = (async () => {}).constructor as any;
    const shown = (value: unknown): unknown => {
      if (value === undefined) return "undefined";
      if (value instanceof Map) return { map: [...value].map(([k, v]) => [k, shown(v)]) };
      if (value instanceof Date) return { date: value.toISOString() };
      if (value instanceof ArrayBuffer) return { buffer: [...new Uint8Array(value)] };
      if (value instanceof Uint8Array) return { bytes: [...value] };
      return value;
    };
    export default {
      async fetch(request: Request, env: any, ctx: any) {
        try {
          const run = new AsyncFunction("env", "ctx", "request", await request.text());
          return Response.json({ value: shown(await run(env, ctx, request)) });
        } catch (error) {
          const { name, message, cause, code } = error as any;
          return Response.json({ error: [name, message], cause: cause?.message, code });
        }
      },
    };
"""
