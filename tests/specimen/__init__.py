"""The specimen: the smallest whole room, to be copied by whoever adds a binding.

`env.SPECIMEN.greet("Ada")` answers "Hello, Ada!" and counts its greetings on disk. A
project changes the word with

    [[specimens]]
    binding = "SPECIMEN"
    word = "Good day"
"""

from __future__ import annotations

import msgspec

from aerostack_dev.bindings.kind import Kind
from aerostack_dev.config.model import Section


class Specimen(msgspec.Struct, frozen=True):
    """One entry of `[[specimens]]`."""

    binding: str
    word: str = "Hello"


KIND = Kind(
    name="specimen",
    title="specimen",
    default="SPECIMEN",
    section=Section("specimens", Specimen),
    resource=lambda declaration: str(declaration.binding),
    location=lambda declaration: "specimen.sqlite",
    backends={
        "sqlite": "tests.specimen.sqlite:open_backend",
        "memory": "tests.specimen.memory:open_backend",
    },
    operations="tests.specimen.operations:Operations",
    face="tests.specimen.api:Face",
)
