"""What the author's module offers: functions, a class `Default`, or an ASGI `app`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct

from ....functions import WorkerEntrypoint
from ....functions import fetch as outgoing_fetch
from ...host import HANDLERS
from .methods import Method, callable_methods, method_of

EXPECTED = (
    "functions fetch, queue or scheduled (or on_fetch, on_queue, on_scheduled), "
    "a class Default(WorkerEntrypoint), or an ASGI application named app"
)
MULTIPLE = "Cannot define multiple default entrypoints"
PARAMETERS = 3
"""A handler is given (request | batch | event, env, ctx)."""

SHOWN_NAMES = 12

if sys.version_info >= (3, 14):
    from annotationlib import Format

    def signature(function: Any) -> inspect.Signature:
        """Names in annotations may exist for type checkers only: they are left alone."""
        return inspect.signature(function, annotation_format=Format.FORWARDREF)
else:
    signature = inspect.signature

Call = Callable[[Any, Any, Any], Any]


class NoHandlersError(Exception):
    """The module offers nothing to run; `hint` says what it could offer."""

    def __init__(self, message: str, *, hint: str = "", place: Any = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.place = place
        """The function that is at fault, where there is one."""


class Handler(Struct, frozen=True):
    """One handler, its parameters settled: `call(subject, env, ctx)`."""

    name: str
    call: Call
    threaded: bool
    """A plain `def`: it runs in a thread."""
    function: Any
    """What the author wrote, to point at."""


class Offer(Struct, frozen=True):
    """What was found: handlers by name, or an application that answers `fetch`."""

    handlers: Mapping[str, Handler]
    application: Any = None
    entrypoint: type[WorkerEntrypoint] | None = None
    """The class whose methods the handlers are."""

    @property
    def names(self) -> frozenset[str]:
        """Which of `HANDLERS` there are."""
        fetch = ("fetch",) if self.application is not None else ()
        return frozenset((*self.handlers, *fetch))

    def missing(self, name: str) -> str:
        """The platform's words for a handler that is not there (§1.4, §2.3, §3.1)."""
        if self.entrypoint is not None:
            return f"Entrypoint class does not define a {name}() function."
        end = "" if name == "scheduled" else "."
        return f"Handler does not export a {name}() function{end}"

    def method(self, name: str) -> Method:
        """A method that other functions may call. Raises `TypeError` for any other name."""
        return method_of(self.entrypoint, name)


def find_handlers(module: ModuleType, entrypoint: str = "") -> Offer:
    """What `module` offers, or its class `entrypoint` alone.

    Raises `NoHandlersError` for nothing, or for too much.
    """
    names = vars(module)
    if entrypoint:
        return _chosen(names.get(entrypoint), entrypoint, module)
    functions = {name: found for name in HANDLERS if (found := _function(names, name))}
    default = names.get("Default")
    if inspect.isclass(default) and issubclass(default, WorkerEntrypoint):
        if functions:
            raise NoHandlersError(
                MULTIPLE,
                hint=f"keep class Default or the functions ({', '.join(functions)}), not both",
                place=next(iter(functions.values())),
            )
        return _checked(Offer(_methods(default), entrypoint=default), module)
    handlers = {name: _handler(name, function) for name, function in functions.items()}
    application = None if "fetch" in handlers else _application(names.get("app"))
    return _checked(Offer(handlers, application), module)


def _chosen(found: Any, name: str, module: ModuleType) -> Offer:
    if inspect.isclass(found) and issubclass(found, WorkerEntrypoint):
        return _checked(Offer(_methods(found), entrypoint=found), module)
    raise NoHandlersError(
        f"{_file(module)} has no class {name}(WorkerEntrypoint); it defines {_defined(module)}",
        hint="`entrypoint` in [[services]] names the class that answers",
    )


def _checked(offer: Offer, module: ModuleType) -> Offer:
    if not (offer.names or (offer.entrypoint and callable_methods(offer.entrypoint))):
        raise NoHandlersError(
            f"{_file(module)} has no handler; it defines {_defined(module)}",
            hint=f"expected: {EXPECTED}",
        )
    return offer


def _function(names: Mapping[str, Any], name: str) -> Any:
    """The handler `name`, under either spelling; the outgoing `fetch` is none."""
    for spelling in (name, f"on_{name}"):
        found = names.get(spelling)
        if callable(found) and not inspect.isclass(found) and found is not outgoing_fetch:
            return found
    return None


def _methods(default: type[WorkerEntrypoint]) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {}
    for name in HANDLERS:
        for spelling in (name, f"on_{name}"):
            if callable(getattr(default, spelling, None)):
                handlers.setdefault(name, _method(name, spelling, default))
    return handlers


def _handler(name: str, function: Any) -> Handler:
    call = _adapted(function, _parameters(function, name))
    return Handler(name, call, not _asynchronous(function), function)


def _method(name: str, spelling: str, default: type[WorkerEntrypoint]) -> Handler:
    function = getattr(default, spelling)
    static = inspect.getattr_static(default, spelling)
    bound = isinstance(static, (staticmethod, classmethod))
    count = _parameters(function, name, itself=0 if bound else 1)

    def call(subject: Any, env: Any, ctx: Any) -> Any:
        return getattr(default(ctx, env), spelling)(*(subject, env, ctx)[:count])

    return Handler(name, call, not _asynchronous(function), function)


def _adapted(function: Any, count: int) -> Call:
    """`function` called with as many arguments as it takes."""
    if count == 0:
        return lambda subject, env, ctx: function()
    if count == 1:
        return lambda subject, env, ctx: function(subject)
    if count == 2:
        return lambda subject, env, ctx: function(subject, env)
    call: Call = function
    return call


def _parameters(function: Any, name: str, itself: int = 0) -> int:
    """How many of the three arguments `function` takes beside `itself`."""
    parameters = signature(function).parameters.values()
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return PARAMETERS
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = sum(1 for each in parameters if each.kind in positional) - itself
    required = [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    keyword_only = any(
        each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters
    )
    if len(required) - itself > PARAMETERS or keyword_only or taken < 0:
        raise NoHandlersError(
            f"{name} cannot be called with ({_subject(name)}, env, ctx): "
            f"it takes ({', '.join(required)})",
            hint=f"declare it as def {name}({_subject(name)}, env, ctx); fewer are fine",
            place=function,
        )
    return min(taken, PARAMETERS)


def _subject(name: str) -> str:
    return {"fetch": "request", "queue": "batch", "scheduled": "event"}[name]


def _asynchronous(function: Any) -> bool:
    """Whether calling `function` gives something to await; decorators are seen through."""
    inner = inspect.unwrap(function)
    called = inner if inspect.isroutine(inner) else type(inner).__call__
    return any(inspect.iscoroutinefunction(each) for each in (function, called))


def _application(app: Any) -> Any:
    if app is None or not callable(app) or inspect.isclass(app):
        return None
    call = app if inspect.isroutine(app) else type(app).__call__
    required = [
        each
        for each in signature(call).parameters.values()
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    wsgi = 2 if inspect.isroutine(app) else 3
    if len(required) == wsgi and not inspect.iscoroutinefunction(call):
        raise NoHandlersError(
            f"app is a {type(app).__name__}, which looks like WSGI; only ASGI runs here",
            hint="wrap it: app = a2wsgi.WSGIMiddleware(app)",
        )
    return app


def _file(module: ModuleType) -> str:
    return Path(module.__file__ or module.__name__).name


def _defined(module: ModuleType) -> str:
    """The module's own functions and classes, for the person who looks for a handler."""
    found = [
        _described(name, value)
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and callable(value)
    ]
    shown = found[:SHOWN_NAMES] + (["…"] if len(found) > SHOWN_NAMES else [])
    return ", ".join(shown) or "no functions and no classes"


def _described(name: str, value: Any) -> str:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        return f"class {name}({bases})" if bases else f"class {name}"
    return f"def {name}" if inspect.isfunction(value) else name
