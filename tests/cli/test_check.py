"""`aerostack check` (interface §3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from aerostack_dev.bindings.state import open_state

from .conftest import Cli, invoke


def test_a_project_in_order(process: Cli, project: Path):
    done = process("check", "--json")
    assert done.code == 0, done.err
    facts = done.json
    assert facts["ok"] is True
    assert facts["handlers"] == ["fetch", "scheduled"]
    names = {each["name"]: each for each in facts["bindings"]}
    assert {"DB", "CACHE", "QUEUE", "STORAGE"} <= set(names)
    assert names["DB"] == {
        "name": "DB", "kind": "database", "title": "SQL database",
        "backend": "sqlite", "resource": "shop-db",
    }  # fmt: skip
    assert [each["cron"] for each in facts["crons"]] == ["0 9 * * MON", "*/5 * * * *"]
    assert facts["crons"][0]["weekdays"] == "Monday"
    assert len(facts["crons"][0]["next"]) == 3
    assert facts["errors"] == []
    warnings = {each["where"]: each["code"] for each in facts["warnings"]}
    assert warnings == {
        "queues.consumers[0]": "no-handler",
        "vectorize[0]": "vectorize-metadata-index",
        "vectorize[1]": "vectorize-metadata-index",
    }


def test_a_person_sees_the_same(cli: Cli):
    lines = cli("check").out.splitlines()
    assert lines[0] == "shop src/index.py"
    assert lines[1] == "handlers: fetch, scheduled"
    assert lines[3].split() == ["BINDING", "KIND", "BACKEND", "NAME"]
    assert "env.DB" in lines[4] and "shop-db" in lines[4]
    monday = next(line for line in lines if line.startswith("0 9 * * MON"))
    assert monday.split("  ")[1] == "Monday" and "09:00, Mon " in monday
    assert lines[-1] == "0 errors, 3 warnings"


def test_nothing_is_wrong(here):
    here({"src/index.py": "def fetch(request): ...\n"})
    done = invoke("check")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Nothing is wrong.")


def test_the_state_is_neither_needed_nor_touched(here):
    root = here({"src/index.py": "def fetch(request): ...\n"})
    with open_state(root / ".aerostack/state", "a test"):
        before = sorted(root.rglob("*"))
        assert invoke("check").code == 0
        after = sorted(path for path in root.rglob("*") if "__pycache__" not in path.parts)
        assert after == before


def test_what_the_function_prints_does_not_spoil_the_json(here):
    here({
        "src/index.py": "import os\nprint('loading', 'top-secret')\ndef fetch(request): ...\n",
        ".dev.vars": "KEY=top-secret\n",
    })  # fmt: skip
    done = invoke("check", "--json")
    assert done.json["ok"] is True
    assert done.err == "loading [redacted:KEY]\n"


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("def fetch(request:\n", "SyntaxError: '(' was never closed", 1),
        ("\nimport missing_thing\n", "ModuleNotFoundError: No module named 'missing_thing'", 2),
        ("def f():\n    return 1 / 0\nf()\n", "ZeroDivisionError: division by zero", 2),
        ("raise ValueError('key is top-secret')\n", "ValueError: key is [redacted:KEY]", 1),
        ("x = 1\n", "TypeError: ", 1),
    ],
)
def test_a_function_that_cannot_be_loaded(here, source: str, message: str, line: int):
    root = here({"src/index.py": source, ".dev.vars": "KEY=top-secret\n"})
    done = invoke("check", "--json")
    assert done.code == 1
    facts = done.json
    assert facts["ok"] is False
    assert facts["handlers"] == []
    (error,) = facts["errors"]
    assert error["code"] == "function"
    assert error["message"].startswith(message)
    assert error["where"] == f"{root}/src/index.py:{line}"
    shown = invoke("check")
    assert shown.code == 1
    assert f'File "{root}/src/index.py", line {line}' in shown.out
    assert shown.out.count(message) == 1
    assert shown.out.splitlines()[-1] == "1 error, 0 warnings"
    assert "top-secret" not in shown.out + shown.err + done.out + done.err
    assert "aerostack_dev" not in shown.out


@pytest.mark.parametrize(
    ("toml", "where"),
    [
        ("[[queues.consumers]]\nqueue = 'q'\nmax_batch_size = 0\n", "queues.consumers[0]"),
        ("main = 'nope.py'\n", "main"),
        ("[triggers]\ncrons = ['every day']\n", "triggers.crons[0]"),
        ("[[queues.consumers]]\nqueue='q'\ndead_letter_queue='q'\n", "dead_letter_queue"),
        ("x = \n", "aerostack.toml"),
    ],
)
def test_a_configuration_that_is_wrong(here, toml: str, where: str):
    here({"aerostack.toml": toml, "src/index.py": "def fetch(request): ...\n"})
    done = invoke("check", "--json")
    assert done.code == 1
    (error,) = done.json["errors"]
    assert error["code"] == "config"
    assert where in error["where"]
    assert invoke("check").code == 1


def test_no_project_and_no_function(here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here()
    (error,) = invoke("check", "--json").json["errors"]
    assert error["message"].startswith("no function found")
    monkeypatch.chdir(tmp_path)
    (error,) = invoke("check", "--json").json["errors"]
    assert error["message"].startswith("no aerostack.toml here or in a folder above")
    (error,) = invoke("check", "--json", "--config", "x.toml").json["errors"]
    assert (error["message"], error["where"]) == ("there is no such file", "x.toml")


def test_parity_warnings(here):
    here({
        "aerostack.toml": '[triggers]\ncrons = ["0 9 * * 1"]\n[[r2_buckets]]\nbinding = "B"\n'
        'bucket_name = "NO"\n',
        "src/index.py": "def fetch(request): ...\n",
    })  # fmt: skip
    done = invoke("check", "--json")
    assert done.code == 0
    codes = [each["code"] for each in done.json["warnings"]]
    assert codes == ["cron-weekday", "bucket-name", "no-handler"]
    assert 'hint: write "0 9 * * MON"' in invoke("check").out


def test_a_seed_that_is_not_there_is_an_error(here):
    root = here({
        "aerostack.toml": '[dev]\nseed = "gone.sql"\n',
        "src/index.py": "def fetch(request): ...\n",
    })  # fmt: skip
    done = invoke("check", "--json")
    assert done.code == 1
    (error,) = done.json["errors"]
    assert error["message"] == f"there is no file {root}/gone.sql"
    assert done.json["handlers"] == ["fetch"]  # the rest was looked at all the same
