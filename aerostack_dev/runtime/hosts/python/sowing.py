"""Running a seed in Python: `async def seed(env)` in a file of the author's."""

from __future__ import annotations

import inspect
from pathlib import Path

from ....bindings.env import environment
from ....bindings.opening import Bindings
from ....config.model import Project
from ....errors import AerostackError
from ..authored import Authored
from .failures import Failures
from .importing import forget, importing, project_packages
from .loading import imported
from .threads import run_interruptible

FUNCTION = "seed"


async def run_seed(path: Path, project: Project, bindings: Bindings) -> None:
    """Call `seed(env)` of the file, which imports what a function of the project can.

    Raises `AerostackError` with the author's line when it fails, and when there is none.
    """
    root = project.root
    authored = Authored(tuple(dict.fromkeys((str(root), str(path.parent)))))
    folders = dict.fromkeys(str(folder) for folder in (path.parent, root / "src", root))
    packages, _ = project_packages(root)
    with importing(authored, list(folders), packages):
        try:
            forget(authored)
            module = await run_interruptible(lambda: imported(path, authored))
            function = getattr(module, FUNCTION, None)
            if not callable(function):
                raise AttributeError(f"{path.name} has no function `{FUNCTION}`")
            result = function(environment(project, bindings.bound))
            if inspect.isawaitable(result):
                await result
        except (Exception, SystemExit) as error:
            raise _failed(error, path, Failures(authored)) from error


def _failed(error: BaseException, path: Path, failures: Failures) -> AerostackError:
    failure = failures.of(error)
    own = next((frame for frame in failure.frames if frame.own), None)
    return AerostackError(
        f"the seed failed: {failure.type}: {failure.message}",
        where=f"{own.file}:{own.line}" if own else str(path),
        hint="correct it and start again: nothing of it was kept"
        if own
        else "write `async def seed(env): …` in it",
    )
