"""A real process, killed while it drains: nothing that was acknowledged is lost (§7)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from aerostack_dev.bindings.queue import KIND, Consumer
from aerostack_dev.runtime.consumers import open_consumers
from tests.support.rooms import open_room

COUNT = 1000
SETTINGS = {"queues.consumers": (Consumer("default", max_batch_size=10, max_batch_timeout=0),)}

VICTIM = """
import asyncio, sys
from pathlib import Path
from aerostack_dev.bindings.queue import KIND
from aerostack_dev.runtime.consumers import open_consumers
from tests.bindings.queue.test_crash import COUNT, SETTINGS
from tests.support.rooms import open_room

async def deliver(batch):
    if batch.metrics.backlog_count < COUNT // 2:
        print("half", flush=True)
        await asyncio.Event().wait()
    for message in batch.messages:
        print("got", message.body.decode(), flush=True)

async def main():
    async with open_room(Path(sys.argv[1]), KIND, settings=SETTINGS) as room:
        async def send(number):
            await room.env.QUEUE.send(number)
            print("sent", number, flush=True)
        await asyncio.gather(*(send(number) for number in range(COUNT)))
        async with open_consumers(room.backend, room.services.project, room.clock, deliver,
                                  print, handles_queue=True):
            await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_kill_9_in_the_middle(tmp_path: Path) -> None:
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        VICTIM,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        cwd=Path(__file__).parents[3],
    )
    assert victim.stdout is not None
    sent: set[int] = set()
    got: set[int] = set()
    async for line in victim.stdout:
        word, _, number = line.decode().strip().partition(" ")
        if word == "half":
            break
        {"sent": sent, "got": got}[word].add(int(number))
    victim.send_signal(signal.SIGKILL)
    await victim.communicate()
    assert sent == set(range(COUNT))

    left: dict[int, int] = {}
    empty = asyncio.Event()

    async def deliver(batch: object) -> None:
        for message in batch.messages:  # type: ignore[attr-defined]
            left[int(message.body)] = message.attempts
        if batch.metrics.backlog_count == 0:  # type: ignore[attr-defined]
            empty.set()

    async with open_room(tmp_path, KIND, settings=SETTINGS) as room:
        project = room.services.project
        async with open_consumers(
            room.backend, project, room.clock, deliver, room.findings.append, handles_queue=True
        ):
            await empty.wait()
    assert len(got) >= COUNT // 2 - 10
    assert got.isdisjoint(left)
    assert got | set(left) == set(range(COUNT))
    again = [number for number, attempts in left.items() if attempts == 2]
    assert len(again) == 10  # the batch under way when it died
    assert all(left[number] == 1 for number in set(left).difference(again))
