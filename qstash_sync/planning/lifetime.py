"""How long the parts last that a change of a saved plan writes: from the day of the apply on.

They must be exact for `LEAST` then. That is shorter than the 45 days of a renewal, so that a plan
of last week holds, and as long as `drift` takes a due renewal for no difference.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from qstash_sync.crons import compile as compiler
from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model import ignorable
from qstash_sync.model.change import Change
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import LiveSchedule, Schedule
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.planning.fingerprint import Fingerprints
from qstash_sync.planning.horizons import DIFFER
from qstash_sync.reconcile import live_times, mark
from qstash_sync.reconcile.live_parts import LiveParts, Part, read_parts

LEAST = DIFFER


def exact_until(change: Change, fingerprints: Fingerprints, now: datetime) -> datetime | None:
    """The first wrong firing of the parts that a change writes; None: for ever, or it has none."""
    schedule = _written(change, fingerprints)
    if schedule is None:
        return None
    parts = _parts_after(change, schedule, fingerprints)
    return _first_wrong(schedule.timing.job, tuple(part.live.cron for part in parts), now)


def too_short(change: Change, fingerprints: Fingerprints, now: datetime) -> str | None:
    """Why the schedule would not be right for long enough once a change is made today."""
    schedule = _written(change, fingerprints)
    if schedule is None:
        return None
    parts = _parts_after(change, schedule, fingerprints)
    crons = tuple(part.live.cron for part in parts)
    least = min(LEAST, schedule.timing.renew_before)
    job, strategy = schedule.timing.job, schedule.timing.strategy
    if strategy in (Strategy.SPLIT, Strategy.AUTO) and all(map(compiler.is_plain, crons)):
        until = _first_wrong(job, crons, now)
        if until is None or until >= now + least:
            return None
        return f"its parts would be exact until {until:%Y-%m-%d %H:%MZ} only"

    # The other strategies have no such end: whether the comparison asks for other crons today.
    lenient = replace(schedule, timing=replace(schedule.timing, renew_before=least))
    desired = fingerprints.desired
    declared = mark.Declared(lenient, desired.namespace, desired.environment)
    found = live_times.compare(declared, parts, now)
    if isinstance(found, Diagnostic):
        return found.text
    return "the clock has changed since, and other crons are due" if found.fields else None


def _written(change: Change, fingerprints: Fingerprints) -> Schedule | None:
    """The declared schedule of which a change writes parts, for times of the file."""
    schedule = fingerprints.declared(change)
    writes = any(isinstance(step, PutSchedule) for step in change.steps)
    if not writes or not isinstance(schedule, Schedule) or ignorable.TIME in schedule.ignore:
        return None
    return schedule


@lru_cache(maxsize=4096)
def _first_wrong(job: Job, crons: tuple[str, ...], now: datetime) -> datetime | None:
    return compiler.exact_until(job, crons, now)


def _parts_after(change: Change, schedule: Schedule, fingerprints: Fingerprints) -> Sequence[Part]:
    """The parts of a schedule as they will be once its change is made."""
    parts = {part.live.id: part.live for part in fingerprints.index.of(change.id)}
    for step in change.steps:
        if isinstance(step, PutSchedule):
            message = replace(step.message, labels=step.labels)
            parts[step.id] = LiveSchedule(id=step.id, cron=step.cron, message=message)
        elif isinstance(step, DeleteSchedule):
            parts.pop(step.id, None)
    desired = fingerprints.desired
    index = LiveParts(desired, parts.values())
    declared = mark.Declared(schedule, desired.namespace, desired.environment)
    return read_parts(declared, index.of(change.id))
