"""Every template is what its README says: made, served, asked, tested."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.console import REPOSITORY, differences, session
from tests.support.server import PATIENCE, aerostack

TEMPLATES = sorted(
    folder.parent.name for folder in (REPOSITORY / "templates").glob("*/python") if folder.is_dir()
)


@pytest.fixture(scope="module")
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project from the template that the tests are for."""
    home = tmp_path_factory.mktemp(request.param)
    root = home / "my-project"
    done = aerostack(
        "init", str(root), "--template", request.param, "--language", "python", cwd=home
    )
    assert done.returncode == 0, done.stderr
    return root


def test_all_are_there():
    first = {"hello", "rest-api", "background-jobs", "scheduled"}
    assert first | {"webhooks", "rag", "insights"} <= set(TEMPLATES)


@pytest.mark.parametrize("project", TEMPLATES, indirect=True)
def test_its_files_are_a_whole_project(project: Path):
    assert 'name = "my-project"\n' in (project / "aerostack.toml").read_text()
    ignored = (project / ".gitignore").read_text().split()
    assert {".aerostack/", ".dev.vars*", ".venv/", "__pycache__/"} <= set(ignored)
    for file in project.rglob("*.*"):
        if ".aerostack" not in file.parts:
            assert not re.search(r"\{\{|TODO|FIXME", file.read_text()), file


@pytest.mark.parametrize("project", TEMPLATES, indirect=True)
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


@pytest.mark.parametrize("project", TEMPLATES, indirect=True)
def test_its_readme_shows_what_happens(project: Path):
    page = (project / "README.md").read_text()
    assert page.startswith("# my-project\n")
    assert "$ aerostack dev\n" in page
    assert "$ curl" in page
    assert "$ python -m pytest -q\n" in page
    with session(project) as terminal:
        assert differences(page, terminal) == []


def test_their_code_is_clean_for_a_type_checker(tmp_path: Path):
    """With the stubs that the package carries, in one run for all."""
    shutil.copytree(REPOSITORY / "stubs/workers-stubs", tmp_path / "site/workers")
    for name in TEMPLATES:
        folder = REPOSITORY / "templates" / name / "python/src"
        files = sorted(file.name for file in folder.glob("*.py"))
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--no-error-summary",
             "--cache-dir", str(tmp_path / "cache"), *files],
            cwd=folder, capture_output=True, text=True, timeout=PATIENCE * 4, check=False,
            env={"PATH": "", "MYPYPATH": f"{tmp_path / 'site'}:{REPOSITORY}"},
        )  # fmt: skip
        assert (done.stdout, done.stderr) == ("", "")
