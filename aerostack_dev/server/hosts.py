"""Which Host and Origin headers are answered: the lock against DNS rebinding.

A web page of a foreign name can be made to resolve to 127.0.0.1, but its browser then
still sends the foreign name as Host. Names are compared exactly: no suffixes, no
wildcards, and nothing that a header may hold makes these functions raise.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

LOOPBACK_NAME = "localhost"
HTTP_PORT = 80
KEPT_DECISIONS = 256
LONGEST_HOST = 260
"""A DNS name of 253 signs, and a port."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@/?#\s]+)(?::([0-9]{1,5}))?")


def is_loopback(name: str) -> bool:
    """Whether a host name (IPv6 with or without brackets) means this machine alone."""
    if name.lower() == LOOPBACK_NAME:
        return True
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


class HostRules:
    """The Host values that one port answers to.

    These are the loopback names and addresses with this port, and every one of
    `allowed`: as it is written there, or with this port added to it.
    """

    def __init__(self, port: int, allowed: Iterable[str] = ()) -> None:
        self._port = port
        self._allowed = frozenset(host.lower() for host in allowed)
        self._decided: dict[bytes, bool] = {}

    def allows(self, host: bytes) -> bool:
        """Whether a request with this Host header is answered."""
        decided = self._decided.get(host)
        if decided is not None:
            return decided
        decision = self._decide(host)
        if len(host) <= LONGEST_HOST:
            if len(self._decided) >= KEPT_DECISIONS:
                self._decided.clear()
            self._decided[host] = decision
        return decision

    def _decide(self, host: bytes) -> bool:
        try:
            text = host.decode("ascii").lower()
        except UnicodeDecodeError:
            return False
        match = _HOST.fullmatch(text)
        if match is None or len(text) > LONGEST_HOST:
            return False
        if text in self._allowed:
            return True
        name, port = match[1], int(match[2]) if match[2] else HTTP_PORT
        return port == self._port and (name in self._allowed or _written_loopback(name))


def _written_loopback(name: str) -> bool:
    """`is_loopback` for a Host header, where an IPv6 address needs its brackets."""
    return is_loopback(name) if name.startswith("[") or ":" not in name else False


def one(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The value of a header that is there exactly once, else None."""
    values = [value for key, value in headers if key == name]
    return values[0] if len(values) == 1 else None


def same_origin(headers: Iterable[tuple[bytes, bytes]], host: bytes) -> bool:
    """Whether a request comes from a page of `host` itself, or from no page at all.

    A foreign Origin, `null`, a malformed one and more than one are refused; another
    name of the same machine is another origin.
    """
    origins = [value for key, value in headers if key == b"origin"]
    return not origins or (len(origins) == 1 and origins[0].lower() == b"http://" + host.lower())
