"""Words and sentences: what the offline provider sees in a text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

_STOPWORDS = """
    a about above after again all also am an and any are as at be because been before being
    between both but by can could did do does doing down during each few for from further had has
    have having he her here hers him his how i if in into is it its just know like many me more
    most much my no nor not of off on once only or other our out over own please said same say she
    should so some such tell than that the their them then there these they this those through to
    too under until up us very was we were what when where which while who whom whose why will with
    would you your
"""
STOPWORDS = frozenset(_STOPWORDS.split())
"""Words that say nothing about a text's subject."""

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=\S)|(?<=[。！？])|\n+")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|approx)|\b[A-Z])\.$")
_SUFFIXES = ("'s", "’s", "ies", "ing", "ed", "es", "s", "e")
SHORTEST_STEM = 3
UNHEARD_WEIGHT = 0.5
"""Of a wanted term that no text has, beside the rarest: such words ask, they do not tell."""


def words(text: str) -> list[str]:
    """The words of `text`, in lower case."""
    return [match[0].casefold() for match in _WORD.finditer(text)]


def stem(word: str) -> str:
    """`word` without the commonest English endings, so that `refunds` meets `refund`."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST_STEM:
            return word[: -len(suffix)] + ("y" if suffix == "ies" else "")
    return word


def terms(text: str) -> list[str]:
    """The stems of the words that say something; all of them when none does."""
    found = words(text)
    return [stem(word) for word in found if word not in STOPWORDS] or [stem(w) for w in found]


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each trimmed; a line is a sentence too."""
    found: list[str] = []
    for part in _SENTENCE.split(text):
        piece = part.strip()
        if found and piece and _ABBREVIATION.search(found[-1]):
            found[-1] += f" {piece}"
        elif piece:
            found.append(piece)
    return found


def rarity(texts: Sequence[Iterable[str]]) -> Mapping[str, float]:
    """How much each term tells among `texts` (lists of terms): more, the fewer have it."""
    having = Counter(term for each in texts for term in set(each))
    return {term: math.log(1 + len(texts) / count) for term, count in having.items()}


def coverage(wanted: Sequence[str], found: Iterable[str], rare: Mapping[str, float]) -> float:
    """Which part of `wanted` (terms, weighed by rarity) is in `found`: 0 to 1."""
    unheard = UNHEARD_WEIGHT * max(rare.values(), default=1.0)
    weights = {term: rare.get(term, unheard) for term in wanted}
    total = sum(weights.values())
    there = set(found)
    return sum(w for term, w in weights.items() if term in there) / total if total else 0.0
