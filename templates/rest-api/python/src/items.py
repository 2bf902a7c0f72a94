"""Items: rows of the database, each read through the cache."""

import json
from collections.abc import Callable, Mapping
from typing import Any

CACHE_SECONDS = 60
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ')"

Item = dict[str, Any]

# Each field's check, and what it demands.
FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda it: _text(it, 100) and it.strip() != "", "text of 1 to 100 characters"),
    "description": (lambda it: _text(it, 2000), "text of at most 2000 characters"),
    "price_cents": (lambda it: type(it) is int and 0 <= it < 2**53, "a whole number, 0 or more"),
}
OPTIONAL = {"description": ""}


class InvalidItemError(ValueError):
    """`fields` says of each wrong field what it must be."""

    def __init__(self, fields: Mapping[str, str]):
        super().__init__(", ".join(fields))
        self.fields = fields


def validated(data: Any, partial: bool = False) -> Item:
    """The fields of an item from what a client sent. Raises `InvalidItemError`."""
    if not isinstance(data, dict):
        raise InvalidItemError({"": "must be an object"})
    wrong = {name: "is unknown" for name in data if name not in FIELDS}
    given = data if partial else {**OPTIONAL, **data}
    for name, (accepts, wanted) in FIELDS.items():
        if name in given and not accepts(given[name]):
            wrong[name] = f"must be {wanted}"
        elif name not in given and not partial:
            wrong[name] = "is missing"
    if wrong:
        raise InvalidItemError(wrong)
    return {name: given[name] for name in FIELDS if name in given}


async def page(env: Any, limit: int, after: int) -> tuple[list[Item], int | None]:
    """Up to `limit` items with ids above `after`, and the id to go on from."""
    statement = env.DB.prepare("SELECT * FROM items WHERE id > ? ORDER BY id LIMIT ?")
    found = (await statement.bind(after, limit + 1).all()).results
    more = len(found) > limit
    return found[:limit], found[limit - 1]["id"] if more else None


async def create(env: Any, fields: Item) -> Item:
    columns, marks = ", ".join(fields), ", ".join("?" * len(fields))
    sql = f"INSERT INTO items ({columns}) VALUES ({marks}) RETURNING *"
    item: Item = await env.DB.prepare(sql).bind(*fields.values()).first()
    return item


async def read(env: Any, item_id: int) -> tuple[Item | None, bool]:
    """The item, and whether it came from the cache."""
    cached = await env.CACHE.get(_key(item_id), "json")
    if cached is not None:
        return cached, True
    item = await env.DB.prepare("SELECT * FROM items WHERE id = ?").bind(item_id).first()
    if item is not None:
        await env.CACHE.put(_key(item_id), json.dumps(item), {"expirationTtl": CACHE_SECONDS})
    return item, False


async def update(env: Any, item_id: int, fields: Item) -> Item | None:
    changes = "".join(f"{name} = ?, " for name in fields) + f"updated_at = {NOW}"
    sql = f"UPDATE items SET {changes} WHERE id = ? RETURNING *"
    item: Item | None = await env.DB.prepare(sql).bind(*fields.values(), item_id).first()
    await env.CACHE.delete(_key(item_id))
    return item


async def delete(env: Any, item_id: int) -> Item | None:
    statement = env.DB.prepare("DELETE FROM items WHERE id = ? RETURNING *").bind(item_id)
    item: Item | None = await statement.first()
    await env.CACHE.delete(_key(item_id))
    return item


def _key(item_id: int) -> str:
    return f"item:{item_id}"


def _text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest
