"""The coming firings of declared schedules, and the clock changes between them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, instants, lowest
from qstash_sync.crons.firings import meetings, next_firings, wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.zones import Transition
from qstash_sync.model.names import natural
from qstash_sync.model.resources import Schedule
from qstash_sync.record import record
from qstash_sync.timeline.rules import Rule, rule_at

MOST = 10_000  # firings of one answer
LONGEST = 366 * 24  # hours
_OFTEN = 12  # firings that are no crowd
_FEW = 4  # firings that a clock change may touch, and that are still shown
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@record(kw_only=True)
class Firing:
    """One firing; timezone: in whose time it is shown. rule: of a gap or a fold that it met."""

    schedule: Schedule
    at: datetime
    timezone: str
    rule: Rule | None = None

    @property
    def local(self) -> datetime:
        """In the zone in which it is shown."""
        return self.at.astimezone(zones.zone(self.timezone))


@record(kw_only=True)
class ClockChange:
    """A change of the clock of some zone."""

    timezone: str
    change: Transition


@record(kw_only=True)
class Often:
    """A schedule that fires so often that it is counted alone; first: its next firing."""

    schedule: Schedule
    count: int
    first: datetime


@record(kw_only=True)
class Coming:
    """Firings in order of time; more: so many come after them, until the end that was asked for.

    until: None where a count was asked for alone. paused: what the file says not to fire.
    often: schedules whose firings are counted here, and stand nowhere else.
    """

    firings: tuple[Firing, ...]
    changes: tuple[ClockChange, ...]
    start: datetime
    until: datetime | None
    more: int = 0
    paused: tuple[str, ...] = ()
    often: tuple[Often, ...] = ()


def coming(
    schedules: Sequence[Schedule],
    now: datetime,
    *,
    hours: int | None,
    count: int,
    timezone: str | None = None,
    folds: bool = False,
) -> Coming:
    """The next firings from a started minute on, as many as count and within so many hours.

    timezone: in which all are shown; None: each in its own. folds: where there are more, the
    schedules that fire most often are counted, so that the others come into view.
    """
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    start += _MINUTE * (start < now)
    until = None if hours is None else start + timedelta(hours=hours)
    paused = tuple(sorted(schedule.name for schedule in schedules if schedule.paused))
    named = sorted(schedules, key=lambda schedule: schedule.name)
    running = [schedule for schedule in named if not schedule.paused]
    bitmaps: list[tuple[Schedule, int]] = []
    streams: list[Iterator[tuple[datetime, str, Schedule]]] = []
    often: tuple[Often, ...] = ()
    if until is None:
        jobs = ((one, next_firings(one.timing.job, start, count)) for one in running)
        streams = [_named(schedule, iter(found)) for schedule, found in jobs]
    else:
        span = Span.around(start, until)
        within = span.window(start, until)
        bitmaps = [(one, wanted(one.timing.job, span) & within) for one in running]
        if folds:
            bitmaps, often = _folded(bitmaps, count, span)
        streams = [_named(schedule, instants(bitmap, span)) for schedule, bitmap in bitmaps]
    total = sum(bitmap.bit_count() for _, bitmap in bitmaps)
    chosen = list(islice(merge(*streams, key=lambda item: item[:2]), count))
    firings = tuple(
        Firing(
            schedule=schedule,
            at=at,
            timezone=timezone or schedule.timing.job.timezone,
            rule=rule_at(schedule.timing.job, at),
        )
        for at, _, schedule in chosen
    )
    more = max(total - len(firings), 0)
    end = firings[-1].at if firings and (more or until is None) else until
    shown = {timezone} if timezone else {s.timing.job.timezone for s in running}
    return Coming(
        firings=firings,
        changes=_changes(shown, start, end) if end else (),
        start=start,
        until=until,
        more=more,
        paused=paused,
        often=often,
    )


def _folded(
    found: Sequence[tuple[Schedule, int]], count: int, span: Span
) -> tuple[list[tuple[Schedule, int]], tuple[Often, ...]]:
    """The firings without those of schedules that leave the others no room, and these.

    What a gap or a fold has moved is shown of every schedule, if there is room for that.
    """
    kept = sorted(found, key=lambda item: item[1].bit_count())
    total = sum(bitmap.bit_count() for _, bitmap in kept)
    folded: list[tuple[Schedule, int]] = []
    while total > count and len(kept) > 1 and kept[-1][1].bit_count() > _OFTEN:
        folded.append(kept.pop())
        total -= folded[-1][1].bit_count()
    odd = {one.id: _odd(one.timing.job, bitmap, span) for one, bitmap in folded}
    if total + sum(bitmap.bit_count() for bitmap in odd.values()) > count:
        odd = dict.fromkeys(odd, 0)  # there is no room for them
    usual = [(one, bitmap & ~odd[one.id]) for one, bitmap in folded]
    often = [
        Often(schedule=one, count=bitmap.bit_count(), first=next(instants(bitmap, span)))
        for one, bitmap in usual
    ]
    special = [(one, odd[one.id]) for one, _ in folded]
    ordered = sorted(often, key=lambda one: (-one.count, natural(one.schedule.name)))
    return [*kept, *special], tuple(ordered)


def _odd(job: Job, bitmap: int, span: Span) -> int:
    """The firings that have met a gap or a fold; none of what beats, which has too many."""
    found = 0
    start, end = (span.instant(minute) for minute in (lowest(bitmap), bitmap.bit_length()))
    for meeting in meetings(job, start - _DAY, end + _DAY):
        near = bitmap & span.window(meeting.at - _DAY, meeting.at + _DAY)
        for at in instants(near, span):
            found |= span.window(at, at + _MINUTE) if rule_at(job, at) else 0
    return found if found.bit_count() <= _FEW else 0


def _named(
    schedule: Schedule, found: Iterator[datetime]
) -> Iterator[tuple[datetime, str, Schedule]]:
    return ((at, schedule.name, schedule) for at in found)


def _changes(timezones: set[str], start: datetime, end: datetime) -> tuple[ClockChange, ...]:
    found = [
        ClockChange(timezone=name, change=change)
        for name in timezones
        for change in zones.transitions(name, start, end)
    ]
    return tuple(sorted(found, key=lambda one: (one.change.at, one.timezone)))
