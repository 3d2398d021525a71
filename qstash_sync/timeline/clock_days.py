"""The local day of a clock change as a strip, and where the firings go that it meets.

a gap     0 1 2|////|3 4 5 ...     a column for each minute of the wall clock
a fold    0 1 2|2'|3 4 5 ...       those of the second pass come once more
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import DAY, Span, bits, instants, wall, window
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Fold, Job
from qstash_sync.crons.zones import Transition
from qstash_sync.model.names import natural
from qstash_sync.record import record
from qstash_sync.timeline.rules import Rule, rule_of

CHANGES = 2  # of each zone
MOST = 6  # days of one page
MOST_MET = 12  # jobs of one day
_MOST_MINUTES = 60  # of one job that a change meets
_AHEAD = timedelta(days=366)
_MINUTE = timedelta(minutes=1)


class Pass(StrEnum):
    """How a stretch of the day passes."""

    USUAL = "usual"
    GAP = "gap"
    FIRST = "first"
    SECOND = "second"


@record(kw_only=True)
class Stretch:
    """Columns from start until end; wall: the minute of the day at its start."""

    passes: Pass
    start: int
    end: int
    wall: int


@record(kw_only=True)
class Met:
    """A local time that does not exist, or comes twice; lands: the columns at which it fires.

    spare: the columns at which it would stand, and does not fire.
    """

    rule: Rule
    lands: tuple[int, ...]
    spare: tuple[int, ...]


@record(kw_only=True)
class MetJob:
    """Schedules of one job that a change meets; firings: all columns of the day.

    more: so many minutes that it meets are not among `met`.
    """

    names: tuple[str, ...]
    firings: tuple[int, ...]
    met: tuple[Met, ...]
    more: int = 0


@record(kw_only=True)
class ClockDay:
    """A zone's day on which the clock changes.

    firings: columns at which anything fires. others: schedules that the change does not meet.
    more: schedules that it meets, beside those of `jobs`.
    """

    timezone: str
    change: Transition
    day: date
    stretches: tuple[Stretch, ...]
    firings: tuple[int, ...]
    jobs: tuple[MetJob, ...]
    others: int
    more: int = 0

    @property
    def by(self) -> int:
        """Minutes by which the clock moves, forward or back."""
        return self.change.offset_after - self.change.offset_before

    @property
    def order(self) -> tuple[datetime, str]:
        """In time; at one instant by the name of the zone."""
        return self.change.at, self.timezone


@record(kw_only=True)
class ClockDays:
    """The days in order of time; rest: so many more are within a year, and so many meet a job."""

    days: tuple[ClockDay, ...] = ()
    rest: int = 0
    rest_that_meet: int = 0


def clock_days(jobs: Iterable[tuple[str, Job]], now: datetime) -> ClockDays:
    """The next changes of the clocks of some named jobs."""
    by_zone: dict[str, dict[Job, list[str]]] = {}
    for name, job in jobs:
        by_zone.setdefault(job.timezone, {}).setdefault(job, []).append(name)
    found = [
        _day(zone, change.at, jobs_of)
        for zone, jobs_of in by_zone.items()
        for change in zones.transitions(zone, now, now + _AHEAD)[:CHANGES]
    ]
    # Where there are too many, those that meet something.
    found.sort(key=lambda one: (not one.jobs, *one.order))
    chosen = sorted(found[:MOST], key=lambda one: one.order)
    rest = found[MOST:]
    meet = sum(bool(one.jobs) for one in rest)
    return ClockDays(days=tuple(chosen), rest=len(rest), rest_that_meet=meet)


def _day(timezone: str, at: datetime, jobs: dict[Job, list[str]]) -> ClockDay:
    before, after = zones.offset(timezone, at - _MINUTE), zones.offset(timezone, at)
    low, high = sorted((before, after))
    utc = at.replace(tzinfo=None)
    day = (utc + timedelta(minutes=low)).date()
    midnight = datetime.combine(day, time())
    lo, hi = ((utc - midnight) // _MINUTE + offset for offset in (low, high))
    scale = _Scale(at=at, lo=lo, hi=hi, is_gap=after > before)

    shown = {job: scale.columns(job) for job in jobs}
    found = [(names, job, scale.met(job, day)) for job, names in jobs.items()]
    met = [
        MetJob(
            names=tuple(sorted(names, key=natural)),
            firings=shown[job],
            met=tuple(each[:_MOST_MINUTES]),
            more=max(len(each) - _MOST_MINUTES, 0),
        )
        for names, job, each in found
        if each
    ]
    met.sort(key=lambda one: [*map(natural, one.names)])
    return ClockDay(
        timezone=timezone,
        change=Transition(at, before, after),
        day=day,
        stretches=scale.stretches(),
        firings=tuple(sorted({column for columns in shown.values() for column in columns})),
        jobs=tuple(met[:MOST_MET]),
        others=sum(len(names) for names, _, each in found if not each),
        more=sum(len(one.names) for one in met[MOST_MET:]),
    )


@record(kw_only=True)
class _Scale:
    """Columns of a day; lo, hi: the minutes of the wall clock between which it jumps."""

    at: datetime
    lo: int
    hi: int
    is_gap: bool

    @property
    def size(self) -> int:
        return self.hi - self.lo

    @property
    def end(self) -> int:
        """Of the day on the wall clock; a change at its end reaches over it, as do its firings."""
        return max(DAY, self.hi + self.size * self.is_gap)

    def stretches(self) -> tuple[Stretch, ...]:
        """From left to right, none of them empty."""
        lo, hi = self.lo, self.hi
        last = self.end if self.is_gap else self.end + self.size
        found = [Stretch(passes=Pass.USUAL, start=0, end=lo, wall=0)]
        if self.is_gap:
            found.append(Stretch(passes=Pass.GAP, start=lo, end=hi, wall=lo))
            found.append(Stretch(passes=Pass.USUAL, start=hi, end=last, wall=hi))
        else:
            back = hi + self.size  # the second pass is over
            found.append(Stretch(passes=Pass.FIRST, start=lo, end=hi, wall=lo))
            found.append(Stretch(passes=Pass.SECOND, start=hi, end=back, wall=lo))
            found.append(Stretch(passes=Pass.USUAL, start=back, end=last, wall=hi))
        return tuple(one for one in found if one.start < one.end)

    def column(self, at: datetime) -> int:
        """Of an instant: the clock jumps over a gap's columns, and runs through a fold's."""
        minutes = (at - self.at) // _MINUTE
        return (self.lo if self.is_gap and minutes < 0 else self.hi) + minutes

    def columns(self, job: Job) -> tuple[int, ...]:
        """All firings of the day."""
        before = self.lo if self.is_gap else self.hi
        start = self.at - before * _MINUTE
        end = self.at + (self.end - (self.hi if self.is_gap else self.lo)) * _MINUTE
        span = Span.around(start, end)
        fired = wanted(job, span) & span.window(start, end)
        return tuple(self.column(at) for at in instants(fired, span))

    def met(self, job: Job, day: date) -> list[Met]:
        """The local times between which the clock jumps, and what becomes of them."""
        span = Span(day, 2 + self.hi // DAY)
        touched = 0
        for cron in job.crons:
            touched |= wall(cron.fields, span) & window(self.lo, self.hi)
        midnight = span.start.replace(tzinfo=None)
        rules = (
            (minute, rule_of(job, midnight + timedelta(minutes=minute)))
            for minute in islice(bits(touched), 2 * _MOST_MINUTES)
        )
        return [self._met(minute, rule) for minute, rule in rules if rule]

    def _met(self, minute: int, rule: Rule) -> Met:
        if self.is_gap:
            lands = () if rule.at is None else (self.column(rule.at),)
            return Met(rule=rule, lands=lands, spare=(minute,))
        passes = (minute, minute + self.size)
        if rule.policy is Fold.BOTH:
            return Met(rule=rule, lands=passes, spare=())
        land = passes[rule.policy is Fold.SECOND]
        return Met(rule=rule, lands=(land,), spare=tuple(p for p in passes if p != land))
