"""The author's API: what `import workers` gives a function (interface.md §5).

Ground: it imports nothing of ours but errors, wire values and runs. The host provides these
names as the module `workers`, `asgi` and `pyodide.ffi` to the code that it loads.
"""

from __future__ import annotations

from .context import Context, env, wait_until, waitUntil
from .entrypoint import WorkerEntrypoint, handler
from .forms import Blob, File, FormData
from .headers import Headers
from .outgoing import fetch
from .request import Request
from .response import Response

__all__ = [
    "Blob",
    "Context",
    "File",
    "FormData",
    "Headers",
    "Request",
    "Response",
    "WorkerEntrypoint",
    "env",
    "fetch",
    "handler",
    "waitUntil",
    "wait_until",
]
