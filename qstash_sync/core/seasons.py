"""Which date of the year belongs to which offset, for every end that a horizon could have.

A candidate is a horizon's end with all dates given to seasons; `best` covers each and keeps the
one with the fewest parts, then the one that ends last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from qstash_sync.core import zones
from qstash_sync.core.cover import Piece, Rules, Seasons, cover
from qstash_sync.core.cron import MONTH_DAYS
from qstash_sync.core.dates import (
    ALL_DATES,
    DATED,
    EVERY_DAY,
    MONTH_MASK,
    WIDTH,
    in_month,
    month_of,
    table,
)
from qstash_sync.core.firings import Job, steady
from qstash_sync.core.minutes import DAY, Span, bits

SHORTEST, LONGEST = 120, 366  # days of a horizon
_MONTHS = range(1, 13)
_SPECIAL = -9999  # the "offset" of a date that no season gets right
_Owners = Mapping[int, Mapping[int, int]]  # for each month: seasons and their days


@dataclass(frozen=True, slots=True)
class Found:
    """A cover, and the days that it was made for."""

    pieces: tuple[Piece, ...]
    days: int


class Year:
    """A job's coming year: the wanted firings, and what each season would do."""

    def __init__(self, job: Job, today: date, want: int, offsets: tuple[int, ...]) -> None:
        self.job, self.today, self.offsets = job, today, offsets
        self.whole = Span(today, LONGEST)
        self.inside = Span(today, LONGEST if _has_leap_day(today) else LONGEST - 1)
        self.want = self.whole.raw_days_of(want)
        self.fits = {offset: self._fits(offset) for offset in offsets}
        first = today.replace(day=1)
        around = Span(first, LONGEST if _has_leap_day(first) else LONGEST - 1)
        rules = Rules([cron.fields for cron in job.crons], self.inside, around)
        self.classes = {offset: rules.classes(offset) for offset in offsets}
        known = {rule for classes in self.classes.values() for rule in classes}
        self.every_day = all(set(rule.weekly) == {EVERY_DAY} for rule in known)
        self.varying = 0
        for rule in known:
            loose = rule.loose and DATED in rule.weekly
            self.varying |= ALL_DATES if loose else rule.inside ^ rule.around
        self._known: dict[tuple[int, int], dict[int, int]] = {}
        self.natural = {month: self._natural(month) for month in _MONTHS}

    def _fits(self, offset: int) -> int:
        """The dates on which a season does exactly what is wanted."""
        steady_bits = 0
        for cron in self.job.crons:
            steady_bits |= steady(cron.fields, offset, self.whole)
        same = [a == b for a, b in zip(self.whole.raw_days_of(steady_bits), self.want, strict=True)]
        return table(same[: self.inside.days], self.inside)

    def _natural(self, month: int) -> int:
        """The offset in the middle of a month, when it comes next."""
        middle = date(self.today.year, month, 15)
        if middle < self.today:
            middle = date(self.today.year + 1, month, 15)
        at = datetime(middle.year, middle.month, middle.day, 12, tzinfo=UTC)
        found = zones.offset(self.job.timezone, at)
        return found if found in self.offsets else self.offsets[0]

    def best(self) -> Found:
        """The fewest parts, then the latest end; true seasons first, where they cost nothing."""
        found: Found | None = None
        tried: set[object] = set()
        for days in sorted(self._ends(), reverse=True):
            for seasons in self._candidates(days):
                same = seasons.key(self.varying)
                if same in tried:
                    continue
                tried.add(same)
                pieces = cover(self.classes, seasons)
                if found is None or len(pieces) < len(found.pieces):
                    found = Found(pieces, days)
        if found is None:
            raise AssertionError("a horizon always has an end")
        return found

    def _ends(self) -> set[int]:
        """The ends worth a try: months, and the days of clock changes and right after."""
        limit = self.inside.days
        ends = {SHORTEST, limit}
        for month in _MONTHS:
            year = self.today.year + (month <= self.today.month)
            ends.add((date(year, month, 1) - self.today).days)
        for change in zones.transitions(self.job.timezone, self.whole.start, self.whole.end):
            day = self.whole.minute(change.at) // DAY
            ends |= {day, day + 1}
        return {days for days in ends if SHORTEST <= days <= limit}

    def _candidates(self, days: int) -> Iterator[Seasons]:
        """Ways to give all dates to seasons, for a horizon of some days."""
        hard = table([True] * days, Span(self.today, days))
        owners = {month: self._owners(month, month_of(hard, month)) for month in _MONTHS}
        yield self._seasons(hard, owners)
        for offset in self.offsets:
            spare = [month for month, row in owners.items() if set(row) == {offset}]
            if spare and not any(month_of(hard, month) for month in spare):
                for row in self._rows_for_spare(offset, hard, owners):
                    yield self._seasons(hard, {**owners, **dict.fromkeys(spare, row)})

    def _rows_for_spare(
        self, offset: int, hard: int, owners: _Owners
    ) -> Iterator[Mapping[int, int]]:
        """Ways to write a season's whole months where the horizon touches none of them.

        Like the split month of that season, which has a part already, or like another season: a
        part less, for an hour's difference that comes after the end, and is told there. Dates of a
        split month are right for the weekdays of one year only, so they come second for weekdays.
        """
        split = [row for row in owners.values() if offset in row and len(row) > 1]
        kept = self._kept(offset, hard, owners)
        like_split = [_without_special(row) for row in split[:1]]
        like_other = [] if kept is None else [{kept: MONTH_MASK}]
        yield from like_split + like_other if self.every_day else like_other + like_split

    def _kept(self, offset: int, hard: int, owners: _Owners) -> int | None:
        """The season that holds most whole months inside the horizon."""
        whole = [o for m, row in owners.items() if len(row) == 1 and month_of(hard, m) for o in row]
        others = [o for o in whole if o not in (offset, _SPECIAL)]
        return max(others, key=others.count) if others else None

    def _owners(self, month: int, inside: int) -> dict[int, int]:
        """The seasons of a month, each with its days as bits, where some lie inside the horizon."""
        if (month, inside) not in self._known:
            self._known[month, inside] = self._new_owners(month, inside)
        return self._known[month, inside]

    def _new_owners(self, month: int, inside: int) -> dict[int, int]:
        fits = {offset: month_of(self.fits[offset], month) for offset in self.offsets}
        whole = [offset for offset in self.offsets if not inside & ~fits[offset]]
        if whole:
            natural = self.natural[month]
            return {natural if natural in whole else whole[0]: MONTH_MASK}
        return _spread(list(_in_runs(inside, fits)), inside)

    def _seasons(self, hard: int, owners: _Owners) -> Seasons:
        owned = dict.fromkeys(self.offsets, 0)
        special: dict[int, int] = {}
        for month, row in owners.items():
            exists = (1 << MONTH_DAYS[month - 1]) - 1
            for offset, days in row.items():
                if offset != _SPECIAL:
                    owned[offset] |= in_month(days & exists, month)
                    continue
                for bit in bits(days & exists):
                    pattern = self._pattern(month, bit + 1)
                    special[pattern] = special.get(pattern, 0) | in_month(1 << bit, month)
        return Seasons(hard, {o: dates for o, dates in owned.items() if dates}, special)

    def _pattern(self, month: int, day: int) -> int:
        """The firings wanted on a date of the horizon."""
        year = self.today.year + ((month, day) < (self.today.month, self.today.day))
        return int.from_bytes(self.want[(date(year, month, day) - self.today).days], "little")


def _in_runs(inside: int, fits: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """The days inside the horizon in stretches of one season: (first bit, offset)."""
    rest, current = inside, _SPECIAL
    while rest:
        first = rest & -rest
        able = {
            offset: _lasts(inside & ~fit & -first) for offset, fit in fits.items() if first & fit
        }
        current = max(able, key=able.__getitem__) if able else _SPECIAL
        yield first.bit_length() - 1, current
        rest &= -able[current] if able else -(first << 1)


def _lasts(wrong: int) -> int:
    """The first day that a season gets wrong, as a bit; else the day after the month."""
    return wrong & -wrong or 1 << WIDTH


def _spread(runs: list[tuple[int, int]], inside: int) -> dict[int, int]:
    """Give days outside the horizon to the season before them, the first ones to the one after."""
    found: dict[int, int] = {}
    known = [offset for _, offset in runs if offset != _SPECIAL]
    last = known[0] if known else _SPECIAL
    ends = [start for start, _ in runs[1:]] + [WIDTH]
    for number, ((start, offset), end) in enumerate(zip(runs, ends, strict=True)):
        days = (1 << end) - (1 << (start if number else 0))
        if offset == _SPECIAL:
            found[last] = found.get(last, 0) | days & ~inside
            days &= inside
        else:
            last = offset
        found[offset] = found.get(offset, 0) | days
    return {offset: days for offset, days in found.items() if days}


def _without_special(row: Mapping[int, int]) -> dict[int, int]:
    """A month like a split one, but for its special dates, which another season takes."""
    found = {offset: days for offset, days in row.items() if offset != _SPECIAL}
    first = next(iter(found))
    return {**found, first: found[first] | row.get(_SPECIAL, 0)}


def _has_leap_day(first: date) -> bool:
    """Whether 29 February is among the 366 days from a date on."""
    return any(
        0 <= (date(year, 3, 1) - timedelta(days=1) - first).days < LONGEST
        and (date(year, 3, 1) - timedelta(days=1)).day == 29  # noqa: PLR2004 - a leap day
        for year in (first.year, first.year + 1)
    )
