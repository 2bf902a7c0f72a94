"""`[dev]`: where the server listens, and to which names it answers (interface §2, §4)."""

from __future__ import annotations

import re
from typing import Any

from .decode import decode
from .document import Document, shown
from .layers import Layers
from .locate import KeyPath
from .model import Dev, Finding

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class WranglerDev(Dev, frozen=True):
    """`[dev]` with the keys that wrangler has there too."""

    ip: str | None = None
    container_engine: Any = None
    enable_containers: Any = None
    generate_types: Any = None
    inspector_ip: Any = None
    inspector_port: Any = None
    local_protocol: str = "http"
    types: Any = None
    upstream_protocol: Any = None


def dev(layers: Layers, findings: list[Finding]) -> Dev:
    """`[dev]`, of the top level alone. Raises `ConfigError`."""
    found = layers.at_top("dev")
    if found is None:
        return Dev()
    document = layers.document
    given = decode(document, found.value, WranglerDev, found.path, findings)
    if given.local_protocol != "http":
        text = f"`local_protocol = {shown(given.local_protocol)}` has no effect here"
        place = (*found.path, "local_protocol")
        findings.append(document.finding("ignored-key", text, place, "the server speaks http"))
    key = "ip" if given.ip is not None and "host" not in found.value else "host"
    return Dev(
        host=_bind_address(document, getattr(given, key), (*found.path, key)),
        port=given.port,
        allowed_hosts=tuple(
            _allowed_host(document, name, (*found.path, "allowed_hosts", index))
            for index, name in enumerate(given.allowed_hosts)
        ),
        cron_weekdays=given.cron_weekdays,
        request_timeout=given.request_timeout,
        seed=given.seed,
    )


def _bind_address(document: Document, host: str, path: KeyPath) -> str:
    if _HOST.fullmatch(host.lower()) or _is_address(host):
        return host
    hint = "0.0.0.0 is every interface" if host == "*" else "a name or an IP address, no port"
    raise document.error(f"the server cannot listen on {shown(host)}", path, hint)


def _allowed_host(document: Document, name: str, path: KeyPath) -> str:
    """An exact Host value in lower case: a name or address, with a port or without."""
    host = name.lower()
    bare, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit() and int(port) <= 65535:
        host = bare
    address = host[1:-1] if host.startswith("[") and host.endswith("]") else ""
    if (address and _is_address(address)) or _HOST.fullmatch(host):
        return name.lower()
    raise document.error(
        f"{shown(name)} is no host name",
        path,
        "write it exactly as in the Host header: no scheme, no path, no *",
    )


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
