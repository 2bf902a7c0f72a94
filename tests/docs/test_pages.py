"""The documentation is true: pages are played, links lead somewhere, nothing is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

from tests.support.server import PATIENCE

from .console import ANYTHING, HOME, REPOSITORY, alike, blocks, differences, same, session

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
PLAYED = [page for page in PAGES if "```console" in page.read_text()]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def named(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def test_the_pages_that_must_be_played_are():
    played = {named(page) for page in PLAYED}
    assert {"README.md", "docs/tutorial/first-api.md", "docs/howto/queues.md"} <= played


@pytest.mark.parametrize("page", PLAYED, ids=named)
def test_a_page_shows_what_happens(page: Path, tmp_path: Path):
    with session(tmp_path) as terminal:
        assert differences(page.read_text(), terminal) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_examples_in_python_and_toml_can_be_read(page: Path):
    for block in blocks(page.read_text()):
        if block.language == "python":
            compile(block.text, named(page), "exec", flags=0x2000)  # top-level await
        elif block.language == "toml":
            tomli.loads(block.text)


def test_the_site_builds_without_a_warning(tmp_path: Path):
    """Links and anchors included, as mkdocs.yml says."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE * 4, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        outside = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text()
        )
        assert [url for url in outside if "localhost" not in url] == [], page


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_repository_lead_somewhere(name: str):
    for link in LINK.findall((REPOSITORY / name).read_text()):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = REPOSITORY / file
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in [slug(heading) for heading in headings], link


def slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def test_the_navigation_has_every_page():
    text = (REPOSITORY / "mkdocs.yml").read_text()
    listed = set(re.findall(r": ([\w/-]+\.md)$", text, re.MULTILINE))
    assert listed == {page.relative_to(DOCS).as_posix() for page in PAGES[1:]}


def test_a_page_names_no_folder_of_the_machine_it_was_made_on():
    for page in PAGES:
        assert not re.search(r"/(?:root|work|tmp|Users|home/(?!ada))/", page.read_text()), page


class TestPlaying:
    """The player itself can fail."""

    PAGE = (
        '```text title="a.txt"\none\n```\n\n```console\n$ cat a.txt\n{}\n$ echo \\\n  x\nx\n```\n'
    )

    def played(self, shown: str, folder: Path) -> list[str]:
        with session(folder) as terminal:
            return differences(self.PAGE.format(shown), terminal)

    def test_what_is_true_passes(self, tmp_path: Path):
        assert self.played("one", tmp_path) == []

    def test_what_is_not_is_told_with_its_line(self, tmp_path: Path):
        (found,) = self.played("two", tmp_path)
        assert found == "line 6: $ cat a.txt\n--- shown\ntwo\n--- real\none\n"

    def test_what_varies_is_alike(self):
        assert alike("GET / 200 1.9 ms (DB 1)") == alike("GET / 200   12 ms (DB 1)")
        assert alike("GET / 200 1.9 ms") != alike("GET / 404 1.9 ms")
        assert alike('"at": "2026-11-22T07:00:00.123Z"') == alike('"at": "2027-01-01T00:00:00Z"')
        assert alike("http://127.0.0.1:8788/a") == alike("http://127.0.0.1:4711/a")

    def test_an_ellipsis_stands_for_lines(self):
        shown = f"first\n{ANYTHING}\nlast"
        assert same(shown, "first\nlast")
        assert same(shown, "first\n1\n2\nlast")
        assert not same(shown, "first\nlast\n1")

    def test_the_home_of_the_reader_is_shown(self, tmp_path: Path):
        with session(tmp_path) as terminal:
            assert terminal.run("pwd") == HOME
