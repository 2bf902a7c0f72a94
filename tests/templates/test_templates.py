"""Every template is what its README says: made, served, asked, tested.

That those in TypeScript are clean for `deno check`, `scripts/check` finds.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aerostack_dev.cli.templates import available
from tests.cli.conftest import invoke
from tests.docs.console import REPOSITORY, differences, session
from tests.support.server import PATIENCE, aerostack

NAMES = {"hello", "rest-api", "background-jobs", "scheduled", "webhooks", "rag", "insights"}
LANGUAGES = {
    "python": {"ignored": "__pycache__/", "tests": "$ python -m pytest -q\n"},
    "typescript": {"ignored": "node_modules/", "tests": "$ deno task test\n"},
}
"""What a template in a language has of its own."""
PROJECTS = [f"{name}-{language}" for language in LANGUAGES for name in sorted(NAMES)]


@pytest.fixture(scope="module")
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project from the template that the tests are for."""
    name, _, language = request.param.rpartition("-")
    root = tmp_path_factory.mktemp(request.param) / "my-project"
    done = invoke("init", str(root), "--template", name, "--language", language)
    assert done.code == 0, done.err
    return root


def language_of(project: Path) -> str:
    return "python" if (project / "src/index.py").exists() else "typescript"


def test_all_are_there_in_every_language():
    found = available()
    assert set(found) == NAMES
    assert all(set(languages) == set(LANGUAGES) for languages in found.values())


@pytest.mark.parametrize("project", PROJECTS, indirect=True)
def test_its_files_are_a_whole_project(project: Path):
    assert 'name = "my-project"\n' in (project / "aerostack.toml").read_text()
    ignored = (project / ".gitignore").read_text().split()
    own = LANGUAGES[language_of(project)]["ignored"]
    assert {".aerostack/", ".dev.vars*", ".venv/", own} <= set(ignored)
    for file in project.rglob("*.*"):
        if ".aerostack" not in file.parts:
            assert not re.search(r"\{\{|TODO|FIXME", file.read_text()), file


@pytest.mark.parametrize("project", PROJECTS, indirect=True)
def test_check_finds_nothing_wrong(project: Path):
    example = project / ".dev.vars.example"
    if example.is_file():
        shutil.copy(example, project / ".dev.vars")
    done = aerostack("check", "--json", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    # What deploying asks for, whether or not the project filters: a declared index has it.
    told = [one for one in found["warnings"] if one["code"] != "vectorize-metadata-index"]
    assert (found["ok"], told, found["errors"]) == (True, [], [])
    if language_of(project) == "typescript":
        made = invoke("types", "--check", "--config", str(project / "aerostack.toml"))
        assert made.code == 0, made.err


@pytest.mark.parametrize("project", PROJECTS, indirect=True)
def test_its_readme_shows_what_happens(project: Path):
    page = (project / "README.md").read_text()
    assert page.startswith("# my-project\n")
    assert "$ aerostack dev\n" in page
    assert "$ curl" in page
    assert LANGUAGES[language_of(project)]["tests"] in page
    with session(project) as terminal:
        assert differences(page, terminal) == []


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_languages_have_the_same_configuration_and_tables(name: str):
    python, typescript = (REPOSITORY / "templates" / name / language for language in LANGUAGES)
    for path in ("seed.sql", "documents.json", ".dev.vars.example", *sql_of(python)):
        assert (python / path).exists() == (typescript / path).exists()
        if (python / path).exists():
            assert (python / path).read_bytes() == (typescript / path).read_bytes()
    config = (python / "aerostack.toml").read_text()
    same = config.replace("src/index.py", "src/index.ts")
    assert (typescript / "aerostack.toml").read_text() == same


def sql_of(template: Path) -> list[str]:
    return [f"migrations/{file.name}" for file in template.glob("migrations/*.sql")]


def test_their_code_is_clean_for_a_type_checker(tmp_path: Path):
    """With the stubs that the package carries, in one run for all."""
    shutil.copytree(REPOSITORY / "stubs/workers-stubs", tmp_path / "site/workers")
    for name in NAMES:
        folder = REPOSITORY / "templates" / name / "python/src"
        files = sorted(file.name for file in folder.glob("*.py"))
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--no-error-summary",
             "--cache-dir", str(REPOSITORY / "build/mypy/templates"), *files],
            cwd=folder, capture_output=True, text=True, timeout=PATIENCE * 4, check=False,
            env={"PATH": "", "MYPYPATH": f"{tmp_path / 'site'}:{REPOSITORY}"},
        )  # fmt: skip
        assert (done.stdout, done.stderr) == ("", "")
