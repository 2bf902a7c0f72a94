"""The keys of the top level: ours, those that change nothing here, those we lack.

The lists follow the official CLI (queue-cron-dev.md §5.2) and wrangler's configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .document import shown
from .layers import Layers
from .locate import KeyPath
from .model import Finding, Section
from .suggest import meant

TOP_ONLY = frozenset({"env", "dev"})
OWN = TOP_ONLY | frozenset(
    {
        "name",
        "main",
        "compatibility_date",
        "compatibility_flags",
        "vars",
        "secrets",
        "services",
        "triggers",
    }
)
"""Keys that the loader itself reads."""

MISPLACED = frozenset({"main", "compatibility_date", "compatibility_flags"})
"""Keys of the top level that nobody means as a variable of the function."""

SILENT = frozenset(
    {
        "$schema",
        "account_id",
        "annotations",
        "api_key",
        "cache",
        "category",
        "cloudchamber",
        "commands",
        "compliance_region",
        "configPath",
        "container_engine",
        "debug",
        "description",
        "first_party_worker",
        "keep_names",
        "keep_vars",
        "legacy_env",
        "limits",
        "logpush",
        "minify",
        "node_compat",
        "observability",
        "placement",
        "preserve_file_names",
        "preview_urls",
        "previews",
        "project_id",
        "project_slug",
        "python_modules",
        "route",
        "routes",
        "scopes",
        "send_metrics",
        "slug",
        "streaming_tail_consumers",
        "tags",
        "topLevelName",
        "type",
        "upload_source_maps",
        "usage_model",
        "userConfigPath",
        "webpack_config",
        "workers_dev",
        "zone_id",
        "zone_name",
    }
)
"""Keys about deploying, publishing and accounts: they change nothing locally."""

IGNORED: Mapping[str, str] = {
    "alias": "imports are not rewritten",
    "assets": "static files are not served",
    "base_dir": "modules are found beside the function",
    "build": "no build command is run",
    "containers": "containers do not exist locally",
    "define": "constants are not replaced in the source",
    "find_additional_modules": "modules are found when they are imported",
    "functions": "one project is one function: its file is `main`",
    "jsx_factory": "JSX is compiled as tsconfig.json says",
    "jsx_fragment": "JSX is compiled as tsconfig.json says",
    "migrations": "Durable Objects do not exist locally",
    "no_bundle": "nothing is bundled",
    "pages_build_output_dir": "Pages projects are not served",
    "rules": "what a file is imported as depends on its ending alone",
    "site": "static files are not served",
    "tail_consumers": "no other worker is told about this one",
    "tsconfig": "the tsconfig.json nearest to `main` is read",
}
"""Keys whose absence here could be noticed, and how."""

UNSUPPORTED: Mapping[str, str] = {
    "agent_memory": "binding",
    "ai_search": "binding",
    "ai_search_namespaces": "binding",
    "analytics_engine_datasets": "binding",
    "artifacts": "binding",
    "browser": "binding",
    "data_blobs": "",
    "dispatch_namespaces": "binding",
    "durable_objects.bindings": "name",
    "flagship": "binding",
    "hello_world": "binding",
    "hyperdrive": "binding",
    "images": "binding",
    "logfwdr.bindings": "name",
    "media": "binding",
    "mtls_certificates": "binding",
    "pipelines": "binding",
    "postgres_databases": "binding",
    "ratelimits": "name",
    "secrets_store_secrets": "binding",
    "send_email": "name",
    "stream": "binding",
    "text_blobs": "",
    "unsafe.bindings": "name",
    "unsafe_hello_world": "binding",
    "version_metadata": "binding",
    "vpc_networks": "binding",
    "vpc_services": "binding",
    "wasm_modules": "",
    "worker_loaders": "binding",
    "workflows": "binding",
}
"""Table of a binding kind that does not exist here -> the key that names the binding.

An empty key: the table's own keys are the names.
"""

ELSEWHERE: Mapping[str, str] = {
    "allowed_hosts": "dev",
    "cron_weekdays": "dev",
    "crons": "triggers",
    "host": "dev",
    "ip": "dev",
    "port": "dev",
    "request_timeout": "dev",
}
"""Keys that are easily written outside their table."""


def unknown_keys(layers: Layers, sections: Iterable[Section]) -> Iterator[Finding]:
    """A finding for each key that nobody reads, or that changes nothing but might seem to.

    Looks at the top level and the chosen environment, outside the sections' own tables.
    """
    paths = frozenset(tuple(section.path.split(".")) for section in sections)
    yield from _walk(layers, layers.document.tables, (), (), paths)
    if layers.environment is not None:
        yield from _walk(layers, layers.chosen, layers.prefix, (), paths)
    yield from _misplaced(layers)


def _walk(
    layers: Layers,
    table: dict[str, Any],
    base: KeyPath,
    inside: tuple[str, ...],
    paths: frozenset[tuple[str, ...]],
) -> Iterator[Finding]:
    for key, value in table.items():
        full = (*inside, key)
        if full in paths:
            continue
        if any(path[: len(full)] == full for path in paths):
            if not isinstance(value, dict):
                raise layers.document.error(f"expected a table, not {shown(value)}", (*base, *full))
            yield from _walk(layers, value, base, full, paths)
        else:
            yield from _judge(layers, base, full, paths)


def _judge(
    layers: Layers,
    base: KeyPath,
    full: tuple[str, ...],
    paths: frozenset[tuple[str, ...]],
) -> Iterator[Finding]:
    known = _known(base, full[:-1], paths)
    key, place = full[-1], (*base, *full)
    if len(full) == 1 and key in IGNORED:
        yield layers.document.finding(
            "ignored-key", f"`{key}` has no effect here: {IGNORED[key]}", place
        )
    elif key not in known:
        yield layers.document.finding(
            "unknown-key", f"unknown key `{key}`", place, _hint(key, full, base, known)
        )


def _known(
    base: KeyPath, inside: tuple[str, ...], paths: frozenset[tuple[str, ...]]
) -> frozenset[str]:
    """The keys that may stand in the table `inside` of the layer at `base`."""
    deeper = frozenset(
        path[len(inside)] for path in paths if path[: len(inside)] == inside and path != inside
    )
    if inside:
        return deeper
    top = OWN - TOP_ONLY if base else OWN
    unsupported = frozenset(path.partition(".")[0] for path in UNSUPPORTED)
    return deeper | top | SILENT | unsupported | frozenset(IGNORED)


def _hint(key: str, full: tuple[str, ...], base: KeyPath, known: frozenset[str]) -> str:
    if len(full) == 1 and key in ELSEWHERE:
        return f"it belongs in [{ELSEWHERE[key]}]"
    if key in OWN | SILENT:
        return "it belongs at the top of the file, above the first [table]"
    if base or len(full) > 1:
        return meant(key, known)
    return meant(key, known - SILENT) or meant(key, known)


def _misplaced(layers: Layers) -> Iterator[Finding]:
    """TOML's old trap: a key meant for the top level, written below `[vars]`."""
    found = layers.find("vars", inherited=False)
    if found is None or not isinstance(found.value, dict):
        return
    for key in sorted(MISPLACED & found.value.keys()):
        yield layers.document.finding(
            "misplaced-key",
            f"`{key}` stands below [vars], so it is a variable of the function",
            (*found.path, key),
            "move it to the top of the file, above the first [table]",
        )
