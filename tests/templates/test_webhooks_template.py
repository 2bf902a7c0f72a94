"""The `webhooks` template over HTTP, beside what its own tests say."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.docs.console import REPOSITORY
from tests.support.server import PATIENCE, Server, serving

SECRET = "whsec_of_this_test"
VARIABLES = f'STRIPE_WEBHOOK_SECRET="{SECRET}"\nGITHUB_WEBHOOK_SECRET="hub-of-this-test"\n'


def signatures() -> Any:
    """The template's module of that name."""
    path = REPOSITORY / "templates/webhooks/python/src/signatures.py"
    spec = spec_from_file_location("webhooks_signatures", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIGNATURES = signatures()


def stripe_header(body: bytes, at: int, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def payment(event_id: str) -> bytes:
    intent = {"id": "pi_1", "amount": 4900, "currency": "eur"}
    return json.dumps(
        {"id": event_id, "type": "payment_intent.succeeded", "data": {"object": intent}}
    ).encode()


def deliver(server: Server, body: bytes) -> httpx.Response:
    header = stripe_header(body, int(time.time()))
    return server.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": header})


def send(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/send.py", *arguments],
        cwd=root,
        env={name: value for name, value in os.environ.items() if "WEBHOOK_SECRET" not in name},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def statuses(response: httpx.Response) -> list[str]:
    return [event["status"] for event in response.json()["events"]]


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_deliveries_at_the_same_moment_are_one_event(made: Callable[..., Path], language: str):
    root = made("webhooks", language)
    with serving(root, {".dev.vars": VARIABLES}) as server:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: deliver(server, payment("evt_1")), range(8)))
        assert {answer.status_code for answer in answers} == {202}
        assert sorted(answer.json()["deliveries"] for answer in answers) == list(range(1, 9))
        events = server.eventually("/events", lambda found: statuses(found) == ["done"])
        assert events.json()["events"][0]["outcome"] == "pi_1: 4900 eur (smallest unit)"
        unsigned = server.post("/webhooks/github", content=b"{}")
        assert (unsigned.status_code, unsigned.json()) == (
            401,
            {"error": "X-Hub-Signature-256 is missing"},
        )


def test_what_was_answered_survives_a_kill(made: Callable[[str], Path]):
    root = made("webhooks")
    config = (root / "aerostack.toml").read_text()
    slow = config.replace("max_batch_timeout = 1", "max_batch_timeout = 60", 1)
    with serving(root, {".dev.vars": VARIABLES, "aerostack.toml": slow}) as server:
        assert deliver(server, payment("evt_1")).status_code == 202
        server.kill()
    with serving(root, {"aerostack.toml": config}) as server:
        server.eventually("/events", lambda found: statuses(found) == ["done"])


def test_the_script_signs_as_the_providers_do(made: Callable[[str], Path]):
    root = made("webhooks")
    with serving(root, {".dev.vars": VARIABLES}) as server:
        for kind in ("stripe", "github"):
            sent = send(root, f"{server.url}/webhooks/{kind}")
            assert (sent.returncode, sent.stdout[:3], sent.stderr) == (0, "202", "")
        assert send(root, f"{server.url}/webhooks/github", "--type", "ping").returncode == 0
        events = server.eventually("/events", lambda found: statuses(found) == ["done"] * 3)
        assert {event["type"] for event in events.json()["events"]} == {
            "payment_intent.succeeded",
            "push",
            "ping",
        }


def test_the_script_says_what_is_wrong(made: Callable[[str], Path]):
    root = made("webhooks")
    with serving(root, {".dev.vars": VARIABLES}) as server:
        (root / ".dev.vars").unlink()
        unset = send(root, f"{server.url}/webhooks/stripe")
        assert unset.returncode == 1
        assert unset.stderr == (
            "STRIPE_WEBHOOK_SECRET is not set; copy .dev.vars.example to .dev.vars\n"
        )
        shutil.copy(root / ".dev.vars.example", root / ".dev.vars")
        assert send(root, f"{server.url}/elsewhere").returncode == 2
        url = f"{server.url}/webhooks/stripe"
    gone = send(root, url)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr.startswith(f"{url} cannot be reached: ")


def test_a_secret_that_is_not_set_is_named(made: Callable[[str], Path]):
    with serving(made("webhooks")) as server:
        assert "the secret STRIPE_WEBHOOK_SECRET is not set" in server.output
        answer = server.post("/webhooks/stripe", json={})
        assert answer.status_code == 500
        assert answer.json() == {"error": "STRIPE_WEBHOOK_SECRET is not set; see .dev.vars.example"}


@pytest.mark.parametrize(
    ("age", "accepted"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_the_window_is_to_the_second(age: int, accepted: bool):
    header = stripe_header(b"{}", 1_700_000_000)
    if accepted:
        SIGNATURES.verify_stripe(b"{}", header, SECRET, 1_700_000_000 + age)
    else:
        with pytest.raises(SIGNATURES.SignatureError, match="not of the last 300 s"):
            SIGNATURES.verify_stripe(b"{}", header, SECRET, 1_700_000_000 + age)


@given(st.binary(), st.binary(), st.text(min_size=1), st.text(min_size=1))
@settings(max_examples=100)
def test_another_body_or_secret_never_fits(body: bytes, other: bytes, secret: str, wrong: str):
    header = stripe_header(body, 1, secret)
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    SIGNATURES.verify_stripe(body, header, secret, 1)
    SIGNATURES.verify_github(body, f"sha256={digest}", secret)
    for changed, key in ((other, secret), (body, wrong)):
        if (changed, key) != (body, secret) and not _same_key(key, secret, changed == body):
            with pytest.raises(SIGNATURES.SignatureError):
                SIGNATURES.verify_stripe(changed, header, key, 1)
            with pytest.raises(SIGNATURES.SignatureError):
                SIGNATURES.verify_github(changed, f"sha256={digest}", key)


def _same_key(one: str, other: str, same_body: bool) -> bool:
    """HMAC fills a key up with NULs: keys that differ in those at the end are one key."""
    return same_body and one.encode().rstrip(b"\0") == other.encode().rstrip(b"\0")


@given(st.text(st.characters(max_codepoint=255)))
@settings(max_examples=100)
def test_no_header_breaks_the_check(header: str):
    for verify in (
        lambda: SIGNATURES.verify_stripe(b"{}", header, SECRET, 1),
        lambda: SIGNATURES.verify_github(b"{}", header, SECRET),
    ):
        with pytest.raises(SIGNATURES.SignatureError):
            verify()
