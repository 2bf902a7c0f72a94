from __future__ import annotations

from pathlib import Path

import pytest

from aerostack_dev.testing import App, open_app
from tests.support.server import write_project

from .cases import cases, play

pytestmark = pytest.mark.aerostack(project="typescript")

CONFIG = """
main = "index.ts"

[[queues.consumers]]
queue = "default"
max_batch_timeout = 0
max_retries = 1
dead_letter_queue = "dead"
"""


@cases("queue")
async def test_in_typescript(aerostack: App, name: str):
    await play(aerostack, "queue", name)


@pytest.mark.spec("queue 1.8.39")
async def test_a_function_without_a_queue_handler(tmp_path: Path):
    source = 'export default { fetch: () => new Response("here") }'
    write_project(tmp_path, {"aerostack.toml": CONFIG, "index.ts": source})
    async with open_app(tmp_path) as app:
        await app.env.QUEUE.send(1)
        await app.clock.advance(60)
        codes = [finding.code for finding in app.findings]
        assert (codes.count("queue-no-handler"), codes.count("queue-dead-letter")) == (2, 1)
        assert (await app.fetch("/")).text() == "here"


@pytest.mark.spec("queue 1.8.42")
async def test_a_process_that_ends_within_its_handler(tmp_path: Path):
    source = """
        const seen: unknown[] = [];
        export default {
          fetch: () => Response.json(seen),
          queue({ messages: [message] }: any) {
            if (message.attempts === 1) Deno.exit(1);
            seen.push([message.body, message.attempts]);
          },
        };
    """
    write_project(tmp_path, {"aerostack.toml": CONFIG, "index.ts": source})
    async with open_app(tmp_path) as app:
        await app.env.QUEUE.send("again")
        crashed, fine = await app.clock.advance(60)
        assert (crashed.outcome, fine.outcome) == ("exception", "ok")
        assert (await app.fetch("/")).json() == [["again", 2]]
