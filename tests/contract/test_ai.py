from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from aerostack_dev.testing import App
from tests.bindings.ai.openai_server import model_server

from .cases import FOLDER, cases, play

PROVIDER = 'provider = "offline"'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The function of the cases, its models those of a server that speaks OpenAI's form."""
    folder = shutil.copytree(FOLDER, tmp_path_factory.mktemp("project") / "contract")
    config = folder / "aerostack.toml"
    with model_server() as server:
        answering = f'provider = "openai-compatible"\nbase_url = "{server.url}/v1"'
        config.write_text(config.read_text().replace(PROVIDER, answering))
        yield folder


@pytest.fixture(autouse=True)
def in_front_of_the_server(request: pytest.FixtureRequest, project: Path) -> None:
    request.node.add_marker(pytest.mark.aerostack(project=project))


@cases("ai")
async def test_in_typescript(aerostack: App, name: str):
    await play(aerostack, "ai", name)
