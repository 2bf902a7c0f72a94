"""The host for TypeScript and JavaScript functions: a Deno child process (interface.md §6).

process   which program, with which rights      frames    values as they cross
session   one child, from start to end          streams   bodies in pieces, with credit
channel   calls both ways over one socket       calls     what the child may ask for
requests  HTTP on its way there and back        running   invocations, and what they say
sources   the author's files                    failures  the child's errors as values
batches   messages on their way there           host      all of it together

`bootstrap.ts` is the child's first module; the faces are `bindings/*/api.ts`.
"""

from __future__ import annotations

from .host import DenoHost, open_host

__all__ = ["DenoHost", "open_host"]
