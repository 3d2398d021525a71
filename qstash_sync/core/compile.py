"""From local time to what QStash stores: parts, each one cron, proven to fire as wanted.

    split    plain UTC crons, exact over the horizon          (`cover.py` finds them)
    follow   plain UTC crons for the offset in force now
    native   CRON_TZ=<zone> <cron>, left to QStash's parser
    auto     split where one part is exact for five years, else split as it stands

Nothing leaves here unproven: the crons are read again through croniter's `expand`, which the
compiler does not use, and their firings are compared, as a multiset, with the wanted ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from qstash_sync.core import zones
from qstash_sync.core.cover import LENGTHS, Dates, cover
from qstash_sync.core.cron import Cron
from qstash_sync.core.firings import (
    DAY,
    Difference,
    Job,
    Span,
    compare,
    instants,
    steady,
    wall,
    wanted,
)
from qstash_sync.core.zones import Transition
from qstash_sync.errors import CompileError

SHORTEST, LONGEST = 120, 366  # days of a horizon
AHEAD = timedelta(days=5 * 366)  # what is exact for this long is called valid for ever
DAY_MASK = (1 << DAY) - 1


class Strategy(StrEnum):
    """How a local cron is brought to QStash."""

    SPLIT = "split"
    NATIVE = "native"
    FOLLOW = "follow"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the proof counted over the horizon, in firings; the last three are 0."""

    firings: int
    missing: int = 0
    extra: int = 0
    doubled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """The crons of a schedule and how long they hold; valid_until None means for ever."""

    strategy: Strategy
    parts: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime | None
    renew_at: datetime | None
    proof: Proof
    transitions: tuple[Transition, ...] = field(default=())


def compile_job(
    job: Job,
    *,
    now: datetime,
    strategy: Strategy = Strategy.SPLIT,
    renew_before: timedelta = timedelta(days=45),
) -> Compilation:
    """Compile once per (job, strategy, UTC day); raises `CompileError` where there is no proof."""
    found = _compile(job, now.astimezone(UTC).date(), strategy)
    if found.valid_until is None:
        return found
    return Compilation(
        strategy=found.strategy,
        parts=found.parts,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
        renew_at=found.valid_until - renew_before,
        proof=found.proof,
        transitions=found.transitions,
    )


@lru_cache(maxsize=20_000)
def _compile(job: Job, today: date, strategy: Strategy) -> Compilation:
    if strategy is Strategy.NATIVE:
        return _native(job, today)
    span = Span(today, LONGEST)
    want = wanted(job, span)
    if strategy is Strategy.FOLLOW:
        want = steady(job, zones.offset(job.timezone, span.start), span)
    calendar = _Calendar(job, today, want)
    parts, days = calendar.best()
    if not parts:
        raise CompileError("does not fire within a year: nothing to give to QStash")
    proven = Span(today, days)
    bitmaps = [read_back(part, proven) for part in parts]
    difference = compare(want & proven.mask, bitmaps, proven)
    if not difference.none:
        raise CompileError(
            f"cannot be proven: {difference.missing} firings missing, {difference.extra} extra, "
            f"{difference.doubled} doubled within {days} days"
        )
    return Compilation(
        strategy=Strategy.FOLLOW if strategy is Strategy.FOLLOW else Strategy.SPLIT,
        parts=parts,
        valid_from=proven.start,
        valid_until=exact_until(job, parts, proven.start),
        renew_at=None,
        proof=Proof((want & proven.mask).bit_count()),
        transitions=zones.transitions(job.timezone, span.start, span.end),
    )


def _native(job: Job, today: date) -> Compilation:
    if any(cron.either for cron in job.crons) and any("*/" in c.text for c in job.crons):
        raise CompileError("native: both day fields with a step mean something else to QStash")
    span = Span(today, LONGEST)
    return Compilation(
        strategy=Strategy.NATIVE,
        parts=tuple(f"CRON_TZ={job.timezone} {cron.canonical}" for cron in job.crons),
        valid_from=span.start,
        valid_until=None,
        renew_at=None,
        proof=Proof(wanted(job, span).bit_count()),
        transitions=zones.transitions(job.timezone, span.start, span.end),
    )


class _Calendar:
    """The 366 calendar dates from today on, and the firings wanted on each."""

    def __init__(self, job: Job, today: date, want: int) -> None:
        self.job = job
        self.days = list(_calendar_days(today))
        self.dates = Dates.of(self.days)
        self.inside = sum(1 for number, day in enumerate(self.days) if (day - today).days == number)
        self.want = [want >> DAY * number & DAY_MASK for number in range(self.inside)]
        # A cron that starts a day field with `*` has no weekdays of its own.
        self.by_weekday = any(len(cron.weekdays) < 7 for cron in job.crons)  # noqa: PLR2004
        changes = zones.transitions(
            job.timezone, Span(today, 1).start, Span(today, LONGEST + 1).end
        )
        now = zones.offset(job.timezone, Span(today, 1).start)
        self.offsets = tuple(dict.fromkeys([now, *(c.offset_after for c in changes)]))
        self.steady = {offset: self._steady(offset) for offset in self.offsets}

    def _steady(self, offset: int) -> list[int]:
        whole = Span(self.days[0], LONGEST)
        bits = steady(self.job, offset, whole)
        row = [bits >> DAY * (day - self.days[0]).days & DAY_MASK for day in self.days]
        for number, day in enumerate(self.days):
            if (day - self.days[0]).days >= LONGEST:  # the next 29 February lies further off
                row[number] = steady(self.job, offset, Span(day, 1))
        return row

    def best(self) -> tuple[tuple[str, ...], int]:
        """The fewest parts over at least `SHORTEST` days, and the longest horizon they hold."""
        low, high = min(SHORTEST, self.inside), self.inside
        parts = self.parts(low)
        longest = self.parts(high)
        if len(longest) <= len(parts):
            return longest, high
        while high - low > 1:  # more days never need fewer parts
            middle = (low + high) // 2
            tried = self.parts(middle)
            if len(tried) <= len(parts):
                low, parts = middle, tried
            else:
                high = middle
        return parts, low

    def parts(self, horizon: int) -> tuple[str, ...]:
        """The smallest cover for a horizon, over the ways to fill the dates after it."""
        tried = [
            cover(self._filled(horizon, offsets), self.dates, by_weekday=self.by_weekday)
            for offsets in _subsets(self.offsets)
        ]
        return min(tried, key=len)

    def _filled(self, horizon: int, offsets: tuple[int, ...]) -> list[int]:
        """Wanted firings inside the horizon; after it, month by month, those of one offset."""
        rows = self.want[:horizon]
        rows += [0] * (len(self.days) - horizon)
        for month in range(1, 13):
            numbers = [n for n, day in enumerate(self.days) if day.month == month]
            fixed = [n for n in numbers if n < horizon]
            free = [n for n in numbers if n >= horizon]
            if not free:
                continue
            fitting = [o for o in self.offsets if all(self.steady[o][n] == rows[n] for n in fixed)]
            choice = self._choose(offsets, fitting, free) if fixed else None
            for n in free:
                rows[n] = (
                    self.steady[choice or self._truth(n, offsets)][n]
                    if (choice is not None or not fixed)
                    else self.steady[self._nearest(n, fixed, rows)][n]
                )
            if not fixed:
                whole = self._month(free, offsets)
                for n in free:
                    rows[n] = self.steady[whole][n]
        return rows

    def _choose(self, offsets: tuple[int, ...], fitting: list[int], free: list[int]) -> int | None:
        if not fitting:
            return None
        preferred = [o for o in fitting if o in offsets] or fitting
        return self._month(free, tuple(preferred))

    def _truth(self, number: int, offsets: tuple[int, ...]) -> int:
        at = Span(self.days[number], 1).start + timedelta(hours=12)
        found = zones.offset(self.job.timezone, at)
        return found if found in offsets else offsets[0]

    def _month(self, numbers: list[int], offsets: tuple[int, ...]) -> int:
        truths = [self._truth(number, offsets) for number in (numbers[0], numbers[-1])]
        return truths[0] if numbers[0] > LENGTHS[0] else truths[-1]

    def _nearest(self, number: int, fixed: list[int], rows: list[int]) -> int:
        """The offset of the wanted date that lies nearest within the month."""
        day = self.days[number].day
        for near in sorted(fixed, key=lambda n: abs(self.days[n].day - day)):
            fitting = [o for o in self.offsets if self.steady[o][near] == rows[near]]
            if len(fitting) == 1:
                return fitting[0]
        return self.offsets[0]


def _calendar_days(today: date) -> Iterator[date]:
    """The next occurrence of each of the 366 calendar dates, today first."""
    seen: set[tuple[int, int]] = set()
    for number in range(366):
        day = today + timedelta(days=number)
        if (day.month, day.day) not in seen:
            seen.add((day.month, day.day))
            yield day
    if (2, 29) not in seen:
        year = today.year
        while year % 4 or (not year % 100 and year % 400) or date(year, 2, 29) < today:
            year += 1
        yield date(year, 2, 29)


def _subsets(offsets: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All offsets first: where it costs nothing, the dates after the horizon stay true."""
    yield offsets
    if len(offsets) > 1:
        for offset in offsets:
            yield (offset,)


def read_back(part: str, span: Span) -> int:
    """The firings of a plain UTC cron, read by croniter: the second pair of eyes of the proof."""
    return wall(_expanded(part), span)


@lru_cache(maxsize=65_536)
def _expanded(part: str) -> Cron:
    from croniter import croniter  # noqa: PLC0415 heavy, and only the proof needs it

    fields = croniter.expand(part)[0]
    tops = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    sets = [
        tuple(range(low, high + 1)) if "*" in values else tuple(sorted(int(v) for v in values))
        for values, (low, high) in zip(fields, tops, strict=True)
    ]
    either = "*" not in fields[2] and "*" not in fields[4]
    minutes, hours, days, months, weekdays = sets
    return Cron(part, minutes, hours, days, months, weekdays, either, interval=False)


def is_plain(cron: str) -> bool:
    """Whether a stored cron is one in UTC that we can read."""
    if "TZ=" in cron:
        return False
    try:
        _expanded(cron)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def difference(job: Job, crons: Sequence[str], start: datetime, end: datetime) -> Difference:
    """How stored plain crons differ from what is wanted, from start until end."""
    first = start.astimezone(UTC).date()
    span = Span(first, (end.astimezone(UTC).date() - first).days + 1)
    window = span.mask
    window &= ~((1 << max(span.minute(start), 0)) - 1)
    window &= (1 << max(span.minute(end), 0)) - 1
    return compare(wanted(job, span), [read_back(cron, span) for cron in crons], span, window)


def exact_until(job: Job, crons: Sequence[str], start: datetime) -> datetime | None:
    """The first wrong firing of stored plain crons within five years; None: there is none."""
    at = start
    for days in (LONGEST, 2 * LONGEST, 2 * LONGEST):
        end = at + timedelta(days=days)
        found = difference(job, crons, at, end).first
        if found:
            return found
        at = end
    return None


def next_firings(job: Job, start: datetime, count: int) -> tuple[datetime, ...]:
    """The next firings that are wanted, at or after an instant."""
    span = Span(start.astimezone(UTC).date(), LONGEST)
    found = (at for at in instants(wanted(job, span), span) if at >= start)
    return tuple(at for _, at in zip(range(count), found, strict=False))


def effect(job: Job, crons: Sequence[str], now: datetime) -> tuple[str, ...]:
    """What changes over the coming 366 days when stored crons give way to what is wanted."""
    span = Span(now.astimezone(UTC).date(), LONGEST)
    before = 0
    for cron in crons:
        before |= read_back(cron, span)
    after = wanted(job, span)
    lost, new = (before & ~after).bit_count(), (after & ~before).bit_count()
    if not lost and not new:
        return ("no firing changes within a year",)
    first = next(instants(before ^ after, span))
    verb = "starts" if after >> span.minute(first) & 1 else "stops"
    local = first.astimezone(zones.zone(job.timezone))
    counts = f"{new} firings a year are new, {lost} fall away"
    return (f"{counts}; first {verb}: {local:%a %Y-%m-%d %H:%M} ({first:%H:%MZ})",)
