from __future__ import annotations

from aerostack_dev.bindings.vectorize import KIND
from tests.bindings.vectorize.graphs import BACKENDS
from tests.support.rooms import fixtures

open_kind, room, index, invoke = fixtures(KIND, "VECTORIZE", BACKENDS)
