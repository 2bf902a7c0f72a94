"""Every numbered line of the specifications is a passing test, or a row that says why not.

A test carries `@pytest.mark.spec("db 1.13.4")`; a row of docs/explanation/fidelity.md
names the line in the same way.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LINES = {
    "db 1.13": 40,
    "db 2.10": 40,
    "queue 1.8": 49,
    "queue 2.5": 29,
    "storage 1.11": 46,
    "storage 2.9": 31,
    "storage 3.8": 25,
}
"""Section -> how many numbered "given → expect" lines it has."""
NAMED = re.compile(r"\b((?:db|queue|storage) \d+\.\d+)\.(\d+)\b")
MARKER = re.compile(r"pytest\.mark\.spec\(([^)]*)\)")


def marked() -> set[str]:
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    markers = (marker for text in texts for marker in MARKER.findall(text))
    return {f"{section}.{line}" for one in markers for section, line in NAMED.findall(one)}


def excused() -> set[str]:
    text = (ROOT / "docs/explanation/fidelity.md").read_text()
    return {f"{section}.{line}" for section, line in NAMED.findall(text)}


@pytest.mark.parametrize("section", LINES)
def test_each_line_is_tested_or_excused(section: str):
    proven = marked() | excused()
    numbers = range(1, LINES[section] + 1)
    missing = [number for number in numbers if f"{section}.{number}" not in proven]
    assert missing == []


def test_no_test_claims_a_line_that_is_not_there():
    claimed = (re.fullmatch(NAMED, line) for line in marked())
    beyond = [one[0] for one in claimed if one and int(one[2]) > LINES.get(one[1], 0)]
    assert beyond == []
