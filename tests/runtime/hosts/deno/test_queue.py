"""The `queue` handler in TypeScript, apart from what tests/contract/ has of it."""

from __future__ import annotations

import datetime
import json

import pytest

from aerostack_dev.runtime.host import HandlerError, ScheduledEvent

from .driving import batch_of, opened

NOW = 1_800_000_000_000


@pytest.mark.spec("queue 1.8.2")
async def test_a_clone_survives_the_way_through_the_queue(tmp_path):
    source = """
        let seen: unknown;
        export default {
          async fetch(_: Request, env: any) {
            if (seen) return Response.json(seen);
            await env.QUEUE.send(new Map([[1, new Date(0)]]));
            return new Response();
          },
          queue({ messages: [message] }: any) {
            seen = [...message.body].map(([key, date]) => [key, date.toISOString()]);
          },
        };
    """
    day = datetime.date(2024, 1, 1)
    async with opened(tmp_path, source, compatibility_date=day) as function:
        await function()
        (sent,) = await function.bindings.rooms["queue"].peek("default", 1, NOW)
        assert sent.content_type == "v8"
        await function.host.queue(batch_of(sent.body, content_type="v8"))
        assert (await function()).body == b'[[1,"1970-01-01T00:00:00.000Z"]]'


async def test_a_damaged_body_fails_the_batch_before_the_handler(tmp_path):
    source = """
        export default {
          fetch: () => new Response(),
          queue() { throw new RangeError("it was called") },
        };
    """
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError, match="SyntaxError"):
            await function.host.queue(batch_of(b"{bad"))
        assert (await function()).status == 200


@pytest.mark.spec("queue 1.8.36")
async def test_without_waiting_for_background_work(tmp_path):
    flags = frozenset({"queue_consumer_no_wait_for_wait_until"})
    source = """
        export default {
          queue(_batch: unknown, _env: unknown, ctx: any) {
            ctx.waitUntil(new Promise((_, reject) => setTimeout(reject, 20)));
          },
        };
    """
    async with opened(tmp_path, source, compatibility_flags=flags) as function:
        await function.host.queue(batch_of(1))
        await function.host.settled()


async def test_what_handlers_are_given_can_be_spelled_out(tmp_path):
    source = """
        let seen: unknown;
        export default {
          fetch: () => Response.json(seen),
          queue(batch: any) {
            const { queue, messages, metadata } = batch;
            const [message] = messages;
            let refused;
            try {
              message.body = 5;
            } catch (error) {
              refused = (error as Error).name;
            }
            seen = [{ ...batch }, { queue, messages, metadata }, { ...message }, refused];
          },
          scheduled: (controller: any) => void (seen = controller),
        };
    """
    async with opened(tmp_path, source) as function:
        await function.host.queue(batch_of({"a": 1}))
        batch, same, message, refused = json.loads((await function()).body)
        assert batch == same
        assert batch["messages"] == [message]
        timestamp = message.pop("timestamp")
        assert timestamp.startswith("20")
        assert message == {"id": "m0", "body": {"a": 1}, "attempts": 1}
        assert refused == "TypeError"
        await function.host.scheduled(ScheduledEvent("* * * * *", NOW))
        shown = json.loads((await function()).body)
        assert shown == {"type": "scheduled", "cron": "* * * * *", "scheduledTime": NOW}
