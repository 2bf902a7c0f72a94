"""Every numbered line of the specifications holds in every language that authors write.

In Python, a test names it in a marker `spec`, as `db 1.13.4`. In TypeScript, a case in
tests/contract/typescript/ begins with the line's number, or a test of the Deno host carries
the marker. A line that does not hold is named in a comment in a row of
docs/explanation/fidelity.md, with ` in Python` or ` in TypeScript` behind it if that is so
in one language only. A line that no language's face has a part in is proved once, and
stands in `NEUTRAL` with the reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract import cases

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
LANGUAGES = ("Python", "TypeScript")
TYPESCRIPT = ("tests/contract/", "tests/runtime/hosts/deno/")
"""Where the tests are whose functions are in TypeScript."""

NEUTRAL = {
    "configuration, refused before a function is loaded": {"queue 1.8": [33, 34]},
    "the consumer's own doing, whose handler may be in any language": {"queue 1.8": [38, 40, 43]},
    "the grammar of cron expressions": {"queue 2.5": range(1, 20)},
    "who may ask for the paths of the server": {"queue 2.5": [28]},
}
"""Why a line is not a matter of languages -> section -> lines."""

NAMED = re.compile(r"\b((?:db|queue|storage) \d+\.\d+)\.(\d+)\b(?: in (Python|TypeScript)\b)?")
MARKER = re.compile(r"pytest\.mark\.spec\(([^)]*)\)")


def marked(language: str) -> set[str]:
    """The lines that tests of `language` claim to prove."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        typescript = path.relative_to(ROOT).as_posix().startswith(TYPESCRIPT)
        if typescript == (language == "TypeScript"):
            found |= {line for one in MARKER.findall(path.read_text()) for line in named(one)}
    if language == "TypeScript":
        found |= {
            line for room in cases.ROOMS for one in cases.names(room).values() for line in one
        }
    return found


def named(text: str, language: str = "") -> set[str]:
    """The lines that `text` names for every language, or for this one."""
    found = NAMED.findall(text)
    return {f"{section}.{line}" for section, line, of in found if of in ("", language)}


def excused(language: str) -> set[str]:
    """The lines that differ from production, and say so."""
    return named((ROOT / "docs/explanation/fidelity.md").read_text(), language)


def neutral() -> set[str]:
    return {
        f"{section}.{number}"
        for lines in NEUTRAL.values()
        for section, numbers in lines.items()
        for number in numbers
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("section", LINES)
def test_each_line_is_tested_or_excused(section: str, language: str):
    proven = marked(language) | excused(language)
    if language == "TypeScript":
        proven |= neutral()
    numbers = range(1, LINES[section] + 1)
    assert [number for number in numbers if f"{section}.{number}" not in proven] == []


def test_what_is_neutral_is_proved_in_one_language_only():
    assert sorted(neutral() & marked("TypeScript")) == []
    assert sorted(neutral() - marked("Python")) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_differs_is_not_claimed_to_hold(language: str):
    assert sorted(marked(language) & excused(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_test_claims_a_line_that_is_not_there(language: str):
    claimed = (line.rpartition(".") for line in marked(language))
    assert [line for line in claimed if int(line[2]) > LINES.get(line[0], 0)] == []
