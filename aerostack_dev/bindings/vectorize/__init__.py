"""`env.VECTORIZE`: vector search (storage-vectorize-ai.md §2)."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

import msgspec

from ...config.model import Section
from ..kind import Kind

Metric = Literal["cosine", "euclidean", "dot-product"]

MAX_DIMENSIONS = 1536
MAX_NAME_BYTES = 64
MAX_DELAY = 3600
FOLDER = "vectorize"


class Index(msgspec.Struct, frozen=True):
    """One entry of `[[vectorize]]`: bindings with the same `index_name` share its vectors.

    Without an `index_name` the binding's name stands for it. `dimensions` is how many
    numbers a vector has, 1 to 1536; left out, the first vector written decides. Neither
    it nor `metric` can change while the index holds vectors. `visibility_delay`: seconds
    from a write until queries see it; production takes some, which code should survive.
    """

    binding: str
    index_name: str = ""
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=MAX_DIMENSIONS)] | None = None
    metric: Metric = "cosine"
    visibility_delay: Annotated[float, msgspec.Meta(ge=0, le=MAX_DELAY)] = 0

    def __post_init__(self) -> None:
        size = len(self.index_name.encode())
        if size > MAX_NAME_BYTES:
            raise ValueError(f"index_name has {size} bytes; {MAX_NAME_BYTES} are allowed")


def resource(index: Index) -> str:
    """The index behind a binding."""
    return index.index_name or index.binding


def file_of(name: str) -> str:
    """The file of the index called `name`, within the state."""
    return f"{FOLDER}/{quote(name, safe='')}.sqlite"


KIND = Kind(
    name="vectorize",
    title="vector index",
    default="VECTORIZE",
    section=Section("vectorize", Index),
    resource=resource,
    backends={"sqlite": "aerostack_dev.bindings.vectorize.sqlite:open_backend"},
    operations="aerostack_dev.bindings.vectorize.operations:Operations",
    face="aerostack_dev.bindings.vectorize.api:VectorizeIndex",
    location=lambda index: file_of(resource(index)),
    check="aerostack_dev.bindings.vectorize.check:check",
    interface="VectorizeIndex",
)
