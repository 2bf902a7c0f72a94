"""What is said about the crons of a project."""

from __future__ import annotations

import pytest

from aerostack_dev.config.cron import check, parse
from aerostack_dev.config.model import Finding, Weekdays
from aerostack_dev.errors import ConfigError


def findings(*expressions: str, numbering: Weekdays = "crontab") -> list[Finding]:
    return check([parse(expression, numbering) for expression in expressions])


def test_nothing_to_say() -> None:
    assert findings() == []
    assert findings("*/5 * * * *", "0 9 * * MON-FRI", "0 0 * * */2", "0 0 L * FRI#2") == []


@pytest.mark.spec("queue 2.5.19")
def test_the_same_schedule_twice_is_an_error() -> None:
    spelled_out = "0,5,10,15,20,25,30,35,40,45,50,55 * * * *"
    with pytest.raises(ConfigError) as refused:
        findings("0 0 * * *", "*/5 * * * *", spelled_out)
    assert refused.value.message == (
        f"Expression '{spelled_out}' already exists in the form of '*/5 * * * *'"
    )
    assert refused.value.where == "triggers.crons[2]"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 0 * * *", "0 0 * * *"),
        ("0 0 * * MON", "00  00 * * mon"),
        ("0 0 * * MON", "0 0 * * 1"),
        ("0 0 * * 0", "0 0 * * 7"),
        ("0 0 * JAN *", "0 0 * 1 *"),
        ("0 0 */1 * *", "0 0 * * *"),
        ("0 0 31 11 *", "0 0 31 NOV *"),
    ],
)
def test_other_spellings_of_one_schedule(one: str, other: str) -> None:
    with pytest.raises(ConfigError, match="already exists in the form of"):
        findings(one, other)
    cron = parse(one)
    with pytest.raises(ConfigError, match="already exists in the form of"):
        check([cron, cron])


@pytest.mark.spec("queue 2.5.17")
def test_an_impossible_date_is_a_warning() -> None:
    (finding,) = findings("0 0 31 11 *")
    assert finding.code == "cron-never"
    assert '"0 0 31 11 *" never fires' in finding.message
    assert finding.where == "triggers.crons[0]"
    assert finding.hint


def test_a_numeric_weekday_says_what_it_means_in_each_numbering() -> None:
    (finding,) = check([parse("0 0 1 1 *"), parse("0 9 * * 1")], where="env.live.triggers.crons")
    assert finding.code == "cron-weekday"
    assert finding.where == "env.live.triggers.crons[1]"
    assert "Monday in crontab numbering and Sunday in cloudflare numbering" in finding.message
    assert "crontab numbering is in force here" in finding.message
    assert '"0 9 * * MON"' in finding.hint
    (other,) = findings("0 9 * * 1", numbering="cloudflare")
    assert "Monday in crontab numbering and Sunday in cloudflare numbering" in other.message
    assert "cloudflare numbering is in force here" in other.message
    assert '"0 9 * * SUN"' in other.hint


def test_a_number_that_production_refuses() -> None:
    (finding,) = findings("0 9 * * 0")
    assert "Sunday in crontab numbering and an error in cloudflare numbering" in finding.message
    assert '"0 9 * * SUN"' in finding.hint


@pytest.mark.parametrize(
    ("field", "safe"),
    [
        ("1-5", "MON-FRI"),
        ("1-5/2", "MON-FRI/2"),
        ("5L", "FRIL"),
        ("5#2", "FRI#2"),
        ("TUE,04", "TUE,THU"),
        ("5-7", "FRI-SUN"),
        ("0-7/2", "SUN,TUE,THU,SAT"),
    ],
)
def test_the_hint_writes_the_names(field: str, safe: str) -> None:
    (finding,) = findings(f"0 9  1 * {field}")
    assert f'write "0 9  1 * {safe}"' in finding.hint


def test_no_warning_where_the_numberings_agree() -> None:
    assert findings("0 9 * * 1-7") == []
