"""Live schedules that fire beside a declared one: same destination, method and firings, not ours.

made by hand, by a script, by another deploy     no mark
of another namespace or environment              its mark
a copy of ours, labels and all                   our mark, under an id that it does not belong to
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from qstash_sync.crons import robfig
from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import wanted
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule, Text, is_known, plain
from qstash_sync.plan.live_parts import LivePart, LiveParts

_DAYS = 45  # as long as a set of parts is exact that needs no renewal


def twins(
    schedules: Iterable[Schedule], strangers: Iterable[LivePart], index: LiveParts, now: datetime
) -> Iterator[Diagnostic]:
    """A warning for each set of strangers that fires just as a declared schedule does."""
    declared: dict[tuple[str, str], list[Schedule]] = {}
    for schedule in schedules:
        message = schedule.message
        if is_known(message.destination):
            declared.setdefault(_target(message.destination, message.method), []).append(schedule)
    sets: dict[tuple[str, str, str], list[LivePart]] = {}
    for part in strangers:
        message = part.live.message
        target = _target(message.destination, message.method)
        if target in declared and not part.live.paused:
            sets.setdefault((part.base, *target), []).append(part)
    span = Span.around(now, now + timedelta(days=_DAYS))
    for (_, url, method), parts in sets.items():
        fired = _firings([part.live.cron for part in parts], span)
        for schedule in declared[url, method]:
            if fired is not None and fired == wanted(schedule.timing.job, span):
                yield _told(schedule, parts, index)


def _target(destination: Text, method: str) -> tuple[str, str]:
    return plain(destination), method


def _firings(crons: Sequence[str], span: Span) -> int | None:
    """When a set fires; None where a cron is not understood."""
    found = 0
    try:
        for cron in crons:
            found |= robfig.firings(cron, span)[0]
    except CronError:
        return None
    return found


def _told(schedule: Schedule, parts: Sequence[LivePart], index: LiveParts) -> Diagnostic:
    first = parts[0]
    is_live = schedule.id in index.by_id
    what, hint = "has the same destination, method and firings", f"id: {first.base} adopts it"
    if first.mark and first.mark.scope == index.scope:
        what, hint = "is a copy of ours, mark and all", "delete it if nobody needs it"
    elif first.mark:
        namespace = first.base.partition(".")[0]
        what, hint = "is another namespace's, with the same firings", "delete one of the two"
        if first.base == f"{namespace}.{schedule.name}":
            hint = f"namespace_was: {namespace} takes all of it over"
    elif is_live:
        hint = f"delete it, or let id: {first.base} adopt it"
    return Diagnostic(
        severity=Severity.WARNING,
        code="twin",
        message=f"{first.base} {what}: it fires beside this one",
        path=("schedules", schedule.name),
        location=schedule.location,
        hint=hint,
    )
