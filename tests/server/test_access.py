"""`.aerostack/dev.json`."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from aerostack_dev.errors import AerostackError
from aerostack_dev.server.access import FILE, Access, new_token, published, read

ACCESS = Access(os.getpid(), "http://127.0.0.1:8788", "http://127.0.0.1:9", "key", "/state")


def test_published_while_it_runs(tmp_path: Path) -> None:
    with published(tmp_path, ACCESS) as path:
        assert path == tmp_path / FILE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(path.read_text()) == {
            "pid": os.getpid(), "url": "http://127.0.0.1:8788",
            "control_url": "http://127.0.0.1:9", "token": "key", "state": "/state",
            "endpoints": {},
        }  # fmt: skip
        assert read(tmp_path) == ACCESS
        assert os.listdir(tmp_path) == [FILE]
    assert os.listdir(tmp_path) == []


def test_removed_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), published(tmp_path, ACCESS):
        raise RuntimeError
    assert read(tmp_path) is None


def test_private_whatever_the_umask_and_what_was_there(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    (tmp_path / FILE).chmod(0o666)
    (tmp_path / f".{FILE}.{os.getpid()}").write_text("left by a crash")
    old = os.umask(0)
    try:
        with published(tmp_path, ACCESS) as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_the_file_of_another_server_is_left_alone(tmp_path: Path) -> None:
    other = Access(1, "http://127.0.0.1:1", "http://127.0.0.1:2", "other")
    with published(tmp_path, ACCESS) as path:
        with published(tmp_path, other):
            path.replace(tmp_path / "kept")
            (tmp_path / "kept").replace(path)
        assert read(tmp_path) is None
        with published(tmp_path, other):
            pass
    with published(tmp_path, other):
        with published(tmp_path, ACCESS):
            (tmp_path / FILE).write_bytes(json.dumps({"pid": 1, "url": "", "control_url": "",
                                                      "token": "x"}).encode())  # fmt: skip
        assert read(tmp_path) is not None


def test_gone_already(tmp_path: Path) -> None:
    with published(tmp_path, ACCESS) as path:
        path.unlink()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"pid": "x"}'])
def test_nonsense_is_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read(tmp_path) is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(AerostackError, match="cannot be written") as raised,
        published(tmp_path / "missing", ACCESS),
    ):
        pass
    assert raised.value.where.endswith(FILE)
    assert raised.value.hint


def test_tokens_are_random_and_safe_in_urls() -> None:
    assert new_token(bytes) == "A" * 43
    assert new_token(lambda size: b"\xff" * size) == "_" * 42 + "8"
    assert new_token(os.urandom) != new_token(os.urandom)
