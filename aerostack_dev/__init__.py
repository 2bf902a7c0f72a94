"""aerostack-dev: a local development server for serverless functions.

Functions import the platform's own names (`from workers import Response`, interface.md
§5); from here they need only the errors that bindings raise. `open_project` is for
scripts and notebooks; it is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BindingError, ServiceError
from .version import __version__

if TYPE_CHECKING:
    from .cli.opened import open_project

__all__ = ["BindingError", "ServiceError", "__version__", "open_project"]


def __getattr__(name: str) -> Any:
    if name != "open_project":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .cli.opened import open_project

    return open_project
