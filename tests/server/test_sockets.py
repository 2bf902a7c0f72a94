"""Binding: loopback, both families, busy ports."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.errors import AerostackError
from aerostack_dev.server import sockets
from aerostack_dev.server.holder import holder_of
from aerostack_dev.server.sockets import PORTS_TRIED, Listening, listening


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def addresses(found: Listening) -> list[str]:
    return [str(one.getsockname()[0]) for one in found.sockets]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "[::1]", "LOCALHOST"])
@needs_ipv6
def test_loopback_means_both_families(host: str) -> None:
    with listening(host, 0) as found:
        assert sorted(addresses(found)) == ["127.0.0.1", "::1"]
        assert {one.getsockname()[1] for one in found.sockets} == {found.port}
        assert not found.moved
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as client:
                client.connect((address, found.port))
    assert all(one.fileno() == -1 for one in found.sockets)


def test_without_ipv6_there_is_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    listen = sockets._listen

    def only_ipv4(family: Any, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return listen(family, address, port)

    monkeypatch.setattr(sockets, "_listen", only_ipv4)
    with listening(port=0) as found:
        assert addresses(found) == ["127.0.0.1"]
    with pytest.raises(AerostackError, match=r"cannot listen on ::1"), listening("::1", 0):
        pass


@pytest.mark.parametrize("taken", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_a_busy_default_port_is_moved_from(taken: str) -> None:
    family = socket.AF_INET6 if ":" in taken else socket.AF_INET
    with socket.socket(family) as other:
        other.bind((taken, 0))
        other.listen()
        port = other.getsockname()[1]
        with listening(default=port) as found:
            assert found.moved
            assert port < found.port < port + PORTS_TRIED
        with pytest.raises(AerostackError) as raised, listening(port=port, default=port):
            pass
    assert raised.value.code == "port-busy"
    assert f"port {port} is in use by" in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_free_default_port_is_taken() -> None:
    with listening(port=0) as probe:
        free = probe.port
    with listening(default=free) as found:
        assert (found.port, found.moved) == (free, False)


def test_a_port_is_free_again_at_once() -> None:
    with listening(port=0) as found, socket.socket() as client:
        client.connect(("127.0.0.1", found.port))
        accepted, _ = next(one for one in found.sockets if one.family == socket.AF_INET).accept()
        accepted.close()
    with listening(port=found.port) as again:
        assert again.port == found.port


def test_when_every_port_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(sockets, "_listen", busy)
    with (
        pytest.raises(AerostackError, match="ports 65500 to 65535 are all in use"),
        listening(default=65500),
    ):
        pass
    with pytest.raises(AerostackError, match="no free port"), listening(port=0):
        pass


def test_hosts_that_cannot_be_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("203.0.113.7", "no such host", "x" * 300):
        with pytest.raises(AerostackError, match="cannot listen on") as raised, listening(host, 0):
            pass
        assert raised.value.code == "listen"

    def refused(*_: Any) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(sockets, "_listen", refused)
    with (
        pytest.raises(AerostackError, match=r"cannot listen on 127.0.0.1:80") as raised,
        listening(port=80),
    ):
        pass
    assert "1024" in raised.value.hint


def test_everywhere_when_told_so() -> None:
    with listening("0.0.0.0", 0) as found:
        assert addresses(found) == ["0.0.0.0"]
        assert found.url == f"http://127.0.0.1:{found.port}"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"), ("localhost", "http://localhost:80"),
        ("::1", "http://[::1]:80"), ("::", "http://[::1]:80"), ("", "http://127.0.0.1:80"),
    ],
)  # fmt: skip
def test_url(host: str, url: str) -> None:
    assert Listening((), host, 80).url == url


TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when
   0: 0100007F:2254 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 777 1
   1: 0100007F:2255 00000000:0000 01 00000000:00000000 00:00000000 00000000  0  0 888 1
"""


def test_holder_of_a_port(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TABLE)
    for pid, inode in (("12", "1"), ("34", "777")):
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (tmp_path / pid / "comm").write_text("node\n")
    (tmp_path / "56").mkdir()
    assert holder_of(0x2254, tmp_path) == "node (process 34)"
    assert holder_of(0x2255, tmp_path) == ""
    assert holder_of(1, tmp_path) == ""
    assert holder_of(0x2254, tmp_path / "nothing") == ""
    (tmp_path / "34" / "fd" / "3").unlink()
    assert holder_of(0x2254, tmp_path) == ""
