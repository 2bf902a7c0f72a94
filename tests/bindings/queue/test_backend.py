"""What every store of queues must hold to; nothing lost, nothing twice, in order."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aerostack_dev.bindings.kind import Kind
from aerostack_dev.bindings.queue import KIND, Consumer, transactions
from aerostack_dev.bindings.queue.backend import Backend, Depth, Lease, Outgoing
from aerostack_dev.bindings.queue.batch import Decision, Metrics
from aerostack_dev.bindings.queue.policy import Policy
from aerostack_dev.bindings.queue.transactions import RETENTION_SECONDS
from aerostack_dev.bindings.sqlite import Schema, open_store
from tests.support.rooms import open_room

SECOND = 1000
START = 1_800_000_000 * SECOND


def with_backend(name: str) -> Kind:
    return replace(KIND, backends={name: KIND.backends[name]})


@pytest.fixture(params=sorted(KIND.backends))
def kind(request: pytest.FixtureRequest) -> Kind:
    return with_backend(request.param)


def policy(**fields: Any) -> Policy:
    return Policy(Consumer(**{"queue": "q", "max_batch_timeout": 0, **fields}))


def message(name: str, delay: int = 0, body: bytes = b"x") -> Outgoing:
    return Outgoing(name, body, "text", delay)


async def names(backend: Backend, rules: Policy, now: int) -> list[str]:
    lease = (await backend.acquire(rules, now)).lease
    return [] if lease is None else [found.id for found in lease.messages]


async def test_order_is_that_of_becoming_due(tmp_path: Path, kind: Kind) -> None:
    async with open_room(tmp_path, kind) as room:
        backend: Backend = room.backend
        await backend.enqueue("q", [message("d5", 5), message("a"), message("b")], START)
        await backend.enqueue("q", [message("c")], START + 4 * SECOND)
        await backend.enqueue("q", [message("e")], START + 6 * SECOND)
        rules = policy(max_batch_size=100)
        assert await names(backend, rules, START + 6 * SECOND) == ["a", "b", "c", "d5", "e"]


async def test_a_lease_is_nobody_elses(tmp_path: Path, kind: Kind) -> None:
    async with open_room(tmp_path, kind) as room:
        backend: Backend = room.backend
        await backend.enqueue("q", [message("a"), message("b"), message("c")], START)
        rules = policy(max_batch_size=2)
        assert await names(backend, rules, START) == ["a", "b"]
        assert await names(backend, rules, START) == ["c"]
        assert (await backend.acquire(rules, START)).again_at is None
        assert (await backend.depths(START))["q"].in_flight == 3


async def test_sends_at_once_return_what_is_before_each(tmp_path: Path, kind: Kind) -> None:
    async with open_room(tmp_path, kind) as room:
        backend: Backend = room.backend
        before = await asyncio.gather(
            backend.enqueue("q", [message("a", body=b"abc")], START),
            backend.enqueue("q", [message("later", 60)], START),
            backend.enqueue("other", [message("elsewhere")], START),
            backend.enqueue("q", [message("b", body=b"bcde"), message("c")], START + 1),
            backend.enqueue("q", [message("d")], START + 2),
        )
        assert before == [
            Metrics(0, 0),
            Metrics(1, 3, START),
            Metrics(0, 0),
            Metrics(1, 3, START),
            Metrics(3, 8, START),
        ]
        assert await backend.metrics("q", START + 3) == Metrics(4, 9, START)


async def test_when_to_ask_again(tmp_path: Path, kind: Kind) -> None:
    async with open_room(tmp_path, kind) as room:
        backend: Backend = room.backend
        rules = policy(max_batch_timeout=5)
        assert (await backend.acquire(rules, START)).again_at is None
        await backend.enqueue("q", [message("later", 60)], START)
        assert (await backend.acquire(rules, START)).again_at == START + 60 * SECOND
        await backend.enqueue("q", [message("a")], START)
        assert (await backend.acquire(rules, START)).again_at == START + 5 * SECOND
        await backend.enqueue("q", [message("soon", 2)], START)
        assert (await backend.acquire(rules, START)).again_at == START + 2 * SECOND


async def test_old_messages_go(tmp_path: Path, kind: Kind) -> None:
    async with open_room(tmp_path, kind) as room:
        backend: Backend = room.backend
        await backend.enqueue("q", [message("old"), message("held")], START)
        end = START + RETENTION_SECONDS * SECOND
        assert (await backend.metrics("q", end)).backlog_count == 2
        lease = (await backend.acquire(policy(max_batch_size=1), end)).lease
        assert lease is not None
        assert (await backend.metrics("q", end + 1)).backlog_count == 0
        assert (await backend.depths(end + 1))["q"].in_flight == 1


async def test_the_backlog_follows_every_move(tmp_path: Path, kind: Kind) -> None:
    rules = policy(max_batch_size=3, max_retries=1, dead_letter_queue="dead")
    async with open_room(tmp_path, kind) as room:
        backend: Backend = room.backend
        sizes = [message("a", body=b"12"), message("b", body=b"345"), message("c", body=b"6")]
        assert await backend.enqueue("q", sizes, START) == Metrics(0, 0)
        assert await backend.metrics("q", START) == Metrics(3, 6, START)
        lease = (await backend.acquire(rules, START)).lease
        assert lease is not None
        assert lease.metrics == Metrics(0, 0)
        await backend.settle(lease, Decision(("a",), {"b": 9, "c": None}), rules, START)
        assert await backend.metrics("q", START) == Metrics(1, 1, START)
        assert await backend.metrics("q", START + 9 * SECOND) == Metrics(2, 4, START)
        lease = (await backend.acquire(rules, START + 9 * SECOND)).lease
        assert lease is not None
        retry = Decision((), {"c": None, "b": None})
        buried = await backend.settle(lease, retry, rules, START + 9 * SECOND)
        assert [(found.id, found.attempts, found.target) for found in buried] == [
            ("c", 2, "dead"),
            ("b", 2, "dead"),
        ]
        assert await backend.metrics("dead", START + 9 * SECOND) == Metrics(2, 4, START)


async def test_a_lease_given_up_costs_no_attempt(tmp_path: Path, kind: Kind) -> None:
    rules = policy()
    async with open_room(tmp_path, kind) as room:
        backend: Backend = room.backend
        await backend.enqueue("q", [message("a"), message("b")], START)
        lease = (await backend.acquire(rules, START)).lease
        assert lease is not None
        await backend.enqueue("q", [message("c")], START)
        await backend.release(lease, ("a",))
        again = (await backend.acquire(rules, START)).lease
        assert again is not None
        assert [(found.id, found.attempts) for found in again.messages] == [("b", 1), ("c", 1)]


Step = tuple[Any, ...]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.lists(st.integers(0, 3), min_size=1, max_size=4)),
        st.tuples(st.just("acquire"), st.integers(1, 4)),
        st.tuples(st.just("settle"), st.lists(st.sampled_from("ar"), min_size=4, max_size=4)),
        st.tuples(
            st.just("exchange"),
            st.lists(st.sampled_from("ar"), min_size=4, max_size=4),
            st.integers(1, 4),
        ),
        st.tuples(st.just("release")),
        st.tuples(st.just("pass"), st.integers(1, 3)),
        st.tuples(st.just("crash")),
    ),
    max_size=25,
)


async def test_a_file_of_the_first_format_goes_on(tmp_path: Path) -> None:
    """Its messages, ready, delayed and leased, are counted anew."""
    first = Schema(transactions.SCHEMA.steps[:1])
    insert = transactions.INSERT
    rows = [
        ("ready", "q", "ready", START, START, "text", b"12"),
        ("late", "q", "ready", START + 1, START - 5, "text", b"123"),
        ("delayed", "q", "delayed", START + SECOND, START, "text", b"1234"),
        ("leased", "q", "leased", START, START, "text", b"12345"),
        ("other", "other", "leased", START, START, "text", b"1"),
    ]
    (tmp_path / "state").mkdir()
    async with open_store(tmp_path / "state" / "queue.sqlite", schema=first) as store:
        await store.write(lambda connection: connection.executemany(insert, rows))
    async with open_room(tmp_path, KIND) as room:
        backend: Backend = room.backend
        assert await backend.metrics("q", START) == Metrics(3, 10, START - 5)
        assert await backend.depths(START) == {"q": Depth(3, 1, 0), "other": Depth(1, 0, 0)}
        assert await names(backend, policy(), START) == ["ready", "leased", "late"]
        assert await backend.metrics("q", START + SECOND) == Metrics(1, 4, START)
    assert (tmp_path / "state" / "queue.sqlite.v1.bak").exists()


async def test_a_new_file_has_small_pages(tmp_path: Path) -> None:
    """A message is small, and the log takes whole pages."""
    async with open_room(tmp_path, KIND) as room:
        await room.backend.metrics("q", START)
    with closing(sqlite3.connect(tmp_path / "state" / "queue.sqlite")) as file:
        assert file.execute("PRAGMA page_size").fetchone() == (2048,)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_nothing_is_lost_or_given_out_twice(plan: Sequence[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_Walk(Path(folder)).through(plan))


class _Walk:
    """Drives a store and a plain list side by side; every acquire must agree."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = START
        self.line: list[tuple[int, int, str]] = []  # due, turn, id
        self.attempts: dict[str, int] = {}
        self.turn = 0
        self.sent: dict[str, int] = {}
        self.leases: list[Any] = []
        self.done: set[str] = set()

    async def through(self, plan: Sequence[Step]) -> None:
        remaining = list(plan)
        while remaining:
            async with open_room(self.root, KIND) as room:
                while remaining:
                    name, *arguments = remaining.pop(0)
                    if name == "crash":
                        break
                    await getattr(self, name)(room.backend, *arguments)
                    await self.compare(room.backend)
            self.free()
        async with open_room(self.root, KIND) as room:
            self.now += 10 * SECOND
            await self.acquire(room.backend, 100)
            self.free()
            assert set(self.attempts) - self.done == {name for _, _, name in self.line}

    async def compare(self, backend: Backend) -> None:
        ready = [name for due, _, name in self.line if due <= self.now]
        oldest = min((self.sent[name] for name in ready), default=None)
        wanted = Metrics(len(ready), len(ready), oldest)
        assert await backend.metrics("q", self.now) == wanted
        leased = sum(len(lease.messages) for lease, _ in self.leases)
        depth = Depth(len(ready), len(self.line) - len(ready), leased)
        assert (await backend.depths(self.now)).get("q", Depth()) == depth

    def free(self) -> None:
        """A crash: what was leased is back at its place, the attempt counted."""
        for lease, places in self.leases:
            self.line += [places[found.id] for found in lease.messages]
        self.leases = []

    def put(self, name: str, due: int) -> None:
        self.turn += 1
        self.line.append((due, self.turn, name))

    async def send(self, backend: Backend, delays: list[int]) -> None:
        new = []
        for delay in delays:
            name = f"m{len(self.attempts)}"
            self.attempts[name] = 0
            self.sent[name] = self.now
            new.append(message(name, delay))
            self.put(name, self.now + delay * SECOND)
        await backend.enqueue("q", new, self.now)

    async def acquire(self, backend: Backend, size: int) -> None:
        self.acquired((await backend.acquire(_patient(size), self.now)).lease, size)

    def acquired(self, lease: Lease | None, size: int) -> None:
        due = sorted(entry for entry in self.line if entry[0] <= self.now)[:size]
        got = [] if lease is None else [(found.id, found.attempts) for found in lease.messages]
        assert got == [(name, self.attempts[name] + 1) for _, _, name in due]
        for entry in due:
            self.line.remove(entry)
            self.attempts[entry[2]] += 1
        if lease is not None:
            self.leases.append((lease, {entry[2]: entry for entry in due}))

    async def settle(self, backend: Backend, fates: list[str]) -> None:
        if self.leases:
            lease, decision = self.decided(fates)
            await backend.settle(lease, decision, _patient(1), self.now)

    async def exchange(self, backend: Backend, fates: list[str], size: int) -> None:
        if self.leases:
            lease, decision = self.decided(fates)
            _, taken = await backend.exchange(lease, decision, _patient(size), self.now)
            self.acquired(taken.lease, size)

    def decided(self, fates: list[str]) -> tuple[Lease, Decision]:
        lease, _ = self.leases.pop(0)
        fate = {found.id: fates[n % 4] for n, found in enumerate(lease.messages)}
        acked = tuple(name for name in fate if fate[name] == "a")
        retries = {name: 1 for name in fate if fate[name] == "r"}
        self.done.update(acked)
        for name in retries:
            self.put(name, self.now + SECOND)
        return lease, Decision(acked, retries)

    async def release(self, backend: Backend) -> None:
        if not self.leases:
            return
        lease, places = self.leases.pop()
        await backend.release(lease, ())
        for found in lease.messages:
            self.attempts[found.id] -= 1
            self.line.append(places[found.id])

    async def pass_(self, backend: Backend, seconds: int) -> None:
        self.now += seconds * SECOND

    def __getattr__(self, name: str) -> Any:
        if name == "pass":
            return self.pass_
        raise AttributeError(name)


def _patient(size: int) -> Policy:
    return policy(max_batch_size=size, max_retries=100)
