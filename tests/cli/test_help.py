"""`--help`: instant, whole, and with an example for every command (interface §3)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from aerostack_dev.cli.commands import COMMANDS, aerostack

from .conftest import invoke

HEAVY = {
    "aiosqlite", "apscheduler", "apsw", "asyncio", "httpx", "msgspec", "rich", "starlette",
    "tomli", "uvicorn", "uvloop", "watchfiles",
}  # fmt: skip
OWN = [
    "aerostack_dev",
    "aerostack_dev.cli",
    "aerostack_dev.cli.commands",
    "aerostack_dev.errors",
    "aerostack_dev.version",
]
WITHOUT_JSON = {"completion", "dev", "db export", "types"}
"""Commands whose result is not a listing: a script, a server, and files."""


def walk(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))


EVERY = dict(walk(aerostack))


def imported(*arguments: str) -> set[str]:
    code = (
        "import json, sys; before = set(sys.modules);"
        "from aerostack_dev.cli.commands import run; run(sys.argv[1:]);"
        "print('\\n' + json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_imports_click_and_the_list_of_commands():
    found = imported("--help")
    assert sorted(name for name in found if name.startswith("aerostack_dev")) == OWN
    others = {name.partition(".")[0] for name in found}
    assert others - set(sys.stdlib_module_names) == {"aerostack_dev", "click"}
    assert not found & HEAVY


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_a_command_imports_nothing_heavy(name: str):
    found = imported(name, "--help")
    assert not found & HEAVY
    assert not any(each.startswith(("aerostack_dev.server", "aerostack_dev.run")) for each in found)


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_an_example(name: str):
    done = invoke(*name.split(), "--help")
    assert done.code == 0
    examples = done.out.split("Example")[1]
    assert f"aerostack {name}" in examples
    assert done.err == ""


@pytest.mark.parametrize("name", EVERY)
def test_help_fits_a_narrow_terminal(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = invoke(*name.split(), "--help").out.splitlines()[1:]
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if line.endswith("...")] == []  # a text that was cut


@pytest.mark.parametrize("name", EVERY)
def test_every_option_is_explained(name: str):
    for parameter in EVERY[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), parameter.name


@pytest.mark.parametrize(
    "name", [name for name, command in EVERY.items() if not isinstance(command, click.Group)]
)
def test_every_result_comes_as_json(name: str):
    options = [option for parameter in EVERY[name].params for option in parameter.opts]
    assert ("--json" in options) == (name not in WITHOUT_JSON)


def test_the_list_is_that_of_the_contract():
    assert list(COMMANDS) == [
        "init", "dev", "check", "types", "db", "cache", "storage", "queue", "vectorize", "ai",
        "cron", "clock", "state", "completion",
    ]  # fmt: skip
    for name, entry in COMMANDS.items():
        assert f"  {name} " in invoke("--help").out
        assert entry.help in invoke("--help").out


def test_a_mistyped_command_is_a_usage_error_with_the_nearest():
    done = invoke("chekc")
    assert done.code == 2
    assert "no such command 'chekc'; did you mean 'check'?" in done.err
    assert "see aerostack --help" in invoke("xyzzy").err


def test_the_version():
    assert invoke("--version").out.startswith("aerostack 0.")


def test_a_reader_that_has_seen_enough_is_no_error(here):
    root = here()
    lines = "; ".join(f"SELECT hex(randomblob(9999)) AS x{n}" for n in range(100))
    command = [sys.executable, "-m", "aerostack_dev", "db", "execute", "--command", lines]
    # An unbuffered standard output would not notice that nobody reads it.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_an_interrupted_command_only_ends_its_line(here, monkeypatch: pytest.MonkeyPatch):
    here()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aerostack_dev.cli.access.open_access", interrupted)
    done = invoke("queue", "list")
    assert (done.code, done.raw, done.err) == (130, b"", "\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bogus"], "error: no such option '--bogus'\nhint: see aerostack --help\n"),
        (["cron", "rnu"], "error: no such command 'rnu'"),
        (["dev", "--port", "x"], "error: invalid value for '--port'"),
        (
            ["queue", "send"],
            "error: missing argument 'QUEUE'\nhint: see aerostack queue send --help",
        ),
    ],
)
def test_a_wrong_command_line_is_one_line_and_a_hint(arguments: list[str], message: str):
    done = invoke(*arguments)
    assert done.code == 2
    assert done.err.startswith(message)
    assert len(done.err.splitlines()) == 2
