"""What `aerostack check` says of the project's vector indexes."""

from __future__ import annotations

from collections.abc import Iterator

from ...config.model import Finding, Project
from . import KIND, Index, resource


def check(project: Project) -> Iterator[Finding]:
    """Filters work here on every property, in production on indexed ones (§2.3)."""
    entries: tuple[Index, ...] = project.sections.get(KIND.section.path, ())
    for index, entry in enumerate(entries):
        yield Finding(
            "vectorize-metadata-index",
            f"filters on {entry.binding} work here on every property; production needs a "
            "metadata index for each, made before the vectors are written",
            where=f"{KIND.section.path}[{index}]",
            hint=f"wrangler vectorize create-metadata-index {resource(entry)} "
            "--property-name NAME --type string|number|boolean",
        )
