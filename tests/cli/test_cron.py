"""`aerostack cron` (interface §3, §8)."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from .conftest import Cli, invoke

AT = "2026-11-23T09:00:00Z"
AT_MS = 1795424400000


def test_a_cron_is_fired_at_a_given_time(process: Cli):
    done = process("cron", "run", "0 9 * * MON", "--time", AT)
    assert done.code == 0, done.err
    assert done.out.startswith('CRON "0 9 * * MON" ok ')
    assert process("cache", "get", "fired").out == f"0 9 * * MON {AT_MS}"
    result = process("cron", "run", "*/5 * * * *", "--time", "1700000000000", "--json")
    assert result.json.pop("durationMs") >= 0
    assert result.json["outcome"] == "ok"
    assert process("cache", "get", "fired").out == "*/5 * * * * 1700000000000"


def test_a_failing_handler_is_shown_with_its_own_lines(process: Cli, project: Path):
    done = process("cron", "run", "0 0 1 1 *")
    assert done.code == 1
    assert done.out.startswith('CRON "0 0 1 1 *" exception ')
    assert 'note: "0 0 1 1 *" is not among the crons' in done.err
    assert "ValueError: no new year with [redacted:TOKEN]" in done.err
    assert f'File "{project}/src/index.py", line 10, in scheduled' in done.err
    assert "very-secret-token" not in done.err
    assert "Traceback" not in done.err
    result = process("cron", "run", "0 0 1 1 *", "--json")
    assert result.code == 1
    assert result.json["outcome"] == "exception"
    assert result.json["error"] == "ValueError: no new year with [redacted:TOKEN]"


def test_list(cli: Cli):
    listed = cli("cron", "list", "--json").json
    assert [each["cron"] for each in listed] == ["0 9 * * MON", "*/5 * * * *"]
    mondays = [datetime.datetime.fromisoformat(each) for each in listed[0]["next"]]
    assert len(mondays) == 3
    assert {(day.weekday(), day.hour, day.minute) for day in mondays} == {(0, 9, 0)}
    lines = cli("cron", "list").out.splitlines()
    assert lines[0].split("  ")[0] == "CRON"
    assert lines[1].startswith("0 9 * * MON  Monday    Mon 20")
    assert lines[2].startswith("*/5 * * * *  any       ")


def test_without_an_expression_it_must_be_the_only_one(cli: Cli):
    done = cli("cron", "run")
    assert done.code == 1
    assert done.err == (
        'error: which cron? There are several\nhint: there are: "0 9 * * MON", "*/5 * * * *"\n'
    )


def test_an_expression_must_be_one(cli: Cli):
    done = cli("cron", "run", "whenever")
    assert done.code == 1
    assert done.err.startswith("error: invalid cron string: whenever [code: 10100]")


ONE = {"aerostack.toml": '[triggers]\ncrons = ["0 0 30 2 *"]\n'}


def test_the_only_cron_needs_no_name(here):
    here({**ONE, "src/index.py": "def scheduled(event):\n    print('ran', event.cron)\n"})
    done = invoke("cron", "run")
    assert (done.code, done.err) == (0, "ran 0 0 30 2 *\n")
    assert invoke("cron", "list").out.splitlines()[1] == "0 0 30 2 *  any       never"


def test_a_project_without_crons(here):
    here({"src/index.py": "def scheduled(event): ...\n"})
    assert invoke("cron", "list").out.startswith("No crons: ")
    assert invoke("cron", "list", "--json").json == []
    done = invoke("cron", "run")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: there is no cron to run\nhint: declare some")
    assert invoke("cron", "run", "0 0 * * *").code == 0


def test_a_function_without_the_handler(here):
    here({**ONE, "src/index.py": "def fetch(request): ...\n"})
    done = invoke("cron", "run")
    assert done.code == 1
    assert "we lack a handler for ScheduledEvents" in done.err
    assert "RuntimeError: Handler does not export a scheduled() function" in done.err


def test_a_function_that_cannot_be_loaded(here):
    here({**ONE, "src/index.py": "import does_not_exist\n"})
    done = invoke("cron", "run")
    assert done.code == 1
    assert "ModuleNotFoundError: No module named 'does_not_exist'" in done.err
    assert 'src/index.py", line 1, in <module>' in done.err


def test_a_project_without_a_function(here):
    here(ONE)
    done = invoke("cron", "run")
    assert done.code == 1
    assert "no function found" in done.err and "hint: " in done.err


@pytest.mark.parametrize("time", ["soon", "2026-13-01", "99999999999999999", "1" * 30, ""])
def test_a_time_that_is_none(here, time: str):
    here(ONE)
    done = invoke("cron", "run", "--time", time)
    assert done.code == 2
    assert "invalid value for '--time'" in done.err


@pytest.mark.parametrize(
    ("time", "ms"),
    [(AT, AT_MS), ("2026-11-23T10:00:00+01:00", AT_MS), ("2026-11-23 09:00", AT_MS), ("-5", -5)],
)
def test_times(here, time: str, ms: int):
    here({**ONE, "src/index.py": "def scheduled(event):\n    print(event.scheduledTime)\n"})
    assert invoke("cron", "run", f"--time={time}").err == f"{ms}\n"
