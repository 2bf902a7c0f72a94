"""Crons against a second, slower reading of the same rules, over random expressions."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.config.cron import Cron, parse
from aerostack_dev.config.cron.checks import named
from aerostack_dev.config.model import Weekdays
from aerostack_dev.errors import ConfigError

NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTHS = [name.upper() for name in calendar.month_abbr[1:]]
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MINUTES_SEARCHED = 36 * 60
DAYS_SEARCHED = 420

moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001
    max_value=datetime(2110, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
numberings = st.sampled_from(["crontab", "cloudflare"])


@dataclass(frozen=True)
class Text:
    """A field as text, and what it chooses; `chooses` takes a number or a date."""

    text: str
    chooses: Callable[..., bool]


def walk(start: int, end: int, first: int, last: int) -> list[int]:
    """From `start` to `end` by single steps, from `last` on to `first`."""
    walked = [start]
    while walked[-1] != end:
        walked.append(first if walked[-1] == last else walked[-1] + 1)
    return walked


def spelled(number: int, names: dict[int, str], draw: Callable[[object], object]) -> str:
    spellings = [str(number), f"0{number}"]
    if number in names:
        spellings += [names[number], names[number].lower(), names[number].title()]
    return str(draw(st.sampled_from(spellings)))


@st.composite
def item(draw, first: int, last: int, names: dict[int, str]) -> tuple[str, set[int]]:
    """One value, range or step of the numbers `first` to `last`."""
    start, end = (draw(st.integers(first, last)) for _ in range(2))
    step = draw(st.integers(1, last - first))
    one, other = (spelled(number, names, draw) for number in (start, end))
    ranged = walk(start, end, first, last)
    return draw(
        st.sampled_from(
            [
                (one, {start}),
                (f"{one}/{step}", set(range(start, last + 1, step))),
                (f"{one}-{other}", set(ranged)),
                (f"{one}-{other}/{step}", set(ranged[::step])),
            ]
        )
    )


@st.composite
def numbers(draw, first: int, last: int, names: dict[int, str]) -> Text:
    if draw(st.booleans()):
        step = draw(st.integers(1, last - first))
        chosen = set(range(first, last + 1, step))
        return Text(f"*/{step}", chosen.__contains__)
    items = draw(st.lists(item(first, last, names), min_size=1, max_size=3))
    union = set().union(*(chosen for _, chosen in items))
    return Text(",".join(text for text, _ in items), union.__contains__)


def star_or(field: st.SearchStrategy[Text]) -> st.SearchStrategy[Text]:
    return st.one_of(st.just(Text("*", lambda _: True)), field)


def last_of_month(day: date) -> int:
    return next(n for n in (31, 30, 29, 28) if is_date(day.year, day.month, n))


def is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def nearest(day: date, wanted: int) -> bool:
    """Whether `day` is the Monday to Friday of its month that is nearest to `wanted`."""
    if not is_date(day.year, day.month, wanted):
        return False
    working = [
        n
        for n in range(1, last_of_month(day) + 1)
        if day.replace(day=n).strftime("%a") not in ("Sat", "Sun")
    ]
    return day.day == min(working, key=lambda n: abs(n - wanted))


@st.composite
def monthday(draw) -> Text:
    number, offset = draw(st.integers(1, 31)), draw(st.integers(1, 30))
    return draw(
        st.one_of(
            numbers(1, 31, {}),
            st.just(Text("L", lambda day: day.day == last_of_month(day))),
            st.just(Text(f"L-{offset}", lambda day: day.day == last_of_month(day) - offset)),
            st.just(Text("LW", lambda day: nearest(day, last_of_month(day)))),
            st.just(Text(f"L-{offset}W", lambda day: nearest(day, last_of_month(day) - offset))),
            st.just(Text(f"{number}W", lambda day: nearest(day, number))),
        )
    )


def weekday_of(day: date) -> int:
    return NAMES.index(day.strftime("%a").upper())


def weekly(chosen: set[int]) -> Callable[[date], bool]:
    return lambda day: weekday_of(day) in chosen


@st.composite
def weekday(draw, numbering: Weekdays) -> Text:
    first = 0 if numbering == "crontab" else 1
    written = dict(enumerate(NAMES, first))
    index, nth = draw(st.integers(0, 6)), draw(st.integers(1, 5))
    name = spelled(index + first, written, draw)
    listed = draw(numbers(first, first + 6, written))
    return draw(
        st.sampled_from(
            [
                Text(listed.text, lambda day: listed.chooses(weekday_of(day) + first)),
                Text("L", weekly({6})),
                Text(
                    f"{name}L",
                    lambda day: weekday_of(day) == index and (day + 7 * DAY).month != day.month,
                ),
                Text(
                    f"{name}#{nth}",
                    lambda day: weekday_of(day) == index and (day.day + 6) // 7 == nth,
                ),
            ]
        )
    )


@dataclass(frozen=True)
class Expression:
    """An expression with its own reading: five fields of text and predicate."""

    fields: tuple[Text, ...]
    numbering: Weekdays

    @property
    def text(self) -> str:
        return " ".join(field.text for field in self.fields)

    @property
    def cron(self) -> Cron:
        return parse(self.text, self.numbering)

    def has_day(self, day: date) -> bool:
        _, _, monthday, month, weekday = self.fields
        if not month.chooses(day.month):
            return False
        restricted = [field for field in (monthday, weekday) if field.text != "*"]
        return not restricted or any(field.chooses(day) for field in restricted)

    def matches(self, moment: datetime) -> bool:
        minute, hour = self.fields[:2]
        if not (minute.chooses(moment.minute) and hour.chooses(moment.hour)):
            return False
        return self.has_day(moment.date())


@st.composite
def expressions(draw) -> Expression:
    numbering = draw(numberings)
    listed = numbers(1, 31, {})
    days_by_number = listed.map(lambda f: Text(f.text, lambda day: f.chooses(day.day)))
    days = st.one_of(days_by_number, monthday().filter(lambda f: set("LW") & set(f.text)))
    fields = (
        draw(star_or(numbers(0, 59, {}))),
        draw(star_or(numbers(0, 23, {}))),
        draw(star_or(days)),
        draw(star_or(numbers(1, 12, dict(enumerate(MONTHS, 1))))),
        draw(star_or(weekday(numbering))),
    )
    return Expression(fields, numbering)


def first_match(expression: Expression, after: datetime) -> datetime | None:
    """Minute by minute, as far as `MINUTES_SEARCHED`."""
    moment = after.replace(second=0, microsecond=0)
    for _ in range(MINUTES_SEARCHED):
        moment += MINUTE
        if expression.matches(moment):
            return moment
    return None


@pytest.mark.spec("queue 2.5.1")
@settings(max_examples=100, deadline=None)
@given(expressions(), moments)
def test_next_is_the_first_matching_minute(expression: Expression, after: datetime) -> None:
    found, expected = expression.cron.next(after), first_match(expression, after)
    if expected is None:
        assert found is None or found > after + MINUTES_SEARCHED * MINUTE - MINUTE
    else:
        assert found == expected


@settings(max_examples=100, deadline=None)
@given(expressions(), moments)
def test_the_days_are_the_matching_days(expression: Expression, after: datetime) -> None:
    at_noon = f"0 12 {' '.join(field.text for field in expression.fields[2:])}"
    start = after.replace(hour=0, minute=0)
    dates = [(start + n * DAY).date() for n in range(DAYS_SEARCHED)]
    expected = [day for day in dates if expression.has_day(day)]
    found = [
        due.date()
        for due in parse(at_noon, expression.numbering).upcoming(start, len(expected) + 1)
    ]
    assert found[: len(expected)] == expected
    assert all(day > dates[-1] for day in found[len(expected) :])


@settings(max_examples=100, deadline=None)
@given(expressions(), moments)
def test_runs_come_in_order_and_each_on_its_minute(expression: Expression, after: datetime) -> None:
    runs = expression.cron.upcoming(after, 20)
    assert all(earlier < later for earlier, later in zip([after, *runs], runs, strict=False))
    assert all(run.second == run.microsecond == 0 and run.tzinfo is UTC for run in runs)
    assert all(expression.matches(run) for run in runs)
    assert runs == [] if expression.cron.never else len(runs) == 20


@settings(max_examples=100, deadline=None)
@given(expressions(), moments, numberings)
def test_the_normal_form_means_the_same(
    expression: Expression, after: datetime, numbering: Weekdays
) -> None:
    cron = expression.cron
    again = parse(cron.normal, numbering)
    assert again.normal == cron.normal
    assert again.upcoming(after, 5) == cron.upcoming(after, 5)


@settings(max_examples=100, deadline=None)
@given(expressions(), numberings)
def test_names_mean_the_same_in_both_numberings(
    expression: Expression, numbering: Weekdays
) -> None:
    safe = named(expression.cron)
    assert not parse(safe, numbering).numeric_weekday
    assert parse(safe, numbering).normal == expression.cron.normal


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.text(alphabet="0123456789*/-,LW#?@ \tMONFRI\n"),
        st.lists(
            st.text(alphabet="0123456789*/-,LW#MONFRIJANSAT", min_size=1), min_size=5, max_size=5
        ).map(" ".join),
    ),
    numberings,
)
def test_any_text_is_parsed_or_refused(text: str, numbering: Weekdays) -> None:
    try:
        cron = parse(text, numbering)
    except ConfigError as error:
        assert error.message.isprintable()
        assert error.hint
    else:
        assert cron.expression == text
        assert cron.never is (cron.next(datetime(2026, 1, 1, tzinfo=UTC)) is None)
