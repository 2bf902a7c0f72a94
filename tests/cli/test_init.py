"""`aerostack init` (interface §3), with templates made for the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aerostack_dev.cli import output, templates
from aerostack_dev.errors import AerostackError, FunctionError
from tests.support.server import write_project

from .conftest import invoke

TEMPLATES = {
    "common/python/.gitignore": "__pycache__/\n",
    "hello/python/aerostack.toml": 'name = "{{name}}"\n',
    "hello/python/README.md": "# {{name}}\n",
    "hello/python/src/index.py": "TEXT = '{{name}}'\ndef fetch(request): ...\n",
    "hello/python/src/__pycache__/index.cpython-311.pyc": "left behind",
    "hello/python/.aerostack/state/lock": "left behind",
    "hello/typescript/aerostack.toml": 'name = "{{name}}"\n',
    "hello/typescript/src/index.ts": "export default {}\n",
    "hello/typescript/tests/index_test.ts": "",
    "shop/python/aerostack.toml": 'name = "{{name}}"\n[[d1_databases]]\nbinding = "DB"\n',
    "shop/python/src/index.py": "def fetch(request): ...\n",
    "shop/python/migrations/0001_items.sql": "CREATE TABLE items (name TEXT UNIQUE);\n",
    "shop/python/seed.sql": "INSERT INTO items VALUES ('lamp'); INSERT INTO items VALUES ('desk');",
    "shop/python/tests/test_index.py": "def test_nothing(): ...\n",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write_project(tmp_path / "templates", TEMPLATES)
    monkeypatch.setattr(templates, "_home", lambda: folder)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


def rows(folder: str) -> list[str]:
    config = ("--config", f"{folder}/aerostack.toml")
    done = invoke("db", "execute", "--command", "SELECT name FROM items ORDER BY 1", *config)
    return [row["name"] for row in done.json[0]["results"]]


def test_a_project_with_its_database_ready():
    done = invoke("init", "My Shop", "--template", "shop", "--language", "python")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "Wrote 6 files to My Shop (shop, python).",
        "Applied 0001_items.sql, seed.sql to the local database.",
        "",
        "Next:",
        "  cd 'My Shop'",
        "  aerostack dev",
        "  python -m pytest",
    ]
    assert Path("My Shop/aerostack.toml").read_text().startswith('name = "my-shop"\n')
    assert rows("My Shop") == ["desk", "lamp"]


def test_files_are_copied_as_they_are_but_for_the_name():
    done = invoke("init", "api", "--template", "hello", "--language", "python", "--json")
    assert done.json == {
        "directory": str(Path("api").resolve()),
        "name": "api",
        "template": "hello",
        "language": "python",
        "files": [".gitignore", "README.md", "aerostack.toml", "src/index.py"],
        "migrations": [],
        "seeded": False,
    }
    assert Path("api/README.md").read_text() == "# api\n"
    assert "'{{name}}'" in Path("api/src/index.py").read_text()
    assert not Path("api/src/__pycache__").exists()
    assert not Path("api/.aerostack").exists()


def test_what_is_missing_has_defaults_where_nobody_can_be_asked():
    done = invoke("init", "api", "--json")
    assert (done.json["template"], done.json["language"]) == ("hello", "python")
    missing = invoke("init")
    assert (missing.code, "DIR is missing" in missing.err) == (2, True)


def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(output, "interactive", lambda: True)
    done = invoke("init", stdin=b"\nhello\ntypescript\n")
    assert done.code == 0, done.err
    assert "Folder of the project [my-api]" in done.out
    assert "Template (hello, shop) [hello]" in done.out
    assert "Language (python, typescript) [python]" in done.out
    assert Path("my-api/src/index.ts").exists()
    only = invoke("init", "x", "--template", "shop")
    assert (only.code, "Language" in only.out) == (0, False)


def test_in_typescript_what_is_missing_is_the_next_step(monkeypatch: pytest.MonkeyPatch):
    steps = ["  cd api", "  aerostack dev", "  deno task test"]
    there = invoke("init", "api", "--template", "hello", "--language", "typescript")
    assert there.out.split("Next:\n")[1].splitlines() == steps

    def nowhere() -> str:
        raise FunctionError("not installed", hint='pip install "aerostack-dev[typescript]"')

    monkeypatch.setattr("aerostack_dev.runtime.hosts.deno.process.find_deno", nowhere)
    again = invoke("init", "api", "-t", "hello", "-l", "typescript", "--force")
    install = '  pip install "aerostack-dev[typescript]"'
    assert again.out.split("Next:\n")[1].splitlines() == [install, *steps]


def test_a_folder_that_is_not_empty_is_refused():
    write_project(Path("api"), {"mine.txt": "mine", "README.md": "mine"})
    done = invoke("init", "api", "--template", "hello")
    assert done.code == 1
    assert done.err == (
        "error: api: the folder is not empty\n"
        "hint: choose another, or use --force: files of the same names are replaced\n"
    )
    assert Path("api/README.md").read_text() == "mine"
    assert invoke("init", "api", "--template", "hello", "--force").code == 0
    assert Path("api/README.md").read_text() == "# api\n"
    assert Path("api/mine.txt").read_text() == "mine"


def test_the_seed_is_sown_once():
    assert invoke("init", "shop", "--template", "shop").code == 0
    again = invoke("init", "shop", "--template", "shop", "--force", "--json").json
    assert (again["migrations"], again["seeded"]) == ([], False)
    assert rows("shop") == ["desk", "lamp"]


def test_into_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "Über uns!").mkdir()
    monkeypatch.chdir(tmp_path / "Über uns!")
    done = invoke("init", ".", "--template", "hello")
    assert done.code == 0
    assert "cd" not in done.out.split("Next:")[1]
    assert Path("aerostack.toml").read_text() == 'name = "ber-uns"\n'


@pytest.mark.parametrize(
    ("folder", "name"), [("--", "aerostack-app"), ("A_b C", "a-b-c"), ("ünï", "n")]
)
def test_names(tmp_path: Path, folder: str, name: str):
    assert templates.project_name(tmp_path / folder) == name


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--template", "nope"), "there is no template 'nope'\nhint: there are: hello, shop"),
        (("--template", "shop", "--language", "typescript"),
         "the template 'shop' is not written in 'typescript'\nhint: it is in: python"),
    ],
)  # fmt: skip
def test_unknown_choices_are_errors_with_the_known_ones(arguments: tuple[str, ...], text: str):
    done = invoke("init", "api", *arguments)
    assert done.code == 1
    assert done.err == f"error: {text}\n"
    assert not Path("api").exists()


def test_places_that_cannot_be_written():
    Path("file").write_text("")
    done = invoke("init", "file")
    assert (done.code, done.err) == (1, "error: file: this is a file, not a folder\n")
    done = invoke("init", "file/api", "--template", "hello")
    assert done.code == 1
    assert "the file cannot be written: Not a directory" in done.err


def test_a_broken_seed_is_said_and_the_files_stay(home: Path):
    (home / "shop/python/seed.sql").write_text("INSERT INTO nope VALUES (1);\n")
    done = invoke("init", "api", "--template", "shop")
    assert done.code == 1
    assert done.err == (
        f"error: {Path.cwd()}/api/seed.sql: the seed failed: no such table: nope: SQLITE_ERROR\n"
        "hint: nothing of it was kept; correct it and start again\n"
    )
    assert Path("api/src/index.py").exists()


def test_an_installation_without_templates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(templates, "_home", lambda: tmp_path / "none")
    with pytest.raises(AerostackError, match="missing from this installation"):
        templates.available()


def test_templates_inside_the_package_come_first(tmp_path: Path):
    """As the wheel carries them; in a checkout they lie beside it."""
    package = Path(templates.__file__).parents[1]
    code = "from aerostack_dev.cli.templates import _home; print(_home())"
    for inside in (False, True):
        root = tmp_path / str(inside)
        root.mkdir()
        write_project(root, {"templates/a/python/x": ""})
        (root / "aerostack_dev").mkdir()
        for name in ("__init__.py", "errors.py", "version.py", "cli"):
            os.symlink(package / name, root / "aerostack_dev" / name)
        if inside:
            write_project(root, {"aerostack_dev/templates/a/python/x": ""})
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        assert Path(done.stdout.strip()).relative_to(root).as_posix() == (
            "aerostack_dev/templates" if inside else "templates"
        )
