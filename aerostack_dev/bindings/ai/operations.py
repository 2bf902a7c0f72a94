"""The verbs of `env.AI`: models, limits, error texts and shapes, once for every language (§3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ...config.model import Finding
from ...wire import Stream
from ..kind import Services
from ..options import options as chosen
from ..spans import describe, operation
from . import Ai, catalogue, markdown, models, schemas, shapes
from .backend import Backend, Call, Provider
from .chats import Making
from .failures import AiError, cannot, invalid, no_such_model, unavailable
from .identity import request_id
from .media import with_streams_read
from .models import Model, Task
from .reply import Reply
from .validation import MismatchError, check

RUN_OPTIONS = (
    "gateway",
    "returnRawResponse",
    "websocket",
    "queueRequest",
    "rejectIfBusy",
    "tags",
    "prefix",
    "extraHeaders",
    "sessionOptions",
)
Options = Mapping[str, Any] | None
Wire = dict[str, Any]

NO_INPUTS = "Cannot convert undefined or null to object"
NO_JSON_STREAM = "invalid data: JSON Mode does not support streaming"


def _subject_of_files(files: Any, options: Any = None) -> str:
    given = files if isinstance(files, list) else []
    return ", ".join(str(each.get("name")) for each in given if isinstance(each, Mapping))


class Operations:
    """What one binding of AI can do."""

    def __init__(self, declaration: Ai, backend: Backend, services: Services) -> None:
        self.binding = declaration.binding
        self._declaration = declaration
        self._backend = backend
        self._services = services
        self._said: set[str] = set()

    @operation(describes=True)
    async def run(self, model: Any, inputs: Any = None, options: Options = None) -> Wire:
        """Run a model: `{status, requestId, contentType, body}`.

        `body` is a JSON value when `contentType` is exactly `application/json`, else a
        `Stream`. Options as `RUN_OPTIONS` (§3.1); with `returnRawResponse` a refusal is
        an answer too, its `status` saying so. Raises `TypeError` without inputs, else
        `AiError` in the platform's words (§3.2).
        """
        if inputs is None:
            raise TypeError(NO_INPUTS)
        given = chosen(options, {}, RUN_OPTIONS)
        name = request_id(self._services.entropy)
        try:
            reply = await self._run(model, inputs, given)
        except AiError as error:
            error.request_id = name
            if not given.get("returnRawResponse"):
                raise
            return _envelope(name, error.status, Reply(error.document()))
        return _envelope(name, 200, reply)

    @operation()
    async def models(self, params: Options = None) -> list[Wire]:
        """The platform's models (§3.4).

        Params: `author`, `search`, `task`, `source`, `hide_experimental`, `page`, `per_page`.
        """
        return catalogue.search(params or {})

    @operation()
    async def routes(self) -> list[Wire]:
        """Who answers for each model, for the command line: `{model, task, provider, as,
        configured}`; the project's own models first. `provider` is None when nobody can.
        """
        provider = await self._backend.provider(self._declaration)
        found = [_route(each, provider, self._declaration) for each in _models(self._declaration)]
        return sorted(found, key=lambda route: not route["configured"])

    @operation(_subject_of_files)
    async def toMarkdown(self, files: Sequence[Wire], options: Options = None) -> list[Wire]:
        """Convert files `{name, mimeType, data: bytes}` to Markdown, in their order.

        A file that cannot be converted has `format: "error"` and `error` (§3.4).
        """
        if not isinstance(files, list) or not all(isinstance(each, Mapping) for each in files):
            raise TypeError("files to convert are a list of {name, mimeType, data}")
        entropy = self._services.entropy
        return [await asyncio.to_thread(markdown.converted, file, entropy) for file in files]

    @operation()
    async def supported(self) -> list[Wire]:
        """The formats that `toMarkdown` converts: `{extension, mimeType}`."""
        return markdown.supported()

    @operation()
    async def unavailable(self, member: str) -> None:
        """Raise `BindingError`: `member` needs the platform's network."""
        raise unavailable(member)

    async def _run(self, name: Any, inputs: Any, options: Wire) -> Reply:
        if options.get("websocket"):
            raise unavailable("run with websocket")
        if not isinstance(inputs, Mapping):
            found = self._found(name, {})
            check_inputs(inputs, found)
        given = await with_streams_read(inputs, options)
        if options.get("gateway"):
            self._say_once("ai-gateway", "the option `gateway` of env.AI.run has no effect locally")
        if "request_id" in given:
            return Reply(await self._backend.batches.poll(name, given["request_id"]))
        if options.get("queueRequest"):
            return Reply(self._queued(name, given, options))
        return await self._answer(name, given, options)

    def _queued(self, name: Any, inputs: Wire, options: Wire) -> Wire:
        requests = inputs.get("requests")
        requests = requests if isinstance(requests, list) else [inputs]
        for request in requests:
            self._found(name, request if isinstance(request, dict) else {})
        return self._backend.batches.add(name, requests, partial(self._unstreamed, name, options))

    async def _unstreamed(self, name: str, options: Wire, request: Any) -> Any:
        """The answer to one request of a batch, as a JSON value."""
        if not isinstance(request, dict):
            raise invalid("Type mismatch of '/', 'string' not in 'object'")
        inputs = {
            key: value
            for key, value in request.items()
            if key not in ("stream", "external_reference")
        }
        body = (await self._answer(name, inputs, options)).body
        if isinstance(body, Stream):
            raise AiError("5004", "invalid data: the answers of this model are not JSON", 400)
        return body

    async def _answer(self, name: Any, inputs: Wire, options: Wire) -> Reply:
        model = self._found(name, inputs)
        check_inputs(inputs, model)
        if model.deprecated:
            self._say_once(
                f"ai-deprecated {name}",
                f"{name} is deprecated on the platform since 2026-05-30",
                "choose a newer model before you deploy; here it keeps answering",
            )
        call = Call(model, inputs, options)
        cassette = self._backend.cassette(self._declaration)
        if cassette is None:
            reply, provider = await self._asked(call)
        else:
            reply, provider = await cassette.play(
                model.name, inputs, options, partial(self._asked, call)
            )
        describe(f"{model.name} · {provider}")
        return reply

    async def _asked(self, call: Call) -> tuple[Reply, str]:
        """The provider's answer in the platform's shape, and the provider's name."""
        provider = (await self._backend.provider(self._declaration)).chosen(call)
        describe(f"{call.model.name} · {provider.name}")
        if not provider.offers(call):
            task = models.TITLES.get(call.model.task, call.model.task)
            raise cannot(provider.name, call.model.name, task, catalogue.providers(call.model.task))
        outcome = await provider.answer(call)
        making = Making(self._services.clock.now(), self._services.entropy)
        return shapes.shaped(call, outcome, making), provider.name

    def _found(self, name: Any, inputs: Mapping[str, Any]) -> Model:
        """The model called `name`. Raises `InferenceUpstreamError` (5007)."""
        found = models.find(name) if isinstance(name, str) else None
        if found is None and isinstance(name, str):
            if name in self._declaration.models:
                found = models.guessed(name, inputs)
            if self._declaration.provider == "cloudflare" and name.startswith(("@cf/", "@hf/")):
                found = Model(name, Task.UNKNOWN, schemas.ANYTHING)
        if found is None:
            raise no_such_model(name)
        return found

    def _say_once(self, code: str, message: str, hint: str = "") -> None:
        if code not in self._said:
            self._said.add(code)
            self._services.notify(Finding(code.split()[0], message, hint=hint))


_TASKS = frozenset(map(str, models.Task))


def _models(declaration: Ai) -> Iterator[Model]:
    """The models that the project names, then the others of the platform."""
    for name in declaration.models:
        found = models.find(name) or models.guessed(name, {"messages": []})
        if found is not None and name not in _TASKS:
            yield found
    yield from (model for name, model in models.MODELS.items() if name not in declaration.models)


def _route(model: Model, provider: Provider, declaration: Ai) -> Wire:
    call = Call(model, {}, {})
    chosen = provider.chosen(call)
    offered = chosen.offers(call)
    return {
        "model": model.name,
        "task": str(model.task),
        "provider": chosen.name if offered else None,
        "as": chosen.naming(call) if offered else "",
        "configured": bool({model.name, str(model.task)} & declaration.models.keys()),
    }


def check_inputs(inputs: Any, model: Model) -> None:
    """Raise `AiError` (5006) when `inputs` do not fit `model`."""
    try:
        check(inputs, {"type": "object", **model.schema})
    except MismatchError as complaint:
        raise invalid(complaint) from None
    chat = model.task is Task.GENERATION and not model.openai
    if chat and inputs.get("stream") and shapes.wanted_schema(inputs) is not None:
        raise AiError("5004", NO_JSON_STREAM, 400)


def _envelope(name: str, status: int, reply: Reply) -> Wire:
    return {
        "status": status,
        "requestId": name,
        "contentType": reply.content_type,
        "body": reply.body,
    }
