"""The reference is complete: it is compared with the commands, the structs, the tests."""

from __future__ import annotations

import re
from typing import Any, get_args

import click
import msgspec
import pytest
import tomli

import aerostack_dev
import aerostack_dev.testing
from aerostack_dev.bindings.kinds import all_kinds, sections
from aerostack_dev.config.keys import OWN
from aerostack_dev.config.model import Dev, Section
from aerostack_dev.config.settings import Texts, Triggers
from aerostack_dev.functions import __all__ as WORKERS
from aerostack_dev.server.openapi import document
from aerostack_dev.testing import App, HttpResponse, QueueResult

from . import cli_reference
from .console import REPOSITORY, blocks

DOCS = REPOSITORY / "docs"
CONFIG = (DOCS / "reference/config.md").read_text()
TABLES = [*sections(all_kinds()), Section("dev", Dev), Section("triggers", Triggers)]


def text(page: str) -> str:
    return (DOCS / page).read_text()


def part(heading: str) -> str:
    """What stands under a heading of the configuration's page."""
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", CONFIG, re.M | re.S)[1]


def rows(section: str) -> dict[str, list[str]]:
    """The rows of its table: key -> type, default, meaning."""
    cells = [line.strip("|\n ").split(" | ") for line in section.splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_command_reference_is_what_the_commands_say():
    hint = "run: python -m tests.docs.cli_reference"
    assert cli_reference.PAGE.read_text() == cli_reference.page(), hint


def test_the_command_reference_has_every_command_and_option():
    page = cli_reference.PAGE.read_text()
    for path, command in cli_reference.commands():
        assert f"# {path}\n" in page
        for option in cli_reference._options(command):
            assert all(f"`{name}" in page for name in option.opts), (path, option.opts)


UNPLAYED = {
    "aerostack queue tail": "goes on until Ctrl-C",
}
"""Commands whose output no page can show by running them."""


def test_every_command_is_run_on_some_page():
    """With its real output: tests/docs/test_pages.py compares the two."""
    lines = [
        line
        for page in [REPOSITORY / "README.md", *DOCS.rglob("*.md")]
        for block in blocks(page.read_text())
        if block.language == "console"
        for line, _ in block.commands
    ]
    leaves = [path for path, made in cli_reference.commands() if not isinstance(made, click.Group)]
    shown = {path for path in leaves for line in lines if re.search(rf"\b{path}\b", line)}
    assert set(leaves) - shown == set(UNPLAYED)


@pytest.mark.parametrize("section", TABLES, ids=lambda section: section.path)
def test_every_key_of_a_table_is_there_with_its_default(section: Section):
    described = part(section.path)
    table = rows(described)
    for field in msgspec.structs.fields(section.shape):
        row = table.get(field.name)
        if row is None:
            assert f"`{field.name}`" in described.split("change")[0].rsplit("\n", 1)[-1], field.name
        else:
            assert row[1] in defaults(field), (field.name, row[1])
    assert set(table) <= {field.name for field in msgspec.structs.fields(section.shape)}


IN_WORDS = {
    "absent", '`""`', "the binding's name", "from the binding's name", "the provider's own",
    "8788, or the next free one", "taken from the first vector",
}  # fmt: skip


def defaults(field: Any) -> set[str]:
    """How the default may be written; in words where it depends on something else."""
    if field.required:
        return {"required"}
    default = field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    if default is None or default == "":
        return IN_WORDS
    if isinstance(default, str):
        return {f'`"{default}"`'}
    if isinstance(default, bool):
        return {f"`{str(default).lower()}`"}
    return {f"`{list(default) if isinstance(default, tuple) else default}`"}


@pytest.mark.parametrize("section", TABLES, ids=lambda section: section.path)
def test_ranges_are_those_that_are_checked(section: Section):
    table = rows(part(section.path))
    for name, low, high in ranges(section.shape):
        if name in table:
            assert f"{low:g} to {high:g}" in table[name][0], name


def ranges(shape: type[msgspec.Struct]) -> list[tuple[str, float, float]]:
    return [
        (field.name, meta.ge, meta.le)
        for field in msgspec.structs.fields(shape)
        for kind in (field.type, *get_args(field.type))
        for meta in getattr(kind, "__metadata__", ())
        if meta.ge is not None and meta.le is not None
    ]


def test_ranges_are_found_at_all():
    """The test above would pass for ever if it looked in the wrong place."""
    found = {name for section in TABLES for name, _, _ in ranges(section.shape)}
    assert {"max_batch_size", "max_retries", "port", "delivery_delay"} <= found


def test_the_top_level_keys_are_there():
    table = rows(part("Top level"))
    assert set(table) == {"name", "main", "compatibility_date", "compatibility_flags", "env"}
    assert table["name"][1] == f'`"{Texts().name}"`'
    headings = set(re.findall(r"^## (\S+)$", CONFIG, re.MULTILINE))
    assert OWN - set(table) <= headings | {"env"}


def test_the_example_and_the_reference_know_the_same_tables():
    example = tomli.loads((REPOSITORY / "aerostack.toml.example").read_text())
    for section in sections(all_kinds()):
        found: Any = example
        for key in section.path.split("."):
            found = found[key]
        assert found


@pytest.mark.parametrize("section", TABLES, ids=lambda section: section.path)
def test_the_example_has_every_key(section: Section):
    """At its value, or commented out; those that change nothing here are left out."""
    example = (REPOSITORY / "aerostack.toml.example").read_text()
    header = (
        rf"^#?\[+{re.escape(section.path)}\]+\n(.*?)(?=^#?\[+(?!{re.escape(section.path)}\.)|\Z)"
    )
    body = "\n".join(re.findall(header, example, re.M | re.S))
    for key in rows(part(section.path)):
        table = rf"^#?\[{re.escape(section.path)}\.{key}\]"
        assert re.search(rf"^#?{key} = |{table}", body, re.M), key


def test_the_names_of_workers_are_there():
    page = text("reference/python.md")
    missing = [name for name in WORKERS if f"`{name}" not in page]
    assert missing == []


def test_the_test_kit_is_there():
    page = text("reference/testing.md")
    public = [name for name in vars(App) if not name.startswith("_")]
    fields = [*QueueResult.__dataclass_fields__, *HttpResponse.__dataclass_fields__]
    for name in [*aerostack_dev.testing.__all__, *public, *fields]:
        assert re.search(rf"\b{name}\b", page), name


def test_the_control_api_is_there():
    page = text("reference/http.md")
    for path, methods in document()["paths"].items():
        for method in methods:
            assert re.search(rf"`{method.upper()} {re.escape(path)}[`?]", page), path


PAGE_OF = {"database": "db"}


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)
def test_every_kind_of_binding_has_its_page(kind: Any):
    page = DOCS / f"reference/bindings/{PAGE_OF.get(kind.name, kind.name)}.md"
    assert f"env.{kind.default}" in page.read_text()
    assert f"(../config.md#{kind.section.path.replace('.', '')})" in page.read_text()
    assert f"## {kind.default}\n" in text("explanation/fidelity.md")


def test_each_security_rule_names_tests_that_exist():
    page = text("explanation/security.md")
    numbered = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", page, re.MULTILINE)
    assert [int(number) for number, _, _ in numbered] == list(range(1, 16))
    for number, _, tests in numbered:
        proofs = re.findall(r"`(test_\w+)`(?: \(`([^`]+)`\))?", tests)
        assert proofs, f"rule {number}"
        for name, file in proofs:
            source = (REPOSITORY / (file or "tests/server/test_security.py")).read_text()
            assert f"def {name}(" in source, name


def test_each_security_test_is_named_on_the_page():
    source = (REPOSITORY / "tests/server/test_security.py").read_text()
    names = re.findall(r"def (test_(?:cve|ghsa|pr)_\w+)\(", source)
    assert len(names) > 10
    page = text("explanation/security.md")
    assert [name for name in names if f"`{name}`" not in page] == []


def test_each_dependency_is_explained():
    project = tomli.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    page = text("explanation/dependencies.md")
    for requirement in project["dependencies"]:
        name = re.match(r"[\w.-]+", requirement)[0]
        assert f"\n| {name} | " in page, name


def test_every_row_about_fidelity_is_whole():
    for line in text("explanation/fidelity.md").splitlines():
        if line.startswith("| "):
            cells = re.split(r"(?<!\\) \| ", line.strip("| "))
            assert len(cells) == 4, line
            assert all(cells), line


def test_the_version_is_in_the_changelog():
    version = aerostack_dev.__version__
    assert f"\n## {version} – " in (REPOSITORY / "CHANGELOG.md").read_text()
