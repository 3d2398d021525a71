"""When schedules fire in a week by their own clocks: as it is, and as it will be.

    source            firings of seven whole local days, from tomorrow on
    days alike        one line; a schedule whose days differ has several
    none in the week  the next day on which it fires, whenever that is

Live crons are read as QStash reads them, whatever a label says they were written for.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import DAY, Span, bits, pieces, window
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import fired, next_firings
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import MONTH, WEEKDAY, Fields
from qstash_sync.model.change import Action, Change
from qstash_sync.model.names import natural
from qstash_sync.model.resources import Desired, Kind, LiveSchedule, Schedule
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import time_label
from qstash_sync.reconcile.former import live_set
from qstash_sync.record import record

DAYS = 7
MOST = 40  # schedules of one picture
_PAD = 2  # days: more than any offset, and a firing that a local date takes from its neighbours

Source = Job | tuple[str, ...]  # as declared, or the crons of the account


class Fate(StrEnum):
    """What becomes of the times of a schedule, in the order in which a reader wants to know."""

    MOVED = "moved"
    GONE = "gone"
    NEW = "new"
    SAME = "same"


@record(kw_only=True)
class Line:
    """Days that are alike, and the minutes of the day at which it fires before and after."""

    days: tuple[date, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


@record(kw_only=True)
class Lane:
    """One schedule: its days in the week, or the next one, by the clock of its zone.

    is_readable: whether QStash's parser is known to understand every cron of it. is_weekly: whether
    each week has the same days; is_monthly: likewise each month, of what is to be.
    """

    name: str
    timezone: str
    fate: Fate
    lines: tuple[Line, ...]
    paused: bool = False
    is_readable: bool = True
    is_weekly: bool = True
    is_monthly: bool = False


@record(kw_only=True)
class Week:
    """The lanes of a picture, those first that change; rest: so many schedules have none.

    jobs: of all schedules, drawn or not, when they are wanted from now on.
    """

    first: date
    lanes: tuple[Lane, ...] = ()
    rest: int = 0
    jobs: tuple[tuple[str, Job], ...] = ()

    @property
    def changes(self) -> bool:
        """Whether any time changes."""
        return any(lane.fate is not Fate.SAME for lane in self.lanes)


@record(kw_only=True)
class _Subject:
    """A schedule before it has a lane: most of ten thousand get none."""

    name: str
    timezone: str
    before: Source | None
    after: Job | None
    paused: bool = False
    told: Job | None = None  # of what goes, by its label

    @property
    def wanted(self) -> tuple[Fields, ...]:
        """Its crons by their local time, as far as that is known."""
        job = self.after or self.told
        return tuple(cron.fields.normal for cron in job.crons) if job else ()

    @property
    def fate(self) -> Fate:
        """As far as that shows without looking at any firing."""
        if self.before is None:
            return Fate.NEW
        if self.after is None:
            return Fate.GONE
        return Fate.SAME if self.before == self.after else Fate.MOVED


def of_schedules(
    schedules: Iterable[Schedule], now: datetime, *, timezone: str | None = None
) -> Week:
    """What the files declare, those aside that they pause; timezone: of all lanes."""
    subjects = (
        _Subject(
            name=one.name,
            timezone=timezone or one.timing.job.timezone,
            before=one.timing.job,
            after=one.timing.job,
        )
        for one in schedules
        if not one.paused
    )
    return _week(subjects, now)


def of_plan(desired: Desired, plan: Plan) -> Week:
    """What an apply makes of the schedules; refused changes have no lane, and are counted."""
    refused = {c.id for c in plan.changes if c.kind is Kind.SCHEDULE and c.refused}
    week = _week(_subjects(desired, plan, refused), plan.now)
    return replace(week, rest=week.rest + len(refused))


def _subjects(desired: Desired, plan: Plan, refused: Collection[str]) -> Iterator[_Subject]:
    changes = {change.id: change for change in plan.changes if change.kind is Kind.SCHEDULE}
    for schedule in desired.schedules or ():
        if schedule.id in refused:
            continue
        change = changes.get(schedule.id)
        live = [part.live for part in live_set(schedule, plan.index)]
        paused = schedule.paused
        if paused is None:
            paused = any(one.paused for one in live)
        job = schedule.timing.job
        yield _Subject(
            name=schedule.name,
            timezone=job.timezone,
            before=_before(change, live) if change and not change.keeps_time else job,
            after=job,
            paused=paused,
        )
    for change in changes.values():
        if change.action is Action.DELETE and change.id not in refused:
            live = [part.live for part in plan.index.of(change.id)]
            told = time_label.read(live[0].message.labels) if live else None
            yield _Subject(
                name=change.name,
                timezone=told.timezone if told else "UTC",
                before=_before(change, live),
                after=None,
                paused=any(one.paused for one in live),
                told=told,
            )


def _before(change: Change, live: Sequence[LiveSchedule]) -> Source | None:
    """The crons that it has until then, those of its former name included."""
    if change.swap:
        return change.swap.before
    return tuple(one.cron for one in live) or None


def _week(subjects: Iterable[_Subject], now: datetime) -> Week:
    ranks = list(Fate)
    found = sorted(subjects, key=lambda one: (ranks.index(one.fate), natural(one.name)))
    first = now.astimezone(UTC).date() + timedelta(days=1)
    lanes = sorted(
        (_lane(one, first) for one in found[:MOST]),
        key=lambda lane: (ranks.index(lane.fate), natural(lane.name)),
    )
    jobs = tuple((one.name, one.after) for one in found if one.after)
    return Week(first=first, lanes=tuple(lanes), rest=max(len(found) - MOST, 0), jobs=jobs)


def _lane(subject: _Subject, first: date) -> Lane:
    zone = subject.timezone
    is_readable = True
    try:
        before = _days(subject.before, zone, first)
    except CronError:
        is_readable, before = False, {}
    after = before if subject.after == subject.before else _days(subject.after, zone, first)

    alike: dict[tuple[int, int], list[date]] = {}
    for day in sorted({*before, *after}):
        alike.setdefault((before.get(day, 0), after.get(day, 0)), []).append(day)
    lines = tuple(
        Line(days=tuple(days), before=tuple(bits(old)), after=tuple(bits(new)))
        for (old, new), days in alike.items()
    )
    is_weekly = not any(fields.is_dated for fields in subject.wanted)
    # Other crons may well fire alike.
    is_same = is_readable and subject.fate is Fate.MOVED and before == after
    return Lane(
        name=subject.name,
        timezone=zone,
        fate=Fate.SAME if is_same else subject.fate,
        lines=lines,
        paused=subject.paused,
        is_readable=is_readable,
        is_weekly=is_weekly,
        is_monthly=bool(subject.wanted)
        and not is_weekly
        and all(
            (fields.months, fields.weekdays) == (MONTH.everything, WEEKDAY.everything)
            for fields in subject.wanted
        ),
    )


def _days(source: Source | None, timezone: str, first: date) -> dict[date, int]:
    """The minutes of each local day of the week that has any; else those of the next such day."""
    if source is None:
        return {}
    week = _local(source, timezone, first, DAYS)
    found = {first + timedelta(days=number): day for number, day in enumerate(week) if day}
    if found:
        return found
    # From where the week ends in the easternmost zone: it has no firing in the others, either.
    end = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=DAYS - 1)
    for at in next_firings(source, end, 1):
        day = at.astimezone(zones.zone(timezone)).date()
        return {day: _local(source, timezone, day, 1)[0]}
    return {}


def _local(source: Source, timezone: str, first: date, days: int) -> list[int]:
    """The minutes of the wall clock at which it fires, day by day."""
    span = Span(first - timedelta(days=_PAD), days + 2 * _PAD)
    minutes = fired(source, span)
    local = 0
    for start, end, offset in pieces(timezone, span):
        # One day more below than the offset takes, so that nothing is shifted out.
        local |= (minutes & window(start, end)) << DAY + offset
    raw = local >> (1 + _PAD) * DAY
    return [raw >> number * DAY & ((1 << DAY) - 1) for number in range(days)]


def is_beyond(days: Sequence[date], first: date) -> bool:
    """Whether days lie after the week."""
    return days[0] >= first + timedelta(days=DAYS)
