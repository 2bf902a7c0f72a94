"""The function's values: [vars], the env files and their grammar, --var, references."""

from __future__ import annotations

from pathlib import Path

import pytest

from aerostack_dev.config import dotenv
from aerostack_dev.config.environment import DEFAULTS
from aerostack_dev.config.references import reference_name, resolve_reference
from aerostack_dev.errors import ConfigError

from .conftest import Load, Write


def own(project) -> dict[str, object]:
    """The values without those that every project has."""
    return {name: value for name, value in project.values.items() if name not in DEFAULTS}


def test_vars_are_json_values(project: Load) -> None:
    loaded = project(
        '[vars]\nA = "a"\nB = 1\nC = 1.5\nD = true\nE = [1, "x"]\nF = {g = {h = 1}}\n'
        "G = 2026-01-01\nH = 2026-01-01T00:00:00Z\nI = 10:00:00"
    )
    assert own(loaded) == {
        "A": "a",
        "B": 1,
        "C": 1.5,
        "D": True,
        "E": [1, "x"],
        "F": {"g": {"h": 1}},
        "G": "2026-01-01",
        "H": "2026-01-01T00:00:00+00:00",
        "I": "10:00:00",
    }
    assert loaded.secrets == frozenset()


@pytest.mark.parametrize("text", ["nan", "-inf", "99999999999999999999"])
def test_vars_that_are_no_json_values(project: Load, text: str) -> None:
    with pytest.raises(ConfigError, match=r"no JSON value|64 bits") as error:
        project(f"[vars]\nA = [1, {text}]")
    assert error.value.where == "aerostack.toml: vars.A[1] (line 2)"


def test_the_address_of_the_platform(project: Load) -> None:
    assert project("").values == {"AEROSTACK_API_URL": "https://api.aerostack.dev"}
    assert project('[vars]\nAEROSTACK_API_URL = "x"').values == {"AEROSTACK_API_URL": "x"}


def test_who_wins(project: Load, write: Write) -> None:
    write(".dev.vars", "B=file\nC=file\n")
    text = '[vars]\nA = "vars"\nB = "vars"\nC = "vars"'
    loaded = project(text, variables={"C": "given", "D": "given"})
    assert own(loaded) == {"A": "vars", "B": "file", "C": "given", "D": "given"}
    assert loaded.secrets == {"B", "C"}


def test_dev_vars_of_the_environment_stand_in(project: Load, write: Write) -> None:
    write(".dev.vars", "A=plain\nB=plain")
    write(".dev.vars.x", "A=x")
    write(".env", "C=dot")
    assert own(project("[env.x]\n[env.y]")) == {"A": "plain", "B": "plain"}
    assert own(project("[env.x]\n[env.y]", environment="x")) == {"A": "x"}
    assert own(project("[env.x]\n[env.y]", environment="y")) == {"A": "plain", "B": "plain"}


def test_dot_env_files_are_merged(project: Load, write: Write) -> None:
    for n, name in enumerate([".env", ".env.local", ".env.x", ".env.x.local"]):
        write(name, f"A={name}\nV{n}={name}\n")
    text = "[env.x]"
    assert own(project(text)) == {"A": ".env.local", "V0": ".env", "V1": ".env.local"}
    assert own(project(text, environment="x")) == {
        "A": ".env.x.local",
        "V0": ".env",
        "V1": ".env.local",
        "V2": ".env.x",
        "V3": ".env.x.local",
    }


def test_dot_env_may_be_switched_off(project: Load, write: Write) -> None:
    write(".env", "A=1")
    switch = "CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV"
    assert own(project("", environ={switch: "False"})) == {}
    for other in ("true", "nonsense", ""):
        assert own(project("", environ={switch: other})) == {"A": "1"}


def test_the_process_environment_may_be_added(project: Load, write: Write) -> None:
    environ = {"CLOUDFLARE_INCLUDE_PROCESS_ENV": "true", "HOME": "/home/me", "A": "process"}
    write(".env", "A=file\nB=file")
    loaded = project("[vars]\nHOME = 1", environ=environ)
    assert own(loaded) == {**environ, "B": "file"}
    assert loaded.secrets == {"A", "B"}
    write(".dev.vars", "C=1")
    assert own(project("", environ=environ)) == {"C": "1"}


def test_chosen_files_replace_the_look_up(project: Load, write: Write, tmp_path: Path) -> None:
    write(".dev.vars", "A=dev")
    first, second = write("one.env", "B=1\nC=1"), write("two.env", "C=${B}2")
    assert own(project("", env_files=[first, second])) == {"B": "1", "C": "12"}
    with pytest.raises(ConfigError, match="No such file") as error:
        project("", env_files=[tmp_path / "gone.env"])
    assert error.value.where == "gone.env"


def test_only_dot_env_is_expanded(project: Load, write: Write) -> None:
    environ = {"USER": "me"}
    write(".env", "A=1\nB=${A}-$A-${USER}-\\$A-${NO:-default}-${A:-x}\nC=$LATER\nLATER=2")
    assert own(project("", environ=environ))["B"] == "1-1-me-$A-default-1"
    assert own(project("", environ=environ))["C"] == "2"
    write(".dev.vars", "A=1\nB=${A}")
    assert own(project("")) == {"A": "1", "B": "${A}"}


def test_a_variable_that_is_not_set(project: Load, write: Write) -> None:
    write(".env", "PASSWORD=pa$word\nLOOP=${LOOP}x\nFULL=${EMPTY}\nEMPTY=\n")
    loaded = project("")
    assert own(loaded) == {"PASSWORD": "pa", "LOOP": "x", "FULL": "", "EMPTY": ""}
    first, second = loaded.findings
    assert (first.code, first.where) == ("unset-variable", ".env")
    assert first.message.startswith("PASSWORD uses $word, which is not set")
    assert second.message.startswith("LOOP uses $LOOP")


def test_expansion_ends() -> None:
    many = {f"V{n}": f"${{V{n + 1}}}" * 4 for n in range(12)} | {"V12": "x"}
    with pytest.raises(ConfigError, match="longer than"):
        dotenv.expand(many, {})
    values, unset = dotenv.expand({"A": "$B.", "B": "$A,"}, {})
    assert values == {"A": ",.", "B": ","}
    assert unset == [("B", "A")]


def test_a_chain_that_is_too_long(project: Load, write: Write) -> None:
    write(".env", "\n".join(f"V{n}=$V{n + 1}" for n in range(3000)))
    with pytest.raises(ConfigError, match="nested too deeply"):
        project("")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1", {"A": "1"}),
        ("A=1\r\nB=2\rC=3", {"A": "1", "B": "2", "C": "3"}),
        ("  A = b c  \n", {"A": "b c"}),
        ("export A=1", {"A": "1"}),
        ("A: 1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=\nB=1", {"A": "", "B": "1"}),
        ("A=1\nA=2", {"A": "2"}),
        ("a.b-c_1=x", {"a.b-c_1": "x"}),
        ("# A=1\n\n   # B\nC=1 # said\nD=a#b", {"C": "1", "D": "a"}),
        ("A='x # y' # z", {"A": "x # y"}),
        ('A="x # y"', {"A": "x # y"}),
        ("A=`x \"y' z`", {"A": "x \"y' z"}),
        ('A="x\\ny\\rz"', {"A": "x\ny\rz"}),
        ("A='x\\ny'", {"A": "x\\ny"}),
        ('A="one\ntwo\n"\nB=1', {"A": "one\ntwo\n", "B": "1"}),
        ('A="a \\" b"', {"A": 'a \\" b'}),
        ("A=''\nB=\"\"", {"A": "", "B": ""}),
        ("A=x=y", {"A": "x=y"}),
        ('A={"a": "b"}', {"A": '{"a": "b"}'}),
        ("A=it's", {"A": "it's"}),
        ("A='open", {"A": "'open"}),
        ('A="a" b', {"A": '"a" b'}),
        ("", {}),
    ],
)
def test_the_grammar(text: str, values: dict[str, str]) -> None:
    entries = list(dotenv.parse(text))
    assert {entry.name: entry.value for entry in entries} == values  # type: ignore[union-attr]


def test_lines_that_are_no_entries() -> None:
    found = list(dotenv.parse('A="x\ny"\nnonsense\n=5\nB=1\nnäme=1\nexport C'))
    assert [entry.line for entry in found] == [1, 3, 4, 5, 6, 7]
    assert [type(entry).__name__ for entry in found] == [
        "Entry",
        "Unread",
        "Unread",
        "Entry",
        "Unread",
        "Unread",
    ]


def test_lines_that_are_skipped_are_said(project: Load, write: Write) -> None:
    write(".dev.vars", "A=1\nnonsense")
    (finding,) = project("").findings
    assert (finding.code, finding.where) == ("env-file", ".dev.vars:2")
    assert "nonsense" not in str(finding)


def test_an_env_file_that_cannot_be_read(project: Load, write: Write) -> None:
    write(".dev.vars", "").write_bytes(b"A=1\nB=\xff")
    with pytest.raises(ConfigError, match="not UTF-8") as error:
        project("")
    assert error.value.where == ".dev.vars:2"


def test_a_folder_named_env_is_a_virtual_environment(project: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert project("").findings == ()


@pytest.mark.parametrize(
    ("files", "home"),
    [
        ({}, ".dev.vars"),
        ({".dev.vars": "A=1"}, ".dev.vars"),
        ({".env.local": "A=1"}, ".env.local"),
        ({".dev.vars.x": "A=1", ".dev.vars": ""}, ".dev.vars.x"),
    ],
)
def test_a_missing_secret(project: Load, write: Write, files: dict[str, str], home: str) -> None:
    for name, text in files.items():
        write(name, text)
    text = '[secrets]\nrequired = ["STRIPE_KEY"]\n[env.x]'
    (finding,) = project(text, environment="x").findings
    assert finding.code == "missing-secret"
    assert finding.message == "the secret STRIPE_KEY is not set"
    assert finding.hint == f"add STRIPE_KEY=… to {home}"
    assert finding.where == "aerostack.toml: secrets.required[0] (line 2)"


def test_secrets_that_are_there(project: Load, write: Write) -> None:
    write(".dev.vars", "A=1\nEMPTY=")
    loaded = project('env = ["A", "B", "C", "EMPTY"]\n[vars]\nC = "c"', variables={"B": "b"})
    (finding,) = loaded.findings
    assert finding.message == "the secret EMPTY is empty"
    assert finding.where == "aerostack.toml: env[3] (line 1)"
    assert loaded.secrets == {"A", "B", "C", "EMPTY"}


def test_required_secrets_are_all_that_is_loaded(project: Load, write: Write) -> None:
    write(".dev.vars", "A=1\nB=2")
    loaded = project('[secrets]\nrequired = ["A"]')
    assert own(loaded) == {"A": "1"}
    assert own(project("[secrets]\nrequired = []")) == {}
    loaded = project(
        '[secrets]\nrequired = ["A"]\n[env.x.secrets]\nrequired = ["B"]', environment="x"
    )
    assert own(loaded) == {"B": "2"}


def test_other_secrets_tables_are_the_deployment_s(project: Load) -> None:
    assert project('[secrets]\nTOKEN = "x"').findings == ()
    assert project('secrets = ["A"]').findings == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [("$A", "A"), ("${A_1}", "A_1"), ("$1", None), ("x$A", None), ("$A ", None), ("$é", None)],
)
def test_what_a_reference_is(text: str, name: str | None) -> None:
    assert reference_name(text) == name


def test_references() -> None:
    values = {"A": "value", "N": 5, "T": True, "E": "", "D": {"x": 1}}
    environ = {"A": "environ", "B": "environ", "E": "environ"}
    assert resolve_reference("plain", values, environ) == "plain"
    assert resolve_reference("$A", values, environ) == "value"
    assert resolve_reference("${B}", values, environ) == "environ"
    assert resolve_reference("$E", values, environ) == "environ"
    assert resolve_reference("$N", values, environ) == "5"
    assert resolve_reference("$T", values, environ) == "true"
    for text, message in (("$NO", r"\$NO is not set"), ("$D", r"\$D is not a text")):
        with pytest.raises(ConfigError, match=message):
            resolve_reference(text, values, environ)


def test_references_of_a_project(project: Load, write: Write) -> None:
    write(".dev.vars", "KEY=secret")
    loaded = project("", environ={"OTHER": "o"})
    assert loaded.reference("$KEY") == "secret"
    assert loaded.reference("$OTHER") == "o"
    with pytest.raises(ConfigError) as error:
        loaded.reference("$NONE")
    assert ".dev.vars" in error.value.hint
