"""Files as commands write them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from aerostack_dev.cli.files import writing
from aerostack_dev.errors import AerostackError


def test_a_file_appears_when_it_is_complete(tmp_path: Path):
    target = tmp_path / "export.sql"
    target.write_bytes(b"old")
    with writing(str(target)) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_what_breaks_off_leaves_the_old_file(tmp_path: Path):
    target = tmp_path / "export.sql"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), writing(str(target)) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(AerostackError) as caught, writing(str(tmp_path)):
        pass
    error = caught.value
    assert (error.message, error.where, error.hint) == (
        "this is a folder",
        str(tmp_path),
        "give the name of a file",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_stays_a_pipe(tmp_path: Path):
    """As `/dev/null` must stay what it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with writing(str(pipe)) as file:
        file.write(b"content")
    reader.join(10)
    assert (read, pipe.is_fifo()) == ([b"content"], True)
