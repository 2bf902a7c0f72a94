"""What there is to say of a changed configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aerostack_dev.config.model import Dev, Finding, Project
from aerostack_dev.runtime.changes import news

OLD = Project(Path(), None, "x", None, findings=(Finding("a", "said already"),))


def test_only_what_is_new_is_said() -> None:
    new = replace(OLD, findings=(*OLD.findings, Finding("b", "new")))
    assert [finding.code for finding in news(OLD, new)] == ["b"]
    assert not list(news(new, OLD))


def test_what_needs_another_start_is_said() -> None:
    [finding] = news(OLD, replace(OLD, dev=Dev(port=3000)))
    assert (finding.code, finding.where) == ("restart", "dev")
    assert not list(news(OLD, replace(OLD, dev=Dev(allowed_hosts=("x",)))))
