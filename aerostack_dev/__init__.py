"""aerostack-dev: a local development server for serverless functions.

Functions import the platform's own names (`from workers import Response`, interface.md
§5); from here they need only the error that a binding raises.
"""

from __future__ import annotations

from .errors import BindingError
from .version import __version__

__all__ = ["BindingError", "__version__"]
