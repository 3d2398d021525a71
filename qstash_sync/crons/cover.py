"""Cover the dates of a year with few plain UTC crons.

A cron has no year, so a cover speaks of calendar dates: a table of 12 months x 31 days. Each of the
366 dates belongs to one season, that is, to one offset from UTC:

    month          1   2   3    4   5   6   7   8   9   10  11  12       09:00 in New York
    14:00 UTC      #   #   #..  .   .   .   .   .   .   .   .   #        season -5 h
    13:00 UTC      .   .   .##  #   #   #   #   #   #   #   #   .        season -4 h
                           | a split month: the change, 14 March

    whole months of a season       one cron     0 14 * 1,2,12 *       (or its weekdays: * 12 1-5)
    the dates of a split month     one cron     0 14 1-13 3 *         (weekdays spelt out as dates)

A month is split where a change in the horizon falls into it; every other one is whole, those after
the end as well, so each season stays right when it comes again. A date on which the change itself
meets the job is *special*: it belongs to no season and has a cron of its own.

Within a season, minutes that share a day rule are one *class*. Classes are formed in two ways, and
the smaller cover wins:

    by season      each season alone, special dates apart: best for one time of day
    by minute      each minute through all seasons: best where most minutes of the day stay, as in
                   `0 9-17 * * 1-5` in Auckland, whose morning is the same in both seasons

Two crons never share a (date, minute), in any year: classes of a season have different minutes,
seasons different dates, and within a class whole months and date lists have different months.

Bound, for one cron: with p products (hours x minutes) for the day of one season, day shifts apart,
s seasons in the year, t changes within the horizon, and g products for the special dates in it, at
most p(s + 2t) + g parts; where the cron restricts days of the month or months, p(12 + t) + g. A job
at one time of day has p = 1, so it needs 1 part without seasons, and with two of them 2 or, with
one change in the horizon, 4; one more for each special date. `bound.py` counts it for a year ahead.
"""

from calendar import isleap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache, reduce
from itertools import count
from operator import or_
from typing import NamedTuple, TypeVar

from qstash_sync.crons.bitmaps import DAY, DAY_MASK, Span, bits, fitting
from qstash_sync.crons.dates import (
    ALL_DATES,
    DATED,
    EVERY_DAY,
    MONTH_MASK,
    in_month,
    month_of,
    table,
)
from qstash_sync.crons.grammar import DAY as DAY_FIELD, MONTH_DAYS, WEEKDAY, Fields
from qstash_sync.record import record

_Reason = TypeVar("_Reason")
Why = tuple[tuple[Fields, int], ...]  # crons, and the days from the UTC date to the local one
_DateSet = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # days, months, weekdays


@record()
class Rule:
    """On which dates some minutes fire in one season, seen from UTC.

    weekly: for each month the weekdays that say it for any year, or DATED.
    dates: a table of the dates that fire, each as it comes next.
    loose: the dates follow the weekdays of one year, so in another year others do as well.
    """

    weekly: tuple[int, ...]
    dates: int
    loose: bool


@record()
class Seasons:
    """To which offset each date belongs, in tables of dates.

    hard: the dates inside the horizon. special: dates of no season, by the minutes that they fire.
    """

    hard: int
    owned: Mapping[int, int]
    special: Mapping[int, int]


@record()
class Piece:
    """One cron of a cover, and the offsets whose dates it serves."""

    fields: Fields
    offsets: tuple[int, ...]


class _Share(NamedTuple):
    """What a season says of some minutes: its rule, on its dates; special dates have no offset."""

    rule: Rule
    dates: int
    offset: int | None = None


class _Row(NamedTuple):
    """Months with one list of days: those that must fire, must not, and should if they can."""

    months: tuple[int, ...]
    on: int
    off: int
    wish: int

    @property
    def days(self) -> int:
        return self.on | self.wish & ~self.off

    def common(self, other: "_Row") -> int:
        """The days that both would have if they were one; none if they cannot be."""
        if self.on & other.off or other.on & self.off:
            return 0
        return self.days & other.days & ~self.off & ~other.off

    def joined(self, other: "_Row") -> "_Row":
        return _Row(
            self.months + other.months,
            self.on | other.on,
            self.off | other.off,
            self.wish | other.wish,
        )


# ---------------------------------------------------------------- rules of a season


def classes(crons: Iterable[Fields], offset: int, year: Span) -> dict[Rule, int]:
    """The minutes of the UTC day that fire in the season of one offset, by their rule."""
    found: dict[Rule, int] = defaultdict(int)
    local = [
        (minutes, (fields, shift))
        for fields in crons
        for minutes, shift in shifted(fields.minute_of_day, offset)
    ]
    for why, minutes in partition(local).items():
        found[_rule(why, year)] |= minutes
    return found


def shifted(minutes: int, offset: int) -> Iterator[tuple[int, int]]:
    """A local day in UTC: its minutes, and the days from the UTC date to the local one."""
    if offset >= 0:
        parts = (minutes >> offset, 0), (minutes << (DAY - offset) & DAY_MASK, 1)
    else:
        parts = (minutes << -offset & DAY_MASK, 0), (minutes >> (DAY + offset), -1)
    return (part for part in parts if part[0])


def partition(sets: Iterable[tuple[int, _Reason]]) -> dict[tuple[_Reason, ...], int]:
    """The minutes of a day by which of some sets hold them; those in none are left out."""
    cells: dict[int, tuple[_Reason, ...]] = {DAY_MASK: ()}
    for minutes, reason in sets:
        refined = {}
        for cell, why in cells.items():
            if cell & minutes:
                refined[cell & minutes] = (*why, reason)
            if cell & ~minutes:
                refined[cell & ~minutes] = why
        cells = refined
    found: dict[tuple[_Reason, ...], int] = defaultdict(int)
    for cell, why in cells.items():
        found[why] |= cell
    found.pop((), None)
    return found


@lru_cache(maxsize=1024)
def _rule(why: Why, year: Span) -> Rule:
    """The rule of minutes that fire by any of several crons."""
    weekly = weekly_of(why)
    return Rule(weekly, _dates(why, year) | _leap_day(why, weekly, year), by_weekday(why))


def by_weekday(why: Why) -> bool:
    """Whether one of several crons names weekdays."""
    return any(len(fields.weekdays) < len(WEEKDAY.everything) for fields, _ in why)


def _dates(why: Why, span: Span) -> int:
    found = 0
    for fields, shift in why:
        local = Span(span.first + timedelta(days=shift), span.days)
        found |= table(fitting(fields, local), span)
    return found


def _leap_day(why: Why, weekly: Sequence[int], year: Span) -> int:
    """29 February, if it fires when it comes next and the year around today has none."""
    leap_days = (date(n, 2, 29) for n in count(year.first.year) if isleap(n))
    coming = Span(next(day for day in leap_days if day >= year.first), 1)
    if coming.start < year.end:
        return 0
    return in_month(1 << 28, 2) if weekly[1] == EVERY_DAY or _dates(why, coming) else 0


def weekly_of(why: Why) -> tuple[int, ...]:
    """For each month the weekdays on which any of several crons fires; DATED where dates matter."""
    each = [_weekly(fields.months, fields.days, fields.weekdays, shift) for fields, shift in why]
    if len(each) == 1:
        return each[0]
    # Where one cron fires every day of a month, the dates of the others add nothing.
    return tuple(
        EVERY_DAY if EVERY_DAY in month else DATED if DATED in month else reduce(or_, month)
        for month in zip(*each, strict=True)
    )


@lru_cache(maxsize=4096)
def _weekly(
    months: tuple[int, ...], days: tuple[int, ...], weekdays: tuple[int, ...], shift: int
) -> tuple[int, ...]:
    """For each month the UTC weekdays of a cron whose local date is `shift` days on."""
    moved = sum(1 << (weekday - shift) % 7 for weekday in weekdays)
    found = []
    for month in range(1, 13):
        neighbour = (month - 1 + shift) % 12 + 1
        here, there = month in months, neighbour in months
        if not here and not there:
            found.append(0)
        elif here != there or days != DAY_FIELD.everything:
            found.append(DATED)
        else:
            found.append(moved)
    return tuple(found)


# ---------------------------------------------------------------- covers


def cover(known: Mapping[int, Mapping[Rule, int]], seasons: Seasons) -> tuple[Piece, ...]:
    """The smaller of the two covers, in a fixed order; known: the classes of each offset."""
    shares = [
        (minutes, _Share(rule, dates, offset))
        for offset, dates in seasons.owned.items()
        for rule, minutes in known[offset].items()
    ]
    for pattern, dates in seasons.special.items():
        shares.append((pattern, _Share(Rule((DATED,) * 12, dates, loose=False), dates)))
    by_season = _crons([((share,), minutes) for minutes, share in shares], seasons.hard)
    cells = partition(shares)
    if len(cells) == len(shares) and all(len(why) == 1 for why in cells):
        return by_season  # no minute fires in two of them: the other cover is the same
    by_minute = _crons(cells.items(), seasons.hard)
    return by_season if len(by_season) <= len(by_minute) else by_minute


def _crons(ways: Iterable[tuple[tuple[_Share, ...], int]], hard: int) -> tuple[Piece, ...]:
    return tuple(piece for shares, minutes in ways for piece in _pieces(minutes, shares, hard))


def _pieces(minutes: int, shares: Sequence[_Share], hard: int) -> Iterator[Piece]:
    """The crons of some minutes."""
    fires, free = 0, 0
    weekly: dict[int, int] = defaultdict(int)
    for share in shares:
        fires |= share.dates & share.rule.dates
        free |= share.dates & ~hard if share.rule.loose else 0
        for month, weekdays in enumerate(share.rule.weekly, 1):
            if weekdays != DATED:
                weekly[weekdays] |= share.dates & in_month(MONTH_MASK, month)
    offsets = tuple(share.offset for share in shares if share.offset is not None)
    for dates in _date_sets(fires, free, tuple(weekly.items())):
        for hours, of_hour in products(minutes):
            yield Piece(Fields(of_hour, hours, *dates), offsets)


@lru_cache(maxsize=4096)  # the same for all times of day that share a zone and a day rule
def _date_sets(fires: int, free: int, weekly: tuple[tuple[int, int], ...]) -> tuple[_DateSet, ...]:
    """Sets that together are the dates that fire, but for free ones, where that is only a wish.

    weekly: the dates that a set of weekdays describes. Every day is a list of days like another:
    a whole month can so join a split one, if what it lacks is the 31st.
    """
    by_week: dict[int, list[int]] = defaultdict(list)
    rows: list[_Row] = []
    for month, length in enumerate(MONTH_DAYS, 1):
        whole = (1 << length) - 1
        governed = [w for w, dates in weekly if month_of(dates, month) == whole]
        on, off = month_of(fires & ~free, month), month_of(ALL_DATES & ~fires & ~free, month)
        wish = month_of(fires & free, month)
        if on == whole or EVERY_DAY in governed:
            rows.append(_Row((month,), whole, 0, MONTH_MASK))
        elif governed:
            by_week[governed[0]].append(month)
        elif on or wish:
            rows.append(_Row((month,), on, off, wish))
    by_week.pop(0, None)
    by_list = _merged(rows)
    return (
        *(
            (DAY_FIELD.everything, tuple(months), tuple(bits(weekdays)))
            for weekdays, months in by_week.items()
        ),
        *(
            (
                tuple(bit + 1 for bit in bits(row.days)),
                tuple(sorted(row.months)),
                WEEKDAY.everything,
            )
            for row in by_list
        ),
    )


def _merged(rows: Iterable[_Row]) -> list[_Row]:
    """Months that can share one list of days together, each with those most like it."""
    found: list[_Row] = []
    for row in rows:
        common = [row.common(other).bit_count() for other in found]
        best = max(common, default=0)
        if best:
            number = common.index(best)
            found[number] = found[number].joined(row)
        else:
            found.append(row)
    return found


@lru_cache(maxsize=4096)
def products(minutes: int) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """A day's minutes as few (hours, minutes): equal hours together, or equal minutes together."""
    pairs = [divmod(minute, 60) for minute in bits(minutes)]
    by_hour = grouped(pairs)
    by_minute = grouped(sorted((minute, hour) for hour, minute in pairs))
    if len(by_hour) <= len(by_minute):
        return tuple(by_hour)
    return tuple((hours, same) for same, hours in by_minute)


def grouped(pairs: Iterable[tuple[int, int]]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Keys that have the same values, and the values."""
    values_of: dict[int, list[int]] = defaultdict(list)
    for key, value in pairs:
        values_of[key].append(value)
    keys_of: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for key, values in values_of.items():
        keys_of[tuple(values)].append(key)
    return [(tuple(keys), values) for values, keys in keys_of.items()]
