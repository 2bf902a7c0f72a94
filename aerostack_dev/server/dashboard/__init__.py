"""The files of the control page: a fixed table, so that no path ever reaches the disk."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_TABLE = (
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/assets/app.js", "app.js", "text/javascript; charset=utf-8"),
    ("/assets/style.css", "style.css", "text/css; charset=utf-8"),
    ("/assets/icon.svg", "icon.svg", "image/svg+xml"),
)


class Asset(NamedTuple):
    """One file of the page, read whole."""

    path: str
    body: bytes
    content_type: str


def assets() -> list[Asset]:
    """Every file that is served, with the path it is served at."""
    folder = Path(__file__).parent
    return [Asset(path, (folder / name).read_bytes(), kind) for path, name, kind in _TABLE]
