"""What production refuses, in its words where they are known (storage-vectorize-ai.md §2).

A refusal reads `VECTOR_QUERY_ERROR (code = 40006): text`. Codes and texts that nobody
has seen are not invented: such a refusal has no `(code = N)`.
"""

from __future__ import annotations

import math
import numbers
import struct
from collections.abc import Callable, Mapping
from typing import Any

from ... import wire
from ...errors import BindingError
from . import MAX_DIMENSIONS
from .backend import FLOAT_BYTES, Vector

ID_BYTES = 64
NAMESPACE_BYTES = 64
METADATA_BYTES = 10_240
METADATA_DEPTH = 100
"""Our own: deeper objects make SQLite's JSON functions fail."""
BATCH_VECTORS = 1000
READ_IDS = 20
DELETED_IDS = 100
DEFAULT_TOP_K = 5
MAX_TOP_K = 100
MAX_TOP_K_WHOLE = 50
"""With values or all metadata."""
INDEXED_BYTES = 64

DIMENSIONS_OF_QUERY = 40006
TOO_MANY_IDS = 40007
LONG_ID = 40008
DIMENSIONS_OF_VECTOR = 40012
OVERSIZED_METADATA = 40016
UNREADABLE_VECTORS = 40023
TOP_K_OF_WHOLE = 40025
UNREADABLE_BODY = 40026

NOT_ITERABLE = "undefined is not iterable (cannot read property Symbol(Symbol.iterator))"
NOT_AN_ARRAY = "vectors.map is not a function"

RETURN_METADATA = ("none", "indexed", "all")


class RefusedError(Exception):
    """A call is refused; the operation adds its prefix (`error`)."""

    def __init__(self, text: str, code: int | None = None, *, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.hint = hint

    def error(self, prefix: str) -> BindingError:
        """What the author sees: prefix, code and text; its cause is the text alone."""
        code = f" (code = {self.code})" if self.code else ""
        short = str(self.code) if self.code else prefix
        whole = BindingError(f"{prefix}{code}: {self.text}", hint=self.hint, code=short)
        whole.__cause__ = BindingError(self.text, hint=self.hint, code=short)
        return whole


Misuse = Callable[[], RefusedError]
"""Makes the refusal: of a thousand vectors, most need none."""


def unreadable(text: str, *, hint: str = "") -> RefusedError:
    """The body of the request is not what it should be."""
    text = f"Failed to parse the request body as JSON: {text}"
    return RefusedError(text, UNREADABLE_BODY, hint=hint)


def wrong_dimensions(got: int, expected: int | None, name: str | None = None) -> RefusedError:
    """`expected` None: an index that has no vectors yet takes any number up to the limit."""
    wanted = f"1 to {MAX_DIMENSIONS}" if expected is None else str(expected)
    subject = "query vector" if name is None else f'vector for id="{name}"'
    code = DIMENSIONS_OF_QUERY if name is None else DIMENSIONS_OF_VECTOR
    text = f"invalid {subject}, expected {wanted} dimensions, and got {got} dimensions"
    return RefusedError(text, code)


def vector(verb: str, given: Any) -> Vector:
    """One vector to write. Raises `RefusedError`, and `TypeError` without values."""
    if not isinstance(given, Mapping):
        raise _unreadable_vector(verb, f"expected an object, got {type(given).__name__}")
    if given.get("values") is None:
        raise TypeError(NOT_ITERABLE)
    name = identity(given.get("id"), lambda: _unreadable_vector(verb, "id: expected a string"))
    try:
        values = packed(given["values"])
    except ValueError as error:
        raise _unreadable_vector(verb, f'values of id="{name}": {error}') from None
    if not 0 < len(values) // FLOAT_BYTES <= MAX_DIMENSIONS:
        raise wrong_dimensions(len(values) // FLOAT_BYTES, None, name)
    return Vector(
        name,
        values,
        namespace(
            given.get("namespace"),
            lambda: _unreadable_vector(verb, "namespace: expected a string"),
        ),
        _metadata(verb, name, given.get("metadata")),
    )


def packed(values: Any) -> bytes:
    """Numbers as float32, little-endian; bytes are taken for that already.

    What production's `Array.from` makes nothing of (an object, a number) is empty.
    Raises `ValueError` for what is not a number, or out of range.
    """
    if isinstance(values, bytes):
        if len(values) % FLOAT_BYTES:
            raise ValueError(f"{len(values)} bytes are not a whole number of float32")
        return _finite(values, sum(struct.unpack(f"<{len(values) // FLOAT_BYTES}f", values)))
    if isinstance(values, str):
        values = list(values)
    if not isinstance(values, (list, tuple)):
        return b""
    if not {*map(type, values)} <= {float, int}:
        _only_numbers(values)
    try:
        return _finite(struct.pack(f"<{len(values)}f", *values), sum(values))
    except (OverflowError, struct.error):  # the latter for an int beyond every float
        raise ValueError("a number is out of the range of float32") from None


def _finite(found: bytes, total: float) -> bytes:
    # Numbers in the range of float32 cannot overflow a float64 when they are summed up.
    if not math.isfinite(total):
        raise ValueError("expected finite numbers, got NaN or an infinity")
    return found


def _only_numbers(values: list[Any] | tuple[Any, ...]) -> None:
    for place, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise ValueError(f"expected a number at {place}, got {type(value).__name__}")


def identity(given: Any, misuse: Misuse) -> str:
    """The id of a vector. Raises `misuse` when it is not a string."""
    if not isinstance(given, str):
        refused = misuse()
        refused.hint = refused.hint or "an id is a string: write str(…)"
        raise refused
    size = _size(given, misuse)
    if not size:
        raise RefusedError("an id must not be empty")
    if size > ID_BYTES:
        raise RefusedError(f"id too long; max is {ID_BYTES} bytes, got {size} bytes", LONG_ID)
    return given


def identities(given: Any, limit: int) -> list[str]:
    """The ids of a call about several. Raises `RefusedError`."""
    if not isinstance(given, list):
        raise unreadable("ids: expected an array")
    if len(given) > limit:
        text = f"too many ids in payload; max id count is {limit}, got {len(given)}"
        raise RefusedError(text, TOO_MANY_IDS)
    return [identity(name, lambda: unreadable("ids: expected strings")) for name in given]


def namespace(given: Any, misuse: Misuse) -> str | None:
    """The name of a namespace; None and "" are none. Raises `RefusedError`."""
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise misuse()
    size = _size(given, misuse)
    if size > NAMESPACE_BYTES:
        raise RefusedError(f"namespace too long; max is {NAMESPACE_BYTES} bytes, got {size} bytes")
    return given


def top_k(given: Any, whole: bool) -> int:
    """How many matches; `whole`: with values or all metadata. Raises `RefusedError`."""
    if given is None:
        return DEFAULT_TOP_K
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise unreadable(f"topK: expected an integer from 1 to {MAX_TOP_K}")
    if whole and given > MAX_TOP_K_WHOLE:
        raise RefusedError(
            f"with returnValues=true or returnMetadata=all, max top K is {MAX_TOP_K_WHOLE}, "
            f"but got {given}; for a top K up to {MAX_TOP_K}, retry with returnValues=false and "
            "returnMetadata=indexed",
            TOP_K_OF_WHOLE,
        )
    if given > MAX_TOP_K:
        raise RefusedError(f"max top K is {MAX_TOP_K}, but got {given}")
    return given


def return_metadata(given: Any) -> str:
    """`none`, `indexed` or `all`. Raises `BindingError`: the client itself refuses this."""
    if given is None:
        return "none"
    if isinstance(given, bool):
        return "all" if given else "none"
    if given not in RETURN_METADATA:
        raise BindingError(
            'Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; '
            f"got: {given}",
            code="return-metadata",
        )
    return str(given)


def _metadata(verb: str, name: str, given: Any) -> str | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise _unreadable_vector(verb, f'metadata of id="{name}": expected an object')
    try:
        text = wire.dumps(given)
        _check_keys(wire.loads(text))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _unreadable_vector(verb, f'metadata of id="{name}": {error}') from None
    if len(text) > METADATA_BYTES:
        raise RefusedError(
            f'oversized metadata for vector id="{name}"; the compact JSON representation of the '
            f"metadata must not exceed {METADATA_BYTES} bytes, got {len(text)} bytes",
            OVERSIZED_METADATA,
        )
    return text.decode()


def _check_keys(metadata: Any, depth: int = 0) -> None:
    if depth > METADATA_DEPTH:
        raise ValueError(f"nested deeper than {METADATA_DEPTH} levels")
    if isinstance(metadata, list):
        for item in metadata:
            _check_keys(item, depth + 1)
    if not isinstance(metadata, dict):
        return
    for key, value in metadata.items():
        if not key or key.startswith("$") or "." in key or '"' in key:
            raise ValueError(
                f"the key {key!r} must not be empty, begin with '$' or hold '.' or '\"'"
            )
        if isinstance(value, (dict, list)):
            _check_keys(value, depth + 1)


def _unreadable_vector(verb: str, text: str) -> RefusedError:
    whole = f"failed to parse {verb} vectors request in json format: {text}"
    return RefusedError(whole, UNREADABLE_VECTORS)


def _size(text: str, misuse: Misuse) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        refused = misuse()
        refused.hint = "it holds half a surrogate pair, which UTF-8 has no bytes for"
        raise refused from None
