from __future__ import annotations

from aerostack_dev.bindings.storage import KIND
from tests.support.rooms import fixtures

open_kind, room, storage, invoke = fixtures(KIND, "STORAGE")
