"""The work itself: one function per kind of job, `input -> output`, both JSON.

A new kind is one function and one line in KINDS. Raise `InputError` for what can never
work; whatever else is raised is tried again.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any


class InputError(ValueError):
    """This input can never work: trying again is no use."""


async def count_words(given: Any, attempt: int) -> Any:
    """How often each word occurs in `{"text": …}`."""
    if not isinstance(given, dict) or not isinstance(given.get("text"), str):
        raise InputError('input must be {"text": "…"}')
    return dict(Counter(given["text"].lower().split()).most_common(10))


async def flaky(given: Any, attempt: int) -> Any:
    """Fails the first `{"failures": n}` attempts, to watch retries. Remove it one day."""
    if not isinstance(given, dict) or type(given.get("failures")) is not int:
        raise InputError('input must be {"failures": n}')
    if attempt <= given["failures"]:
        raise ConnectionError(f"attempt {attempt} was not answered")
    return {"attempts": attempt}


KINDS: Mapping[str, Callable[[Any, int], Awaitable[Any]]] = {
    "count-words": count_words,
    "flaky": flaky,
}
