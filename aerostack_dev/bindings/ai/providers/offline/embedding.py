"""Embeddings by feature hashing: texts with like words are near, and nothing is downloaded.

A text is a bag of stems and of the character n-grams inside them. Each feature adds to
one number of the vector, chosen and signed by a hash, so the same text has the same
vector on every machine. What differs from a model: synonyms are strangers.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from .words import STOPWORDS, stem, words

SMALLEST_GRAM = 3
LARGEST_GRAM = 5
GRAM_WEIGHT = 0.35
"""All n-grams of a word together, beside the word itself."""
STOPWORD_WEIGHT = 0.05


def embed(texts: Sequence[str], width: int) -> list[list[float]]:
    """A vector of `width` numbers and length 1 for each text."""
    known: dict[str, list[tuple[int, float]]] = {}
    return [_vector(text, width, known) for text in texts]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors of length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def _vector(text: str, width: int, known: dict[str, list[tuple[int, float]]]) -> list[float]:
    vector = [0.0] * width
    counts = Counter(words(text)) or Counter([text])
    for word, count in counts.items():
        if word not in known:
            known[word] = list(_features(word, width))
        times = 1 + math.log(count)
        for place, weight in known[word]:
            vector[place] += weight * times
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector]


def _features(word: str, width: int) -> Iterator[tuple[int, float]]:
    """Where a word adds what: itself and its n-grams."""
    scale = STOPWORD_WEIGHT if word in STOPWORDS else 1.0
    root = stem(word)
    yield _place(f"w:{root}", scale, width)
    grams = list(_grams(f"<{root}>"))
    for gram in grams:
        yield _place(f"g:{gram}", scale * GRAM_WEIGHT / math.sqrt(len(grams)), width)


def _grams(word: str) -> Iterator[str]:
    for size in range(SMALLEST_GRAM, LARGEST_GRAM + 1):
        for start in range(len(word) - size + 1):
            yield word[start : start + size]


def _place(feature: str, weight: float, width: int) -> tuple[int, float]:
    digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    return number % width, weight if number >> 63 else -weight
