"""Sign a sample event as the provider does, and send it.

    python scripts/send.py http://127.0.0.1:8788/webhooks/stripe
    python scripts/send.py http://127.0.0.1:8788/webhooks/github --type ping

The last part of the URL says which provider to be. The secret is the one in the
environment or, before that, in .dev.vars.
"""

import argparse
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

DEV_VARS = Path(__file__).parents[1] / ".dev.vars"
SAMPLES: dict[str, dict[str, Any]] = {
    "payment_intent.succeeded": {
        "data": {"object": {"id": "pi_sample", "amount": 4900, "currency": "eur"}}
    },
    "push": {
        "ref": "refs/heads/main",
        "commits": [{"message": "Fix the lamp"}, {"message": "Test it"}],
        "repository": {"full_name": "ada/lamps"},
    },
    "ping": {"zen": "Keep it logically awesome."},
}
"""By type; of another type, an event without content is sent."""


def stripe(kind: str, event_id: str) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of an event of Stripe's."""
    event = {"id": event_id, "object": "event", "type": kind, **SAMPLES.get(kind, {})}
    body = json.dumps(event).encode()
    now = str(int(time.time()))
    signature = signed(now.encode() + b"." + body, "STRIPE_WEBHOOK_SECRET")
    return body, {"Stripe-Signature": f"t={now},v1={signature}"}


def github(kind: str, event_id: str) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of an event of GitHub's."""
    body = json.dumps(SAMPLES.get(kind, {})).encode()
    return body, {
        "X-GitHub-Event": kind,
        "X-GitHub-Delivery": event_id,
        "X-Hub-Signature-256": f"sha256={signed(body, 'GITHUB_WEBHOOK_SECRET')}",
    }


def signed(message: bytes, name: str) -> str:
    return hmac.new(secret(name).encode(), message, hashlib.sha256).hexdigest()


def secret(name: str) -> str:
    written = DEV_VARS.read_text() if DEV_VARS.is_file() else ""
    found = re.search(rf"""^{name}\s*=\s*["']?(.*?)["']?\s*$""", written, re.MULTILINE)
    value = found[1] if found else os.environ.get(name, "")
    if not value:
        sys.exit(f"{name} is not set; copy .dev.vars.example to .dev.vars")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description="Send a signed sample event.")
    parser.add_argument("url", help="where to; it ends in /stripe or /github")
    parser.add_argument("--type", help="payment_intent.succeeded (Stripe), push, ping (GitHub)")
    parser.add_argument("--id", help="of the event; the same twice is a redelivery")
    given = parser.parse_args()
    if given.url.endswith("/stripe"):
        new_id = f"evt_{secrets.token_hex(12)}"
        body, headers = stripe(given.type or "payment_intent.succeeded", given.id or new_id)
    elif given.url.endswith("/github"):
        body, headers = github(given.type or "push", given.id or str(uuid.uuid4()))
    else:
        parser.error("the URL must end in /stripe or /github")
    headers["Content-Type"] = "application/json"
    request = urllib.request.Request(given.url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            print(response.status, response.read().decode())
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code} {error.read().decode()}")
    except urllib.error.URLError as error:
        sys.exit(f"{given.url} cannot be reached: {error.reason}")


if __name__ == "__main__":
    main()
