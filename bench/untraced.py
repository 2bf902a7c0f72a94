"""`aerostack dev` without its trace, to see what the trace costs. Not an option of the product.

    python bench/untraced.py dev --port 8788

Invocations are made, for the server reads their status, but none is current: no operation
records a span. None is kept, and nobody hears of it.
"""

from aerostack_dev.cli import main
from aerostack_dev.runtime import runtime
from aerostack_dev.runtime.trace import Invocation, Trace


class Untraced(Trace):
    def open(self, kind, name, *_, **__):
        return Invocation("", 0, kind, name, 0.0, 0.0)

    def close(self, invocation, outcome):
        invocation.outcome = outcome


if __name__ == "__main__":
    runtime.Trace = Untraced
    main()
