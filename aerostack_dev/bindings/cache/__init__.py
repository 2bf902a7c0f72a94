"""The cache: `env.CACHE`, the platform's KV (db-cache.md §2)."""

from __future__ import annotations

import msgspec

from ...config.model import Section
from ..kind import Kind


class Namespace(msgspec.Struct, frozen=True):
    """One entry of `[[kv_namespaces]]`: bindings with the same `id` share their entries.

    Without an `id` the binding's name stands for it. `preview_id` and `title` mean
    something to the platform only.
    """

    binding: str
    id: str = ""
    preview_id: str = ""
    title: str = ""


def resource(namespace: Namespace) -> str:
    """The namespace behind a binding."""
    return namespace.id or namespace.binding


KIND = Kind(
    name="cache",
    title="key-value cache",
    default="CACHE",
    section=Section("kv_namespaces", Namespace),
    resource=resource,
    location=lambda namespace: "cache.sqlite",
    backends={"sqlite": "aerostack_dev.bindings.cache.sqlite:open_backend"},
    operations="aerostack_dev.bindings.cache.operations:Operations",
    face="aerostack_dev.bindings.cache.api:KVNamespace",
    interface="KVNamespace",
)
