"""`env.AI`: models behind one call (storage-vectorize-ai.md §3)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ...config.model import Section
from ..kind import Kind
from .providers import PROVIDERS

TIMEOUT_SECONDS = 120.0
"""How long a provider may be silent."""


class Ai(msgspec.Struct, frozen=True):
    """`[ai]`: who answers (interface.md §2).

    `provider`: a name of `providers.PROVIDERS`. `base_url`, `api_key` and `account_id`
    override what the provider brings; `$NAME` in the last two is read from .dev.vars or
    the environment. `timeout`: seconds that a provider may be silent. `models`: the
    platform's name of a model, or of a task (`text-generation`), -> the provider's.
    `cassette`: a file, below the project's folder, in which answers are recorded and
    from which they are replayed; `cassette_mode`: `auto` records what is missing,
    `record` everything, `replay` nothing.
    """

    binding: str = "AI"
    provider: str = "auto"
    base_url: str = ""
    api_key: str = ""
    account_id: str = ""
    timeout: Annotated[float, msgspec.Meta(gt=0)] = TIMEOUT_SECONDS
    models: dict[str, str] = {}
    cassette: str = ""
    cassette_mode: Literal["auto", "record", "replay"] = "auto"

    def __post_init__(self) -> None:
        if self.provider not in PROVIDERS:
            known = ", ".join(PROVIDERS)
            raise ValueError(f"there is no provider {self.provider!r}; there are: {known}")
        if self.base_url and not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url must begin with http:// or https://: {self.base_url!r}")


KIND = Kind(
    name="ai",
    title="AI models",
    default="AI",
    section=Section("ai", Ai, many=False, shorthand=True),
    resource=lambda declaration: str(declaration.provider),
    backends={"provider": "aerostack_dev.bindings.ai.opening:open_backend"},
    operations="aerostack_dev.bindings.ai.operations:Operations",
    face="aerostack_dev.bindings.ai.api:Ai",
    interface="Ai",
)
