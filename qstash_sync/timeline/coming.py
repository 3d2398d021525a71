"""The coming firings of declared schedules, and the clock changes between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import next_firings, wanted
from qstash_sync.crons.zones import Transition
from qstash_sync.model.resources import Schedule
from qstash_sync.timeline.rules import Rule, rule_at

MOST = 10_000  # firings of one answer
LONGEST = 366 * 24  # hours
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """A change of the clock of some zone."""

    timezone: str
    change: Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Firings in order of time; more: so many come after them, until the end that was asked for.

    until: None where a count was asked for alone. paused: what the file says not to fire.
    """

    firings: tuple[Firing, ...]
    changes: tuple[ClockChange, ...]
    start: datetime
    until: datetime | None
    more: int = 0
    paused: tuple[str, ...] = ()


def coming(
    schedules: Sequence[Schedule],
    now: datetime,
    *,
    hours: int | None,
    count: int,
    timezone: str | None = None,
) -> Coming:
    """The next firings from a started minute on, as many as count and within so many hours.

    timezone: in which all are shown; None: each in its own.
    """
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    start += _MINUTE * (start < now)
    until = None if hours is None else start + timedelta(hours=hours)
    paused = tuple(sorted(schedule.name for schedule in schedules if schedule.paused))
    named = sorted(schedules, key=lambda schedule: schedule.name)
    running = [schedule for schedule in named if not schedule.paused]
    total = 0
    streams: list[Iterator[tuple[datetime, str, Schedule]]] = []
    for schedule in running:
        if until is None:
            found = iter(next_firings(schedule.timing.job, start, count))
        else:
            span = Span.around(start, until)
            bitmap = wanted(schedule.timing.job, span) & span.window(start, until)
            total += bitmap.bit_count()
            found = instants(bitmap, span)
        streams.append(_named(schedule, found))
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
    )


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
