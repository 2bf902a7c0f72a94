"""What to do about each type of event: one function and one line in HANDLERS.

A function returns a line for `GET /events`. Whatever it raises, it is called again later;
and since it may have got half-way, calling it twice must do no harm.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Payload = dict[str, Any]


async def paid(payload: Payload, env: Any) -> str:
    intent = payload["data"]["object"]
    return f"{intent['id']}: {intent['amount']} {intent['currency']} (smallest unit)"


async def pushed(payload: Payload, env: Any) -> str:
    count = len(payload["commits"])
    where = f"{payload['ref']} of {payload['repository']['full_name']}"
    return f"{count} commit{'' if count == 1 else 's'} to {where}"


async def greeted(payload: Payload, env: Any) -> str:
    """GitHub's first event, when a webhook is made."""
    return str(payload["zen"])


HANDLERS: Mapping[tuple[str, str], Callable[[Payload, Any], Awaitable[str]]] = {
    ("stripe", "payment_intent.succeeded"): paid,
    ("github", "push"): pushed,
    ("github", "ping"): greeted,
}
