"""What is no cron expression, and how it is refused (queue-cron-dev.md §2.1)."""

from __future__ import annotations

import pytest

from aerostack_dev.config.cron import parse
from aerostack_dev.config.model import Weekdays
from aerostack_dev.errors import ConfigError


def refusal(expression: str, numbering: Weekdays = "crontab") -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        parse(expression, numbering)
    return refused.value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "it is empty"),
        (" * * * * *", "begins or ends with a blank"),
        ("* * * * *\t", "begins or ends with a blank"),
        ("* * * *", "4 fields"),
        ("60 * * * *", "minute: 60 is out of range"),
        ("* 24 * * *", "hour: 24 is out of range"),
        ("* * 0 * *", "day of month: 0 is out of range"),
        ("* * 32 * *", "day of month: 32 is out of range"),
        ("* * * 13 *", "month: 13 is out of range"),
        ("* * * 0 *", "month: 0 is out of range"),
        ("* * * * 8", "day of week: 8 is out of range"),
        ("* * * * MOND", "day of week: 'MOND' is not understood"),
        ("* * * JANUARY *", "month: 'JANUARY' is not understood"),
        ("* * JAN * *", "day of month: 'JAN' is not understood"),
        ("MON * * * *", "minute: 'MON' is not understood"),
        ("*,5 * * * *", "minute: '*,5' begins with `*`"),
        ("*-5 * * * *", "minute: '*-5' begins with `*`"),
        ("** * * * *", "minute: '**' begins with `*`"),
        ("5,* * * * *", "minute: '*' is not understood"),
        ("1,,2 * * * *", "minute: a value is missing"),
        (", * * * *", "minute: a value is missing"),
        ("1- * * * *", "minute: '1-' is not understood"),
        ("-1 * * * *", "minute: '-1' is not understood"),
        ("1-2-3 * * * *", "minute: '1-2-3' is not understood"),
        ("1/ * * * *", "minute: '1/' is not understood"),
        ("1.5 * * * *", "minute: '1.5' is not understood"),
        ("\u0663 * * * *", "minute: '\u0663' is not understood"),
        ("* * * * \u017fun", "day of week: '\u017fun' is not understood"),
        ("* * L,15 * *", "day of month: 'L,15' is not understood"),
        ("* * lw * *", "day of month: 'lw' is not understood"),
        ("* * L-0 * *", "day of month: '0' is out of range"),
        ("* * L-31 * *", "day of month: '31' is out of range"),
        ("* * L-31W * *", "day of month: '31' is out of range"),
        ("* * 0W * *", "day of month: 0 is out of range"),
        ("* * 32W * *", "day of month: 32 is out of range"),
        ("* * 1-5W * *", "day of month: '1-5W' is not understood"),
        ("* * * * FRIL,MON", "day of week: 'FRIL,MON' is not understood"),
        ("* * * * fril", "day of week: 'fril' is not understood"),
        ("* * * * XXXL", "day of week: 'XXX' is not understood"),
        ("* * * * FRI#6", "day of week: '6' is out of range"),
        ("* * * * FRI#0", "day of week: '0' is out of range"),
        ("* * * * #2", "day of week: '#2' is not understood"),
        ("* * * L *", "month: 'L' is not understood"),
        ("L * * * *", "minute: 'L' is not understood"),
        ("* * * * *\n", "day of week: '*\\n' begins with `*`"),
        ("\u00a0* * * * *", "minute: '\\xa0*' is not understood"),
    ],
)
def test_what_is_refused_is_named(expression: str, said: str) -> None:
    error = refusal(expression)
    assert "[code: 10100]" in error.message
    assert said in error.message
    assert error.message.isprintable()
    assert error.hint


def test_the_hint_says_what_is_allowed() -> None:
    assert "0 to 59" in refusal("60 * * * *").hint
    assert "0 and 7 are Sunday" in refusal("* * * * 8").hint
    assert "1 is Sunday" in refusal("* * * * 8", "cloudflare").hint
    assert "stand alone" in refusal("* * L,15 * *").hint
    assert "stand alone" in refusal("* * * * FRIL,MON").hint
    assert "1 to 5" in refusal("* * * * FRI#6").hint


def test_a_message_stays_short() -> None:
    assert len(refusal(f"{'9' * 100_000} * * * *").message) < 300
    assert len(refusal(f"*/{'9' * 100_000} * * * *").message) < 300
    assert len(refusal(f"* * {'x' * 100_000} * *").message) < 300
    assert len(refusal(f"* * * * FRI#{'9' * 100_000}").message) < 300
