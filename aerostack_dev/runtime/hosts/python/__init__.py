"""The host for Python functions: they run in this very process (interface.md §5).

importing  paths, provided modules, fresh code    loading    importing `main`
handlers   what `main` offers                     home       what outlives invocations
sending    a response as ASGI messages            failures   tracebacks as values
threads    where plain `def` runs                 host       all of it together
"""

from __future__ import annotations

from .host import PythonHost, open_host

__all__ = ["PythonHost", "open_host"]
