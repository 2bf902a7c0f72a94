import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from aerostack_dev.testing import App, HttpResponse

SECRETS = {"STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests", "GITHUB_WEBHOOK_SECRET": "hub-of-tests"}
pytestmark = pytest.mark.aerostack(variables=SECRETS)
PAYMENT = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_1", "amount": 4900, "currency": "eur"}},
}
PUSH = {"ref": "refs/heads/main", "commits": [{}], "repository": {"full_name": "ada/lamps"}}


def hexmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def stripe_v1(body: bytes, at: int, secret: str = SECRETS["STRIPE_WEBHOOK_SECRET"]) -> str:
    return hexmac(secret, f"{at}.".encode() + body)


async def stripe(app: App, body: bytes, signature: str | None = None, age: int = 0) -> HttpResponse:
    """Send `body` as Stripe does, signed `age` seconds ago unless `signature` is given."""
    at = int(time.time()) - age
    header = signature if signature is not None else f"t={at},v1={stripe_v1(body, at)}"
    return await app.fetch(
        "/webhooks/stripe", method="POST", body=body, headers={"Stripe-Signature": header}
    )


async def github(app: App, body: bytes, **changed: str) -> HttpResponse:
    """Send `body` as GitHub does, with other headers where `changed` has them."""
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": "sha256=" + hexmac(SECRETS["GITHUB_WEBHOOK_SECRET"], body),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return await app.fetch("/webhooks/github", method="POST", body=body, headers=headers)


async def events(app: App) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await app.fetch("/events")).json()["events"]
    return found


def encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()


async def test_an_event_is_written_down_and_worked_on_in_the_background(aerostack: App):
    answer = await stripe(aerostack, encoded(PAYMENT))
    assert answer.status == 202
    assert answer.json() == {"id": "evt_1", "status": "received", "deliveries": 1}
    await github(aerostack, encoded(PUSH))
    assert {event["status"] for event in await events(aerostack)} == {"received"}

    await aerostack.consume("events")
    push, payment = await events(aerostack)
    assert (payment["status"], payment["outcome"]) == ("done", "pi_1: 4900 eur (smallest unit)")
    assert push["outcome"] == "1 commit to refs/heads/main of ada/lamps"


async def test_an_event_that_comes_twice_is_worked_on_once(aerostack: App):
    await stripe(aerostack, encoded(PAYMENT))
    await aerostack.consume("events")
    again = await stripe(aerostack, encoded(PAYMENT))
    assert again.json() == {"id": "evt_1", "status": "done", "deliveries": 2}
    assert (await aerostack.consume("events")).acked == []
    assert len(await events(aerostack)) == 1


async def test_a_redelivery_before_the_work_is_queued_too_since_its_message_may_be_lost(
    aerostack: App,
):
    await stripe(aerostack, encoded(PAYMENT))
    assert (await stripe(aerostack, encoded(PAYMENT))).json()["deliveries"] == 2
    result = await aerostack.consume("events")
    assert len(result.acked) == 2  # two messages, one event
    assert [event["status"] for event in await events(aerostack)] == ["done"]


async def test_a_type_without_a_handler_is_kept_and_ignored(aerostack: App):
    await stripe(aerostack, encoded({**PAYMENT, "type": "customer.created"}))
    await aerostack.consume("events")
    (event,) = await events(aerostack)
    assert (event["status"], event["outcome"]) == ("ignored", None)


async def test_what_fails_is_tried_again_and_ends_as_failed(aerostack: App):
    broken = encoded({**PAYMENT, "data": {}})
    await stripe(aerostack, broken)
    for delay in (2, 4, 8):
        assert (await aerostack.consume("events")).delays == [delay]
        await aerostack.clock.advance(seconds=delay)  # it is due, and its batch waits for more
    assert len((await aerostack.consume("events")).buried) == 1
    await aerostack.clock.advance(minutes=1)  # the dead letter queue is consumed too
    (event,) = await events(aerostack)
    assert (event["status"], event["outcome"]) == ("failed", "KeyError: 'object'")

    assert (await stripe(aerostack, broken)).json()["status"] == "received"
    assert (await aerostack.consume("events")).delays == [2]


@pytest.mark.parametrize("age", [0, 290, -290])
async def test_stripe_signatures_count_for_five_minutes(aerostack: App, age: int):
    assert (await stripe(aerostack, encoded(PAYMENT), age=age)).status == 202


@pytest.mark.parametrize("age", [310, -310])
async def test_stripe_replays_are_refused(aerostack: App, age: int):
    answer = await stripe(aerostack, encoded(PAYMENT), age=age)
    assert (answer.status, await events(aerostack)) == (401, [])
    assert answer.json() == {"error": "Stripe-Signature is not of the last 300 s"}


async def test_one_right_signature_of_several_will_do(aerostack: App):
    body, now = encoded(PAYMENT), int(time.time())
    old, new = stripe_v1(body, now, "the old secret"), stripe_v1(body, now)
    assert (await stripe(aerostack, body, f"t={now},v1={old},v1={new},v0={old}")).status == 202
    assert (await stripe(aerostack, body, f"t={now},v1={old},v0={new}")).status == 401


@pytest.mark.parametrize(
    "signature",
    ["", "t=1", "v1=00", "t=x,v1=00", "t=,v1=", "t=1,t=2,v1=00", "nonsense", "t=1,v1=é"],
)
async def test_stripe_signatures_that_are_none_are_refused(aerostack: App, signature: str):
    assert (await stripe(aerostack, encoded(PAYMENT), signature)).status == 401
    assert await events(aerostack) == []


async def test_the_bytes_are_signed_not_their_meaning(aerostack: App):
    now = int(time.time())
    signature = f"t={now},v1={stripe_v1(encoded(PAYMENT), now)}"
    spaced = json.dumps(PAYMENT, indent=1).encode()
    assert (await stripe(aerostack, spaced, signature)).status == 401
    exact = '{"id": "evt_é",  "type":"x"}\n'.encode()
    assert (await stripe(aerostack, exact)).json()["id"] == "evt_é"


@pytest.mark.aerostack(variables={"GITHUB_WEBHOOK_SECRET": "It's a Secret to Everybody"})
async def test_github_documents_an_example_and_it_holds(aerostack: App):
    right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    accepted = await github(aerostack, b"Hello, World!", X_Hub_Signature_256=right)
    assert (accepted.status, accepted.json()) == (400, {"error": "the body is not JSON"})
    for wrong in (right[:-1], right[:-1] + "8", right.removeprefix("sha256="), "é", ""):
        refused = await github(aerostack, b"Hello, World!", X_Hub_Signature_256=wrong)
        assert refused.status == 401


@pytest.mark.parametrize("provider", ["stripe", "github"])
async def test_an_unsigned_request_is_refused(aerostack: App, provider: str):
    answer = await aerostack.fetch(f"/webhooks/{provider}", method="POST", json=PAYMENT)
    assert (answer.status, await events(aerostack)) == (401, [])


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.aerostack(variables={name: ""})) for name in SECRETS],
)
async def test_a_missing_secret_is_named_and_nothing_is_accepted(aerostack: App, name: str):
    path = f"/webhooks/{name.partition('_')[0].lower()}"
    answer = await aerostack.fetch(path, method="POST", json=PAYMENT)
    assert answer.status == 500
    assert answer.json() == {"error": f"{name} is not set; see .dev.vars.example"}


async def test_mistakes_have_their_status(aerostack: App):
    for body in (b"{", b"[]", b"\xff", b'{"id": 1, "type": "x"}', b'{"id": "evt_1"}'):
        assert (await stripe(aerostack, body)).status == 400
    assert (await github(aerostack, encoded(PUSH), X_GitHub_Event="")).status == 400
    assert (await stripe(aerostack, b" " * 1_000_001)).status == 413
    assert (await aerostack.fetch("/webhooks/stripe")).status == 405
    assert (await aerostack.fetch("/webhooks/acme", method="POST")).status == 404
    assert await events(aerostack) == []
