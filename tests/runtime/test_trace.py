"""Every invocation and every call is recorded once, in bounded space."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aerostack_dev.bindings.spans import SUBJECT_LENGTH, operation
from aerostack_dev.clock import ManualClock
from aerostack_dev.runs import Recorded, entered
from aerostack_dev.runtime.advice import REPEATED, advice
from aerostack_dev.runtime.trace import (
    KEPT_CHARACTERS,
    KEPT_INVOCATIONS,
    KEPT_LOGS,
    KEPT_SPANS,
    Invocation,
    Log,
    Trace,
    current,
)


class Verbs:
    binding = "DB"

    @operation()
    async def query(self, sql: str) -> int:
        if sql == "bad":
            raise ValueError("no such thing")
        return 1

    @operation(lambda numbers: f"{len(numbers)} numbers")
    async def add(self, numbers: list[int]) -> int:
        return sum(numbers)


def new_trace() -> Trace:
    return Trace(ManualClock(), os.urandom)


@contextmanager
def run(trace: Trace) -> Iterator[Invocation]:
    """An invocation that the code of the block belongs to."""
    invocation = trace.open("fetch", "GET /")
    with entered(Recorded(invocation)):
        yield invocation
    trace.close(invocation, "ok")


async def test_calls_belong_to_the_invocation_they_are_made_in():
    trace, verbs = new_trace(), Verbs()
    await verbs.query("outside")
    with run(trace) as first:
        assert current() is first
        await verbs.query("SELECT 1")
        await verbs.add([1, 2])
    assert current() is None
    assert [(one.operation, one.subject) for one in first.spans] == [
        ("query", "SELECT 1"),
        ("add", "2 numbers"),
    ]
    assert first.calls == {"DB": 2}
    assert trace.recent() == [first]


async def test_a_failed_call_says_why_and_keeps_no_exception_alive():
    trace = new_trace()
    with run(trace) as invocation, pytest.raises(ValueError, match="no such thing"):
        await Verbs().query("bad")
    assert invocation.spans[0].error == "ValueError: no such thing"
    assert invocation.spans[0].duration is not None


async def test_everything_is_bounded():
    trace, verbs = new_trace(), Verbs()
    with run(trace) as invocation:
        for number in range(KEPT_SPANS + 5):
            await verbs.query("x" * (SUBJECT_LENGTH + 1))
            invocation.log(Log("print", str(number), 0))
    assert len(invocation.spans) == KEPT_SPANS
    assert invocation.calls == {"DB": KEPT_SPANS + 5}
    assert len(invocation.logs) == KEPT_LOGS
    assert len(invocation.spans[0].subject) == SUBJECT_LENGTH
    for _ in range(KEPT_INVOCATIONS + 1):
        trace.close(trace.open("queue", "default"), "ok")
    assert len(trace.recent()) == KEPT_INVOCATIONS


async def test_subscribers_hear_of_each_end_until_they_leave():
    trace, heard = new_trace(), []
    leave = trace.subscribe(heard.append)
    invocation = trace.open("scheduled", "* * * * *")
    trace.close(invocation, "ok")
    leave()
    trace.close(trace.open("fetch", "GET /"), "ok")
    assert heard == [invocation]


async def test_some_hear_of_failures_and_calls_of_bindings_only():
    trace, heard = new_trace(), []
    leave = trace.subscribe(heard.append, remarkable=True)
    trace.close(trace.open("fetch", "GET /"), "ok")
    with run(trace) as calling:
        await Verbs().query("SELECT 1")
    failing = trace.open("fetch", "GET /")
    failing.failure = "boom"
    trace.close(failing, "exception")
    assert heard == [calling, failing]
    leave()
    trace.close(failing, "exception")
    assert heard == [calling, failing]


async def test_ids_are_never_the_same():
    trace = new_trace()
    ids = {trace.open("fetch", "GET /").id for _ in range(100)}
    assert len(ids) == 100
    assert not ids & {new_trace().open("fetch", "GET /").id}


async def test_the_same_statement_over_and_over_earns_advice():
    trace, verbs = new_trace(), Verbs()
    with run(trace) as invocation:
        for number in range(REPEATED):
            assert advice(invocation) == []
            await verbs.query("SELECT *\n  FROM items WHERE id = ?")
            await verbs.query(f"SELECT {number}")
    (finding,) = advice(invocation)
    assert finding.code == "repeated-sql"
    assert finding.message == (
        f"GET / ran the same statement {REPEATED} times on DB: SELECT * FROM items WHERE id = ?"
    )
    assert "one batch()" in finding.hint


async def test_advice_quotes_a_long_statement_in_part():
    trace, verbs = new_trace(), Verbs()
    with run(trace) as invocation:
        for _ in range(REPEATED):
            await verbs.query("SELECT " + "x" * 200)
    assert advice(invocation)[0].message.endswith("xxx…")


def test_the_lines_of_an_invocation_are_bounded_in_length():
    trace = new_trace()
    invocation = trace.open("fetch", "GET /")
    for _ in range(3):
        invocation.log(Log("print", "x" * (KEPT_CHARACTERS - 1), 0))
    trace.close(invocation, "ok")
    assert [len(line.message) for line in invocation.logs] == [KEPT_CHARACTERS - 1, 2]
    assert invocation.logs[1].message == "x…"


async def test_the_words_of_an_error_are_bounded():
    class Failing:
        binding = "DB"

        @operation()
        async def fail(self) -> None:
            raise ValueError("x" * SUBJECT_LENGTH)

    trace = new_trace()
    with run(trace) as invocation, pytest.raises(ValueError, match="x"):
        await Failing().fail()
    assert len(invocation.spans[0].error or "") == SUBJECT_LENGTH
