"""What `aerostack check` says of the project's buckets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...config.model import Finding, Project
from . import KIND, Bucket

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def check(project: Project) -> Iterator[Finding]:
    """Bucket names that work here and that production would not create."""
    entries: tuple[Bucket, ...] = project.sections.get(KIND.section.path, ())
    for index, entry in enumerate(entries):
        if not BUCKET_NAME.fullmatch(entry.resource):
            yield Finding(
                "bucket-name",
                f"production has no bucket named {entry.resource!r}",
                where=f"{KIND.section.path}[{index}].bucket_name",
                hint="use 3 to 63 of a-z, 0-9 and '-', with no '-' at either end",
            )
