"""What is behind `env.AI`: a provider per binding.

A provider gets a `Call` whose inputs have been checked and answers with an `Outcome`. It
knows nothing of the platform's limits, error codes and shapes of answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from . import Ai
from .batches import Batches
from .cassette import Cassette
from .models import Model
from .outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a model; a stream among the inputs has become a `Media`."""

    model: Model
    inputs: Mapping[str, Any]
    options: Mapping[str, Any]


class Provider(Protocol):
    """Who answers. What `open_provider(declaration, services)` yields."""

    def chosen(self, call: Call) -> Provider:
        """The provider that answers this call: itself, unless it stands for several."""

    @property
    def name(self) -> str:
        """As in `[ai] provider`."""

    def offers(self, call: Call) -> bool:
        """Whether it can answer calls like this one at all."""

    def naming(self, call: Call) -> str:
        """What it calls the model; empty when it has none of its own."""

    async def answer(self, call: Call) -> Outcome:
        """The answer. Raises `AiError` in the provider's own words, naming it."""


class Backend(Protocol):
    """The providers of a project, each opened by its first use."""

    @property
    def batches(self) -> Batches:
        """The queued requests."""

    async def provider(self, declaration: Ai) -> Provider:
        """The provider of a binding. Raises `ConfigError` when it is set up wrongly."""

    def cassette(self, declaration: Ai) -> Cassette | None:
        """The recording that a binding writes to and plays from."""
