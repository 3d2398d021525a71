"""Cover a year of wanted firings with few plain UTC crons.

A cron has no year, so a cover speaks about calendar dates. Each of the 366 dates is taken as it
comes next: inside the horizon with the firings that are wanted, after it with those of one offset.

    minute of the day     J  F  M      A  M  J  J  A  S  O  N  D      (09:00 in New York)
    14:00 UTC             ■  ■  ■■□□                            ■  ■     winter
    13:00 UTC                   □□■■■  ■  ■  ■  ■  ■  ■  ■               summer
                          |--|  |  |   |--------- ... ---------|
                          whole months        dates of one month
                          "0 14 * 11-2 *"     "0 14 1-13 3 *", "0 13 14-31 3 *"

Minutes that fire on the same dates are taken together. Their dates become weekdays of whole
months where every such weekday of the month fires (one cron for all months that agree), and lists
of dates for the rest (one cron for all months with one list). Every (date, minute) is in exactly
one cron: minutes are split into groups, dates of a group into weekdays and the others, and hours x
minutes of a group into products. So no two crons ever share a minute, whatever the year.

Bound: a group with W different weekday sets and L different date lists costs (W + L) x P crons,
P the number of hour x minute products. A daily job has W <= 1 and, with one change of offset in
the horizon, L <= 1 for each offset: at most 4 crons.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from qstash_sync.core.cron import render
from qstash_sync.core.firings import DAY

ALL_DAYS = tuple(range(1, 32))
ALL_MONTHS = tuple(range(1, 13))
ALL_WEEKDAYS = tuple(range(7))
LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Dates:
    """The 366 calendar dates as bits, each with the weekday of its next occurrence."""

    days: tuple[date, ...]
    months: tuple[int, ...]  # bit set of the dates of each month, January first
    weekdays: tuple[int, ...]  # likewise for Sunday to Saturday

    @classmethod
    def of(cls, days: Sequence[date]) -> "Dates":
        """Index the dates; each (month, day) must stand there once."""
        months, weekdays = [0] * 12, [0] * 7
        for number, day in enumerate(days):
            months[day.month - 1] |= 1 << number
            weekdays[day.isoweekday() % 7] |= 1 << number
        return cls(tuple(days), tuple(months), tuple(weekdays))


def cover(patterns: Sequence[int], dates: Dates, *, by_weekday: bool) -> tuple[str, ...]:
    """The crons for one day-bitmap per date; by_weekday where a cron restricts weekdays."""
    crons: set[str] = set()
    for on, minutes in _minute_groups(patterns):
        products = list(_products(minutes))
        for days, months, weekdays in _date_sets(on, dates, by_weekday=by_weekday):
            for hour_set, minute_set in products:
                crons.add(render(minute_set, hour_set, days, months, weekdays))
    return tuple(sorted(crons))


def _minute_groups(patterns: Sequence[int]) -> list[tuple[int, int]]:
    """(dates, minutes): minutes that fire on exactly the same dates, as bit sets."""
    by_pattern: dict[int, int] = defaultdict(int)
    for number, pattern in enumerate(patterns):
        if pattern:
            by_pattern[pattern] |= 1 << number
    groups: list[tuple[int, int]] = []  # minutes, dates
    for pattern, on in by_pattern.items():
        rest, refined = pattern, []
        for minutes, dates in groups:
            shared = minutes & pattern
            if shared:
                refined.append((shared, dates | on))
            if minutes & ~pattern:
                refined.append((minutes & ~pattern, dates))
            rest &= ~minutes
        groups = [*refined, (rest, on)] if rest else refined
    together: dict[int, int] = defaultdict(int)
    for minutes, dates in groups:
        together[dates] |= minutes
    return sorted(together.items())


def _date_sets(
    on: int, dates: Dates, *, by_weekday: bool
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """(days, months, weekdays) triples that together are exactly these dates."""
    by_set: dict[tuple[int, ...], list[int]] = defaultdict(list)
    by_list: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for month, whole in zip(ALL_MONTHS, dates.months, strict=True):
        here = on & whole
        if not here:
            continue
        weekdays = _weekdays(here, whole, dates, by_weekday=by_weekday)
        if weekdays:
            by_set[weekdays].append(month)
        for weekday in weekdays:
            here &= ~dates.weekdays[weekday]
        if here:
            by_list[_days(here, dates)].append(month)
    for weekdays, months in by_set.items():
        yield ALL_DAYS, tuple(months), weekdays
    for days, months in by_list.items():
        yield days, tuple(months), ALL_WEEKDAYS


def _weekdays(here: int, whole: int, dates: Dates, *, by_weekday: bool) -> tuple[int, ...]:
    """The weekdays of a month on which every date fires."""
    if here == whole:
        return ALL_WEEKDAYS
    if not by_weekday:
        return ()
    return tuple(
        number
        for number, weekday in enumerate(dates.weekdays)
        if whole & weekday and not whole & weekday & ~here
    )


def _days(here: int, dates: Dates) -> tuple[int, ...]:
    found: list[int] = []
    while here:
        low = here & -here
        found.append(dates.days[low.bit_length() - 1].day)
        here ^= low
    return tuple(sorted(found))


def _products(minutes: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(hours, minutes): a day-bitmap as products, hours with the same minutes together."""
    by_minutes: dict[int, list[int]] = defaultdict(list)
    for hour in range(DAY // 60):
        here = minutes >> 60 * hour & (1 << 60) - 1
        if here:
            by_minutes[here].append(hour)
    for here, hours in by_minutes.items():
        yield tuple(hours), tuple(minute for minute in range(60) if here >> minute & 1)
