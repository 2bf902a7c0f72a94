"""How calls are refused and given up."""

from __future__ import annotations

import asyncio

import pytest

from aerostack_dev.errors import BindingError, StateError
from aerostack_dev.runtime.hosts.deno.calls import refusal
from aerostack_dev.testing import open_app
from tests.support.server import write_project


class NamedError(BindingError):
    request_id = "r"
    status = 400


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (BindingError("no", code="5"), {"type": "Error", "message": "no"}),
        (StateError("full", where="x"), {"type": "Error", "message": "full"}),
        (TypeError("bad"), {"type": "TypeError", "message": "bad"}),
        (ValueError("far"), {"type": "RangeError", "message": "far"}),
        (
            NamedError("said"),
            {
                "type": "NamedError",
                "message": "said",
                "details": {"requestId": "r", "status": 400},
            },
        ),
    ],
)
def test_errors_in_words(error, described):
    assert refusal(error) == described


def test_a_cause_goes_with_it():
    error = BindingError("outer")
    error.__cause__ = BindingError("inner")
    assert refusal(error)["cause"] == "inner"


def test_a_mistake_of_our_own_is_logged(caplog):
    assert refusal(KeyError("x")) == {"type": "Error", "message": "'x'"}
    assert "an operation failed" in caplog.text


ABORTING = """
    let controller: AbortController;
    export default {
      async fetch(request, env) {
        if (request.url.endsWith("/abort")) {
          controller.abort();
          return new Response("aborted");
        }
        controller = new AbortController();
        const { signal } = controller;
        const call = env.AI.run("@cf/baai/bge-base-en-v1.5", { text: "a" }, { signal });
        return Response.json(await call.catch((error) => error.name));
      },
    };
"""


async def test_an_aborted_call_ends_at_the_provider(tmp_path):
    asked, gone = asyncio.Event(), asyncio.Event()

    async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()  # until whoever asked leaves
        gone.set()
        writer.close()

    async with await asyncio.start_server(think, "127.0.0.1") as provider:
        port = provider.sockets[0].getsockname()[1]
        config = (
            'main = "src/index.ts"\n'
            f'[ai]\nprovider = "openai-compatible"\nbase_url = "http://127.0.0.1:{port}/v1"\n'
        )
        files = {"aerostack.toml": config, "src/index.ts": ABORTING}
        async with asyncio.timeout(20), open_app(write_project(tmp_path, files)) as app:
            answer = asyncio.ensure_future(app.fetch("/run"))
            await asked.wait()
            assert (await app.fetch("/abort")).text() == "aborted"
            await gone.wait()
            assert (await answer).json() == "AbortError"
