"""The Host and Origin rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.server.hosts import (
    KEPT_DECISIONS,
    HostRules,
    is_loopback,
    one,
    same_origin,
)


@pytest.mark.parametrize(
    "host",
    [
        b"localhost:8788", b"LocalHost:8788", b"127.0.0.1:8788", b"[::1]:8788",
        b"127.1.2.3:8788", b"[0:0:0:0:0:0:0:1]:8788",
    ],
)  # fmt: skip
def test_loopback_with_this_port(host: bytes) -> None:
    assert HostRules(8788).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        b"", b"localhost", b"localhost:8789", b"localhost:", b":8788", b"localhost.:8788",
        b"evil.test:8788", b"localhost.evil.test:8788", b"127.0.0.1.evil.test:8788",
        b"evil.localhost:8788", b"::1:8788", b"[::1:8788", b"[::2]:8788", b"0.0.0.0:8788",
        b"127.1:8788", b"2130706433:8788", b"0x7f.1:8788", b"[::ffff:10.0.0.1]:8788",
        b"user@localhost:8788", b"localhost:8788@evil.test", b"localhost:8788/evil",
        b"localhost:8788, evil.test", b" localhost:8788", b"localhost:8788\x00", b"localhost:+8788",
        b"\xff\xfe:8788", "lοcalhost:8788".encode(), b"localhost:999999", b"[]:8788",
        b"192.168.0.1:8788", b"[zz]:8788", b"localhost:8788\n",
    ],
)  # fmt: skip
def test_everything_else_is_refused(host: bytes) -> None:
    assert not HostRules(8788).allows(host)


def test_without_a_port_it_is_port_80() -> None:
    assert HostRules(80).allows(b"localhost")
    assert HostRules(80).allows(b"localhost:80")
    assert not HostRules(8788).allows(b"127.0.0.1")


def test_allowed_hosts_are_exact() -> None:
    rules = HostRules(8788, ["App.test", "tunnel.test:443", "[2001:db8::1]"])
    assert rules.allows(b"app.test")
    assert rules.allows(b"APP.test:8788")
    assert rules.allows(b"tunnel.test:443")
    assert rules.allows(b"[2001:db8::1]:8788")
    refused = [b"sub.app.test", b"app.test.evil", b"app.test:1", b"tunnel.test", b"xapp.test"]
    assert not any(map(rules.allows, refused))


def test_decisions_are_kept_and_bounded() -> None:
    rules = HostRules(8788)
    for number in range(KEPT_DECISIONS * 2 + 10):
        assert not rules.allows(b"evil%d.test" % number)
    assert len(rules._decided) <= KEPT_DECISIONS
    assert not rules.allows(b"x" * 10_000)
    assert all(len(host) < 300 for host in rules._decided)
    assert rules.allows(b"localhost:8788") and rules.allows(b"localhost:8788")


@given(st.binary(max_size=300))
def test_no_host_raises(host: bytes) -> None:
    allowed = HostRules(8788).allows(host)
    if allowed:
        assert host.lower().endswith(b":8788")
        name = host.lower().removesuffix(b":8788")
        assert name == b"localhost" or name.startswith((b"127.", b"["))


@given(st.from_regex(r"(localhost|127\.0\.0\.1|\[::1\])[:.@/ ]?[a-z0-9.:]{0,8}", fullmatch=True))
def test_near_misses(host: str) -> None:
    good = {f"{name}:8788" for name in ("localhost", "127.0.0.1", "[::1]")}
    assert HostRules(8788).allows(host.encode()) == (host in good)


@pytest.mark.parametrize(
    ("name", "loopback"),
    [
        ("localhost", True), ("LOCALHOST", True), ("127.0.0.1", True), ("::1", True),
        ("[::1]", True), ("0.0.0.0", False), ("::", False), ("192.168.1.2", False),
        ("example.test", False), ("", False), ("[localhost]", False),
    ],
)  # fmt: skip
def test_is_loopback(name: str, loopback: bool) -> None:
    assert is_loopback(name) is loopback


def test_one_header() -> None:
    assert one([(b"host", b"a"), (b"x", b"b")], b"host") == b"a"
    assert one([], b"host") is None
    assert one([(b"host", b"a"), (b"host", b"a")], b"host") is None


@pytest.mark.parametrize(
    "origin",
    [
        b"null", b"", b"http://localhost:1", b"http://127.0.0.1:8788", b"https://localhost:8788",
        b"http://localhost:8788/", b"http://evil.test", b"http://localhost:8788.evil.test",
        b"file://", b"\xff", b"http://[::1]:8788", b"localhost:8788",
    ],
)  # fmt: skip
def test_foreign_origins(origin: bytes) -> None:
    assert not same_origin([(b"origin", origin)], b"localhost:8788")


def test_own_origin() -> None:
    assert same_origin([], b"localhost:8788")
    assert same_origin([(b"origin", b"http://localhost:8788")], b"LOCALHOST:8788")
    twice = [(b"origin", b"http://localhost:8788")] * 2
    assert not same_origin(twice, b"localhost:8788")
