"""What an invocation's record says that its author should hear: the N+1 query."""

from __future__ import annotations

import re
from collections import Counter

from ..config.model import Finding
from .trace import Invocation

REPEATED = 10
"""So many identical SQL statements in one invocation earn a warning."""
SHOWN = 80
STATEMENT = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|REPLACE|VALUES)\b", re.IGNORECASE)
"""What the subject of a call to a database looks like."""


def advice(invocation: Invocation) -> list[Finding]:
    """The findings about one finished invocation."""
    if len(invocation.spans) < REPEATED:
        return []
    statements = Counter(
        (span.binding, span.subject) for span in invocation.spans if STATEMENT.match(span.subject)
    )
    return [
        _repeated(invocation, binding, statement, count)
        for (binding, statement), count in statements.most_common(3)
        if count >= REPEATED
    ]


def _repeated(invocation: Invocation, binding: str, statement: str, count: int) -> Finding:
    text = " ".join(statement.split())
    shown = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return Finding(
        "repeated-sql",
        f"{invocation.name} ran the same statement {count} times on {binding}: {shown}",
        hint="read the rows in one statement (WHERE … IN, a JOIN), or send one batch()",
    )
