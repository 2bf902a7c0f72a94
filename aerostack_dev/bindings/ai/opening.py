"""The backend: providers, cassettes and batches, owned by one exit stack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from ..kind import Services, named
from ..lazy import Lazy, open_later
from . import Ai
from .backend import Provider
from .batches import Batches, open_batches
from .cassette import Cassette
from .providers import PROVIDERS


class Providers:
    """The `Backend` of a project. `open_backend` yields it."""

    def __init__(
        self,
        providers: Mapping[str, Lazy[Provider]],
        cassettes: Mapping[str, Cassette],
        batches: Batches,
    ) -> None:
        self._providers = providers
        self._cassettes = cassettes
        self.batches = batches

    async def provider(self, declaration: Ai) -> Provider:
        lazy = self._providers[declaration.binding]
        return lazy.value or await lazy.get()

    def cassette(self, declaration: Ai) -> Cassette | None:
        return self._cassettes.get(declaration.binding)


def open_provider(declaration: Ai, services: Services) -> AbstractAsyncContextManager[Provider]:
    """The provider that `declaration` names."""
    opened: AbstractAsyncContextManager[Provider] = named(PROVIDERS[declaration.provider])(
        declaration, services
    )
    return opened


@asynccontextmanager
async def open_backend(declarations: Sequence[Ai], services: Services) -> AsyncIterator[Providers]:
    """What stands behind the bindings; nothing is imported or asked before its first use."""
    async with AsyncExitStack() as stack:
        providers = {}
        for declaration in declarations:
            opening = open_later(partial(open_provider, declaration, services))
            providers[declaration.binding] = await stack.enter_async_context(opening)
        cassettes = {
            declaration.binding: Cassette.of(declaration, services)
            for declaration in declarations
            if declaration.cassette
        }
        # Entered last: what is under way ends before its provider is closed.
        batches = await stack.enter_async_context(open_batches(services.entropy))
        yield Providers(providers, cassettes, batches)
