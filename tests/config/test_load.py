"""Finding a project and reading its simple keys."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aerostack_dev.config.document import LARGEST
from aerostack_dev.config.entry import MAINS
from aerostack_dev.config.load import find, load, require_main, watched_files
from aerostack_dev.errors import ConfigError

from .conftest import SECTIONS, Load, Write


def codes(project) -> list[str]:
    return [finding.code for finding in project.findings]


def test_find_walks_up(tmp_path: Path, write: Write) -> None:
    file = write("aerostack.toml", "")
    below = write("src/deep/x.py", "").parent
    assert find(below) == file
    assert find(tmp_path) == file


def test_find_prefers_aerostack_toml_and_falls_back_to_wrangler(
    tmp_path: Path, write: Write
) -> None:
    wrangler = write("wrangler.toml", 'name = "w"')
    assert find(tmp_path) == wrangler
    assert load(tmp_path, ()).file == wrangler
    file = write("aerostack.toml", 'name = "a"')
    assert find(tmp_path) == file
    assert load(tmp_path, ()).name == "a"


def test_find_passes_over_what_the_official_cli_generates(tmp_path: Path, write: Write) -> None:
    file = write("aerostack.toml", "")
    generated = write(".aerostack/wrangler.toml", "")
    assert find(generated.parent) == file


def test_find_nothing() -> None:
    assert find(Path("/")) is None


def test_an_empty_file_is_a_project(project: Load, tmp_path: Path) -> None:
    loaded = project("")
    assert (loaded.root, loaded.name, loaded.main) == (tmp_path, "aerostack-app", None)
    assert loaded.compatibility_date is None
    assert loaded.findings == ()
    assert loaded.sections == {section.path: () for section in SECTIONS}
    assert (loaded.dev.host, loaded.dev.port) == ("127.0.0.1", None)


def test_a_byte_order_mark_and_crlf(project: Load) -> None:
    assert project('\ufeffname = "a"\r\n[vars]\r\nX = 1\r\n').values["X"] == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [("My API!", "my-api"), ("a__b--c", "a-b-c"), ("-x-", "x"), ("é", "aerostack-app")],
)
def test_name(project: Load, given: str, name: str) -> None:
    assert project(f'name = "{given}"').name == name


@pytest.mark.parametrize("first", range(len(MAINS)))
def test_main_is_the_first_that_exists(project: Load, write: Write, first: int) -> None:
    for name in MAINS[first:]:
        write(name, "")
    for text in ("", 'main = "dist/worker.js"', 'main = "./dist/worker.js"', 'main = ""'):
        loaded = project(text)
        assert loaded.main == loaded.root / MAINS[first]


def test_main_given(project: Load, write: Write) -> None:
    file = write("app/hello.ts", "")
    assert project('main = "app/hello.ts"').main == file
    assert require_main(project(f'main = "{file.as_posix()}"')) == file


def test_main_outside_the_project(write: Write, tmp_path: Path) -> None:
    write("shared/index.py", "")
    write("app/aerostack.toml", 'main = "../shared/index.py"')
    loaded = load(tmp_path / "app", ())
    assert loaded.main is not None
    assert loaded.main.samefile(tmp_path / "shared/index.py")
    assert loaded.findings == ()


def test_main_as_a_table(project: Load, write: Write) -> None:
    file = write("a.py", "")
    loaded = project('[main]\npath = "a.py"')
    assert loaded.main == file
    assert codes(loaded) == ["official-cli"]
    assert project("[main]\n").main is None


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ('"gone.py"', 'the function\'s file "gone.py" does not exist'),
        ('"src"', 'the function\'s file "src" is a folder'),
        ('"a\\u0000b"', "does not exist"),
        ('"' + "x" * 5000 + '"', "does not exist"),
        ("5", "`main` cannot be 5"),
    ],
)
def test_main_that_is_not_there(project: Load, write: Write, main: str, message: str) -> None:
    write("src/index.py", "")
    with pytest.raises(ConfigError, match=message) as error:
        project(f"# above\nmain = {main}")
    assert error.value.where == "aerostack.toml: main (line 2)"


def test_without_main_data_commands_still_load(project: Load) -> None:
    with pytest.raises(ConfigError, match="no function found") as error:
        require_main(project(""))
    assert all(name in error.value.hint for name in MAINS)


@pytest.mark.parametrize("text", ['"2026-01-31"', "2026-01-31"])
def test_compatibility_date(project: Load, text: str) -> None:
    assert project(f"compatibility_date = {text}").compatibility_date == datetime.date(2026, 1, 31)


def test_a_date_in_the_future_is_fine(project: Load) -> None:
    assert project('compatibility_date = "2999-01-01"').findings == ()


@pytest.mark.parametrize(
    "text", ['"2026-02-30"', '"20260101"', '"tomorrow"', "5", "2026-01-01T00:00:00", '"2026-1-1"']
)
def test_a_wrong_date(project: Load, text: str) -> None:
    with pytest.raises(ConfigError, match=r"date|no day") as error:
        project(f"compatibility_date = {text}")
    assert error.value.where == "aerostack.toml: compatibility_date (line 1)"


def test_compatibility_flags(project: Load) -> None:
    assert project('compatibility_flags = ["a", "b"]').compatibility_flags == {"a", "b"}
    with pytest.raises(ConfigError, match="must be a text"):
        project("compatibility_flags = [5]")


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        (b"a = 1\nb = tru\n", "aerostack.toml:2:5", "not valid TOML: invalid value, in `b = tru`"),
        (b"a = 'x", "aerostack.toml:1:7", "in `a = 'x`"),
        (b"api_key = sk-123\n", "aerostack.toml:1:11", r"in `api_key = \(hidden\)`"),
        (b"a = 1\na = 2\n", "aerostack.toml:2:6", "in `a = 2`"),
        (b"a = 1\nb = \xff\n", "aerostack.toml:2", "not UTF-8: byte 0xff in line 2"),
        (b"a = " + b"[" * 5000, "aerostack.toml", "nested too deeply"),
        (b"a = " + b"9" * 5000, "aerostack.toml", "not valid TOML"),
        (b'x = "' + b"y" * 500, "aerostack.toml:1:506", "y…`"),
        (b"#" * (LARGEST + 1), "aerostack.toml", "larger than"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, content: bytes, where: str, message: str
) -> None:
    (tmp_path / "aerostack.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=message) as error:
        load(tmp_path, SECTIONS)
    assert error.value.where == where


def test_hints_of_syntax_errors(project: Load) -> None:
    with pytest.raises(ConfigError) as error:
        project("name = my-api")
    assert error.value.hint == 'text needs quotes: key = "value"'
    with pytest.raises(ConfigError) as error:
        project('env = ["A"]\n[env.staging]\nname = "b"')
    assert "cannot stand in one file" in error.value.hint
    with pytest.raises(ConfigError) as error:
        project("[a]\n[a]\n")
    assert error.value.hint == "a key or table may be written only once"


def test_a_folder_or_nothing_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no aerostack\.toml in"):
        load(tmp_path, ())
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "gone.toml", ())
    with pytest.raises(ConfigError, match=r"cannot read|null"):
        load(tmp_path / "a\0b", ())
    (tmp_path / "aerostack.toml").mkdir()
    with pytest.raises(ConfigError, match="there is no"):
        load(tmp_path, ())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_the_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ConfigError, match="not an ordinary file"):
        load(tmp_path / "pipe.toml", ())


def test_an_environment(project: Load, write: Write) -> None:
    write("a.py", "")
    write("b.py", "")
    text = """
name = "top"
main = "a.py"
compatibility_date = "2026-01-01"
[vars]
A = 1
[triggers]
crons = ["0 * * * *"]
[[d1_databases]]
binding = "DB"
[env.staging]
main = "b.py"
[env.production.triggers]
crons = []
[[env.production.d1_databases]]
binding = "DB"
database_name = "real"
[env.production.vars]
A = 2
"""
    top = project(text)
    assert (top.environment, top.values["A"], len(top.crons)) == (None, 1, 1)
    staging = project(text, environment="staging")
    assert (staging.name, staging.main, staging.environment) == (
        "top",
        staging.root / "b.py",
        "staging",
    )
    assert staging.compatibility_date == datetime.date(2026, 1, 1)
    assert staging.crons == ("0 * * * *",)
    assert "A" not in staging.values
    assert staging.sections["d1_databases"] == ()
    (finding,) = staging.findings
    assert finding.code == "not-inherited"
    assert "vars, d1_databases" in finding.message
    production = project(text, environment="production")
    assert production.crons == ()
    assert production.values["A"] == 2
    assert production.sections["d1_databases"][0].database_name == "real"
    assert production.findings == ()


def test_behaviour_since_a_date(project: Load) -> None:
    day = datetime.date(2026, 1, 1)
    assert project("").since(day)
    assert project("compatibility_date = 2026-01-01").since(day)
    text = 'compatibility_date = 2025-12-31\ncompatibility_flags = ["early"]'
    assert not project(text).since(day, "other")
    assert project(text).since(day, "early")


def test_environments_that_cannot_be(project: Load) -> None:
    with pytest.raises(ConfigError) as error:
        project("[env.staging]", environment="stagging")
    assert error.value.hint == "did you mean `staging`?"
    with pytest.raises(ConfigError, match="no environment 'x'; there are: a, b"):
        project("[env.a]\n[env.b]", environment="x")
    with pytest.raises(ConfigError, match="there are: none"):
        project('env = ["A"]', environment="x")
    with pytest.raises(ConfigError, match="expected a table"):
        project("env.a = 5")
    with pytest.raises(ConfigError, match="must be a list"):
        project("env = 5")
    with pytest.raises(ConfigError, match="cannot hold this"):
        project('[env."../x"]', environment="../x")


def test_watched(project: Load, tmp_path: Path, write: Write) -> None:
    names = ["aerostack.toml", ".dev.vars.a", ".dev.vars", ".env", ".env.local"]
    names += [".env.a", ".env.a.local"]
    expected = tuple(tmp_path / name for name in names)
    assert project("[env.a]", environment="a").watched == expected
    assert watched_files(tmp_path / "aerostack.toml", "a") == expected
    own = write("own.env", "")
    assert project("", env_files=[own]).watched == (tmp_path / "aerostack.toml", own)


def test_crons(project: Load) -> None:
    assert project('[triggers]\ncrons = ["0 0 * * Mon"]').crons == ("0 0 * * Mon",)
    for text in ("nonsense", "*/60 * * * *"):
        with pytest.raises(ConfigError) as error:
            project(f'[triggers]\ncrons = [\n  "0 * * * *",\n  "{text}",\n]')
        assert error.value.where == "aerostack.toml: triggers.crons[1] (line 4)"


@pytest.mark.spec("queue 2.5.19")
def test_a_cron_twice(project: Load) -> None:
    with pytest.raises(ConfigError, match="already exists in the form of") as error:
        project('[triggers]\ncrons = ["*/30 * * * *", "0,30 * * * *"]')
    assert error.value.where.startswith("aerostack.toml: triggers.crons[1]")


def test_findings_about_crons(project: Load) -> None:
    loaded = project('[triggers]\ncrons = ["* * 31 11 *", "0 9 * * 1"]')
    assert codes(loaded) == ["cron-never", "cron-weekday"]
    assert loaded.findings[1].where.startswith("aerostack.toml: triggers.crons[1]")
    with pytest.raises(ConfigError, match="0"):
        project('dev.cron_weekdays = "cloudflare"\ntriggers.crons = ["0 16 * * 0"]')


def test_loading_imports_nothing_that_it_does_not_need(tmp_path: Path, write: Write) -> None:
    write("aerostack.toml", 'name = "a"\n[vars]\nA = 1\n[dev]\nport = 0\n')
    write(".env", "A=${B:-c}\n")
    code = (
        "import sys; from pathlib import Path; from aerostack_dev.config.load import load;"
        "before = {*sys.modules}; load(Path(sys.argv[1]), ()); print(*({*sys.modules} - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == []


def test_loading_is_quick(tmp_path: Path, write: Write) -> None:
    example = Path(__file__).parents[2] / "aerostack.toml.example"
    write("aerostack.toml", example.read_text())
    write("src/index.py", "")
    load(tmp_path, SECTIONS)
    started = time.process_time()
    for _ in range(10):
        load(tmp_path, SECTIONS)
    assert (time.process_time() - started) / 10 < 0.05  # the aim is 5 ms; machines differ
