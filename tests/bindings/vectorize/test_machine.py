"""Any sequence of calls, restarts among them, against a plain model."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tests.bindings.vectorize.graphs import BACKENDS, GRAPH_KIND
from tests.support.rooms import open_room

IDS = st.sampled_from([f"id{n}" for n in range(12)])
NAMESPACES = st.none() | st.sampled_from(["n", "m"])
VALUES = st.lists(st.integers(-4, 4), min_size=3, max_size=3)
VECTORS = st.lists(st.tuples(IDS, VALUES, NAMESPACES), min_size=1, max_size=6)


class Machine(RuleBasedStateMachine):
    backend = "sqlite"

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.model: dict[str, tuple[list[int], str | None]] = {}
        self.open()

    def open(self) -> None:
        kind = replace(GRAPH_KIND, backends={self.backend: BACKENDS[self.backend]})
        self.stack = AsyncExitStack()
        context = open_room(Path(self.folder.name), kind)
        room = self.runner.run(self.stack.enter_async_context(context))
        self.index = room.env.VECTORIZE

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.stack.aclose())
        self.open()

    @rule(vectors=VECTORS)
    def upsert(self, vectors) -> None:
        self.runner.run(self.index.upsert(_vectors(vectors)))
        for name, values, namespace in vectors:
            self.model.pop(name, None)
            self.model[name] = (values, namespace)

    @rule(vectors=VECTORS)
    def insert(self, vectors) -> None:
        self.runner.run(self.index.insert(_vectors(vectors)))
        for name, values, namespace in vectors:
            self.model.setdefault(name, (values, namespace))

    @rule(ids=st.lists(IDS, min_size=1, max_size=4))
    def delete(self, ids) -> None:
        self.runner.run(self.index.deleteByIds(ids))
        for name in ids:
            self.model.pop(name, None)

    @rule(query=VALUES, count=st.integers(1, 12), namespace=NAMESPACES)
    def query(self, query, count, namespace) -> None:
        found = self.runner.run(self.index.query(query, topK=count, namespace=namespace))
        scores = {
            name: _cosine(values, query)
            for name, (values, where) in self.model.items()
            if namespace in (None, where)
        }
        expected = sorted(scores.values(), reverse=True)[:count]
        assert [match.score for match in found.matches] == pytest.approx(expected, abs=1e-12)
        for match in found.matches:
            assert match.score == pytest.approx(scores[match.id], abs=1e-12)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        description = self.runner.run(self.index.describe())
        assert description.vectorCount == len(self.model)
        found = self.runner.run(self.index.getByIds([*self.model]))
        assert {one.id: (one["values"], one.get("namespace")) for one in found} == self.model


def _vectors(vectors):
    return [
        {"id": name, "values": values, **({"namespace": where} if where else {})}
        for name, values, where in vectors
    ]


def _cosine(one, other) -> float:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(np.dot(one, other) / lengths) if lengths else 0.0


class TestSqlite(Machine.TestCase):
    settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
