"""Names that are meant: the nearest known key to one that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

CUTOFF = 0.6
SHORT = 3
SHORT_CUTOFF = 0.75
"""How alike two names must be; three letters are soon like any others."""
FEW = 8
"""Up to so many known keys are listed when none is near."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely was meant to be."""
    import difflib  # takes a few milliseconds to import

    folded = {_folded(candidate): candidate for candidate in known}
    cutoff = CUTOFF if len(name) > SHORT else SHORT_CUTOFF
    found = difflib.get_close_matches(_folded(name), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def meant(name: str, known: Iterable[str]) -> str:
    """A hint: what was meant, or else what there is."""
    names = sorted(known)
    if found := nearest(name, names):
        return f"did you mean `{found}`?"
    if names and len(names) <= FEW:
        return f"there are: {', '.join(names)}"
    return ""


def _folded(name: str) -> str:
    """The same for every spelling of a key: `maxBatchSize`, `max-batch-size`."""
    return name.replace("-", "").replace("_", "").lower()
