"""A declared schedule of which nothing is live: its parts, as they are to be written."""

from collections.abc import Sequence
from datetime import datetime

from qstash_sync.model import ignorable
from qstash_sync.model.change import Action, Reason, pause_field
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.reconcile import callbacks, diff, live_times, times
from qstash_sync.reconcile.changes import Found, change_of, impossible, too_many
from qstash_sync.reconcile.live_parts import LivePart, LiveParts, like as like_live, same_crons
from qstash_sync.reconcile.mark import Declared
from qstash_sync.reconcile.part_writes import part_writes


def create(
    declared: Declared,
    index: LiveParts,
    now: datetime,
    old: Sequence[LivePart] = (),
    *,
    paused: bool | None = None,
) -> Found:
    """The change that writes all parts; old, paused: what it was before, and how it stands."""
    schedule = declared.schedule
    diagnostics: list[Diagnostic] = []
    if old and not declared.has_time:
        stored = live_times.ignored_crons(schedule, [part.live for part in old], now)
    else:
        made = times.compiled(schedule, now)
        if isinstance(made, Diagnostic):
            return impossible(schedule, Action.CREATE, made)
        diagnostics += times.warnings(made, schedule.name, schedule.timed_at)
        diagnostics += too_many(schedule, len(made.parts), Severity.ERROR)
        stored = made.crons
    paused = bool(schedule.paused) if paused is None else paused
    crons = {schedule.part_id(k): cron for k, cron in enumerate(stored, 1)}
    like = like_live(crons, [part.live for part in old]) if old else None
    keeps_pauses = ignorable.PAUSE in schedule.ignore and same_crons(
        stored, [part.live.cron for part in old]
    )
    change = change_of(
        schedule,
        Action.CREATE,
        Reason.FILE,
        fields=(
            *times.created_fields(schedule),
            *callbacks.with_new(schedule.message, diff.created(declared.view)),
            *pause_field(before=None, after=paused),
        ),
        notes=times.notes(schedule, stored),
        steps=tuple(
            part_writes(
                declared, crons, {}, index, paused=paused, like=like, keeps_pauses=keeps_pauses
            )
        ),
    )
    return change, diagnostics
