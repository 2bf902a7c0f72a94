"""Listening sockets: on loopback unless told otherwise, IPv4 and IPv6 alike."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from ..config.model import DEFAULT_HOST, DEFAULT_PORT
from ..errors import AerostackError
from .holder import holder_of

LOOPBACK = ("127.0.0.1", "::1")
LOOPBACK_NAMES = ("localhost", *LOOPBACK)
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - only compared with
"""Addresses that mean all interfaces, and the one to show for them."""
PORTS_TRIED = 100
BACKLOG = 2048
HIGHEST_PORT = 65535


class Listening(Struct, frozen=True):
    """Sockets that accept connections on one port.

    `moved` says that the port is not the default one, because that was busy.
    """

    sockets: tuple[socket.socket, ...]
    host: str
    port: int
    moved: bool = False

    @property
    def url(self) -> str:
        """The address for a browser on this machine, without a final slash."""
        host = EVERYWHERE.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


class _BusyError(Exception):
    """The port is taken."""


@contextmanager
def listening(
    host: str = DEFAULT_HOST, port: int | None = None, *, default: int = DEFAULT_PORT
) -> Iterator[Listening]:
    """Sockets on `host`, closed at the end of the block.

    A loopback name means 127.0.0.1 and ::1. Without `port` it is `default` or, when
    that is busy, the next free one; 0 is any free one. Raises `AerostackError` when an
    explicit port is busy, or when `host` cannot be listened on.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    with ExitStack() as stack:
        sockets, found = _bind(bare, port, default)
        for one in sockets:
            stack.callback(one.close)
        yield Listening(sockets, bare, found, moved=port is None and found != default)


def _bind(host: str, port: int | None, default: int) -> tuple[tuple[socket.socket, ...], int]:
    wanted = [port] if port is not None else _candidates(default)
    for candidate in wanted if port != 0 else [0] * PORTS_TRIED:
        try:
            return _open(host, candidate)
        except _BusyError:
            continue
    raise _no_port(wanted)


def _candidates(default: int) -> list[int]:
    return list(range(default, min(default + PORTS_TRIED, HIGHEST_PORT + 1)))


def _open(host: str, port: int) -> tuple[tuple[socket.socket, ...], int]:
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, address, needed in _addresses(host):
            try:
                one = _listen(family, address, port)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise _BusyError from error
                if needed:
                    raise _cannot(host, port, error) from error
                continue  # a machine without IPv6
            stack.callback(one.close)
            sockets.append(one)
            port = one.getsockname()[1]
        stack.pop_all()
        return tuple(sockets), port


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str, bool]]:
    """Family and address of each socket, and whether it may not be missing."""
    if host.lower() in LOOPBACK_NAMES:
        families = (socket.AF_INET, socket.AF_INET6)
        both = [
            (family, address, address == host or (family == socket.AF_INET and host != "::1"))
            for family, address in zip(families, LOOPBACK, strict=True)
        ]
        return sorted(both, key=lambda one: not one[2])
    try:
        found = socket.getaddrinfo(
            host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise _cannot(host, 0, error) from error
    return [(one[0], str(one[4][0]), True) for one in dict.fromkeys(found)]


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, port))
        one.listen(BACKLOG)  # only now is it certain that the port is ours
    except BaseException:
        one.close()
        raise
    return one


def _no_port(wanted: list[int]) -> AerostackError:
    if wanted == [0]:
        return AerostackError(
            "there is no free port", hint="stop some of the servers that run", code="port-busy"
        )
    if len(wanted) == 1:
        who = holder_of(wanted[0])
        return AerostackError(
            f"port {wanted[0]} is in use by {who or 'another process'}",
            hint="stop that process, or choose another port (0: any free one)",
            code="port-busy",
        )
    return AerostackError(
        f"ports {wanted[0]} to {wanted[-1]} are all in use",
        hint="choose another one with --port (0: any free one)",
        code="port-busy",
    )


def _cannot(host: str, port: int, error: OSError | UnicodeError) -> AerostackError:
    if isinstance(error, PermissionError):
        hint = "ports below 1024 need more rights: choose a higher one"
    else:
        hint = "give a name or address of this machine, for instance 127.0.0.1"
    why = getattr(error, "strerror", None) or str(error)
    where = f"{host}:{port}" if port else host
    return AerostackError(f"cannot listen on {where}: {why}", hint=hint, code="listen")
