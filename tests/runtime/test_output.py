"""`print` and `logging` reach the person with the invocation that said it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aerostack_dev.clock import ManualClock
from aerostack_dev.runs import Recorded, entered
from aerostack_dev.runtime.output import LONGEST_LINE, captured_output
from aerostack_dev.runtime.trace import Invocation, Log, Trace


@contextmanager
def capturing() -> Iterator[list[tuple[str, str, str | None]]]:
    """What is said in the block. No fixture: pytest puts its own streams in between."""
    lines: list[tuple[str, str, str | None]] = []

    def said(line: Log, invocation: Invocation | None) -> None:
        lines.append((line.level, line.message, invocation.name if invocation else None))

    with captured_output(ManualClock(), said):
        yield lines


def new_trace() -> Trace:
    return Trace(ManualClock(), os.urandom)


def test_what_is_printed_outside_belongs_to_nobody():
    with capturing() as said:
        print("hello")
        print("oops", file=sys.stderr)
    assert said == [("print", "hello", None), ("error", "oops", None)]


def test_only_whole_lines_are_said():
    with capturing() as said:
        print("a", end="")
        assert said == []
        print("b\nc\nd", end="")
        assert [message for _, message, _ in said] == ["ab", "c"]


async def test_lines_of_concurrent_invocations_are_kept_apart():
    with capturing() as said:
        trace = new_trace()

        async def handler(name: str) -> None:
            invocation = trace.open("fetch", name)
            with entered(Recorded(invocation)):
                for word in ("one", "two"):
                    print(word, end=" ")
                    await asyncio.sleep(0)
                print(name)
                logging.getLogger("app").info("logged %s", name)
            trace.close(invocation, "ok")

        await asyncio.gather(asyncio.create_task(handler("A")), asyncio.create_task(handler("B")))
        assert [one for one in said if one[2] == "A"] == [
            ("print", "one two A", "A"),
            ("info", "logged A", "A"),
        ]
        assert [[line.message for line in one.logs] for one in trace.recent()] == [
            ["one two A", "logged A"],
            ["one two B", "logged B"],
        ]


def test_a_logged_exception_brings_its_traceback():
    with capturing() as said:
        try:
            raise ValueError("boom")
        except ValueError:
            logging.getLogger("app").exception("failed")
        ((level, message, _),) = said
        assert level == "error"
        assert message.startswith("failed\nTraceback")
        assert message.endswith("ValueError: boom")


def test_everything_is_put_back():
    before = (sys.stdout, sys.stderr, logging.getLogger().level, list(logging.getLogger().handlers))
    with captured_output(ManualClock(), lambda line, one: None):
        assert sys.stdout is not before[0]
        assert sys.stdout.writable()
        assert not sys.stdout.isatty()
        assert sys.stdout.encoding
        sys.stdout.flush()
    after = (sys.stdout, sys.stderr, logging.getLogger().level, list(logging.getLogger().handlers))
    assert after == before


def test_a_level_that_the_author_chose_is_kept():
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        with captured_output(ManualClock(), lambda line, one: None):
            assert root.level == logging.ERROR
    finally:
        root.setLevel(before)


async def test_a_line_without_a_newline_is_said_when_its_invocation_ends():
    with capturing() as said:
        trace = new_trace()
        first = trace.open("fetch", "first")
        with entered(Recorded(first)):
            print("half", end="")
        assert said == []
        trace.close(first, "ok")
        assert said == [("print", "half", "first")]
        assert first.unfinished == {}
        assert [line.message for line in first.logs] == ["half"]


async def test_an_endless_line_is_handed_over_in_pieces():
    with capturing() as said:
        for _ in range(3):
            print("x" * LONGEST_LINE, end="")
        sys.stdout.write("!\n")
    assert [len(message) for _, message, _ in said] == [2 * LONGEST_LINE, LONGEST_LINE + 1]
