from __future__ import annotations

from aerostack_dev.bindings.cache import KIND
from tests.support.rooms import fixtures

open_kind, room, cache, invoke = fixtures(KIND, "CACHE")
