"""The host for TypeScript and JavaScript functions: a Deno child process (interface.md §6).

process   which program, with which rights      frames    values as they cross
session   one child, from start to end          streams   bodies in pieces, with credit
channel   calls both ways over one socket       calls     what the child may ask for
requests  HTTP on its way there and back        running   invocations, and what they say
launch    what a child is started with          failures  the child's errors as values
tsconfig  aliases and JSX of the project        packages  what to type when one is missing
batches   messages on their way there           host      all of it together

`bootstrap.ts` is the child's first module, `loading.ts` reads the author's; the faces are
`bindings/*/api.ts`.
"""

from __future__ import annotations

from .host import DenoHost, open_host

__all__ = ["DenoHost", "open_host"]
