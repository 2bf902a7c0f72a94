"""Tab in bash, zsh and fish: what is completed, and that the shells take it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from aerostack_dev.cli.shells import unfinished

from .conftest import FILES, Cli, invoke

BREAKS = " \t\n\"'@><=;|&(:"
"""Where bash breaks words by itself."""
ENVIRONMENTS = "\n[env.staging]\n[env.production]\n"


@pytest.fixture
def tab(here, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`tab(line)`: what bash is told in a project."""
    root = here({**FILES, "aerostack.toml": FILES["aerostack.toml"] + ENVIRONMENTS})
    (root / ".aerostack/snapshots/before").mkdir(parents=True)
    monkeypatch.setenv("COMP_WORDBREAKS", BREAKS)
    monkeypatch.setenv("_AEROSTACK_COMPLETE", "bash_complete")

    def told(line: str) -> list[str]:
        monkeypatch.setenv("COMP_LINE", line)
        done = invoke()
        assert done.err == ""
        return [each.partition("\t")[2] for each in done.out.splitlines()]

    return told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("aerostack qu", ["queue"]),
        ("aerostack --v", ["--version"]),
        ("aerostack db mi", ["migrate"]),
        ("aerostack db migrate ap", ["apply"]),
        ("aerostack queue peek --l", ["--limit"]),
        ("aerostack queue send x y --content-type ", ["json", "text", "bytes"]),
        ("aerostack queue peek ", ["default", "orders", "orders-dlq"]),
        ("aerostack queue tail or", ["orders", "orders-dlq"]),
        ("aerostack db info ", ["DB", "shop-db"]),
        ("aerostack db import sh", ["shop-db", "sh"]),
        ("aerostack db execute --file s", ["s"]),  # the shell completes it as a file
        ("aerostack cache put k --path s", ["s"]),
        ("aerostack cache get --binding ", ["CACHE"]),
        ("aerostack storage list -b S", ["STORAGE"]),
        ("aerostack vectorize query -b d", ["docs"]),
        ("aerostack ai run -b ", ["AI"]),
        ("aerostack ai models --task text-e", ["text-embeddings"]),
        ("aerostack init --template rest", ["rest-api"]),
        ("aerostack init --template hello --language py", ["python"]),
        ("aerostack db info --env ", ["staging", "production"]),
        ("aerostack completion f", ["fish"]),
        ("aerostack state restore be", ["before"]),
        ("aerostack nope ", []),
        ("aerostack db info --config none.toml ", []),
        ("aerostack queue peek 'unfinished", []),
    ],
)  # fmt: skip
def test_what_is_completed(tab: Cli, line: str, expected: list[str]):
    assert tab(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("aerostack cron run 0", r"0\ 9\ \*\ \*\ MON"),
        ("aerostack cron run '0", "0 9 * * MON"),
        ('aerostack cron run "0 9', "0 9 * * MON"),
        (r"aerostack cron run 0\ 9", r"0\ 9\ \*\ \*\ MON"),
        ("aerostack ai run @cf/meta/llama-g", "@cf/meta/llama-guard-3-8b"),
        ("aerostack queue peek --limit=3 def", "default"),
    ],
)
def test_words_that_a_shell_would_break(tab: Cli, line: str, expected: str):
    assert tab(line) == [expected]


def test_the_models_of_the_project_come_first(tab: Cli):
    first, *rest = tab("aerostack ai run @cf/meta/llama-3.2-")
    assert first == "@cf/meta/llama-3.2-3b-instruct"
    assert first not in rest


def test_outside_of_a_project_nothing_is_said(tmp_path: Path, tab: Cli, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    assert tab("aerostack queue peek ") == []
    assert "queue" in tab("aerostack ")


def test_a_broken_configuration_completes_nothing(tab: Cli):
    Path("aerostack.toml").write_text("[[[")
    for line in ("queue peek ", "cron run ", "db info ", "db info --env "):
        assert tab(f"aerostack {line}") == []


def test_an_unknown_shell(here, monkeypatch: pytest.MonkeyPatch):
    here()
    monkeypatch.setenv("_AEROSTACK_COMPLETE", "tcsh_complete")
    assert invoke().code == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a b", (2, "")), ("a ", (2, "")), ("a 'b c", (2, "'")), ('a "b c', (2, '"')),
        (r"a b\ c", (2, "")), ("a 'b' c", (6, "")), (r'a "b\" c', (2, '"')), ("", (0, "")),
    ],
)  # fmt: skip
def test_the_word_under_the_cursor(line: str, expected: tuple[int, str]):
    assert unfinished(line) == expected


def environment() -> Mapping[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": os.getcwd()}


def run_shell(*command: str) -> list[str]:
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash_takes_it(here):
    here(FILES)
    script = """
    eval "$(aerostack completion bash)"
    try() {
        COMP_LINE=$1 COMP_POINT=${#1} _aerostack_completion aerostack
        printf '%s\\n' "${COMPREPLY[@]}"
    }
    try "aerostack queue peek or"
    try "aerostack cron run "
    complete -p aerostack
    """
    assert run_shell("bash", "--norc", "-c", script) == [
        "orders", "orders-dlq", r"0\ 9\ \*\ \*\ MON", r"\*/5\ \*\ \*\ \*\ \*",
        "complete -o nosort -F _aerostack_completion aerostack",
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish on this machine")
def test_fish_takes_it(here):
    crons = '[triggers]\ncrons = ["0,30 9 * * MON"]\n'
    here({"aerostack.toml": crons})
    script = 'aerostack completion fish | source; complete -C "aerostack cron run 0"'
    assert run_shell("fish", "--no-config", "-c", script) == ["0,30 9 * * MON"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh on this machine")
def test_zsh_takes_it(here):
    here(FILES)
    script = """
    compdef() { print -r -- "$@" }
    compadd() { print -rl -- "${completions[@]}" }
    eval "$(aerostack completion zsh)"
    words=(aerostack queue peek or) CURRENT=4
    _aerostack_completion
    """
    found = run_shell("zsh", "-f", "-c", script)
    assert found == ["_aerostack_completion aerostack", "orders", "orders-dlq"]


def test_completing_a_name_imports_nothing_heavy(here):
    here(FILES)
    code = (
        "import sys; from aerostack_dev.cli.commands import run; run([]);"
        "print(*sorted({'asyncio', 'apsw', 'numpy', 'uvicorn', 'starlette', 'prompt_toolkit'}"
        " & set(sys.modules)))"
    )
    for line in ("queue peek ", "cron run ", "cache get -b ", "ai run ", "init -t ", ""):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "_AEROSTACK_COMPLETE": "bash_complete",
                 "COMP_LINE": f"aerostack {line}"},
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "", line
