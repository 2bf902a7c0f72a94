"""The cases in `typescript/`: their names, read without running them, and how one is run."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from aerostack_dev.runtime.host import HandlerError
from aerostack_dev.testing import App
from aerostack_dev.testing.loops import across
from tests.support.asgi import until

FOLDER = Path(__file__).parent / "typescript"
ROOMS = ("ai", "cache", "crons", "database", "queue", "storage", "vectorize")
DOCUMENTS = {"database": "db", "cache": "db", "queue": "queue", "crons": "queue"}
"""Room -> the document that its lines are in; `storage` for the others."""
PATIENCE = 30.0
"""Seconds that a case may take on a busy machine."""
_CASE = re.compile(r'^  "((?:\d+\.\d+\.\d+(?:, )?)*)([^"]*)": ', re.MULTILINE)


def names(room: str) -> dict[str, list[str]]:
    """The cases of `room`: name -> the lines of the specification that it proves."""
    document = DOCUMENTS.get(room, "storage")
    found = _CASE.findall((FOLDER / f"{room}.ts").read_text())
    return {
        lines + rest: [f"{document} {line}" for line in lines.split(", ") if line]
        for lines, rest in found
    }


def cases(room: str) -> Any:
    """Parametrises a test with `name`; each carries the markers of its lines."""
    given = [
        pytest.param(name, id=name, marks=[pytest.mark.spec(line) for line in lines])
        for name, lines in names(room).items()
    ]
    return pytest.mark.parametrize("name", given)


async def play(app: App, room: str, name: str) -> None:
    """Run a case to its end, and do what it asks for; the test fails as the case does."""
    began = app.clock.now()
    async with asyncio.timeout(PATIENCE):
        path, headers = f"/{room}/{quote(name, safe='')}", {"range": "bytes=1-2"}
        asked = await _post(app, path, headers=headers)
        while "ended" not in asked:
            answer = {"value": await _done(app, asked, began)}
            asked = await _post(app, "/answer", json=answer)
    await until(lambda: not _busy(app))


async def _done(app: App, asked: dict[str, Any], began: float) -> Any:
    (verb, given), *_ = asked.items()
    if verb == "advance":
        runs = await app.clock.advance(given)
        return [
            {
                "name": run.name,
                "outcome": run.outcome,
                "at": round(run.when - began, 3),
                "detail": run.detail,
            }
            for run in runs
        ]
    if verb == "scheduled":
        run = await app.scheduled(given[0], given[1])
        return {"outcome": run.outcome, "noRetry": run.no_retry}
    if verb == "restart":
        await restart(app)
        return None
    assert verb == "said"
    return [finding.message for finding in app.findings]


def _busy(app: App) -> bool:
    """Whether a call that the case did not wait for is still under way."""
    spans = (span for run in app.runtime.trace.recent() for span in run.spans)
    return any(span.duration is None for span in spans)


async def _post(app: App, path: str, **options: Any) -> dict[str, Any]:
    try:
        answer = await app.fetch(path, method="POST", **options)
    except HandlerError as error:
        pytest.fail(error.failure.stack, pytrace=False)
    found = json.loads(answer.body)
    assert isinstance(found, dict), found
    return found


async def told(app: App) -> dict[str, list[str]]:
    """The cases of each room, as the function itself knows them."""
    return dict((await app.fetch("/")).json())


async def restart(app: App) -> None:
    """Close every store; each is opened again when it is used."""
    await across(app._loop, app.runtime.renew())
