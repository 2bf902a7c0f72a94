"""The errors of the project: one root, each with a code and a hint.

    AerostackError          message, hint, where, code
    ├── ConfigError         aerostack.toml, .dev.vars or an option is wrong
    ├── FunctionError       the author's function cannot be loaded
    ├── ControlError        a running server refused, or could not be reached
    └── BindingError        a binding refused a call (the platform's own text)
        ├── StateError      the file behind a binding is locked, corrupt, full or too new
        └── ServiceError    a function that was called through a service binding raised

Misuse of a binding (a wrong type, a value out of range) raises the built-in
`TypeError` and `ValueError`, as the platform's own classes do.
"""

from __future__ import annotations


class AerostackError(Exception):
    """The root of every error that this package raises on purpose.

    `message` says what happened, `where` names the place (a file and line, a dotted
    path, a key), `hint` says what to do. `code` is a short stable word for programs.
    """

    code = "error"

    def __init__(
        self, message: str, *, hint: str = "", where: str = "", code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where
        if code is not None:
            self.code = code


class ConfigError(AerostackError):
    """The configuration is wrong: `where` is `file: dotted.path`."""

    code = "config"


class FunctionError(AerostackError):
    """The author's function cannot be loaded; `__cause__` is the author's exception."""

    code = "function"


class ControlError(AerostackError):
    """A running server refused the call or could not be reached."""

    code = "control"


class BindingError(AerostackError):
    """A binding refused a call. `code` is the platform's code where it has one."""

    code = "binding"


class ServiceError(BindingError):
    """A function that was called through a service binding raised an error.

    What it raised may be of no class that there is here: the class of this error is then
    a subclass of the same name.
    """

    code = "service"


class StateError(BindingError):
    """A file of the local state cannot be used: `where` is its path."""

    code = "state"
