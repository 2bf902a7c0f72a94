"""The verbs of the cache: limits, texts and meaning, once for every language (db-cache.md §2).

Values come as a string, bytes or a stream and leave as bytes: text, JSON and streams are
how a language shows them. Metadata is any JSON value, `expiration` seconds since the
epoch. An option that is there but None is JavaScript's `null`; an absent one `undefined`.
"""

from __future__ import annotations

import base64
import string
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ...errors import BindingError
from ...wire import Stream
from ..kind import Services
from ..options import options as chosen
from ..spans import operation
from . import Namespace, resource, validation, values
from .backend import Backend, Entry, Listed

READ_OPTIONS = ("type", "cacheTtl")
PUT_OPTIONS = ("expiration", "expirationTtl", "metadata")
LIST_OPTIONS = ("prefix", "limit", "cursor")

Options = Mapping[str, Any] | None
Wire = dict[str, Any]

END = b"\xff"
"""Above every key: no UTF-8 text begins with this byte."""


def _subject_of_bulk(keys: Any, options: Any = None) -> str:
    names = [str(key) for key in keys[:3]] if isinstance(keys, list) else []
    more = f" and {len(keys) - len(names)} more" if names and len(keys) > len(names) else ""
    return ", ".join(names) + more


def _subject_of_list(options: Any = None) -> str:
    return str(options.get("prefix") or "") if isinstance(options, Mapping) else ""


class Operations:
    """What one binding of the cache can do."""

    def __init__(self, declaration: Namespace, backend: Backend, services: Services) -> None:
        self.binding = declaration.binding
        self._namespace = resource(declaration)
        self._backend = backend
        self._clock = services.clock

    @operation()
    async def get(self, key: Any, options: Options = None) -> Wire | None:
        """The entry under `key`: `{value, metadata, expiration}`, or None.

        Options: `type` (one of text, json, arrayBuffer, stream; how the caller will
        decode the bytes of `value`), `cacheTtl` (checked, without effect locally).
        Raises `TypeError` and `BindingError` (§2.2, §2.3, §2.5).
        """
        entry = await self._entry("get", key, options)
        if entry is None:
            return None
        return {
            "value": entry.value,
            "metadata": _metadata(entry.metadata),
            "expiration": _seconds(entry.expires),
        }

    @operation()
    async def getWithMetadata(self, key: Any, options: Options = None) -> Wire:
        """As `get`, but `{value, metadata, cacheStatus}`, all None for a missing key."""
        entry = await self._entry("getWithMetadata", key, options)
        if entry is None:
            return {"value": None, "metadata": None, "cacheStatus": None}
        metadata = _metadata(entry.metadata)
        return {"value": entry.value, "metadata": metadata, "cacheStatus": None}

    @operation(_subject_of_bulk)
    async def getBulk(self, keys: Any, options: Options = None) -> Sequence[Any]:
        """`[key, {value, metadata} or None]` for each of 1 to 100 keys, in their order.

        Repeated keys are answered once. `value` is decoded: a string, or with the type
        `json` what its JSON says. Raises `BindingError` (§2.3, §2.5).
        """
        verb = "GET_BULK"
        given = chosen(options, {}, READ_OPTIONS)
        ttl = validation.integer(given, "cacheTtl")
        misuse = validation.misused("get", 1, "string or Array")
        if not isinstance(keys, list):
            raise misuse
        texts = [validation.key_text(key, misuse) for key in keys]
        wanted = validation.bulk_type(verb, given)
        validation.bulk_count(verb, len(texts))
        found: dict[str, bytes] = {}
        for name in texts:
            key = validation.bulk_key(verb, name)
            validation.cache_ttl(verb, ttl)
            found[values.text(key)] = key
        entries = await self._backend.read_many(
            self._namespace, list(found.values()), self._now(), validation.BULK_BYTES
        )
        if entries is None:
            raise validation.refused(verb, 413, "Total size of request exceeds the limit of 25MB")
        decoded = [_decoded(verb, entry, wanted) for entry in entries]
        return [list(pair) for pair in zip(found, decoded, strict=True)]

    @operation()
    async def put(self, key: Any, value: Any, options: Options = None) -> None:
        """Store a value, its metadata and its expiry in place of what was there.

        `value`: a string, bytes, a stream of bytes (`Stream` or any async iterable), or
        a number, bool or None, which are spelled out. Options: `expirationTtl` (seconds
        from now, at least 60; wins), `expiration` (seconds since the epoch), `metadata`.
        Raises `TypeError` and `BindingError` (§2.4); then the old entry stays.
        """
        now = self._now()
        entry = await _entry_to_put(key, value, options, now)
        await self._backend.write(self._namespace, [entry], now)

    @operation(lambda items: f"{len(items)} entries")
    async def putBulk(self, items: Sequence[Any]) -> int:
        """Store many entries, `{key, value, …options of put}`, all or none; returns how many.

        Raises `BindingError`, whose `where` names the item that is refused.
        """
        now = self._now()
        entries = []
        for index, item in enumerate(items):
            try:
                entries.append(await _item_to_put(item, now))
            except (TypeError, BindingError) as error:
                key = item.get("key") if isinstance(item, dict) else item
                raise BindingError(str(error), where=f"item {index}, key {key!r}") from error
        await self._backend.write(self._namespace, entries, now)
        return len(entries)

    @operation()
    async def delete(self, key: Any) -> None:
        """Remove the entry under `key`; a missing one is no error. Raises as `get`."""
        name = validation.single_key("delete", key)
        validation.key_size("DELETE", name)
        await self._backend.delete(self._namespace, name, self._now())

    @operation(_subject_of_list)
    async def list(self, options: Options = None) -> Wire:
        """A page of keys in byte order: `{keys, list_complete, cursor?, cacheStatus}`.

        A key is `{name, expiration?, metadata?}`. Options: `prefix`, `limit` (up to and
        by default 1000), `cursor` (of the page before). Raises `BindingError` (§2.6).
        """
        given = chosen(options, {}, LIST_OPTIONS)
        limit = validation.integer(given, "limit")
        prefix, cursor = (_text_option(given, name) for name in ("prefix", "cursor"))
        count = validation.page_size(limit)
        validation.key_size("GET", prefix)
        start = max(prefix, _position(cursor) + b"\0") if cursor else prefix
        listed = await self._backend.scan(
            self._namespace, start, _after(prefix), count + 1, self._now()
        )
        return _page(listed, count)

    async def _entry(self, method: str, key: Any, options: Options) -> Entry | None:
        given = chosen(options, {}, READ_OPTIONS) if options else {}
        ttl = validation.integer(given, "cacheTtl")
        name = validation.single_key(method, key)
        validation.key_size("GET", name)
        validation.cache_ttl("GET", ttl)
        entry = await self._backend.read(self._namespace, name, self._now())
        if entry is not None and given.get("type", "text") not in validation.TYPES:
            raise TypeError(validation.UNKNOWN_TYPE)
        return entry

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


async def _item_to_put(item: Any, now: int) -> tuple[bytes, Entry]:
    if not isinstance(item, dict) or not {"key", "value"} <= item.keys():
        raise TypeError("an item of a bulk put has a key and a value")
    given = {name: item[name] for name in PUT_OPTIONS if name in item}
    return await _entry_to_put(item["key"], item["value"], given, now)


async def _entry_to_put(key: Any, value: Any, options: Options, now: int) -> tuple[bytes, Entry]:
    given = chosen(options, {}, PUT_OPTIONS)
    ttl = validation.integer(given, "expirationTtl")
    expiration = validation.integer(given, "expiration")
    name = validation.single_key("put", key)
    metadata = validation.metadata_text(given.get("metadata"))
    content = _content(value)
    validation.key_size("PUT", name)
    expires = validation.expiry(ttl, expiration, now // 1000)
    validation.metadata_size(metadata)
    if isinstance(content, bytes):
        size = len(content)
    else:
        content, size = await values.collected(content, validation.VALUE_BYTES)
    validation.value_size(size)
    return name, Entry(content, metadata, None if expires is None else expires * 1000)


def _content(value: Any) -> bytes | AsyncIterator[Any]:
    text = values.spelled(value)
    if text is not None:
        return values.encoded(text)
    if isinstance(value, Stream):
        return value.chunks
    if hasattr(value, "__aiter__"):
        chunks: AsyncIterator[Any] = aiter(value)
        return chunks
    content = values.buffer(value)
    if content is None:
        raise TypeError(validation.UNSTORABLE)
    return content


def _decoded(verb: str, entry: Entry | None, wanted: str) -> Wire | None:
    if entry is None:
        return None
    try:
        value = values.parsed(entry.value) if wanted == "json" else values.text(entry.value)
    except ValueError:
        raise validation.refused(
            verb, 400, "At least one of the requested keys corresponds to a non-json value"
        ) from None
    return {"value": value, "metadata": _metadata(entry.metadata)}


def _metadata(text: str | None) -> Any:
    return None if text is None else values.parsed(text.encode())


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000


def _text_option(given: Mapping[str, Any], name: str) -> bytes:
    value = given.get(name)
    if value is None:
        return b""
    return values.encoded(validation.key_text(value, TypeError(f"{name} must be a string")))


def _page(listed: Sequence[Listed], count: int) -> Wire:
    shown = listed[:count]
    page: Wire = {
        "keys": [_listed(entry) for entry in shown],
        "list_complete": len(listed) <= count,
        "cacheStatus": None,
    }
    if len(listed) > count:
        page["cursor"] = base64.b64encode(shown[-1].key).decode()
    return page


def _listed(entry: Listed) -> Wire:
    shown: Wire = {"name": values.text(entry.key)}
    if entry.expires is not None:
        shown["expiration"] = _seconds(entry.expires)
    if entry.metadata is not None:
        shown["metadata"] = _metadata(entry.metadata)
    return shown


def _position(cursor: bytes) -> bytes:
    """The key that a cursor stands for; nonsense is some position too (§2.6)."""
    letters = cursor.translate(bytes.maketrans(b"-_", b"+/"), _NOT_BASE64)
    whole = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return base64.b64decode(whole + b"=" * (-len(whole) % 4))


_BASE64 = (string.ascii_letters + string.digits + "+/-_").encode()
_NOT_BASE64 = bytes(range(256)).translate(None, _BASE64)


def _after(prefix: bytes) -> bytes:
    """The first position past every key that begins with `prefix`."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else END
