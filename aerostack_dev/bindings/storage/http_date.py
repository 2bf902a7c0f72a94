"""Dates as HTTP headers write them: `Sun, 06 Nov 1994 08:49:37 GMT`."""

from __future__ import annotations

import datetime

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
MILLISECOND = datetime.timedelta(milliseconds=1)
LAST_MS = 253_402_300_799_999
"""The end of the year 9999, where calendars end; earlier than year 1 is not a date either."""
FIRST_MS = -62_135_596_800_000


def milliseconds(text: str | None) -> int | None:
    """The moment that an HTTP date names, in ms since the epoch; None when it is none."""
    if text is None:
        return None
    from email.utils import parsedate_to_datetime

    try:
        found = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return (aware - EPOCH) // MILLISECOND


def http_date(ms: int) -> str:
    """The HTTP date of a moment in ms since the epoch."""
    when = moment(ms)
    return (
        f"{DAYS[when.weekday()]}, {when.day:02} {MONTHS[when.month - 1]} {when.year:04} "
        f"{when:%H:%M:%S} GMT"
    )


def moment(ms: int) -> datetime.datetime:
    """`ms` since the epoch as an aware datetime."""
    return EPOCH + datetime.timedelta(milliseconds=min(max(ms, FIRST_MS), LAST_MS))
