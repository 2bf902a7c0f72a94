"""Which call counts: the table of §1.4, and the whole of it against a model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.queue.batch import Decision, Settlement

IDS = ("a", "b", "c")


def settled(*calls: tuple[Any, ...], failed: bool = False) -> tuple[Decision, list[str]]:
    warnings: list[str] = []
    settlement = Settlement(IDS, warnings.append)
    for name, *arguments in calls:
        getattr(settlement, name)(*arguments)
    return settlement.decide(failed=failed), warnings


TABLE = [
    ([("ack", "a"), ("retry", "a")], {}, "retry", "ack"),
    ([("retry", "a"), ("ack", "a")], {"a": None}, "ack", "retry"),
    ([("ack_all",), ("retry", "a")], {}, "retry", "ackAll"),
    ([("ack_all",), ("ack", "a")], {}, None, None),
    ([("retry_all",), ("ack", "a")], dict.fromkeys(IDS), "ack", "retryAll"),
    ([("retry_all", 3), ("retry", "a", 1)], {"a": 1, "b": 3, "c": 3}, None, None),
    ([("ack_all",), ("retry_all",)], {}, "retryAll", "ackAll"),
    ([("retry_all",), ("ack_all",)], dict.fromkeys(IDS), "ackAll", "retryAll"),
    ([("retry", "a"), ("ack_all",)], {"a": None}, None, None),
    ([("ack", "a"), ("retry_all",)], {"b": None, "c": None}, None, None),
    ([("retry", "a", 5), ("retry", "a")], {"a": None}, None, None),
    ([("retry_all", 5), ("retry_all",)], dict.fromkeys(IDS, 5), None, None),
    ([("ack", "a"), ("ack", "a")], {}, None, None),
]


@pytest.mark.spec("queue 1.8.26")
@pytest.mark.parametrize(("calls", "retries", "later", "earlier"), TABLE)
def test_the_table(
    calls: list[Any], retries: dict[str, int | None], later: str | None, earlier: str | None
) -> None:
    decision, warnings = settled(*calls)
    assert decision.retries == retries
    assert decision.acked == tuple(key for key in IDS if key not in retries)
    if later is None:
        assert warnings == []
    elif later.endswith("All"):
        assert warnings == [
            f"Received a call to {later}() after {earlier}() was already called. "
            f"Calling {later}() after calling {earlier}() has no effect."
        ]
    else:
        assert warnings == [
            f"Received a call to {later}() on message a after {earlier}() was already called. "
            f"Calling {later}() on a message after calling {earlier}() has no effect."
        ]


@pytest.mark.parametrize(
    ("calls", "retries"),
    [
        ([], dict.fromkeys(IDS)),
        ([("ack", "a")], {"b": None, "c": None}),
        ([("ack_all",)], {}),
        ([("retry", "b", 4), ("ack_all",)], {"b": 4}),
        ([("retry_all", 6)], dict.fromkeys(IDS, 6)),
    ],
)
def test_a_failed_handler(calls: list[Any], retries: dict[str, int | None]) -> None:
    decision, _ = settled(*calls, failed=True)
    assert decision.retries == retries


@pytest.mark.parametrize("delay", [-1, 86_401])
def test_delays_out_of_range(delay: int) -> None:
    settlement = Settlement(IDS, lambda text: None)
    with pytest.raises(ValueError, match=f"between 0 and 86400, not {delay}"):
        settlement.retry("a", delay)
    with pytest.raises(ValueError, match=f"between 0 and 86400, not {delay}"):
        settlement.retry_all(delay)
    assert settlement.decide(failed=False).retries == {}


delays = st.none() | st.integers(0, 9)
ids = st.sampled_from(IDS)
call = st.one_of(
    st.tuples(st.just("ack"), ids),
    st.tuples(st.just("retry"), ids, delays),
    st.tuples(st.just("ack_all")),
    st.tuples(st.just("retry_all"), delays),
)


def model(calls: list[tuple[Any, ...]], failed: bool) -> tuple[dict[str, int | None], int]:
    """The rules as a reader tells them: the first decision about a message, or about
    all of them, stands; a retry's own delay stands before that of the batch.
    """
    own: dict[str, tuple[str, int | None]] = {}
    everything: str | None = None
    batch_delay: int | None = None
    warnings = 0
    for name, *arguments in calls:
        if name == "ack_all":
            warnings += everything == "retry"
            everything = everything or "ack"
        elif name == "retry_all":
            warnings += everything == "ack"
            everything = everything or "retry"
            if everything == "retry" and arguments[0] is not None:
                batch_delay = arguments[0]
        elif name == "ack":
            if everything == "ack":
                continue
            if everything == "retry" or own.get(arguments[0], ("ack",))[0] == "retry":
                warnings += 1
            else:
                own[arguments[0]] = ("ack", None)
        elif everything == "ack" or own.get(arguments[0], ("retry",))[0] == "ack":
            warnings += 1
        else:
            own[arguments[0]] = ("retry", arguments[1])
    fallback = everything or ("retry" if failed else "ack")
    retries = {}
    for key in IDS:
        kind, delay = own.get(key, (fallback, None))
        if kind == "retry":
            retries[key] = batch_delay if delay is None else delay
    return retries, warnings


@settings(max_examples=100)
@given(st.lists(call, max_size=8), st.booleans())
def test_any_calls_in_any_order(calls: list[tuple[Any, ...]], failed: bool) -> None:
    decision, warnings = settled(*calls, failed=failed)
    expected, count = model(calls, failed)
    assert decision.retries == expected
    assert set(decision.acked) == set(IDS) - set(expected)
    assert len(warnings) == count
