"""A horizon that ends beside other changes: until those are applied, nothing renews it.

`apply --only clock` leaves such a schedule alone, and what else differs must not hide when it will
fire wrongly.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.exactness import exact_until
from qstash_sync.crons.firings import next_firings
from qstash_sync.model import ignorable
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, Schedule
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile import live_times, times
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.former import live_set
from qstash_sync.reconcile.live_parts import LiveParts, same_crons
from qstash_sync.reconcile.mark import Declared

WARN, DIFFER = timedelta(days=21), timedelta(days=14)  # before the end of a set that is due
LEFT_DUE = "renewal_left"
_OTHERS = (Reason.FILE, Reason.DRIFT, Reason.BOTH, Reason.RENAME)


def grade(end: datetime | None, now: datetime) -> Severity:
    """How urgent a renewal is: by the days until the first wrong firing, from midnight UTC on."""
    if end is None or (rest := end.replace(hour=0, minute=0) - now) > WARN:
        return Severity.INFO
    return Severity.DIFFERENCE if rest <= DIFFER else Severity.WARNING


def until(schedule: Schedule, now: datetime, wrong: datetime) -> str:
    """Until when it is exact, in words; wrong: its first wrong firing."""
    fires_before = any(at < wrong for at in next_firings(schedule.timing.job, now, 1))
    word = "exact until" if fires_before else "wrong at its next firing,"
    return f"{word} {wrong:%a %Y-%m-%d %H:%MZ}"


def due_beside(
    schedule: Schedule, change: Change, desired: Desired, index: LiveParts, now: datetime
) -> datetime | None:
    """The first wrong firing of what runs on for the file's times, where a renewal is due.

    None where the change is no update, or one of the times, or nothing is due yet.
    """
    timing = schedule.timing
    if change.action is not Action.UPDATE or change.reason not in _OTHERS or change.refused:
        return None
    if timing.strategy is Strategy.NATIVE or ignorable.TIME in schedule.ignore:
        return None
    found = live_set(schedule, index)
    declared = Declared(schedule, desired.namespace, desired.environment)
    if not live_times.are_of_the_file(declared, found) or all(p.live.paused for p in found):
        return None
    live = [part.live.cron for part in found]
    if timing.strategy is Strategy.FOLLOW and not _is_behind(schedule, live, now):
        return None
    end = exact_until(timing.job, live, now)
    return end if end and end - now <= timing.renew_before else None


def _is_behind(schedule: Schedule, live: Sequence[str], now: datetime) -> bool:
    """Whether an apply would write other crons today: what follows is renewed after its end."""
    made = times.compiled(schedule, now)
    return not isinstance(made, Diagnostic) and not same_crons(made.crons, live)


def left(
    changes: Sequence[Change], desired: Desired, index: LiveParts, policy: Policy, now: datetime
) -> Iterator[Diagnostic]:
    """What a run of renewals alone leaves, although it is due; of the nearest it has to fail."""
    schedules = {schedule.name: schedule for schedule in desired.schedules or ()}
    for change in changes if policy.only is Reason.CLOCK else ():
        schedule = schedules.get(change.name) if change.kind is Kind.SCHEDULE else None
        if schedule is None:
            continue
        end = due_beside(schedule, change, desired, index, now)
        if end is None:
            continue
        is_near = grade(end, now) is Severity.DIFFERENCE
        code = LEFT_DUE if is_near else live_times.RENEWAL
        fact = f"{until(schedule, now, end)}, and not renewed: it has other changes"
        hint = f"`{desired.command('apply')}` makes them, and renews it"
        yield about(schedule, Severity.WARNING, code, fact, hint)
