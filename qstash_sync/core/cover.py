"""Cover the dates of a year with few plain UTC crons.

A cron has no year, so a cover speaks of calendar dates: a table of 12 months x 31 days. Each of the
366 dates belongs to one season, that is, to one offset from UTC:

    month          1   2   3    4   5   6   7   8   9   10  11  12       09:00 in New York
    14:00 UTC      #   #   #..  .   .   .   .   .   .   .   .   #        season -5 h
    13:00 UTC      .   .   .##  #   #   #   #   #   #   #   #   .        season -4 h
                           | a split month: the change, 14 March

    whole months of a season       one cron     0 14 * 1,2,12 *       (or its weekdays: * 12 1-5)
    the dates of a split month     one cron     0 14 1-13 3 *         (weekdays spelt out as dates)

A horizon of 120 days or more that ends well holds at most one change, hence one split month; every
other month is whole. A date inside the horizon belongs to the season in force, or to none where
the change itself meets the job (a *special* date, with a cron of its own). A date outside goes with
the rest of its month. A month outside goes to its own season, unless its season has no whole month
inside: then it costs a part of its own, and goes to another season or is split like the split one.

Within a season, minutes that share a day rule are one *class*. Classes are formed in two ways, and
the smaller cover wins:

    by season      each season alone, special dates apart: best for one time of day
    by minute      each minute through all seasons: best where most minutes of the day stay, as in
                   `0 9-17 * * 1-5` in Auckland, whose morning is the same in both seasons

Two crons never share a (date, minute), in any year: classes of a season have different minutes,
seasons different dates, and within a class whole months and date lists have different months.

Bound: with w seasons that have whole months inside the horizon, t changes and g special dates in
it, and p products (hours x minutes x day shifts) for the day of one season, at most p(w + 2t) + g
parts. A job at one time of day has p = 1: 1 with no change inside, 4 with one, 5 where it is met.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from qstash_sync.core.cron import DAY as DAY_FIELD, MONTH_DAYS, WEEKDAY, Fields
from qstash_sync.core.dates import (
    ALL_DATES,
    DATED,
    EVERY_DAY,
    MONTH_MASK,
    in_month,
    month_of,
    table,
)
from qstash_sync.core.minutes import DAY, DAY_MASK, Span, bits, fitting


@dataclass(frozen=True, slots=True)
class Rule:
    """On which dates minutes fire in one season, seen from UTC.

    weekly: for each month the set of weekdays, or DATED.
    inside, around: tables of dates that fire, inside the horizon and in the year around today.
    loose: the dates follow the weekdays of one year, so outside the horizon others do as well.
    """

    weekly: tuple[int, ...]
    inside: int
    around: int
    loose: bool

    def fires(self, hard: int) -> int:
        """The dates that fire, those inside the horizon (hard) as they are."""
        return self.inside & hard | self.around & ~hard


@dataclass(frozen=True, slots=True)
class Seasons:
    """To which offset each date belongs: tables of dates, and special dates by their firings."""

    hard: int
    owned: Mapping[int, int]
    special: Mapping[int, int]

    def key(self, varying: int) -> object:
        """What a cover depends on; varying: dates that fire differently inside the horizon."""
        return tuple(self.owned.items()), tuple(self.special.items()), self.hard & varying


@dataclass(frozen=True, slots=True)
class Piece:
    """One cron of a cover, and the offsets whose dates it serves."""

    fields: Fields
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Class:
    """Minutes of the day with one rule in each season, and whether special firings hold them."""

    minutes: int
    rules: Mapping[int, Rule]
    special: int = 0  # table of the special dates on which these minutes fire


@dataclass(frozen=True, slots=True)
class _Row:
    """Months with one list of days: those that must fire, must not, and should if they can."""

    months: tuple[int, ...]
    on: int
    off: int
    wish: int

    @property
    def days(self) -> tuple[int, ...]:
        return tuple(bit + 1 for bit in bits(self.on | self.wish & ~self.off))

    def fits(self, other: "_Row") -> bool:
        """Whether one list of days does for both, and neither is left without a day."""
        clash = self.on & other.off or other.on & self.off
        return not clash and bool(self.likeness(other))

    def likeness(self, other: "_Row") -> int:
        """How many days they have in common."""
        return (
            (self.on | self.wish) & (other.on | other.wish) & ~self.off & ~other.off
        ).bit_count()

    def joined(self, other: "_Row") -> "_Row":
        return _Row(
            self.months + other.months,
            self.on | other.on,
            self.off | other.off,
            self.wish | other.wish,
        )


# ---------------------------------------------------------------- rules of a season


class Rules:
    """The classes of each season of one job: which minutes of the UTC day fire by which rule."""

    def __init__(self, crons: Iterable[Fields], inside: Span, around: Span) -> None:
        self.crons = tuple(crons)
        self.spans = inside, around
        self._made: dict[frozenset[tuple[int, int]], Rule] = {}

    def classes(self, offset: int) -> dict[Rule, int]:
        """Rules with their minutes, for the season of one offset."""
        atoms: dict[int, frozenset[tuple[int, int]]] = {}
        for number, fields in enumerate(self.crons):
            for minutes, shift in _shifted(fields.minute_of_day, offset):
                atoms = _refined(atoms, minutes, (number, shift))
        found: dict[Rule, int] = defaultdict(int)
        for minutes, why in atoms.items():
            found[self._rule(why)] |= minutes
        return found

    def _rule(self, why: frozenset[tuple[int, int]]) -> Rule:
        """The rule of minutes that fire by any of several (cron, day shift)."""
        if why not in self._made:
            crons = [(self.crons[number], shift) for number, shift in why]
            inside, around = (self._fires(crons, span) for span in self.spans)
            weekly = tuple(_any_weekly(crons, month) for month in range(1, 13))
            around |= self._leap_day(crons, weekly)
            loose = any(len(f.weekdays) < len(WEEKDAY.everything) for f, _ in crons)
            self._made[why] = Rule(weekly, inside, around, loose)
        return self._made[why]

    def _fires(self, crons: Sequence[tuple[Fields, int]], span: Span) -> int:
        found = 0
        for fields, shift in crons:
            shifted = Span(span.first + timedelta(days=shift), span.days)
            found |= table(fitting(fields, shifted), span)
        return found

    def _leap_day(self, crons: Sequence[tuple[Fields, int]], weekly: Sequence[int]) -> int:
        """29 February, if it fires when it comes next and lies outside the year around today."""
        first = self.spans[1].first
        year = first.year
        while not (_is_leap(year) and date(year, 2, 29) >= first):
            year += 1
        day = Span(date(year, 2, 29), 1)
        if (day.first - first).days < self.spans[1].days:
            return 0
        fires = weekly[1] == EVERY_DAY or self._fires(crons, day)
        return in_month(1 << 28, 2) if fires else 0


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _shifted(minutes: int, offset: int) -> Iterator[tuple[int, int]]:
    """A local day in UTC: its minutes, and the days from the UTC date to the local one."""
    if offset >= 0:
        parts = (minutes >> offset, 0), (minutes << (DAY - offset) & DAY_MASK, 1)
    else:
        parts = (minutes << -offset & DAY_MASK, 0), (minutes >> (DAY + offset), -1)
    return (part for part in parts if part[0])


def _refined(
    atoms: dict[int, frozenset[tuple[int, int]]], minutes: int, why: tuple[int, int]
) -> dict[int, frozenset[tuple[int, int]]]:
    """Split minute sets so that each is wholly inside or outside the new one."""
    refined = {}
    for atom, reasons in atoms.items():
        if atom & minutes:
            refined[atom & minutes] = reasons | {why}
        if atom & ~minutes:
            refined[atom & ~minutes] = reasons
        minutes &= ~atom
    if minutes:
        refined[minutes] = frozenset({why})
    return refined


def _any_weekly(crons: Sequence[tuple[Fields, int]], month: int) -> int:
    """The weekdays on which one of several crons fires in a month; DATED where dates matter."""
    found = 0
    for fields, shift in crons:
        weekdays = _weekly(fields, shift, month)
        if weekdays == EVERY_DAY:
            return EVERY_DAY
        found = DATED if DATED in (found, weekdays) else found | weekdays
    return found


def _weekly(fields: Fields, shift: int, month: int) -> int:
    """The UTC weekdays of a month on which a cron fires whose local date is `shift` days on."""
    neighbour = (month - 1 + shift) % 12 + 1
    here, there = month in fields.months, neighbour in fields.months
    if not here and not there:
        return 0
    if here != there or fields.days != DAY_FIELD.everything:
        return DATED
    return sum(1 << (weekday - shift) % 7 for weekday in fields.weekdays)


# ---------------------------------------------------------------- covers

# Why some minutes fire: their rule in each season, and the special dates that hold them.
_Why = tuple[tuple[tuple[int, Rule], ...], int]
_DateSet = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def cover(classes: Mapping[int, Mapping[Rule, int]], seasons: Seasons) -> tuple[Piece, ...]:
    """The smaller of the two covers, in a fixed order."""
    by_season = [piece for one in _by_season(classes, seasons) for piece in one]
    if not seasons.special and not _share_minutes(classes, seasons):
        return tuple(by_season)  # minute by minute is the same then
    by_minute = [piece for one in _by_minute(classes, seasons) for piece in one]
    return tuple(by_season if len(by_season) <= len(by_minute) else by_minute)


def _share_minutes(classes: Mapping[int, Mapping[Rule, int]], seasons: Seasons) -> bool:
    seen = 0
    for offset in seasons.owned:
        for minutes in classes[offset].values():
            if seen & minutes:
                return True
            seen |= minutes
    return False


def _by_season(
    classes: Mapping[int, Mapping[Rule, int]], seasons: Seasons
) -> Iterator[list[Piece]]:
    for offset, owned in seasons.owned.items():
        for rule, minutes in classes[offset].items():
            yield _pieces(_Class(minutes, {offset: rule}), seasons, {offset: owned})
    for pattern, dates in seasons.special.items():
        if pattern:
            yield _pieces(_Class(pattern, {}, dates), seasons, {})


def _by_minute(
    classes: Mapping[int, Mapping[Rule, int]], seasons: Seasons
) -> Iterator[list[Piece]]:
    groups: dict[int, _Why] = {DAY_MASK: ((), 0)}
    for offset in seasons.owned:
        for rule, minutes in classes[offset].items():
            groups = _split(groups, minutes, ((offset, rule),), 0)
    for pattern, dates in seasons.special.items():
        groups = _split(groups, pattern, (), dates)
    together: dict[_Why, int] = defaultdict(int)
    for minutes, why in groups.items():
        together[why] |= minutes
    together.pop(((), 0), None)
    for (known, special), minutes in together.items():
        rules = dict(known)
        yield _pieces(_Class(minutes, rules, special), seasons, _matched(rules, special, seasons))


def _split(
    groups: Mapping[int, _Why], minutes: int, rules: tuple[tuple[int, Rule], ...], special: int
) -> dict[int, _Why]:
    found = {}
    for group, (known, dates) in groups.items():
        if group & minutes:
            found[group & minutes] = ((*known, *rules), dates | special)
        if group & ~minutes:
            found[group & ~minutes] = (known, dates)
    return found


def _matched(rules: Mapping[int, Rule], special: int, seasons: Seasons) -> dict[int, int]:
    """The dates of each season for these minutes: special dates join where they do as it does."""
    owned = dict(seasons.owned)
    left = 0
    for dates in seasons.special.values():
        left |= dates
    for offset in owned:
        fires = rules[offset].fires(seasons.hard) if offset in rules else 0
        agree = left & ~(fires ^ special)
        owned[offset] |= agree
        left &= ~agree
    return owned


def _pieces(one: _Class, seasons: Seasons, owned: Mapping[int, int]) -> list[Piece]:
    """The crons of one class; owned: the dates of each season, as far as it decides them."""
    fires, optional, wish = one.special, 0, 0
    weekly: dict[int, int] = defaultdict(int)
    for offset, rule in one.rules.items():
        dates = owned[offset]
        on = dates & rule.fires(seasons.hard)
        free = dates & ~seasons.hard if rule.loose else 0
        fires |= on & ~free
        optional |= free
        wish |= on & free
        _note_weekly(weekly, rule, dates)
    silent = ALL_DATES & ~fires & ~optional
    sets = _date_sets(fires, silent, wish, weekly)
    return [
        Piece(Fields(minutes, hours, days, months, weekdays), tuple(one.rules))
        for days, months, weekdays in sets
        for hours, minutes in products(one.minutes)
    ]


def _note_weekly(weekly: dict[int, int], rule: Rule, dates: int) -> None:
    """Note under each set of weekdays the dates that it describes."""
    for month, weekdays in enumerate(rule.weekly, 1):
        if weekdays != DATED:
            weekly[weekdays] |= dates & in_month(MONTH_MASK, month)


def _date_sets(fires: int, silent: int, wish: int, weekly: Mapping[int, int]) -> list[_DateSet]:
    """(days, months, weekdays) that together are these dates."""
    whole: dict[int, list[int]] = defaultdict(list)
    rows: list[_Row] = []
    for month, length in enumerate(MONTH_DAYS, 1):
        everything = (1 << length) - 1
        governed = [w for w, dates in weekly.items() if month_of(dates, month) == everything]
        on, off = month_of(fires, month), month_of(silent, month)
        if governed:
            whole[governed[0]].append(month)
        elif on or month_of(wish, month):
            rows.append(_Row((month,), on, off, month_of(wish, month)))
    found = [
        (DAY_FIELD.everything, tuple(months), tuple(bits(weekdays)))
        for weekdays, months in whole.items()
        if weekdays
    ]
    by_month = _rows(rows)
    if len(by_month) > 1:
        by_month = min(by_month, _columns(rows), key=len)
    return found + by_month


def _rows(rows: Sequence[_Row]) -> list[_DateSet]:
    """Months that can share one list of days together; those without a must fit in last."""
    merged: list[_Row] = []
    for row in sorted(rows, key=lambda row: not row.on):
        fitting_rows = [n for n, other in enumerate(merged) if row.fits(other)]
        if fitting_rows:
            best = max(fitting_rows, key=lambda n: row.likeness(merged[n]))
            merged[best] = merged[best].joined(row)
        else:
            merged.append(row)
    return [(row.days, tuple(sorted(row.months)), WEEKDAY.everything) for row in merged if row.days]


def _columns(rows: Sequence[_Row]) -> list[_DateSet]:
    """Days that fire in the same months together."""
    months_of: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        for day in row.days:
            months_of[day].extend(row.months)
    together: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for day, months in sorted(months_of.items()):
        together[tuple(months)].append(day)
    return [(tuple(days), months, WEEKDAY.everything) for months, days in together.items()]


@lru_cache(maxsize=4096)
def products(minutes: int) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """A day's minutes as few (hours, minutes): equal hours together, or equal minutes together."""
    hours_of: dict[int, list[int]] = defaultdict(list)
    for hour in range(24):
        here = minutes >> 60 * hour & (1 << 60) - 1
        if here:
            hours_of[here].append(hour)
    by_hour = [(tuple(hours), tuple(bits(here))) for here, hours in hours_of.items()]
    minutes_of: dict[int, list[int]] = defaultdict(list)
    first = sum(1 << 60 * hour for hour in range(24))
    for minute in range(60):
        hours = minutes >> minute & first
        if hours:
            minutes_of[hours].append(minute)
    by_minute = [
        (tuple(bit // 60 for bit in bits(hours)), tuple(same)) for hours, same in minutes_of.items()
    ]
    return tuple(by_hour if len(by_hour) <= len(by_minute) else by_minute)
