"""The law of the tests: a unit of work stays whole, so that a module opens what it shares once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.order import SPLIT, unit
from tests.support.server import PATIENCE, write_project

CONFTEST = "from tests.conftest import pytest_collection_modifyitems, pytest_xdist_make_scheduler\n"
WHOLE = ("tests/cli/test_one.py", "tests/server/test_other.py", "tests/contract/test_third.py")
MODULE = "".join(f"def test_{number}(): ...\n" for number in range(6))
RAN = re.compile(r"^\[(gw\d)\].* PASSED (\S+)", re.MULTILINE)


def test_a_unit_stays_whole_and_long_ones_begin_first(tmp_path: Path):
    files = dict.fromkeys((*WHOLE, SPLIT[0]), MODULE)
    write_project(tmp_path, {**files, "conftest.py": CONFTEST, "pytest.ini": "[pytest]\n"})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-n", "2", "-p", "no:cacheprovider"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE * 2, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert "24 passed" in done.stdout, done.stdout + done.stderr

    workers: dict[str, set[str]] = {}
    order: dict[str, list[int]] = {}
    for worker, test in RAN.findall(done.stdout):
        workers.setdefault(unit(test).name, set()).add(worker)
        order.setdefault(worker, []).append(unit(test).rank)
    assert set(workers) == {*WHOLE, *(f"{SPLIT[0]}::test_{number}" for number in range(6))}
    assert all(len(each) == 1 for each in workers.values()), workers
    # One of the single tests went to each worker, and none of them came after a module.
    assert set(order) == {"gw0", "gw1"}
    assert all(ranks == sorted(ranks) and ranks[0] == 0 for ranks in order.values()), order
