"""Which date of the year belongs to which offset, for every end that a horizon could have.

A candidate is a horizon's end with all dates given to seasons; `best` covers each and keeps the
one with the fewest parts, then the one that ends last. Every season keeps its whole months, with
one exception, which saves a part. If the horizon holds no whole month of a season, but more than
half of a split one, the season may be written in its own months as it is in that:

    November to March in New York     14:00 UTC   0 14 * 1,2,11,12 *
                                                  0 14 1-11 3-10 *      right in March; later, an
                                      13:00 UTC   0 13 12-31 3-10 *     hour late on the 1st-11th
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import DAY, Span, bits
from qstash_sync.crons.cover import Piece, Seasons, classes, cover
from qstash_sync.crons.dates import ALL_DATES, DATED, MONTH_MASK, WIDTH, in_month, month_of, table
from qstash_sync.crons.firings import steady
from qstash_sync.crons.gap_and_fold import Job

SHORTEST, LONGEST = 120, 366  # days of a horizon
_MONTHS = range(1, 13)
_Row = Mapping[int, int]  # the seasons of a month, each with its days as bits


class Found(NamedTuple):
    """A cover, and the days that it was made for."""

    pieces: tuple[Piece, ...]
    days: int


class Year:
    """A job's coming year: the wanted firings, and what each season would do."""

    def __init__(self, job: Job, today: date, want: int, offsets: tuple[int, ...]) -> None:
        self.job, self.today, self.offsets = job, today, offsets
        self.whole = Span(today, LONGEST)
        last = today + timedelta(days=365)
        same = (last.month, last.day) == (today.month, today.day)
        self.inside = Span(today, 365 if same else LONGEST)  # each calendar date once
        self.want = self.whole.raw_days_of(want)
        self._rows: dict[tuple[int, int], _Row] = {}
        self.fits = {offset: self._fits(offset) for offset in offsets}
        self.odd = ALL_DATES
        for dates in self.fits.values():
            self.odd &= ~dates
        crons = [cron.fields for cron in job.crons]
        self.classes = {offset: classes(crons, offset, self.inside) for offset in offsets}
        rules = [rule for known in self.classes.values() for rule in known]
        self.loose = any(rule.loose and DATED in rule.weekly for rule in rules)
        odd = self.odd & _first_days(self.inside, self.inside.days)
        self.one_season = len(offsets) == 1 and not odd and not self.loose
        self.natural = {month: self._natural(month) for month in _MONTHS}

    def _fits(self, offset: int) -> int:
        """The dates on which a season does exactly what is wanted."""
        days = self.whole.raw_days_of(steady(self.job, offset, self.whole))
        same = [a == b for a, b in zip(days, self.want, strict=True)]
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
        """The fewest parts, then the latest end; whole months where dates save no part."""
        return min(self._found(), key=lambda found: len(found.pieces))

    def _found(self) -> Iterator[Found]:
        """The covers that differ, the latest end first."""
        tried: set[object] = set()
        ends = sorted(self._ends(), reverse=True)
        if self.one_season:
            ends = ends[:1]  # the others would only be the same
        for days in ends:
            for seasons in self._candidates(days):
                # What a cover depends on: the horizon counts only where dates outside are free.
                hard = seasons.hard if self.loose else 0
                key = hard, tuple(seasons.owned.items()), tuple(seasons.special.items())
                if key not in tried:
                    tried.add(key)
                    yield Found(cover(self.classes, seasons), days)

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
        hard = _first_days(self.inside, days)
        rows = {month: self._row(month, month_of(hard & ~self.odd, month)) for month in _MONTHS}
        yield self._seasons(hard, rows)
        for offset in self.offsets:
            own = [month for month, row in rows.items() if set(row) == {offset}]
            if any(month_of(hard, month) for month in own):
                continue
            for row in rows.values():
                if len(row) > 1 and 2 * row.get(offset, 0).bit_count() > WIDTH:
                    yield self._seasons(hard, {**rows, **dict.fromkeys(own, row)})

    def _row(self, month: int, inside: int) -> _Row:
        """The seasons of a month, each with its days as bits, where some lie inside the horizon.

        A month goes to its natural season, if that gets it right; else each day to the season that
        does longest from there on what is wanted, and days outside with those before them.
        """
        row = self._rows.get((month, inside))  # few differ: most months lie whole in most horizons
        if row is None:
            row = self._rows[month, inside] = self._seasons_of(month, inside)
        return row

    def _seasons_of(self, month: int, inside: int) -> _Row:
        natural = self.natural[month]
        fits = {offset: month_of(dates, month) for offset, dates in self.fits.items()}
        if not inside & ~fits[natural]:
            return {natural: MONTH_MASK}
        row: dict[int, int] = {}
        start = 1
        while inside:
            lasts = {offset: _first(inside & ~fit) for offset, fit in fits.items()}
            season = max(lasts, key=lasts.__getitem__)
            end = lasts[season]
            row[season] = row.get(season, 0) | end - start
            start, inside = end, inside & -end
        return row

    def _seasons(self, hard: int, rows: Mapping[int, _Row]) -> Seasons:
        odd = hard & self.odd
        owned: dict[int, int] = dict.fromkeys(self.offsets, 0)
        for month, row in rows.items():
            for offset, days in row.items():
                owned[offset] |= in_month(days, month)
        special: dict[int, int] = {}
        for bit in bits(odd):
            pattern = self._pattern(bit)
            special[pattern] = special.get(pattern, 0) | 1 << bit
        regular = ALL_DATES & ~odd
        return Seasons(
            hard, {o: own for o, dates in owned.items() if (own := dates & regular)}, special
        )

    def _pattern(self, bit: int) -> int:
        """The firings wanted on a date of the horizon."""
        month, day = bit // WIDTH + 1, bit % WIDTH + 1
        year = self.today.year + ((month, day) < (self.today.month, self.today.day))
        return int.from_bytes(self.want[(date(year, month, day) - self.today).days], "little")


@lru_cache(maxsize=512)
def _first_days(inside: Span, days: int) -> int:
    """The dates of a horizon of some days, as a table."""
    return table([number < days for number in range(inside.days)], inside)


def _first(wrong: int) -> int:
    """The first of some days, as a bit; else the one after the month."""
    return wrong & -wrong or 1 << WIDTH
