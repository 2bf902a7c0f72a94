"""The grammar of cron expressions and when they are due (queue-cron-dev.md §2.1, §2.5)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from aerostack_dev.config.cron import Cron, parse
from aerostack_dev.config.model import Weekdays
from aerostack_dev.errors import ConfigError

NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FULL_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
NUMBERINGS: tuple[Weekdays, ...] = ("crontab", "cloudflare")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(cron: Cron, start: str, count: int) -> list[str]:
    """The dates of the next `count` runs from `start` on."""
    before = at(start) - timedelta(minutes=1)
    return [f"{due:%Y-%m-%d}" for due in cron.upcoming(before, count)]


def weekdays(expression: str, numbering: Weekdays = "crontab") -> set[str]:
    """The names of the weekdays on which `expression` runs."""
    due = parse(expression, numbering).upcoming(at("2026-01-01"), 50)
    return {NAMES[moment.isoweekday() % 7] for moment in due}


def refusal(expression: str, numbering: Weekdays = "crontab") -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        parse(expression, numbering)
    return refused.value


@pytest.fixture(params=["Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati", "UTC"])
def machine_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    if not hasattr(time, "tzset"):
        pytest.skip("this system cannot change the zone of a running process")
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.spec("queue 2.5.1")
def test_utc_whatever_the_zone_of_the_machine(machine_zone: str) -> None:
    cron = parse("*/15 * * * *")
    assert cron.next(at("2026-03-04T10:07")) == at("2026-03-04T10:15")
    local = at("2026-03-04T10:07").astimezone()
    assert cron.next(local) == at("2026-03-04T10:15")
    midnight = parse("0 0 * * *").next(at("2026-03-04T10:07"))
    assert midnight is not None
    assert midnight.isoformat() == "2026-03-05T00:00:00+00:00"


@pytest.mark.spec("queue 2.5.2")
def test_zero_is_no_weekday_in_cloudflare_numbering() -> None:
    error = refusal("0 16 * * 0", "cloudflare")
    assert "invalid cron string: 0 16 * * 0 [code: 10100]" in error.message
    assert "day of week: 0 is not allowed" in error.message
    assert "use 1 or SUN" in error.message
    assert "1 to 7 (1 is Sunday, 7 is Saturday)" in error.hint
    for text in ("0-3", "1,0", "0L", "0#2", "0/2", "00"):
        assert "use 1 or SUN" in refusal(f"0 16 * * {text}", "cloudflare").message


@pytest.mark.spec("queue 2.5.3")
def test_weekday_numbers_of_cloudflare() -> None:
    assert weekdays("0 0 * * 7", "cloudflare") == {"SAT"}
    assert weekdays("0 0 * * 1", "cloudflare") == {"SUN"}
    assert weekdays("0 0 * * mon", "cloudflare") == {"MON"}


@pytest.mark.parametrize(("number", "name"), list(enumerate([*NAMES, "SUN"])))
def test_every_weekday_of_crontab(number: int, name: str) -> None:
    assert weekdays(f"0 0 * * {number}") == {name}
    assert weekdays(f"0 0 * * 00{number}") == {name}
    assert weekdays(f"0 0 * * {name.lower()}") == {name}
    full = FULL_NAMES[number % 7]
    assert parse(f"0 0 * * {number}").describe_weekdays() == full
    last = parse(f"0 0 * * {number}L")
    assert last.describe_weekdays() == f"the last {full} of the month"
    assert last.normal == parse(f"0 0 * * {name}L").normal
    second = parse(f"0 0 * * {number}#2")
    assert second.describe_weekdays() == f"the second {full} of the month"
    assert second.normal == parse(f"0 0 * * {name}#2").normal


@pytest.mark.parametrize(("number", "name"), list(enumerate(NAMES, 1)))
def test_every_weekday_of_cloudflare(number: int, name: str) -> None:
    assert weekdays(f"0 0 * * {number}", "cloudflare") == {name}
    assert weekdays(f"0 0 * * {name}", "cloudflare") == {name}
    numeric = [parse(f"0 0 * * {number}{rest}", "cloudflare") for rest in ("L", "#2")]
    named = [parse(f"0 0 * * {name}{rest}", "cloudflare") for rest in ("L", "#2")]
    assert [cron.normal for cron in numeric] == [cron.normal for cron in named]


@pytest.mark.parametrize(
    ("field", "crontab", "cloudflare"),
    [
        ("1-5", "MON TUE WED THU FRI", "SUN MON TUE WED THU"),
        ("5-7", "FRI SAT SUN", "THU FRI SAT"),
        ("5-1", "FRI SAT SUN MON", "THU FRI SAT SUN"),
        ("6-2", "SAT SUN MON TUE", "FRI SAT SUN MON"),
        ("7-2", "SUN MON TUE", "SAT SUN MON"),
        ("7-7", "SUN", "SAT"),
        ("1-7", "SUN MON TUE WED THU FRI SAT", "SUN MON TUE WED THU FRI SAT"),
        ("5-7/2", "FRI SUN", "THU SAT"),
        ("5-1/2", "FRI SUN", "THU SAT"),
        ("6-3/2", "SAT MON WED", "FRI SUN TUE"),
        ("1/2", "MON WED FRI", "SUN TUE THU SAT"),
        ("2/3", "TUE FRI", "MON THU"),
        ("7/2", "SUN TUE THU SAT", "SAT"),
        ("*/2", "SUN TUE THU SAT", "SUN TUE THU SAT"),
        ("*/3", "SUN WED SAT", "SUN WED SAT"),
        ("*/6", "SUN SAT", "SUN SAT"),
        ("MON/2", "MON WED FRI", "MON WED FRI"),
        ("SUN/2", "SUN TUE THU SAT", "SUN TUE THU SAT"),
        ("FRI-SUN", "FRI SAT SUN", "FRI SAT SUN"),
        ("SUN-SAT", "SUN MON TUE WED THU FRI SAT", "SUN MON TUE WED THU FRI SAT"),
        ("SUN-SUN", "SUN", "SUN"),
        ("MON,WED,fri", "MON WED FRI", "MON WED FRI"),
        ("1,3", "MON WED", "SUN TUE"),
        ("L", "SAT", "SAT"),
    ],
)
def test_ranges_and_steps_of_weekdays(field: str, crontab: str, cloudflare: str) -> None:
    assert weekdays(f"0 0 * * {field}", "crontab") == set(crontab.split())
    assert weekdays(f"0 0 * * {field}", "cloudflare") == set(cloudflare.split())


def test_a_crontab_week_may_run_from_sunday_to_sunday() -> None:
    assert weekdays("0 0 * * 0-7") == set(NAMES)
    assert weekdays("0 0 * * 0-7/2") == {"SUN", "TUE", "THU", "SAT"}
    assert weekdays("0 0 * * 0-0") == {"SUN"}
    assert weekdays("0 0 * * 7-0") == {"SUN"}
    assert weekdays("0 0 * * 3-0") == {"WED", "THU", "FRI", "SAT", "SUN"}
    assert weekdays("0 0 * * 0/2") == {"SUN", "TUE", "THU", "SAT"}


@pytest.mark.spec("queue 2.5.4")
@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * * * *", "6 fields"),
        ("@daily", "write `0 0 * * *`"),
        ("@every 5m", "2 fields"),
        ("0 0 ? * *", "day of month: `?` is not known"),
        ("0 0 * * ?", "day of week: `?` is not known"),
    ],
)
@pytest.mark.parametrize("numbering", NUMBERINGS)
def test_other_dialects_are_refused(expression: str, said: str, numbering: Weekdays) -> None:
    error = refusal(expression, numbering)
    assert said in f"{error.message} {error.hint}"


@pytest.mark.parametrize(
    ("nickname", "field"), [("@weekly", "0 0 * * SUN"), ("@hourly", "0 * * * *")]
)
def test_the_hint_for_a_nickname_is_an_expression(nickname: str, field: str) -> None:
    assert field in refusal(nickname).hint
    assert parse(field).next(at("2026-01-01")) is not None


@pytest.mark.spec("queue 2.5.5")
def test_steps_have_limits() -> None:
    for step in ("60", "0", "00", "", "x", "-1", "99999999999", "1/2"):
        assert "minute: " in refusal(f"*/{step} * * * *").message
    assert parse("*/59 * * * *").minutes == (0, 59)
    assert parse("*/059 * * * *").minutes == (0, 59)


@pytest.mark.parametrize(
    ("field", "highest"), [(0, 59), (1, 23), (2, 30), (3, 11), (4, 6)], ids=list("mhDMW")
)
@pytest.mark.parametrize("numbering", NUMBERINGS)
def test_the_highest_step(field: int, highest: int, numbering: Weekdays) -> None:
    def expression(step: int) -> str:
        return " ".join(f"*/{step}" if index == field else "*" for index in range(5))

    assert parse(expression(highest), numbering).next(at("2026-01-01")) is not None
    error = refusal(expression(highest + 1), numbering)
    assert f"from 1 to {highest}" in error.message


@pytest.mark.spec("queue 2.5.6")
def test_a_step_from_a_value() -> None:
    assert parse("5/20 * * * *").minutes == (5, 25, 45)


@pytest.mark.spec("queue 2.5.7")
def test_a_range_of_hours_wraps() -> None:
    assert parse("0 22-2 * * *").hours == (0, 1, 2, 22, 23)
    assert parse("0 22-2/2 * * *").hours == (0, 2, 22)


@pytest.mark.spec("queue 2.5.8")
@pytest.mark.parametrize("numbering", NUMBERINGS)
def test_a_range_of_weekdays_wraps(numbering: Weekdays) -> None:
    assert weekdays("0 0 * * FRI-MON", numbering) == {"FRI", "SAT", "SUN", "MON"}


def test_ranges_of_months_and_days_wrap() -> None:
    assert parse("0 0 1 NOV-FEB *").months == (1, 2, 11, 12)
    assert parse("0 0 1 nov-2 *").months == (1, 2, 11, 12)
    assert days(parse("0 0 30-2 * *"), "2026-01-30", 5) == [
        "2026-01-30",
        "2026-01-31",
        "2026-02-01",
        "2026-02-02",
        "2026-03-01",
    ]


@pytest.mark.spec("queue 2.5.9")
def test_either_day_field_decides() -> None:
    assert days(parse("0 0 13 * FRI"), "2026-11-06", 4) == [
        "2026-11-06",
        "2026-11-13",
        "2026-11-20",
        "2026-11-27",
    ]
    assert "2026-12-13" in days(parse("0 0 13 * FRI"), "2026-12-01", 6)


@pytest.mark.spec("queue 2.5.10")
def test_a_stepped_star_restricts() -> None:
    found = days(parse("0 0 */2 * MON"), "2026-11-01", 18)
    odd = {f"2026-11-{day:02}" for day in range(1, 31, 2)}
    mondays = {"2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30"}
    assert found == sorted(odd | mondays)[:18]


@pytest.mark.spec("queue 2.5.11")
def test_the_last_day_of_february() -> None:
    assert days(parse("0 0 L 2 *"), "2026-01-01", 3) == ["2026-02-28", "2027-02-28", "2028-02-29"]


@pytest.mark.spec("queue 2.5.12")
def test_the_last_working_day() -> None:
    cron = parse("0 0 LW 5 *")
    assert days(cron, "2020-01-01", 2) == ["2020-05-29", "2021-05-31"]
    assert days(cron, "2025-01-01", 1) == ["2025-05-30"]


@pytest.mark.spec("queue 2.5.13")
def test_the_working_day_nearest_to_the_first() -> None:
    cron = parse("0 0 1W 5 *")
    assert days(cron, "2020-01-01", 3) == ["2020-05-01", "2021-05-03", "2022-05-02"]


def test_the_nearest_working_day_needs_its_day() -> None:
    assert days(parse("0 0 31W * *"), "2026-03-01", 2) == ["2026-03-31", "2026-05-29"]
    assert days(parse("0 0 15W 8 *"), "2026-01-01", 1) == ["2026-08-14"]  # a Saturday
    assert days(parse("0 0 16W 8 *"), "2026-01-01", 1) == ["2026-08-17"]  # a Sunday


@pytest.mark.spec("queue 2.5.14")
def test_days_before_the_last() -> None:
    assert days(parse("0 0 L-1W * *"), "2026-01-01", 3) == [
        "2026-01-30",
        "2026-02-27",
        "2026-03-30",
    ]
    assert days(parse("0 0 L-30 * *"), "2026-01-01", 4) == [
        "2026-01-01",
        "2026-03-01",
        "2026-05-01",
        "2026-07-01",
    ]


@pytest.mark.spec("queue 2.5.15")
@pytest.mark.parametrize("numbering", NUMBERINGS)
def test_the_fifth_saturday(numbering: Weekdays) -> None:
    assert days(parse("0 0 * * SAT#5", numbering), "2020-02-01", 4) == [
        "2020-02-29",
        "2020-05-30",
        "2020-08-29",
        "2020-10-31",
    ]


@pytest.mark.spec("queue 2.5.16")
def test_the_last_saturday() -> None:
    expected = ["2020-01-25", "2020-02-29"]
    assert days(parse("0 0 * * 7L", "cloudflare"), "2020-01-01", 2) == expected
    assert days(parse("0 0 * * 6L", "crontab"), "2020-01-01", 2) == expected
    assert days(parse("0 0 * * satL"), "2020-01-01", 2) == expected


@pytest.mark.spec("queue 2.5.17")
@pytest.mark.parametrize("expression", ["0 0 31 11 *", "* * 30 2 *", "0 0 L-29 2 *", "0 0 31W 4 *"])
def test_impossible_dates_never_fire(expression: str) -> None:
    cron = parse(expression)
    assert cron.never
    assert cron.next(at("2026-01-01")) is None
    assert cron.upcoming(at("2026-01-01"), 3) == []


@pytest.mark.spec("queue 2.5.18")
def test_the_fifth_friday_of_february_is_far() -> None:
    assert days(parse("0 0 * 2 FRI#5"), "2026-01-01", 1) == ["2036-02-29"]
    assert days(parse("0 0 29 2 *"), "2096-03-01", 1) == ["2104-02-29"]
    assert days(parse("0 0 * 2 SUN#5"), "1880-03-01", 1) == ["1920-02-29"]


@pytest.mark.spec("queue 2.5.21")
def test_the_spelling_is_kept() -> None:
    cron = parse("0 0 * *\t  Mon")
    assert cron.expression == "0 0 * *\t  Mon"
    assert weekdays(cron.expression) == {"MON"}


def test_leading_zeros_are_fine() -> None:
    assert parse("007 00 01 02 *").minutes == (7,)
    assert parse(f"{'0' * 10_000}7 * L-{'0' * 10_000}3 * *").normal == "7 * L-3 * *"


def test_next_is_strictly_after() -> None:
    cron = parse("*/5 * * * *")
    assert cron.next(at("2026-01-01T10:05")) == at("2026-01-01T10:10")
    assert cron.next(at("2026-01-01T10:04:59.999999")) == at("2026-01-01T10:05")
    assert cron.next(at("2026-01-01T10:05:00.000001")) == at("2026-01-01T10:10")
    assert cron.next(at("2026-12-31T23:59")) == at("2027-01-01")


def test_next_takes_any_zone_but_needs_one() -> None:
    eastern = timezone(timedelta(hours=-5))
    found = parse("0 12 * * *").next(datetime(2026, 1, 1, 6, 30, tzinfo=eastern))
    assert found == at("2026-01-01T12:00")
    assert found is not None
    assert found.tzinfo is UTC
    with pytest.raises(ValueError, match="aware"):
        parse("* * * * *").next(datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_calendar_ends() -> None:
    cron = parse("0 0 1 1 *")
    assert cron.next(at("9998-06-01")) == at("9999-01-01")
    assert cron.next(at("9999-06-01")) is None
    assert cron.next(datetime.max.replace(tzinfo=UTC)) is None
    assert cron.upcoming(at("9997-06-01"), 5) == [at("9998-01-01"), at("9999-01-01")]


@pytest.mark.parametrize(
    ("expression", "normal"),
    [
        ("* * * * *", "* * * * *"),
        ("*/1 0-23/1 1-31 1-12 *", "* * * * *"),
        ("*/20 */12 * jan,MAR *", "0,20,40 0,12 * 1,3 *"),
        ("0 0 */1 * MON", "0 0 * * *"),
        ("0 0 1 * 0-6", "0 0 * * *"),
        ("0 0 * * 1-5", "0 0 * * MON,TUE,WED,THU,FRI"),
        ("0 0 015W * 5L", "0 0 15W * FRIL"),
        ("0 0 L-03W * 05#02", "0 0 L-3W * FRI#2"),
        ("0 0 LW * L", "0 0 LW * SAT"),
    ],
)
def test_the_normal_form(expression: str, normal: str) -> None:
    assert parse(expression).normal == normal


def test_numeric_weekdays_are_known() -> None:
    for field in ("1", "1-5", "MON,3", "5L", "5#2", "1/2"):
        assert parse(f"0 0 * * {field}").numeric_weekday
    for field in ("*", "*/2", "MON", "MON-FRI", "MON-FRI/2", "FRI#2", "FRIL", "L"):
        assert not parse(f"0 0 * * {field}").numeric_weekday
    assert not parse("1 2 3 4 MON").numeric_weekday


def test_weekdays_in_words() -> None:
    assert parse("0 0 * * *").describe_weekdays() == ""
    assert parse("0 0 * * SUN,FRI,MON").describe_weekdays() == "Monday, Friday, Sunday"
    assert parse("0 0 * * 1-7").describe_weekdays() == "every day"


def test_a_cron_is_a_value() -> None:
    cron = parse("0 0 * * MON")
    assert cron.next(at("2026-01-01")) is not None
    assert cron == parse("0 0 * * MON")
    assert hash(cron) == hash(parse("0 0 * * MON"))
    with pytest.raises(AttributeError):
        cron.expression = "x"  # type: ignore[misc]
