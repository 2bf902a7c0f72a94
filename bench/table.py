"""What `aerostack dev` must reach, and whether it does: ratios of the same run."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from measures import Samples

FLAT_MIB = 16.0
"""So much may a process grow while 20 000 messages pass through it."""

OTHERS = {
    "bare": "uvicorn + Starlette",
    "miniflare": "bare miniflare",
    "python": "the same without",
}


@dataclass(frozen=True)
class Goal:
    """`contender`'s figure, divided by `against`'s in the same round, is within `bound`.

    Without `against` the figure itself must be.
    """

    title: str
    measure: str
    contender: str
    against: str
    sign: str
    bound: float
    unit: str = ""

    @property
    def wanted(self) -> str:
        if not self.against:
            return f"{self.sign} {self.bound:g} {self.unit}".rstrip()
        other = OTHERS.get(self.against, self.against)
        if self.bound < 0.5:
            return f"{self.sign} 1/{1 / self.bound:.0f} of {other}"
        if self.bound < 1:
            return f"{self.sign} {self.bound:.0%} of {other}"
        return f"{self.sign} {self.bound:g} × {other}"


@dataclass(frozen=True)
class Verdict:
    """How a goal was met: the median of the rounds, and their lowest and highest."""

    goal: Goal
    median: float
    lowest: float
    highest: float

    @property
    def reached(self) -> bool:
        if self.goal.sign == "≥":
            return self.median >= self.goal.bound
        return self.median <= self.goal.bound


def _both(title: str, measure: str, against: str, sign: str, bound: float) -> tuple[Goal, Goal]:
    return (
        Goal(f"{title}, Python", measure, "python", against, sign, bound),
        Goal(f"{title}, TypeScript", measure, "typescript", against, sign, bound),
    )


GOALS = (
    Goal("start → first response, Python", "start", "python", "wrangler", "≤", 1 / 6),
    Goal("start → first response, TypeScript", "start", "typescript", "wrangler", "≤", 1 / 5),
    Goal("save → new code served, Python", "reload", "python", "wrangler", "≤", 1 / 8),
    Goal("save → new code served, TypeScript", "reload", "typescript", "wrangler", "≤", 1 / 4),
    Goal("idle memory, Python", "idle", "python", "wrangler", "≤", 1 / 6),
    Goal("idle memory, TypeScript", "idle", "typescript", "wrangler", "≤", 1 / 3),
    Goal("hello, Python", "hello", "python", "bare", "≥", 0.75),
    Goal("hello, TypeScript", "hello", "typescript", "bare", "≥", 0.6),
    Goal("hello with request lines in a file", "lines", "logged", "python", "≥", 0.8),
    Goal("DB one row, Python", "row", "python", "bare", "≥", 0.85),
    *_both("DB one row", "row", "miniflare", "≥", 4),
    *_both("DB insert", "insert", "miniflare", "≥", 3),
    *_both("CACHE get", "cache-get", "miniflare", "≥", 3),
    *_both("CACHE put", "cache-put", "miniflare", "≥", 5),
    *_both("QUEUE send", "send", "miniflare", "≥", 3),
    *_both("STORAGE get 10 KiB", "storage-get", "miniflare", "≥", 4),
    *_both("STORAGE put 10 KiB", "storage-put", "miniflare", "≥", 5),
    Goal("queue drained, Python", "drain", "python", "", "≥", 5000, "messages/s"),
    Goal("queue drained, TypeScript", "drain", "typescript", "", "≥", 5000, "messages/s"),
    Goal("… memory flat, Python", "drain growth", "python", "", "≤", FLAT_MIB, "MiB more"),
    Goal("… memory flat, TypeScript", "drain growth", "typescript", "", "≤", FLAT_MIB, "MiB more"),
    Goal("VECTORIZE query at 10 000", "vectors 10000 query", "python", "", "≤", 1, "ms"),
    Goal("VECTORIZE query at 100 000", "vectors 100000 query", "python", "", "≤", 2, "ms"),
    Goal("… recall@10", "vectors 100000 recall", "python", "", "≥", 0.95),
    Goal("hello without its trace / with it", "tracing hello", "switched", "", "≥", 0.95),
    Goal("DB one row without its trace / with it", "tracing row", "switched", "", "≥", 0.9),
)


def verdicts(samples: Samples) -> Iterator[Verdict]:
    """The goals that this run can judge."""
    for goal in GOALS:
        figures = samples.values.get(goal.measure, {})
        own = figures.get(goal.contender, {})
        if not goal.against:
            found = list(own.values())
        else:
            other = figures.get(goal.against, {})
            found = [own[turn] / other[turn] for turn in own if turn in other]
        if found:
            yield Verdict(goal, statistics.median(found), min(found), max(found))


def missed(samples: Samples) -> list[Goal]:
    """The goals whose work was tried by the contender and not done."""
    return [goal for goal in GOALS if goal.contender in samples.failures.get(goal.measure, {})]
