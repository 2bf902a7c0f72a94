"""The description of the control API, OpenAPI 3.1: served as `/openapi.json`."""

from __future__ import annotations

from typing import Any

from ..version import __version__

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
TIME: Schema = {"type": "string", "format": "date-time"}
DURATION: Schema = {"type": "number", "description": "Milliseconds."}
WIRE: Schema = {
    "description": 'Any JSON value; bytes are written as {"$bytes": "<base64>"}, and an '
    'object that has the key "$bytes" by itself as {"$bytes": {…the object…}}.'
}


def document() -> dict[str, Any]:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "aerostack dev: control API",
            "version": __version__,
            "description": "Served on loopback only, to those who hold the token of the "
            "session (`.aerostack/dev.json`). A request from a page of another origin "
            "gets 403, one without the token 401.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
            "responses": _responses(),
        },
    }


def _paths() -> dict[str, Any]:
    return {
        "/api/status": {"get": _read("status", "The function, its bindings, its crons", "Status")},
        "/api/invoke": {"post": _invoke()},
        "/api/stream": {"post": _stream()},
        "/api/clock": {
            "get": _operation("clock", "The time of this server", _ref("Clock")),
            "post": _move_clock(),
        },
        "/api/crons": {
            "get": _operation("listCrons", "The crons and their next runs", _list_of("Cron"))
        },
        "/api/crons/run": {"post": _run_cron()},
        "/api/invocations": {"get": _invocations()},
        "/api/events": {"get": _events()},
        "/api/reload": {
            "post": _operation(
                "reload", "Load configuration and function again", _ref("Status"), _empty()
            )
        },
        **_state(),
        "/openapi.json": {"get": _description()},
    }


def _schemas() -> dict[str, Schema]:
    return {
        "Status": _status(),
        "Clock": _object(
            now=TIME,
            real={**TIME, "description": "The machine's own time."},
            aheadMs={**INTEGER, "description": "Milliseconds; 0 unless time was moved."},
        ),
        "Binding": _object(
            name={**STRING, "description": "The binding's name in `env`."},
            kind={**STRING, "description": "The room it belongs to: `cache`."},
            title={**STRING, "description": "The kind, for people."},
            backend=STRING,
            resource={**STRING, "description": "What is behind it: a database, a queue."},
            where={**STRING, "description": "Where its state lies."},
        ),
        "Cron": _object(cron=STRING, next=_array(TIME)),
        "CronRun": _object(
            optional=("error", "stack"),
            cron=STRING,
            outcome=_ref("Outcome"),
            durationMs=DURATION,
            error={**STRING, "description": "Type and message, when the handler failed."},
            stack=STRING,
        ),
        "Outcome": {"enum": ["ok", "exception", "canceled"]},
        "Failure": _object(type=STRING, message=STRING, stack=STRING),
        "Invocation": _invocation(),
        "Span": _object(
            binding=STRING,
            operation=STRING,
            subject={**STRING, "description": "What the call was about: a key, an SQL text."},
            startMs={**NUMBER, "description": "Milliseconds after the invocation began."},
            durationMs=_or_null(DURATION, "Milliseconds; null while it runs."),
            error=_or_null(STRING, "Type and message, when it failed."),
        ),
        "Log": _object(level=STRING, message=STRING, when=TIME),
        "State": _object(path=STRING, snapshots=_list_of("Snapshot")),
        "Snapshot": _snapshot(),
        "Error": _object(
            error=_object(code=STRING, message=STRING, hint=STRING, where=STRING, type=STRING)
        ),
    }


def _status() -> Schema:
    return _object(
        name=STRING,
        version=STRING,
        pid=INTEGER,
        environment=_or_null(STRING, "The [env.NAME] that is served."),
        url={**STRING, "format": "uri", "description": "The address of the function."},
        handlers=_array({"enum": ["fetch", "queue", "scheduled"]}),
        failure=_or_null(_ref("Failure"), "Why the function is not loaded."),
        bindings=_array(_ref("Binding")),
        crons=_array(_ref("Cron")),
        services=_array(
            _object(
                name=STRING,
                handlers=_array({"enum": ["fetch", "queue", "scheduled"]}),
                failure=_or_null(_ref("Failure"), "Why it is not loaded."),
            )
        ),
        clock=_ref("Clock"),
    )


def _invocation() -> Schema:
    return _object(
        id=STRING,
        kind={"enum": ["fetch", "queue", "scheduled", "rpc"]},
        service=_or_null(STRING, "The service that ran; null: the main function."),
        parent=_or_null(STRING, "The id of the invocation that called this one."),
        name={**STRING, "description": "`GET /api/items`, a queue, a cron, a method."},
        when=TIME,
        durationMs=DURATION,
        outcome=_ref("Outcome"),
        status=_or_null(INTEGER, "The HTTP status of a fetch."),
        detail={"type": "object", "description": "Of a queue batch `acked` and `total`."},
        calls={
            "type": "object",
            "additionalProperties": INTEGER,
            "description": "Calls by binding, all of them.",
        },
        spans=_array(_ref("Span")),
        logs=_array(_ref("Log")),
        failure=_or_null(_ref("Failure"), "How the handler failed."),
    )


def _responses() -> dict[str, Any]:
    texts = {
        "BadRequest": "The request makes no sense, or the binding refused it.",
        "Unauthorized": "The token is missing or wrong.",
        "Forbidden": "Host or Origin is not this server's own.",
        "NotJson": "A change was asked for without a JSON body.",
        "Failed": "The server itself failed.",
    }
    return {name: _response(text, _ref("Error")) for name, text in texts.items()}


def _call() -> Schema:
    return _object(
        optional=("arguments",),
        target={**STRING, "description": "A binding (`CACHE`) or a room as a whole (`queue`)."},
        operation={**STRING, "description": "The name of the operation: `get`."},
        arguments={"type": "array", "items": WIRE, "default": []},
    )


def _invoke() -> dict[str, Any]:
    return _operation("invoke", "Call an operation of a binding", _object(result=WIRE), _call())


def _stream() -> dict[str, Any]:
    summary = "Call an operation whose result comes in pieces"
    found = _operation("stream", summary, _object(result=WIRE), _call())
    found["description"] = (
        'Lines of JSON: {"result"}, with null in place of the stream in it; {"chunk"} for '
        'every piece, as it comes; last {"end": true} or an Error.'
    )
    content = {"application/x-ndjson": {"schema": STRING}}
    found["responses"]["200"] = {"description": "The lines.", "content": content}
    return found


def _run_cron() -> dict[str, Any]:
    body = _object(
        optional=("cron", "time"),
        cron={**STRING, "description": "May be left out when exactly one is configured."},
        time={
            "oneOf": [INTEGER, TIME],
            "description": "The scheduled time, in ms since the epoch or ISO 8601; else now.",
        },
    )
    return _operation("runCron", "Run the scheduled handler now", _ref("CronRun"), body)


def _snapshot() -> Schema:
    return _object(
        optional=("durationMs",),
        name=STRING,
        created=TIME,
        bytes=INTEGER,
        files=INTEGER,
        pausedMs={**NUMBER, "description": "Milliseconds that writers waited for it."},
        durationMs={**NUMBER, "description": "Milliseconds that it took to make or restore it."},
    )


def _state() -> dict[str, Any]:
    name = _object(name={**STRING, "description": "Of a snapshot."})
    done = _object(seeded=_array(STRING), durationMs=DURATION)
    made = _ref("Snapshot")
    return {
        "/api/state": {"get": _read("state", "Where the state is, and its snapshots", "State")},
        "/api/state/reset": {
            "post": _operation("reset", "Empty the state, and sow the seeds", done, _empty())
        },
        "/api/state/restore": {
            "post": _operation("restore", "Put a snapshot in the place of the state", made, name)
        },
        "/api/state/snapshot": {
            "post": _operation("snapshot", "All bindings at one instant, kept by name", made, name)
        },
    }


def _move_clock() -> dict[str, Any]:
    body = _object(
        optional=("advance", "set", "resume"),
        advance={**NUMBER, "description": "Seconds to move forward."},
        set={
            "oneOf": [INTEGER, TIME],
            "description": "The time to move forward to, in ms since the epoch or ISO 8601.",
        },
        resume={"const": True, "description": "Back to the machine's own time."},
    )
    runs = _object(crons=INTEGER, batches=INTEGER, failed=INTEGER)
    answer = {"allOf": [_ref("Clock"), _object(runs=runs)]}
    found = _operation("moveClock", "Move time forward, or give it back", answer, body)
    found["description"] = (
        "Exactly one of the three. What comes due on the way has happened when this answers: "
        "messages delivered, crons fired, each at its own moment; `runs` counts them."
    )
    return found


def _invocations() -> dict[str, Any]:
    limit = {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000},
    }
    answer = _list_of("Invocation")
    found = _operation("listInvocations", "The last invocations, newest first", answer)
    return {**found, "parameters": [limit]}


def _events() -> dict[str, Any]:
    found = _read("events", "Server-sent events: one for every invocation that ends", "Invocation")
    found["description"] = (
        "Events named `invocation` hold an Invocation as data. A reader that is too slow "
        'gets one named `missed` with {"missed": <count>}.'
    )
    content = {"text/event-stream": {"schema": STRING}}
    found["responses"]["200"] = {"description": "The stream, without end.", "content": content}
    return found


def _description() -> dict[str, Any]:
    found = _operation("openapi", "This description", {"type": "object"})
    del found["responses"]["401"]
    return {**found, "security": []}


def _read(name: str, summary: str, schema: str) -> dict[str, Any]:
    return _operation(name, summary, _ref(schema))


def _operation(
    name: str, summary: str, answer: Schema, body: Schema | None = None
) -> dict[str, Any]:
    errors = {"400": "BadRequest", "401": "Unauthorized", "403": "Forbidden", "500": "Failed"}
    found: dict[str, Any] = {"operationId": name, "summary": summary}
    if body is not None:
        errors["415"] = "NotJson"
        content = {"application/json": {"schema": body}}
        found["requestBody"] = {"required": True, "content": content}
    found["responses"] = {
        "200": _response("Done.", answer),
        **{status: {"$ref": f"#/components/responses/{error}"} for status, error in errors.items()},
    }
    return found


def _response(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def _empty() -> Schema:
    return {"type": "object"}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _list_of(name: str) -> Schema:
    return _array(_ref(name))


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema, description: str) -> Schema:
    return {"oneOf": [schema, {"type": "null"}], "description": description}
