"""Who can answer: a provider is one file here and one line in `PROVIDERS`."""

from __future__ import annotations

from collections.abc import Mapping

from .presets import PRESETS

_HERE = "aerostack_dev.bindings.ai.providers"

PROVIDERS: Mapping[str, str] = {
    "auto": f"{_HERE}.auto:open_provider",
    "offline": f"{_HERE}.offline:open_provider",
    "local": f"{_HERE}.local:open_provider",
    "cloudflare": f"{_HERE}.cloudflare:open_provider",
    **dict.fromkeys(PRESETS, f"{_HERE}.openai_compatible:open_provider"),
}
"""Name in `[ai] provider` -> `open_provider(declaration, services)`.

The presets are OpenAI-compatible servers: a line of data each (`presets.py`).
"""
