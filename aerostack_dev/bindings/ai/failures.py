"""How a call of `env.AI` fails: the platform's names, codes and texts (§3.2)."""

from __future__ import annotations

from typing import Any

from ...errors import BindingError


class AiError(BindingError):
    """A refusal: `"<code>: <description>"`, or the bare text where there is no code.

    `status` is the HTTP status the platform gives it, `request_id` that of the call.
    """

    request_id = ""

    def __init__(self, code: str, description: str, status: int = 500, *, hint: str = "") -> None:
        message = f"{code}: {description}" if code else description
        super().__init__(message, hint=hint, code=code or "ai")
        self.description = description
        self.status = status

    @property
    def internal_code(self) -> int | None:
        """The number that `lastRequestInternalStatusCode` shows."""
        return int(self.code) if self.code.isdigit() else None

    def document(self) -> dict[str, Any]:
        """The body of a raw response that says so."""
        return {
            "internalCode": self.internal_code,
            "name": type(self).__name__,
            "description": self.description,
        }


class InferenceUpstreamError(AiError):
    """What is behind the binding refused; on the platform, its model server."""

    def document(self) -> dict[str, Any]:
        return {"errors": [{"code": self.internal_code, "message": self.description}]}


class AiInternalError(AiError):
    """The arguments cannot be sent."""

    def __init__(self, description: str) -> None:
        super().__init__("", description, 400)


class AbortError(AiError):
    """The call's `signal` was aborted."""

    def __init__(self) -> None:
        super().__init__("", "The operation was aborted", 499)


def no_such_model(name: object) -> InferenceUpstreamError:
    """5007: neither the platform nor `[ai.models]` knows it."""
    return InferenceUpstreamError(
        "5007",
        f"No such model {name} or task",
        400,
        hint="`await env.AI.models()` lists the models; [ai.models] adds a name of your own",
    )


def invalid(complaint: object) -> AiError:
    """5006: the inputs do not fit the model."""
    return AiError("5006", f"Error: {complaint}", 400)


def json_mode_failed() -> AiError:
    """The model's text is not the JSON that was asked for."""
    return AiError("", "JSON Mode couldn't be met", 500)


def timed_out(provider: str, seconds: float) -> AiError:
    """3007: the provider was silent for too long."""
    return AiError(
        "3007",
        f"{provider} was silent for {seconds:g} s",
        408,
        hint="raise `timeout` in [ai], or choose a smaller model",
    )


def upstream(provider: str, what: str, *, status: int = 502, hint: str = "") -> AiError:
    """What a provider said or did, in a sentence that names it."""
    return InferenceUpstreamError("", f"{provider}: {what}", status, hint=hint)


def cannot(provider: str, model: str, task: str, others: str) -> AiError:
    """The provider has nothing for this kind of model."""
    return InferenceUpstreamError(
        "",
        f"the provider {provider} cannot do {task}, which {model} is for",
        501,
        hint=f"providers that can: {others}; choose one in [ai]",
    )


def unavailable(member: str) -> BindingError:
    """A member of the platform's that needs its network."""
    return BindingError(
        f"env.AI.{member} is not available locally: it is a service of the platform's network",
        hint="guard the code that needs it, or use env.AI.run",
        code="unavailable",
    )
