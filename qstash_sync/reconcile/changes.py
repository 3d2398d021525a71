"""The pieces that the changes of schedules share, whatever they do."""

from collections.abc import Sequence
from typing import Any

from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Kind, Schedule
from qstash_sync.reconcile import times
from qstash_sync.reconcile.diff import Trust
from qstash_sync.reconcile.live_parts import LivePart, Part
from qstash_sync.reconcile.mark import Declared

Found = tuple[Change, list[Diagnostic]]


def change_of(schedule: Schedule, action: Action, reason: Reason, **more: Any) -> Change:
    """A change of a declared schedule; more: what else it is."""
    return Change(
        kind=Kind.SCHEDULE,
        name=schedule.name,
        id=schedule.id,
        action=action,
        reason=reason,
        **more,
    )


def impossible(schedule: Schedule, action: Action, why: Diagnostic) -> Found:
    """A change that cannot be made, and why."""
    return change_of(schedule, action, Reason.FILE, refused=why.text, diagnosed=True), [why]


def trust(declared: Declared, part: Part | LivePart) -> Trust:
    """What may be shown of a part."""
    if part.mark is None:
        return Trust.UNKNOWN
    labels = part.live.message.labels
    is_told = declared.tells_halves(labels, part.mark) and not part.mark.exposed
    return Trust.PLAIN if is_told else Trust.SECRET


def are_protected(parts: Sequence[LivePart]) -> bool:
    """Whether one of the parts was written as protected."""
    return any(part.mark is not None and part.mark.protected for part in parts)


def too_many(schedule: Schedule, count: int, severity: Severity) -> tuple[Diagnostic, ...]:
    """That a schedule takes more parts than it may."""
    most = schedule.timing.max_parts
    return times.too_many(count, most, schedule.name, schedule.location, severity=severity)
