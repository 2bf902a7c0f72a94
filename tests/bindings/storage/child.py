"""A process that uses the room for real: `python child.py TASK STATE_FOLDER`.

`write` puts growing numbers under a few keys until it is killed, and says what is done;
`fill` puts more than the process may write to a file; `large` moves a large object
through the room and reports how much memory that took.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from aerostack_dev.bindings.storage import KIND  # noqa: E402
from aerostack_dev.bindings.storage.api import FixedLengthStream  # noqa: E402
from aerostack_dev.errors import StateError  # noqa: E402
from tests.support.rooms import open_room  # noqa: E402

SIZES = {"small": 2_000, "medium": 200_000, "large": 1_500_000}
MIB = 1024**2
LARGE = 256 * MIB
LIMIT = 4 * MIB


def content(number: int, size: int) -> bytes:
    return number.to_bytes(8, "big") * (size // 8)


def say(*words: Any) -> None:
    print(*words, flush=True)


async def write(storage: Any) -> None:
    async def one(key: str, size: int) -> None:
        number = 0
        while True:
            number += 1
            await storage.put(key, content(number, size))
            say(key, number)

    await asyncio.gather(*(one(key, size) for key, size in SIZES.items()))


async def zeros(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // MIB):
        yield bytes(MIB)


async def fill(storage: Any) -> None:
    await storage.put("k", b"o" * MIB)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    for value in (bytes(2 * LIMIT), FixedLengthStream(zeros(2 * LIMIT), 2 * LIMIT)):
        try:
            await storage.put("k", value)
        except StateError as error:
            say(error.code, error.hint)
    say("old" if await (await storage.get("k")).bytes() == b"o" * MIB else "another")
    await storage.put("k", b"new")
    say(await (await storage.get("k")).text())


async def large(storage: Any) -> None:
    for size in (MIB, LARGE):
        await storage.put("k", FixedLengthStream(zeros(size), size), sha256=ZEROS[size])
        received = 0
        async for chunk in (await storage.get("k")).body:
            received += len(chunk)
        say(received, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT)


ZEROS = {
    MIB: "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58",
    LARGE: "a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484",
}
UNIT = 1 if sys.platform == "darwin" else 1024


async def main(task: str, root: Path) -> None:
    async with open_room(root, KIND) as room:
        await {"write": write, "fill": fill, "large": large}[task](room.env.STORAGE)


if __name__ == "__main__":
    os.umask(0o022)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
