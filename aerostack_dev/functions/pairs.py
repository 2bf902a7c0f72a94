"""What headers and forms have in common: names with values, in order, a name more than once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class Pairs(Generic[V]):
    """Pairs of a name and a value; what names are alike, and how they change, a subclass says."""

    __slots__ = ("_items",)

    _items: list[tuple[str, V]]

    def set(self, name: str, value: Any) -> None:
        """Give `name` one value, in place of all it had."""
        raise NotImplementedError

    def delete(self, name: str) -> None:
        """Remove `name`; a name that is not there is fine."""
        raise NotImplementedError

    def has(self, name: str) -> bool:
        """Whether `name` is there."""
        return name in self

    def keys(self) -> list[str]:
        """The names, each once, in order."""
        return list(dict.fromkeys(name for name, _ in self._items))

    def values(self) -> list[V]:
        """The value of every pair of `items`."""
        return [value for _, value in self._items]

    def items(self) -> list[tuple[str, V]]:
        """Every pair, repeated names included."""
        return list(self._items)

    entries = items

    def __contains__(self, name: object) -> bool:
        return any(known == name for known, _ in self._items)

    def __setitem__(self, name: str, value: Any) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.delete(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"

    def _replace(self, name: str, value: V) -> None:
        """Put the pair in the place of the first of its name, and remove the others."""
        items = self._items
        at = next((index for index, item in enumerate(items) if item[0] == name), len(items))
        items[at:] = [(name, value), *(item for item in items[at:] if item[0] != name)]
