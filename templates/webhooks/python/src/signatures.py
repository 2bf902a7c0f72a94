"""Who really sent a webhook: an HMAC-SHA256 of the body, as it came, with a shared secret.

Stripe signs the time with the body, GitHub the body alone. Signatures are compared in
constant time, so that the time of an answer tells nothing about the right one.
"""

import hashlib
import hmac
import re

STRIPE_WINDOW = 300
"""Seconds that Stripe's time may be away from ours; an older request may be a replay."""


class SignatureError(Exception):
    """The request is not, or not provably, the provider's."""


def verify_stripe(body: bytes, header: str | None, secret: str, now: float) -> None:
    """Check `Stripe-Signature: t=<s since the epoch>,v1=<hex>[,v1=<hex>…]`.

    There are several v1 while a secret is being rolled; one of them must be right.
    """
    fields = [field.strip().partition("=") for field in (header or "").split(",")]
    times = [value for name, _, value in fields if name == "t"]
    given = [value for name, _, value in fields if name == "v1"]
    if len(times) != 1 or not re.fullmatch("[0-9]{1,12}", times[0]) or not given:
        raise SignatureError("Stripe-Signature must be t=…,v1=…")
    expected = _hmac(times[0].encode() + b"." + body, secret)
    if not any(_equal(expected, one) for one in given):
        raise SignatureError("Stripe-Signature does not match")
    if abs(now - int(times[0])) > STRIPE_WINDOW:
        raise SignatureError(f"Stripe-Signature is not of the last {STRIPE_WINDOW} s")


def verify_github(body: bytes, header: str | None, secret: str) -> None:
    """Check `X-Hub-Signature-256: sha256=<hex>`."""
    if header is None:
        raise SignatureError("X-Hub-Signature-256 is missing")
    if not _equal("sha256=" + _hmac(body, secret), header):
        raise SignatureError("X-Hub-Signature-256 does not match")


def _hmac(message: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
