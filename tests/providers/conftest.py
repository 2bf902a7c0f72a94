"""Run by `scripts/test-providers`, which brings what these tests need."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 180.0
"""Seconds that the proxy may take to start."""
CONFIG = """
model_list:
  - model_name: chat
    litellm_params:
      {model: openai/any, api_key: none, mock_response: "Paris is the capital of France."}
  - model_name: json
    litellm_params: {model: openai/any, api_key: none, mock_response: '{"capital": "Paris"}'}
  - model_name: limited
    litellm_params: {model: openai/any, api_key: none, mock_response: "litellm.RateLimitError"}
general_settings: {master_key: sk-providers}
"""

if "LITELLM_COMMAND" not in os.environ:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """LiteLLM's proxy with mocked models; its base URL."""
    folder = tmp_path_factory.mktemp("litellm")
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [os.environ["LITELLM_COMMAND"], "--config", config, "--host", "127.0.0.1"]
    log = (folder / "log").open("w+b")
    process = subprocess.Popen(
        [*map(str, command), "--port", str(port)], cwd=folder, stdout=log, stderr=log
    )
    try:
        wait_until_open(port, process, folder / "log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the proxy did not start:\n{log.read_text()[-2000:]}")
