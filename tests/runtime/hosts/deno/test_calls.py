"""How a refusal crosses to the child."""

from __future__ import annotations

import pytest

from aerostack_dev.errors import BindingError, StateError
from aerostack_dev.runtime.hosts.deno.calls import refusal


class NamedError(BindingError):
    request_id = "r"
    status = 400


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (BindingError("no", code="5"), {"type": "Error", "message": "no"}),
        (StateError("full", where="x"), {"type": "Error", "message": "full"}),
        (TypeError("bad"), {"type": "TypeError", "message": "bad"}),
        (ValueError("far"), {"type": "RangeError", "message": "far"}),
        (
            NamedError("said"),
            {
                "type": "NamedError",
                "message": "said",
                "details": {"requestId": "r", "status": 400},
            },
        ),
    ],
)
def test_errors_in_words(error, described):
    assert refusal(error) == described


def test_a_cause_goes_with_it():
    error = BindingError("outer")
    error.__cause__ = BindingError("inner")
    assert refusal(error)["cause"] == "inner"


def test_a_mistake_of_our_own_is_logged(caplog):
    assert refusal(KeyError("x")) == {"type": "Error", "message": "'x'"}
    assert "an operation failed" in caplog.text
