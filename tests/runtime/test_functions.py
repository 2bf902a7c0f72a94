"""The functions of a project, seen from another thread."""

from __future__ import annotations

import os

from aerostack_dev.clock import ManualClock
from aerostack_dev.runtime.function import Function
from aerostack_dev.runtime.limits import Limits
from aerostack_dev.runtime.services import Functions
from aerostack_dev.runtime.trace import Trace


def test_a_service_may_come_while_somebody_goes_through_them():
    trace, limits = Trace(ManualClock(), os.urandom), Limits()
    functions = Functions(trace, limits)
    functions.services["a"] = Function(trace, limits, "a")
    through = iter(functions)
    assert [next(through).name, next(through).name] == ["", "a"]
    functions.services["b"] = Function(trace, limits, "b")
    assert list(through) == []
