"""The calendar dates of any year as one bitmap: 12 months of 31 bits, 1 January lowest."""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache

from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.grammar import MONTH_DAYS

WIDTH = 31  # bits of a month in the table of dates
MONTH_MASK = (1 << WIDTH) - 1
EVERY_DAY = 0b1111111  # all weekdays, Sunday lowest
DATED = -1  # a month whose firings no set of weekdays describes
ALL_DATES = sum(((1 << days) - 1) << WIDTH * month for month, days in enumerate(MONTH_DAYS))


@lru_cache(maxsize=64)
def _runs(span: Span) -> tuple[tuple[int, int, int], ...]:
    """(first index, end index, bit of its first day) of each month in a span of at most a year."""
    found, at = [], 0
    while at < span.days:
        day = span.first + timedelta(days=at)
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(at + (following - day).days, span.days)
        found.append((at, end, WIDTH * (day.month - 1) + day.day - 1))
        at = end
    return tuple(found)


def table(flags: Sequence[bool] | bytes, span: Span) -> int:
    """One flag for each day of a span, as a table of dates."""
    text = bytes(flags).hex()[1::2]  # a digit for each day, 0 or 1
    return sum(
        int(text[end - 1 : start - 1 if start else None : -1], 2) << bit
        for start, end, bit in _runs(span)
    )


def month_of(dates: int, month: int) -> int:
    """The days of a month (1-12) in a table, lowest bit the first."""
    return dates >> WIDTH * (month - 1) & MONTH_MASK


def in_month(days: int, month: int) -> int:
    """Days of a month as a table of dates."""
    return days << WIDTH * (month - 1)
