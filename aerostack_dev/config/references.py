"""`$NAME` in `aerostack.toml`: a value kept in `.dev.vars` or the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError

_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", re.ASCII)


def reference_name(text: str) -> str | None:
    """`NAME` when `text` is `$NAME` or `${NAME}` and nothing else."""
    match = _REFERENCE.fullmatch(text)
    return (match[1] or match[2]) if match else None


def resolve_reference(text: str, values: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """`text`, or what it stands for when it is a reference (interface §2).

    `values` (of the function) win over `environ`; an empty one counts as not set. A
    number or truth value is written as JSON would. Raises `ConfigError`.
    """
    name = reference_name(text)
    if name is None:
        return text
    found = values.get(name)
    if found in (None, ""):
        found = environ.get(name)
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, (int, float)):
        return str(found)
    if not isinstance(found, str) or not found:
        raise ConfigError(
            f"{text} is not set" if not found else f"{text} is not a text",
            hint=f"add {name}=… to .dev.vars, or set it in the environment",
        )
    return found
