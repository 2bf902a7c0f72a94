"""The exact search against scores that are computed plainly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aerostack_dev.bindings.vectorize import rows as module
from aerostack_dev.bindings.vectorize.rows import Rows

METRICS = ("cosine", "euclidean", "dot-product")
ORDINARY = st.floats(-10, 10, width=32)
ANY = st.floats(allow_nan=False, allow_infinity=False, width=32)
NEARLY = st.sampled_from([1.0, 1.0000001, 0.9999999, 1000.0, -1.0])


def vectors(elements):
    return arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(3)), elements=elements)


def filled(matrix, metric: str) -> Rows:
    rows = Rows(matrix.shape[1], metric)
    rows.add([(n + 1, row.tobytes(), None) for n, row in enumerate(matrix)])
    return rows


def plain(matrix, query, metric: str) -> list[float]:
    """The scores in float64, one by one."""
    scores = []
    wanted = query.astype(np.float64)
    for row in matrix.astype(np.float64):
        if metric == "euclidean":
            scores.append(float(np.sqrt(((row - wanted) ** 2).sum())))
        elif metric == "dot-product":
            scores.append(-float((row * wanted).sum()))
        else:
            lengths = np.sqrt((row**2).sum() * (wanted**2).sum())
            scores.append(float((row * wanted).sum() / lengths) if lengths else 0.0)
    return scores


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("elements", [ORDINARY, ANY, NEARLY], ids=["ordinary", "any", "nearly"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_best_are_the_best(metric, elements, data):
    matrix = data.draw(vectors(elements))
    query = data.draw(arrays.arrays(np.float32, 3, elements=elements))
    count = data.draw(st.integers(1, 10))
    rows = filled(matrix, metric)
    gone = data.draw(st.sets(st.integers(1, len(matrix)), max_size=len(matrix)))
    for number in gone:
        rows.remove(number)
    scores = plain(matrix, query, metric)
    sign = -1 if metric == "cosine" else 1
    alive = [n for n in range(len(matrix)) if n + 1 not in gone]
    expected = sorted(alive, key=lambda n: (sign * scores[n], n))[:count]
    found = rows.best(query.tobytes(), count)
    assert [score for score, _ in found] == pytest.approx(
        [scores[n] for n in expected], rel=1e-9, abs=1e-12
    )
    assert len({number for _, number in found}) == len(found) == len(expected)
    assert not gone & {number for _, number in found}


@pytest.mark.parametrize("metric", METRICS)
def test_nearly_equal_rows_are_told_apart(metric):
    """Their difference is far below the rounding of float32 sums."""
    random = np.random.default_rng(5)
    base = random.standard_normal(64).astype(np.float32) * 100
    matrix = np.repeat(base[None, :], 60, axis=0)
    for n, row in enumerate(matrix):
        row[n] = np.nextafter(row[n], np.float32(np.inf))
    query = random.standard_normal(64).astype(np.float32)
    found = filled(matrix, metric).best(query.tobytes(), 5)
    scores = [Fraction(0)] * len(matrix)
    for n, row in enumerate(matrix):
        product = sum(
            Fraction(float(a)) * Fraction(float(b)) for a, b in zip(row, query, strict=True)
        )
        square = sum(Fraction(float(a)) ** 2 for a in row)
        scores[n] = {
            "cosine": product * abs(product) / square,
            "dot-product": product,
            "euclidean": 2 * product - square,
        }[metric]
    best = sorted(range(len(matrix)), key=lambda n: -scores[n])[:5]
    assert [number - 1 for _, number in found] == best


@settings(max_examples=60, deadline=None)
@given(row=arrays.arrays(np.float32, st.integers(1, 40), elements=ANY))
def test_the_same_is_exactly_the_same(row):
    if row.any():
        assert filled(row[None, :], "cosine").best(row.tobytes(), 1) == [(1.0, 1)]
    assert filled(row[None, :], "euclidean").best(row.tobytes(), 1) == [(0.0, 1)]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 16)
    monkeypatch.setattr(module, "BATCH", 5)


@pytest.mark.usefixtures("small")
def test_segments_batches_and_compaction_make_no_difference():
    random = np.random.default_rng(1)
    matrix = random.standard_normal((200, 4)).astype(np.float32)
    rows = Rows(4, "euclidean")
    spaces = [None, "a", "b"]
    for start, end in ((0, 10), (10, 90), (90, 91), (91, 200)):
        rows.add([(n * 2, matrix[n].tobytes(), spaces[n % 3]) for n in range(start, end)])
    gone = set(random.permutation(200)[:130].tolist())
    for number in gone:
        rows.remove(number * 2)
        rows.remove(number * 2)
        rows.remove(number * 2 + 1)
    assert rows.compacted() is not rows
    for kept in (rows, rows.compacted(), rows.compacted().compacted()):
        assert kept.live == 70
        query = random.standard_normal(4).astype(np.float32)
        scores = plain(matrix, query, "euclidean")
        alive = [n for n in range(200) if n not in gone]
        for slots, some in (
            (None, alive),
            (kept.within("a"), [n for n in alive if n % 3 == 1]),
            (kept.within("x"), []),
            (kept.after(300), [n for n in alive if n * 2 > 300]),
            (kept.slots([*range(5, 41), 40, 9999]), [n for n in alive if 5 <= n * 2 <= 40]),
        ):
            best = sorted(some, key=lambda n: scores[n])[:7]
            found = kept.best(query.tobytes(), 7, slots)
            assert [number // 2 for _, number in found] == best
    assert rows.last == 398
    assert rows.compacted().last == max(alive) * 2


def test_few_removed_rows_stay():
    rows = filled(np.ones((5, 2), np.float32), "cosine")
    rows.remove(1)
    assert rows.compacted() is rows
    assert Rows(2, "cosine").last == 0
    assert Rows(2, "cosine").best(b"\0" * 8, 3) == []
