"""The folder of the state: private, locked, and named when it is in use."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aerostack_dev.bindings.state import holder, open_state, own_folder
from aerostack_dev.errors import StateError

HOLD = """
import sys
from pathlib import Path
from aerostack_dev.bindings.state import open_state
with open_state(Path(sys.argv[1]), "`aerostack dev`"):
    print("held", flush=True)
    sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_reads_it(tmp_path: Path):
    with open_state(tmp_path / "a/state", "a test") as state:
        assert mode(state.root) == mode(state.folder("blobs")) == 0o700
        assert state.file("db/x.sqlite").parent.is_dir()
        assert mode(state.root / "lock") == 0o600


def test_an_open_folder_is_closed_to_others(tmp_path: Path):
    (tmp_path / "state").mkdir(mode=0o755)
    with open_state(tmp_path / "state", "a test") as state:
        assert mode(state.root) == 0o700


def test_one_process_at_a_time_and_the_other_hears_which(tmp_path: Path):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    try:
        with (
            pytest.raises(StateError, match=rf"`aerostack dev` \(process {other.pid}\)") as caught,
            open_state(tmp_path, "a test"),
        ):
            pass
        assert caught.value.code == "state-locked"
    finally:
        other.kill()
        other.communicate()
    with open_state(tmp_path, "a test"):
        assert holder(tmp_path).pid == os.getpid()
    assert holder(tmp_path) is None


def test_a_place_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StateError, match="the state folder cannot be made"),
        open_state(tmp_path / "file/state", "a test"),
    ):
        pass
    with (
        pytest.raises(StateError, match="is not a folder"),
        open_state(tmp_path / "file", "a test"),
    ):
        pass


def test_git_is_told_to_leave_it_alone(tmp_path: Path):
    folder = own_folder(tmp_path)
    assert (folder / ".gitignore").read_text() == "*\n"
    (folder / ".gitignore").write_text("mine\n")
    assert (own_folder(tmp_path) / ".gitignore").read_text() == "mine\n"


def test_a_lock_that_is_none(tmp_path: Path):
    (tmp_path / "lock").mkdir()
    with (
        pytest.raises(StateError, match="the state cannot be opened: Is a directory") as caught,
        open_state(tmp_path, "a test"),
    ):
        pass
    assert "--persist-to" in caught.value.hint


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StateError, match="No space left on device") as caught:
        own_folder(tmp_path)
    assert caught.value.hint == "free some space and try again"


def test_the_mode_of_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path):
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("")
    with open_state(tmp_path, "a test") as state:
        assert mode(tmp_path) == 0o755
        assert mode(state.folder("db")) == 0o700
