"""A declared schedule against the parts that it has: in what they differ, and the writes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from qstash_sync.model import ignorable
from qstash_sync.model.change import (
    Action,
    Change,
    FieldChange,
    InSomeParts,
    Note,
    PausesAll,
    Reason,
    Swap,
)
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule
from qstash_sync.reconcile import (
    attribution,
    callbacks,
    diff,
    hidden,
    ignored,
    live_times,
    pauses,
)
from qstash_sync.reconcile.changes import change_of, impossible, too_many, trust
from qstash_sync.reconcile.live_parts import (
    LivePart,
    LiveParts,
    Part,
    Writing,
    is_as_written,
    like as like_live,
    read_parts,
    same_crons,
)
from qstash_sync.reconcile.live_times import When
from qstash_sync.reconcile.mark import Declared
from qstash_sync.reconcile.part_writes import part_writes
from qstash_sync.reconcile.pauses import Pause
from qstash_sync.reconcile.rename import of_adopted


def update(
    declared: Declared,
    found: Sequence[LivePart],
    old: Sequence[LivePart],
    index: LiveParts,
    now: datetime,
) -> tuple[Change | None, list[Diagnostic]]:
    """In what the live parts differ, and whose doing it is; None where they are in sync.

    old: what a rename, which was cut off, has left.
    """
    schedule = declared.schedule
    if not schedule.paused and is_as_written(declared, found):
        live = [part.live.cron for part in found]
        said = live_times.still_right(schedule, live, now) if declared.has_time else ()
        if said is not None:  # nearly all schedules, nearly always
            return None, list(said)
    parts = read_parts(declared, found)
    when = live_times.compare(declared, parts, now, [part.live for part in old])
    if isinstance(when, Diagnostic):
        return impossible(schedule, Action.UPDATE, when)

    named = of_adopted(schedule, found, index)
    differing = {
        part.live.id: changed
        for part in parts
        if (changed := (*named, *diff.compare(part.view, declared.view, trust(declared, part))))
    }
    settings = next(iter(differing.values()), ())  # the first part speaks for the others
    unshown = hidden.moved(declared, parts, settings, times=bool(when.fields))
    changed = (*when.fields, *callbacks.with_new(schedule.message, settings), *unshown)

    pause, diagnostics = pauses.judge(schedule, parts)
    if old and pause.reason is Reason.DRIFT:  # a pause that is missing was to come
        pause = replace(pause, reason=Reason.RENAME)
    diagnostics = [*when.diagnostics, *diagnostics, *attribution.unseen(schedule, parts)]
    if not changed and not pause.fields:
        return None, diagnostics
    if not changed and not pause.stale:
        action = Action.PAUSE if pause.paused else Action.RESUME
        steps = tuple(PauseSchedule(id=i, paused=pause.paused) for i in sorted(pause.wrong))
        change = change_of(
            schedule,
            action,
            pause.reason,
            fields=pause.fields,
            steps=steps,
            may_be_cut_off=attribution.may_be_cut_off(pause.reason, schedule, parts, when, pause),
        )
        return change, diagnostics

    reason = pause.reason
    if changed:
        others = bool(settings or unshown)
        mixed = ignored.mixed(schedule, found, when.crons)
        diagnostics += mixed
        reason = attribution.reason(
            declared, parts, when, pause, others=others, renames=bool(old), mixed=bool(mixed)
        )
    # Nobody asked for a renewal or a repair: that it takes too many parts only warns.
    unasked = reason in (Reason.CLOCK, Reason.DRIFT)
    severity = Severity.WARNING if unasked else Severity.ERROR
    if declared.has_time:
        diagnostics += too_many(schedule, len(when.crons), severity)
    running = [part.live.cron for part in parts if not part.live.paused]
    if reason is Reason.CLOCK and len(running) == len(parts):
        diagnostics += live_times.late(schedule, running, now)
    fields = (*changed, *pause.fields)
    change = _rewrite(declared, parts, when, pause, reason, fields, differing, index)
    cut = attribution.may_be_cut_off(reason, schedule, parts, when, pause)
    return replace(change, may_be_cut_off=cut), diagnostics


def _rewrite(
    declared: Declared,
    parts: Sequence[Part],
    when: When,
    pause: Pause,
    reason: Reason,
    fields: tuple[FieldChange, ...],
    differing: Mapping[str, object],
    index: LiveParts,
) -> Change:
    """The update that makes the live parts so; differing: ids of those with other settings."""
    schedule = declared.schedule
    crons = {part.live.id: part.live.cron for part in parts}
    if declared.has_time or when.writing is not Writing.WHOLE:
        crons = live_times.assign(schedule, when.crons, [part.live for part in parts])
    known = {part.live.id: part for part in parts if part.live.id not in differing}
    like = like_live(crons, [part.live for part in parts])
    surplus = tuple(part.live.id for part in parts if part.live.id not in crons)

    all_paused = all(part.live.paused for part in parts)
    before = tuple(part.live.cron for part in parts)
    fires_alike = same_crons(before, when.crons) and not surplus
    keeps_pauses = ignorable.PAUSE in schedule.ignore and fires_alike
    notes: list[Note] = [*when.notes]
    if 0 < len(differing) < len(parts):
        notes.append(InSomeParts(ids=tuple(sorted(differing)), of=len(parts)))
    # A write makes the parts agree, and a partly paused schedule counts as paused.
    if pause.paused and not pause.fields and not all_paused and not keeps_pauses:
        notes.append(PausesAll())

    # Only a set that fires, and fires otherwise afterwards, must keep clear of its firings.
    silent = pause.paused and all_paused
    return change_of(
        schedule,
        Action.UPDATE,
        reason,
        fields=fields,
        notes=tuple(notes),
        steps=(
            *part_writes(
                declared,
                crons,
                known,
                index,
                paused=pause.paused,
                like=like,
                keeps_pauses=keeps_pauses,
            ),
            *(DeleteSchedule(id=part_id) for part_id in surplus),
        ),
        swap=None if silent or fires_alike else Swap(before=before, after=when.crons),
        cut_off=when.writing is Writing.CUT_OFF,
    )
