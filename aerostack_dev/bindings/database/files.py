"""Where a database's file is (interface.md §7)."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

FOLDER = "db"
LONGEST_NAME = 180
"""Of a file, in bytes: what leaves room for `-wal`, `.bak` on every file system."""


def file_path(name: str) -> str:
    """The path of a database's file within the state."""
    return f"{FOLDER}/{file_name(name)}"


def file_name(name: str) -> str:
    """The file of a database: its name, quoted so that it stays in the folder."""
    kept = quote(name, safe=" ")
    if len(kept) > LONGEST_NAME:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        kept = f"{kept[: LONGEST_NAME - len(digest) - 1]}-{digest}"
    return f"{kept}.sqlite"
