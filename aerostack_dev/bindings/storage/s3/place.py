"""What an operation is called with."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ....clock import Clock
from ..backend import Backend
from ..operations import Operations
from .request import Request
from .signature import Authorized


class Call(msgspec.Struct, frozen=True):
    """An accepted request to one bucket; `key` is empty for the bucket itself."""

    request: Request
    authorized: Authorized
    bucket: Operations
    key: str
    buckets: Mapping[str, Operations]
    backend: Backend
    clock: Clock

    @property
    def headers(self) -> Mapping[str, str]:
        return self.request.headers

    @property
    def parameters(self) -> Mapping[str, str]:
        return self.request.parameters
