"""`env.CACHE` as a Python author holds it (interface §5, db-cache.md §2).

Options come as a dict or as keywords, in either case; one that is None counts as absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import wire
from ..options import options as chosen
from . import values
from .operations import LIST_OPTIONS, PUT_OPTIONS, READ_OPTIONS, Operations


class KVNamespace:
    """A namespace of the cache.

    Values are up to 25 MiB, keys up to 512 bytes of UTF-8, metadata up to 1024 bytes of
    JSON. A call refused by the platform raises `BindingError` with its text, misuse
    `TypeError`.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def __repr__(self) -> str:
        return f"<cache {self._operations.binding}>"

    async def get(
        self,
        key: Any,
        options: Mapping[str, Any] | str | None = None,
        _ignored: object = None,
        **keywords: Any,
    ) -> Any:
        """The value under `key`, or None.

        `options` is a type or `{type, cacheTtl}`. Types: `text` (default; `str`), `json`
        (raises `json.JSONDecodeError`), `arrayBuffer` (`memoryview`), `stream` (an async
        iterator of `bytes`). A list of up to 100 keys gives a dict from key to value, in
        the list's order; its types are `text` and `json`.
        """
        given = _read_options(options, keywords)
        if isinstance(key, (list, tuple)):
            found = await self._operations.getBulk(list(key), given)
            return {name: _value(entry) for name, entry in found}
        entry = await self._operations.get(key, given)
        return None if entry is None else _shown(entry["value"], given)

    async def getWithMetadata(
        self,
        key: Any,
        options: Mapping[str, Any] | str | None = None,
        _ignored: object = None,
        **keywords: Any,
    ) -> Any:
        """`{value, metadata, cacheStatus}` of `key`, all None when it is missing.

        Options as for `get`. A list of keys gives a dict from key to
        `{value, metadata}` or None.
        """
        given = _read_options(options, keywords)
        if isinstance(key, (list, tuple)):
            found = await self._operations.getBulk(list(key), given)
            return {name: wire.record(entry) for name, entry in found}
        result = wire.record(await self._operations.getWithMetadata(key, given))
        if result["value"] is not None:
            result["value"] = _shown(result["value"], given)
        return result

    async def put(
        self, key: Any, value: Any, options: Mapping[str, Any] | None = None, **keywords: Any
    ) -> None:
        """Store `value` under `key`; what was there goes, metadata and expiry included.

        `value`: `str`, anything bytes-like, or an async iterator of bytes; a number, bool
        or None is stored as the platform spells it (`5`, `true`, `null`). Options:
        `expirationTtl` (seconds, at least 60), `expiration` (seconds since the epoch),
        `metadata` (any JSON value).
        """
        await self._operations.put(key, value, _present(options, keywords, PUT_OPTIONS))

    async def delete(self, key: Any) -> None:
        """Remove `key`; a missing one is no error."""
        await self._operations.delete(key)

    async def list(self, options: Mapping[str, Any] | None = None, **keywords: Any) -> Any:
        """A page of keys in the order of their UTF-8 bytes.

        `{keys: [{name, expiration?, metadata?}], list_complete, cursor?, cacheStatus}`.
        Options: `prefix`, `limit` (at most 1000, the default), `cursor` (the page before
        gave it while `list_complete` was false).
        """
        page = await self._operations.list(_present(options, keywords, LIST_OPTIONS))
        return wire.record(page)

    get_with_metadata = getWithMetadata


def _read_options(given: Mapping[str, Any] | str | None, keywords: Any) -> dict[str, Any]:
    if isinstance(given, str):
        given = {"type": given}
    return _present(given, keywords, READ_OPTIONS)


def _present(given: Any, keywords: Any, allowed: tuple[str, ...]) -> dict[str, Any]:
    if given is None and not keywords:
        return {}
    found = chosen(given, keywords, allowed)
    return {name: value for name, value in found.items() if value is not None}


def _value(entry: Mapping[str, Any] | None) -> Any:
    return None if entry is None else wire.record(entry["value"])


def _shown(value: bytes, given: Mapping[str, Any]) -> Any:
    return _DECODERS[given.get("type", "text")](value)


def _json(value: bytes) -> Any:
    return wire.record(values.parsed(value))


_DECODERS: Mapping[str, Callable[[bytes], Any]] = {
    "text": values.text,
    "json": _json,
    "arrayBuffer": memoryview,
    "stream": values.pieces,
}
