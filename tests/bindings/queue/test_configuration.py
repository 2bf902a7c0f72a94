"""The tables `queues.producers` and `queues.consumers` (interface §2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.kinds import sections
from aerostack_dev.bindings.queue import KIND, Consumer
from aerostack_dev.bindings.queue.policy import configured, policies, sources_of
from aerostack_dev.config.load import load
from aerostack_dev.config.model import Project
from aerostack_dev.errors import ConfigError
from tests.support.rooms import open_room


def project(tmp_path: Path, text: str) -> Project:
    (tmp_path / "aerostack.toml").write_text(text)
    return load(tmp_path, sections((KIND,)))


def entry(**keys: Any) -> str:
    lines = [f"{key} = {value!r}" for key, value in {"queue": "q", **keys}.items()]
    return "\n".join(["[[queues.consumers]]", *lines]) + "\n"


def test_defaults_are_those_of_production(tmp_path: Path) -> None:
    (consumer,) = project(tmp_path, entry()).sections["queues.consumers"]
    assert consumer == Consumer("q", "worker", 10, 5, 3, 0, 1, None, None)


def test_keys_of_the_platform_are_accepted(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        entry(type="worker", visibility_timeout_ms=30_000, dead_letter_queue="d")
        + "[[queues.producers]]\nbinding = 'Q'\nqueue = 'q'\ndelivery_delay = 7\n",
    )
    assert not [finding for finding in loaded.findings if finding.code == "unknown-key"]
    assert configured(loaded) == ["q", "default", "d"]
    assert sources_of("d", loaded) == ["q"]


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("max_batch_size", 0, "1"),
        ("max_batch_size", 101, "100"),
        ("max_batch_timeout", -1, "0"),
        ("max_batch_timeout", 61, "60"),
        ("max_retries", 101, "100"),
        ("retry_delay", 86_401, "86"),
        ("max_concurrency", 0, "1"),
        ("max_concurrency", 251, "250"),
        ("max_batch_size", "many", "100"),
        ("type", "http_pull", "worker"),
        ("dead_letter_queue", "", "not empty"),
    ],
)
def test_ranges(tmp_path: Path, key: str, value: Any, allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        project(tmp_path, entry(**{key: value}))
    assert f"aerostack.toml: queues.consumers[0].{key}" in refused.value.where
    shown = str(value) or '""'
    assert shown in str(refused.value)
    assert allowed in f"{refused.value} {refused.value.hint}".split(shown, 1)[1]


def test_a_consumer_names_its_queue(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`queue` is missing"):
        project(tmp_path, "[[queues.consumers]]\nmax_retries = 1\n")


async def refused(tmp_path: Path, *consumers: Consumer) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        async with open_room(tmp_path, KIND, settings={"queues.consumers": consumers}):
            pass
    return error.value


@pytest.mark.spec("queue 1.8.33")
async def test_a_queue_is_not_its_own_dead_letter_queue(tmp_path: Path) -> None:
    error = await refused(tmp_path, Consumer("a"), Consumer("q", dead_letter_queue="q"))
    assert str(error) == 'Dead letter queue for queue "q" cannot be itself'
    assert error.where == "aerostack.toml: queues.consumers[1].dead_letter_queue"


@pytest.mark.spec("queue 1.8.34")
async def test_a_queue_has_one_consumer(tmp_path: Path) -> None:
    error = await refused(tmp_path, Consumer("q"), Consumer("a"), Consumer("q"))
    assert str(error) == (
        'Multiple consumers defined for queue "q": "queues.consumers[0]" and "queues.consumers[2]"'
    )
    assert error.where == "aerostack.toml: queues.consumers[2].queue"


async def test_circles_are_allowed(tmp_path: Path) -> None:
    consumers = (Consumer("a", dead_letter_queue="b"), Consumer("b", dead_letter_queue="a"))
    async with open_room(tmp_path, KIND, settings={"queues.consumers": consumers}) as room:
        assert set(policies(room.services.project)) == {"a", "b"}


async def test_opening_makes_no_file(tmp_path: Path) -> None:
    async with open_room(tmp_path, KIND):
        assert not (tmp_path / "state").exists()
