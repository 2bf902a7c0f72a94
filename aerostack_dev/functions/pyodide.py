"""`pyodide.ffi` on CPython: there is no JavaScript to convert to or from."""

from __future__ import annotations

from typing import Any, TypeVar

from ..errors import AerostackError
from .context import run_sync

T = TypeVar("T")

JsException = AerostackError
"""What a failed call raises: `except JsException` catches it as on the platform."""


class JsProxy:
    """The type of JavaScript objects, of which there are none here."""


def to_js(value: T, /, **options: Any) -> T:
    """`value` itself."""
    return value


def create_proxy(value: T, /, **options: Any) -> T:
    """`value` itself."""
    return value


create_once_callable = create_proxy

__all__ = [
    "JsException",
    "JsProxy",
    "create_once_callable",
    "create_proxy",
    "run_sync",
    "to_js",
]
