"""Importing `main` and saying what it offers, or why it cannot be loaded."""

from __future__ import annotations

import inspect
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .... import functions
from ....functions.context import LEAVING
from ...host import Frame, LoadError
from ..authored import Authored
from .failures import Failures
from .handlers import NoHandlersError, Offer, find_handlers
from .importing import FreshLoader, forget
from .naming import Naming
from .threads import Abandoned, run_interruptible

HINTS = {
    "js": "for what JavaScript has besides these, use Python's own",
    "workers": f"`workers` has {', '.join(functions.__all__)}",
}
INSTALL = "install {name} into the project's .venv, or into the environment that aerostack runs in"


async def load(
    main: Path,
    authored: Authored,
    failures: Failures,
    naming: Naming | None = None,
    entrypoint: str = "",
) -> Offer:
    """Import `main` afresh, in a thread, and find its handlers. Raises `LoadError`.

    `naming` is that of a service; `entrypoint` the class that answers, if not the default.
    """
    if not main.is_file():  # noqa: ASYNC240 - one look at a local file
        message = f"{main} does not exist"
        raise LoadError(
            failures.at("FileNotFoundError", message, None), hint="check `main` in aerostack.toml"
        )
    try:
        return await run_interruptible(lambda: _load(main, authored, naming, entrypoint))
    except NoHandlersError as error:
        failure = failures.at("TypeError", str(error), place(error.place, failures, main))
        raise LoadError(failure, hint=error.hint) from error
    except (Exception, *LEAVING) as error:
        if isinstance(error, Abandoned):
            raise
        raise LoadError(failures.of(error), hint=_hint(error)) from error


def place(function: Any, failures: Failures, main: Path | None = None) -> Frame | None:
    """Where `function` is defined; the top of `main` for what is no function."""
    code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    if code is not None:
        return failures.frame(code.co_filename, code.co_firstlineno, code.co_name)
    return None if main is None else failures.frame(str(main), 1, "<module>")


def _load(main: Path, authored: Authored, naming: Naming | None, entrypoint: str) -> Offer:
    forget(authored)
    return find_handlers(imported(main, authored, naming), entrypoint)


def imported(main: Path, authored: Authored, naming: Naming | None = None) -> ModuleType:
    """The module in `main`, executed afresh. Raises what it raises."""
    name = _name(main, authored)
    spec = spec_from_file_location(name, main, loader=FreshLoader(name, str(main), naming))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        raise
    return module


def _name(main: Path, authored: Authored) -> str:
    """`index` for index.py, as its helpers import it; never the name of other code."""
    stem = main.stem
    if authored.prefix:
        return authored.prefix + stem
    if stem in sys.stdlib_module_names or stem in sys.modules:
        return f"{stem}__main"
    return stem


def _hint(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "the module calls exit() while it is imported"
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0]
        return HINTS.get(missing, INSTALL.format(name=missing))
    if isinstance(error, ImportError) and error.name in HINTS:
        return HINTS[error.name]
    return ""
