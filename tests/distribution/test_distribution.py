"""What is published, installed where nothing of the checkout can be seen.

The running Python and the newest of this machine; scripts/test-distribution takes them all.
"""

from __future__ import annotations

import fnmatch
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from email.parser import Parser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tomli
import trove_classifiers
from packaging.metadata import Metadata

import aerostack_dev
from tests.docs.console import REPOSITORY
from tests.support.server import Server, serving, write_project

from .installing import Environment, build, installed, wheel_from
from .pythons import chosen

SOURCES = {
    "aerostack_dev": "aerostack_dev",
    "templates": "aerostack_dev/templates",
    "stubs/asgi-stubs": "asgi-stubs",
    "stubs/pyodide-stubs": "pyodide-stubs",
    "stubs/workers-stubs": "workers-stubs",
}
LEFT_BEHIND = (
    ".aerostack", ".coverage*", ".DS_Store", ".*_cache", ".venv", "__pycache__", "*.pyc",
    "node_modules", "aerostack-env.d.ts",
)  # fmt: skip
"""What a run, a check or an editor leaves in the folders: never published."""
GREETING = {
    "aerostack.toml": 'name = "greeter"\n',
    "src/index.py": """\
from workers import Response

from greetings import text


async def fetch(request, env, ctx):
    return Response(text)
""",
}


class Published(NamedTuple):
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("dist")
    build(folder, REPOSITORY)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return Published(wheel, sdist)


@pytest.fixture(scope="module", params=list(chosen().items()), ids=lambda item: item[0])
def environment(
    request: pytest.FixtureRequest, published: Published, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    name, python = request.param
    with installed(published.wheel, python, name, tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def api(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _begun(environment, tmp_path_factory.mktemp("python"), "rest-api", "python")


def _begun(environment: Environment, folder: Path, template: str, language: str) -> Path:
    """A project as `aerostack init` writes it."""
    words = ("init", "mine", "--template", template, "--language", language)
    assert "Wrote" in environment.output(environment.aerostack, *words, cwd=folder)
    return folder / "mine"


def _serving(environment: Environment, project: Path) -> AbstractContextManager[Server]:
    program = environment.program(environment.aerostack)
    return serving(project, None, "--ephemeral", program=program)


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel, without the list of their hashes."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/RECORD")]
        return {name: archive.read(name) for name in names}


def sources() -> dict[str, bytes]:
    """What must be in the wheel: every file of the folders that are published."""
    return {
        f"{target}/{file.relative_to(REPOSITORY / folder).as_posix()}": file.read_bytes()
        for folder, target in SOURCES.items()
        for file in (REPOSITORY / folder).rglob("*")
        if file.is_file() and not _is_left_behind(file.relative_to(REPOSITORY))
    }


def _project() -> dict[str, Any]:
    return dict(tomli.loads((REPOSITORY / "pyproject.toml").read_text())["project"])


def _is_left_behind(path: Path) -> bool:
    return any(fnmatch.fnmatch(part, each) for part in path.parts for each in LEFT_BEHIND)


class TestWhatIsPublished:
    def test_the_wheel_has_the_package_the_templates_and_the_stubs(self, published: Published):
        found = {
            name: text
            for name, text in contents(published.wheel).items()
            if ".dist-info/" not in name
        }
        wanted = sources()
        assert set(found) == set(wanted)
        assert [name for name in found if found[name] != wanted[name]] == []

    def test_the_wheel_has_what_is_no_python(self, published: Published):
        """The test above would be content with an empty folder."""
        names = contents(published.wheel)
        for name in (
            "aerostack_dev/py.typed",
            "aerostack_dev/runtime/hosts/deno/bootstrap.ts",
            "aerostack_dev/bindings/storage/types.d.ts",
            "aerostack_dev/bindings/storage/schema.sql",
            "aerostack_dev/templates/rest-api/typescript/deno.json",
            "aerostack_dev/templates/common/python/.gitignore",
            "workers-stubs/__init__.pyi",
        ):
            assert name in names
        assert not [name for name in names if name.startswith("tests/")]

    def test_the_source_makes_the_same_wheel(self, published: Published, tmp_path: Path):
        again = wheel_from(published.sdist, tmp_path)
        assert contents(again) == contents(published.wheel)

    def test_the_source_has_the_tests_and_no_leftovers(self, published: Published):
        with tarfile.open(published.sdist) as archive:
            names = [name.partition("/")[2] for name in archive.getnames()]
        for name in ("Makefile", "tests/conftest.py", "docs/index.md", "requirements-dev.txt"):
            assert name in names
        assert [name for name in names if _is_left_behind(Path(name))] == []
        assert [name for name in names if name.startswith(("build/", "bench/results/"))] == []

    def test_the_metadata_is_whole(self, published: Published):
        (name,) = [name for name in contents(published.wheel) if name.endswith("/METADATA")]
        text = contents(published.wheel)[name]
        found = Metadata.from_email(text, validate=True)
        assert (found.name, str(found.version)) == ("aerostack-dev", aerostack_dev.__version__)
        assert found.summary and found.description_content_type == "text/markdown"
        assert found.description == (REPOSITORY / "README.md").read_text()
        assert (found.license_expression, found.license_files) == ("MIT", ["LICENSE"])
        assert set(found.classifiers or ()) <= trove_classifiers.classifiers
        assert set(found.provides_extra or ()) == set(_project()["optional-dependencies"])

    def test_every_python_that_is_named_can_be_tested_with(self, published: Published):
        from .pythons import MINORS

        (name,) = [name for name in contents(published.wheel) if name.endswith("/METADATA")]
        said = Parser().parsestr(contents(published.wheel)[name].decode()).get_all("Classifier")
        assert {f"Programming Language :: Python :: 3.{minor}" for minor in MINORS} <= set(said)


class TestInstalled:
    def test_both_names_tell_the_version(self, environment: Environment, tmp_path: Path):
        wanted = f"aerostack {aerostack_dev.__version__}\n"
        module = (environment.python, "-m", "aerostack_dev")
        for words in ((environment.aerostack,), module):
            assert environment.output(*words, "--version", cwd=tmp_path) == wanted

    def test_the_checkout_is_out_of_sight(self, environment: Environment, tmp_path: Path):
        ask = "import aerostack_dev, sys; print(aerostack_dev.__file__, *sys.path, sep='\\n')"
        seen = environment.output(environment.python, "-c", ask, cwd=tmp_path).splitlines()
        assert seen[0].startswith(str(environment.folder))
        assert str(REPOSITORY) not in seen
        assert not [path for path in seen if path.startswith(str(REPOSITORY / ".venv"))]

    def test_a_function_in_python(self, environment: Environment, api: Path):
        with _serving(environment, api) as server:
            assert server.get("/api/items").json()["items"]
        assert environment.run(environment.aerostack, "check", cwd=api).returncode == 0

    def test_a_function_in_typescript(self, environment: Environment, tmp_path: Path):
        project = _begun(environment, tmp_path, "hello", "typescript")
        with _serving(environment, project) as server:
            assert server.get("/").status_code == 200, server.output
        assert environment.run(environment.aerostack, "check", cwd=project).returncode == 0

    def test_the_tests_of_a_template(self, environment: Environment, api: Path):
        said = environment.output(environment.python, "-m", "pytest", "-q", cwd=api)
        assert " passed" in said

    def test_called_as_pipx_and_uvx_do(self, environment: Environment, tmp_path: Path):
        """By a link from another folder, for a project that has its packages in a .venv."""
        program = tmp_path / "bin/aerostack"
        program.parent.mkdir()
        program.symlink_to(environment.aerostack)
        project = write_project(tmp_path / "greeter", GREETING)
        make = (environment.python, "-m", "venv", "--without-pip", ".venv")
        environment.output(*make, cwd=project)
        (packages,) = project.glob(".venv/lib/python*/site-packages")
        write_project(packages, {"greetings/__init__.py": 'text = "from the .venv"\n'})
        with serving(project, None, "--ephemeral", program=environment.program(program)) as server:
            assert server.get("/").text == "from the .venv", server.output
