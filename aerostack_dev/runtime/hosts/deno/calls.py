"""What the child may ask for: operations of the function's bindings, nothing else."""

from __future__ import annotations

import logging
from typing import Any

from ....bindings.opening import Bindings
from ....errors import AerostackError, BindingError, StateError

log = logging.getLogger("aerostack.server")

PLAIN = (AerostackError, BindingError, StateError)
"""Errors that are an `Error` in JavaScript; a kind below these has its own name."""
DETAILS = {"request_id": "requestId", "status": "status", "internal_code": "internalCode"}
"""Attribute of an error here -> property there."""


async def invoke(bindings: Bindings, target: str, operation: str, arguments: list[Any]) -> Any:
    """Call an operation of a binding. Rooms as a whole are not for authors."""
    if target not in bindings.bound:
        known = ", ".join(bindings.bound)
        raise BindingError(f"there is no binding {target!r}", hint=f"there are: {known}")
    return await bindings.invoke(target, operation, arguments)


def refusal(error: Exception) -> dict[str, Any]:
    """`error` for the child, which makes the author's kind of error of it."""
    described: dict[str, Any] = {"type": _type(error), "message": _message(error)}
    if error.__cause__ is not None:
        described["cause"] = _message(error.__cause__)
    details = {
        name: getattr(error, attribute)
        for attribute, name in DETAILS.items()
        if getattr(error, attribute, None) is not None
    }
    if details:
        described["details"] = details
    return described


def _type(error: Exception) -> str:
    if isinstance(error, AerostackError):
        return "Error" if type(error) in PLAIN else type(error).__name__
    if isinstance(error, TypeError):
        return "TypeError"
    if isinstance(error, ValueError):
        return "RangeError"
    log.error("an operation failed", exc_info=error)
    return "Error"


def _message(error: BaseException) -> str:
    return error.message if isinstance(error, AerostackError) else str(error)
