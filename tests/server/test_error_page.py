"""What the page of a failed request holds."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aerostack_dev.runtime.host import Failure, Frame
from aerostack_dev.server.error_page import ErrorPages, Page
from aerostack_dev.server.excerpts import LARGEST_FILE, excerpt, place

from .fakes import failure, scope_of

SOURCE = "\n".join(f"line_{number} = {number}" for number in range(1, 21)) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "index.py").write_text(SOURCE)
    return folder


def frame(
    file: Path | str, line: int = 10, source: str = "line_10 = 10", own: bool = True
) -> Frame:
    return Frame(str(file), line, "fetch", source, own)


def render(what: Failure, root: Path, target: str = "/", redact: Any = str, **more: Any) -> Page:
    scope = scope_of(target, headers=[(b"accept", b"text/html")])
    return ErrorPages(redact).render(scope, what, root, **more)


def html(what: Failure, root: Path, **more: Any) -> str:
    return render(what, root, **more).body.decode()


def test_own_frames_come_first_with_their_source(root: Path) -> None:
    own, other = frame(root / "src/index.py"), frame("/lib/routing.py", 5, "call()", False)
    page = html(failure("boom", other, own), root)
    assert page.index("src/index.py:10") < page.index("<details>") < page.index("/lib/routing.py:5")
    assert "1 frame outside your code" in page
    marked = re.findall(r"<span class=at><i>(\d+)</i>(.*)", page)
    assert marked == [("10", "line_10 = 10")]
    assert re.findall(r"<span class=by><i>(\d+)</i>", page) == ["7", "8", "9", "11", "12", "13"]


def test_text_of_the_page(root: Path) -> None:
    page = html(failure("boom"), root, request_id="r-7", hint="do this", target="/api/items")
    assert "<b>500</b>GET /api/items" in page
    assert "<p class=hint>do this</p>" in page
    assert "Request r-7" in page
    assert "<details open><summary>The trace as text" in page


def test_nothing_to_say_is_not_said(root: Path) -> None:
    page = html(Failure("KeyError", "", (), ""), root)
    assert "class=message" not in page
    assert "<details" not in page
    assert "<footer" not in page


def test_the_policy_allows_the_style_alone(root: Path) -> None:
    page = render(failure(), root)
    style = re.search(rb"<style>(.*?)</style>", page.body, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    policy = dict(page.headers)[b"content-security-policy"].decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "frame-ancestors 'none'" in policy
    assert b"<script" not in page.body and b" style=" not in page.body


EVIL = "<script>alert(1)</script>\"'&"


def test_everything_is_escaped(root: Path) -> None:
    (root / "src" / "evil.py").write_text(EVIL)
    what = Failure(EVIL, EVIL, (Frame(str(root / "src/evil.py"), 1, EVIL, EVIL, True),
                                Frame(EVIL, 1, EVIL, EVIL, False)), EVIL)  # fmt: skip
    page = html(what, root, target=f"/{EVIL}", request_id=EVIL, hint=EVIL)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;") >= 10


def test_secrets_are_redacted(root: Path) -> None:
    (root / "src" / "index.py").write_text('key = "s3cr3t"\n')
    own = Frame(str(root / "src/index.py"), 1, "fetch", 'key = "s3cr3t"', True)
    what = Failure("E", "s3cr3t", (own,), "stack s3cr3t")
    redact = lambda text: text.replace("s3cr3t", "[redacted:KEY]")  # noqa: E731
    page = html(what, root, redact=redact, hint="s3cr3t", target="/s3cr3t")
    assert "s3cr3t" not in page and "[redacted:KEY]" in page
    found = ErrorPages(redact).render(scope_of("/"), what, root, hint="s3cr3t").body
    assert b"s3cr3t" not in found and found.count(b"[redacted:KEY]") == 3


def test_many_frames_are_cut(root: Path) -> None:
    own = [frame(root / "src/index.py") for _ in range(30)]
    other = [frame("/lib/a.py", own=False) for _ in range(100)]
    page = html(failure("boom", *own, *other), root)
    assert "and 18 more of your frames" in page
    assert "100 frames outside your code" in page
    assert page.count("<li>") == 60


def test_a_recursion_is_one_frame(root: Path) -> None:
    deep = replace(frame(root / "src/index.py"), more=960)
    page = html(failure("boom", deep), root)
    assert "<p class=more>… 960 more frames of fetch</p></section>" in page


def test_long_texts_are_cut(root: Path) -> None:
    assert len(html(failure("x" * 1_000_000), root)) < 200_000


def test_lone_surrogates_are_shown_somehow(root: Path) -> None:
    what = failure("\ud800")
    assert "\ud800".encode("utf-8", "replace") in render(what, root).body
    assert b'"message":"?"' in ErrorPages(str).render(scope_of("/"), what, root).body


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60), accept=st.binary(max_size=30))
def test_nothing_raises(root: Path, text: str, accept: bytes) -> None:
    what = Failure(text, text, (Frame(text, 1, text, text, True),), text)
    for header in (accept, b"text/html"):
        scope = scope_of("/", headers=[(b"accept", header)])
        assert ErrorPages(str).render(scope, what, root, request_id=text, hint=text).body


class TestExcerpt:
    """Which lines are quoted."""

    def test_only_what_the_traceback_quotes(self, root: Path) -> None:
        stale = excerpt(frame(root / "src/index.py", 10, "something_else()"), root)
        assert [(line.number, line.text, line.marked) for line in stale] == [
            (10, "something_else()", True)
        ]

    @pytest.mark.parametrize("line", [0, -3, 999])
    def test_lines_that_do_not_exist(self, root: Path, line: int) -> None:
        assert len(excerpt(frame(root / "src/index.py", line), root)) == 1

    def test_nothing_outside_the_project(self, root: Path, tmp_path: Path) -> None:
        outside = tmp_path / "secret.txt"
        outside.write_text(SOURCE)
        assert len(excerpt(frame(outside), root)) == 1
        assert len(excerpt(frame(f"{root}/../secret.txt"), root)) == 1
        (root / "link.py").symlink_to(outside)
        assert len(excerpt(frame(root / "link.py"), root)) == 1

    def test_files_that_cannot_be_shown(self, root: Path) -> None:
        (root / "binary.py").write_bytes(b"\xff\xfe")
        (root / "large.py").write_text(SOURCE + "#" * LARGEST_FILE)
        for file in ("binary.py", "large.py", "missing.py", "src", "nul\0.py"):
            assert len(excerpt(frame(f"{root}/{file}"), root)) == 1

    def test_no_source(self, root: Path) -> None:
        assert excerpt(frame("/gone.py", source=""), root) == []

    def test_leading_blank_lines_are_left_out(self, root: Path) -> None:
        (root / "a.py").write_text("x = 1\n\n\n\nboom()\n")
        shown = excerpt(frame(root / "a.py", 5, "boom()"), root)
        assert [line.number for line in shown] == [5]

    def test_relative_paths_are_the_project_s(self, root: Path) -> None:
        assert len(excerpt(frame("src/index.py"), root)) == 7
        assert place(frame(root / "src/index.py"), root) == "src/index.py:10"
        assert place(frame("/lib/a.py"), root) == "/lib/a.py:10"
