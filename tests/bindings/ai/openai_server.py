"""A small model server: OpenAI's HTTP protocol, written from its public description.

What it answers follows from the request, so that the tests can foresee it. Models with
special names misbehave: `hang`, `early`, `half-frame`, `html`, `not-json`, `no-end`, ….
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PNG = b"\x89PNG\r\n\x1a\n-picture-"
MP3 = b"ID3-sound-"
ANSWER = "Paris is the capital of France — bien sûr."
PARTS = ["Paris is", " the capital", " of France", " — bien", " sûr."]
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
CLOUDFLARE = "/accounts/acc/ai/run/"


@dataclass
class ModelServer:
    """A running server: its URL, and every request it got."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        return self.requests[-1]


async def chat(request: Request) -> Response:
    body = await noted(request)
    messages = body.get("messages") or [{"role": "user", "content": body.get("prompt")}]
    if (broken := await misbehaving(body)) is not None:
        return broken
    if body.get("stream"):
        return StreamingResponse(stream(body), media_type="text/event-stream")
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    if body.get("tools") and messages[-1]["role"] != "tool":
        message = {"role": "assistant", "content": None, "tool_calls": [tool_call(body)]}
    elif "response_format" in body:
        message["content"] = '```json\n{"positive": 0.9, "capital": "Paris", "people": 2}\n```'
    finish = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "message": message, "text": ANSWER, "finish_reason": finish}
    if "prompt" in body:
        del choice["message"]
    return JSONResponse({"id": "x", "choices": [choice], "usage": USAGE})


def tool_call(body: dict[str, Any]) -> dict[str, Any]:
    name = body["tools"][0]["function"]["name"]
    text = "{not json" if body["model"] == "bad-arguments" else '{"city": "Paris"}'
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'choices': choices}, ensure_ascii=False)}\r\n\r\n"


async def stream(body: dict[str, Any]) -> AsyncIterator[bytes]:
    text = ": a comment\n\n" + chunk({"role": "assistant", "content": ""})
    if body.get("tools"):
        call = tool_call(body)
        first, second = call["function"]["arguments"][:5], call["function"]["arguments"][5:]
        call["function"]["arguments"] = first
        text += chunk({"tool_calls": [{"index": 0, **call}]})
        text += chunk({"tool_calls": [{"index": 0, "function": {"arguments": second}}]})
        text += chunk({}, "tool_calls")
    else:
        text += "".join(chunk({"content": part}) for part in PARTS)
        text += chunk({"reasoning_content": "because"}) if body["model"] == "thinker" else ""
        text += "" if body["model"] == "no-end" else chunk({}, "stop")
    if body.get("stream_options", {}).get("include_usage") and body["model"] != "no-end":
        text += f"data: {json.dumps({'choices': [], 'usage': USAGE})}\n\n"
    if body["model"] == "bad-frame":
        text += "data: {oops\n\n"
    if body["model"] == "error-frame":
        text += 'data: {"error": {"message": "the GPU caught fire"}}\n\n'
    if body["model"] == "half-frame":
        text += 'data: {"choices": [{"del'
    elif body["model"] != "no-end":
        text += "data: [DONE]\n\n"
    data = text.encode()
    for start in range(0, len(data), 7):  # frames and characters are cut anywhere
        yield data[start : start + 7]


async def misbehaving(body: dict[str, Any]) -> Response | None:
    match body["model"]:
        case "hang":
            await asyncio.sleep(5)
        case "early":
            return StreamingResponse(broken_off(), media_type="application/json")
        case "html":
            page = "<html><head><title>502 Bad\n Gateway</title></head></html>"
            return Response(page, 502, media_type="text/html")
        case "html-ok":
            return Response("<html>hello</html>", media_type="text/html")
        case "no-choices":
            return JSONResponse({"model": "x"})
        case "error-in-200":
            return JSONResponse({"error": {"message": "out of memory"}})
        case "missing":
            said = {"error": {"message": 'model "missing" not found, try pulling it first'}}
            return JSONResponse(said, 404)
        case "locked":
            return JSONResponse({"detail": "invalid key"}, 401)
        case "list-error":
            return JSONResponse([{"error": "odd"}], 400)
        case "silent":
            return Response("", 500)
        case "prose":
            message = {"content": "I would rather not."}
            return JSONResponse({"choices": [{"message": message}]})
    return None


async def broken_off() -> AsyncIterator[bytes]:
    yield b'{"choices": '
    raise RuntimeError("the machine died")


async def embeddings(request: Request) -> Response:
    body = await noted(request)
    if body["model"] == "too-few":
        return JSONResponse({"data": []})
    if body["model"] == "no-data":
        return JSONResponse({"embeddings": []})
    width = body.get("dimensions") or (3 if body["model"] == "narrow" else 768)
    entries = [
        {"index": at, "embedding": [float(len(text))] * width}
        for at, text in enumerate(body["input"])
    ]
    return JSONResponse({"data": entries[::-1]})  # in any order: `index` tells


async def rerank(request: Request) -> Response:
    body = await noted(request)
    logits = body["model"] == "logits"
    scores = [float(len(text)) if logits else len(text) / 100 for text in body["documents"]]
    results = [{"index": at, "relevance_score": score} for at, score in enumerate(scores)]
    return JSONResponse({"results": sorted(results, key=lambda each: -each["relevance_score"])})


async def images(request: Request) -> Response:
    body = await noted(request)
    if body["model"] == "link":
        return JSONResponse({"data": [{"url": "https://example.org/x.png"}]})
    return JSONResponse({"data": [{"b64_json": base64.b64encode(PNG).decode()}]})


async def transcriptions(request: Request) -> Response:
    async with request.form() as form:
        content = await form["file"].read()  # type: ignore[union-attr]  # a file
        fields = {name: value for name, value in form.items() if name != "file"}
    words = [{"word": "good", "start": 0.0, "end": 0.5}, {"word": "day", "start": 0.5, "end": 1}]
    app: ModelServer = request.app.state.server
    app.requests.append({"path": request.url.path, "body": fields, "file": content})
    segments = (
        [] if fields.get("language") == "xx" else [{"start": 0, "end": 1, "text": " good day"}]
    )
    return JSONResponse(
        {
            "text": "good day",
            "language": "english",
            "duration": 1.0,
            "words": words,
            "segments": segments,
        }
    )


async def speech(request: Request) -> Response:
    await noted(request)
    return Response(MP3, media_type="audio/mpeg")


async def models(request: Request) -> Response:
    return JSONResponse({"data": []})


async def workers_ai(request: Request) -> Response:
    """The platform's REST API, as far as the provider `cloudflare` needs it."""
    model = request.url.path.removeprefix(CLOUDFLARE)
    content = await request.body()
    app: ModelServer = request.app.state.server
    app.requests.append(
        {
            "path": request.url.path,
            "headers": dict(request.headers),
            "query": dict(request.query_params),
            "content": content,
        }
    )
    if model.endswith("refused"):
        errors = [{"code": 3036, "message": "you have used up your daily free allocation"}]
        return JSONResponse({"success": False, "errors": errors}, 429)
    if model.endswith("broken"):
        return Response("<title>Bad gateway</title>", 502, media_type="text/html")
    if model.endswith("not-json"):
        return Response("{", media_type="application/json")
    if model.endswith("no-result"):
        return Response("{}", media_type="application/json")
    if b'"stream":true' in content:
        frames = b'data: {"response":"a","p":"xyz"}\n\ndata: [DONE]\n\n'
        return Response(frames, media_type="text/event-stream")
    document = {"result": {"response": "from the platform"}, "success": True}
    return Response(
        json.dumps(document), headers={"content-type": "application/json; charset=utf-8"}
    )


async def noted(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = await request.json()
    app: ModelServer = request.app.state.server
    headers = dict(request.headers)
    app.requests.append({"path": request.url.path, "body": body, "headers": headers})
    return body


ROUTES = [
    Route("/v1/chat/completions", chat, methods=["POST"]),
    Route("/v1/completions", chat, methods=["POST"]),
    Route("/v1/embeddings", embeddings, methods=["POST"]),
    Route("/v1/rerank", rerank, methods=["POST"]),
    Route("/v1/images/generations", images, methods=["POST"]),
    Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
    Route("/v1/audio/speech", speech, methods=["POST"]),
    Route("/v1/models", models),
    Route(CLOUDFLARE + "{model:path}", workers_ai, methods=["POST"]),
]


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """The server, on a free port, in a thread of its own."""
    app = Starlette(routes=ROUTES)
    app.state.server = found = ModelServer()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    found.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield found
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()
