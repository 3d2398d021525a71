"""One declared schedule against its live parts: which action, which writes.

    live parts               then
    none                     create
    none, but `was:` has     rename: create under the new name, then delete the old
    ours, in sync            nothing
    ours, only the pause     pause, resume
    ours, differ             update; whose doing it is: `attribution.py`
    the first is not ours    an update that needs consent (`id:` in the file, --adopt)
    not declared, ours       delete

What becomes of a pause: `pauses.py`. When the crons change: `times.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from qstash_sync.model.change import (
    Action,
    Change,
    FieldChange,
    InSomeParts,
    Note,
    PausesAll,
    Reason,
    Swap,
    Takes,
    pause_field,
)
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, Schedule
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule, PutSchedule, Step
from qstash_sync.plan import attribution, diff, mark, pauses, times
from qstash_sync.plan.compared import Compared, Consent, Foreign
from qstash_sync.plan.live_parts import (
    LivePart,
    LiveParts,
    Part,
    Writing,
    is_as_written,
    read_parts,
    same_crons,
)
from qstash_sync.plan.mark import Declared
from qstash_sync.plan.pauses import Pause


class ScheduleComparer:
    """Compares declared schedules with the parts of an index, as of one moment."""

    def __init__(self, desired: Desired, index: LiveParts, now: datetime) -> None:
        self.desired = desired
        self.index = index
        self.now = now

    def compare(self, schedule: Schedule) -> tuple[Compared, list[LivePart]]:
        """The schedule's change, and the live parts that belong to it."""
        found = self.index.of(schedule.id)
        old = self.renamed_from(schedule)
        declared = Declared(schedule, self.desired.namespace, self.desired.environment)
        change, diagnostics = self._rename(declared, old) if old and not found else (None, [])
        if change is None:
            change, diagnostics = self._change(declared, found)
            change = self._with_leftovers(schedule, change, old)
        compared = Compared(
            kind=Kind.SCHEDULE,
            name=schedule.name,
            id=schedule.id,
            change=change,
            diagnostics=tuple(diagnostics),
            consent=self._consent(schedule, change),
        )
        return compared, [*found, *old]

    def delete(self, parts: Sequence[LivePart]) -> Compared:
        """What is ours and not declared any more goes, the first part last."""
        base = parts[0].base
        name = base.removeprefix(f"{self.index.namespace}.")
        change = Change(
            kind=Kind.SCHEDULE,
            name=name,
            id=base,
            action=Action.DELETE,
            reason=Reason.FILE,
            notes=(Takes(crons=tuple(part.live.cron for part in parts)),),
            steps=tuple(DeleteSchedule(id=part.live.id) for part in reversed(parts)),
            protected=any(part.mark is not None and part.mark.protected for part in parts),
        )
        return Compared(kind=Kind.SCHEDULE, name=name, id=base, change=change)

    def stray(self, part: LivePart, schedule: Schedule) -> Diagnostic:
        """An unmarked id that looks like a further part of a declared schedule fires beside it."""
        owner = f"schedules.{schedule.name}"
        return Diagnostic(
            severity=Severity.WARNING,
            code="stray",
            message=f"{part.live.id} looks like a part of {owner}, but has no mark of ours",
            location=schedule.location,
            hint="it fires beside ours and is left alone; delete it if nobody needs it",
        )

    # Consent

    def _consent(self, schedule: Schedule, change: Change | None) -> Consent | None:
        """What a change would overwrite that is not ours, and that the file does not adopt."""
        for step in change.steps if change else ():
            part = self.index.by_id.get(step.id) if isinstance(step, PutSchedule) else None
            if part is None or part.ours or (part.live.id == schedule.id and schedule.adopted):
                continue
            foreign = Foreign.UNMARKED if part.live.message.labels else Foreign.UNLABELLED
            return Consent(id=part.live.id, foreign=Foreign.OTHER_MARK if part.mark else foreign)
        return None

    # Create, rename

    def _create(
        self, declared: Declared, *, paused: bool | None = None
    ) -> tuple[Change, list[Diagnostic]]:
        schedule = declared.schedule
        made = times.compiled(schedule, self.now)
        if isinstance(made, Diagnostic):
            return _impossible(schedule, Action.CREATE, made)
        diagnostics = list(times.warnings(made, schedule.name, schedule.location))
        diagnostics += self._too_many(schedule, len(made.parts), Severity.ERROR)
        paused = bool(schedule.paused) if paused is None else paused
        crons = {schedule.part_id(k): cron for k, cron in enumerate(made.crons, 1)}
        change = _change_of(
            schedule,
            Action.CREATE,
            Reason.FILE,
            fields=(
                *times.created_fields(schedule),
                *diff.created(declared.view),
                *pause_field(None, paused),
            ),
            notes=times.created_notes(schedule, made.crons),
            steps=tuple(self._writes(declared, crons, {}, paused=paused)),
        )
        return change, diagnostics

    def renamed_from(self, schedule: Schedule) -> list[LivePart]:
        """What `was:` names, as far as it is ours."""
        if not schedule.was:
            return []
        old = self.index.of(f"{self.index.namespace}.{schedule.was}")
        return [part for part in old if self.index.is_managed(part)]

    def _rename(
        self, declared: Declared, old: Sequence[LivePart]
    ) -> tuple[Change, list[Diagnostic]]:
        """A new name is a new id: write the new parts with the old pause, then delete the old."""
        schedule = declared.schedule
        was_paused = any(part.live.paused for part in old)
        paused = schedule.paused if schedule.paused is not None else was_paused
        created, diagnostics = self._create(declared, paused=paused)
        if created.refused:
            return created, diagnostics
        renamed = FieldChange(path="name", before=schedule.was, after=schedule.name)
        crons = tuple(step.cron for step in created.steps if isinstance(step, PutSchedule))
        before = tuple(part.live.cron for part in old)
        change = replace(
            created,
            action=Action.UPDATE,
            reason=Reason.RENAME,
            fields=(renamed, *created.fields),
            steps=(*created.steps, *(DeleteSchedule(id=part.live.id) for part in old)),
            swap=None if was_paused and paused else Swap(before=before, after=crons),
        )
        return change, diagnostics

    def _with_leftovers(
        self, schedule: Schedule, change: Change | None, old: Sequence[LivePart]
    ) -> Change | None:
        """Where a rename was cut off, what is left of the old name goes with the change."""
        if not old or (change and change.refused):
            return change
        note = "the apply that renamed it was cut off"
        renamed = FieldChange(path="name", before=schedule.was, after=schedule.name, note=note)
        begun = change or _change_of(schedule, Action.UPDATE, Reason.RENAME)
        return replace(
            begun,
            action=Action.UPDATE,
            fields=(renamed, *begun.fields),
            steps=(*begun.steps, *(DeleteSchedule(id=part.live.id) for part in old)),
        )

    # Update

    def _change(
        self, declared: Declared, found: Sequence[LivePart]
    ) -> tuple[Change | None, list[Diagnostic]]:
        if not found:
            return self._create(declared)
        schedule = declared.schedule
        if not schedule.paused and is_as_written(declared, found):
            said = times.still_right(schedule, [part.live.cron for part in found], self.now)
            if said is not None:  # nearly all schedules, nearly always
                return None, list(said)
        parts = read_parts(declared, found)
        when = times.compare(schedule, parts, self.now, declared.definition)
        if isinstance(when, Diagnostic):
            return _impossible(schedule, Action.UPDATE, when)
        settings, differing = _settings(declared, parts)
        hidden = attribution.write_only(declared, parts, alone=not (settings or when.fields))
        pause, diagnostics = pauses.judge(schedule, parts)
        diagnostics = [*when.diagnostics, *diagnostics]
        changed = (*when.fields, *settings, *hidden)
        if not changed and not pause.fields:
            return None, diagnostics
        if not changed and not pause.stale:
            return _pause_only(schedule, pause), diagnostics
        reason = pause.reason
        if changed:
            others = bool(settings or hidden)
            reason = attribution.reason(declared, parts, when, pause, others=others)
        unasked = reason in (Reason.CLOCK, Reason.DRIFT)
        severity = Severity.WARNING if unasked else Severity.ERROR
        diagnostics += self._too_many(schedule, len(when.crons), severity)
        change = self._update(declared, parts, when, pause, differing)
        return replace(change, reason=reason, fields=(*changed, *pause.fields)), diagnostics

    def _update(
        self,
        declared: Declared,
        parts: Sequence[Part],
        when: times.When,
        pause: Pause,
        differing: frozenset[str],
    ) -> Change:
        """The writes that bring live parts to what is declared; differing: ids of wrong settings.

        A swap is a change of the crons that fire: not one of spelling, nor one of paused parts.
        """
        known = {part.live.id: part for part in parts if part.live.id not in differing}
        crons = times.assign(declared.schedule, when.crons, [part.live for part in parts])
        surplus = tuple(part.live.id for part in parts if part.live.id not in crons)
        before = tuple(part.live.cron for part in parts)
        silent = pause.paused and all(part.live.paused for part in parts)
        fires_alike = same_crons(before, when.crons) and not surplus
        return _change_of(
            declared.schedule,
            Action.UPDATE,
            Reason.FILE,
            notes=(*when.notes, *_notes(differing, pause, parts)),
            steps=(
                *self._writes(declared, crons, known, paused=pause.paused),
                *(DeleteSchedule(id=part_id) for part_id in surplus),
            ),
            swap=None if silent or fires_alike else Swap(before=before, after=when.crons),
            cut_off=when.writing is Writing.CUT_OFF,
        )

    def _too_many(self, schedule: Schedule, count: int, severity: Severity) -> list[Diagnostic]:
        """More parts than allowed: an error where the file asks for them, else a warning."""
        most = schedule.timing.max_parts
        if count <= most:
            return []
        need = f"needs {count} parts"
        return [times.too_many(need, most, schedule.name, schedule.location, severity)]

    def _writes(
        self,
        declared: Declared,
        crons: dict[str, str],
        known: dict[str, Part],
        *,
        paused: bool,
    ) -> Iterator[Step]:
        """The parts that are not as they should be: each whole, then its pause.

        An upsert may keep or reset a pause; what runs and is to run needs no word, and a word would
        undo the pause that somebody makes meanwhile. known: live parts whose settings are right.
        New parts come first: a set that is cut off midway has marks of two sets then, and is not
        taken for one that somebody has deleted parts of.
        """
        live, schedule = self.index.by_id, declared.schedule
        name = mark.name_label(self.desired.namespace, schedule.name)
        numbered = enumerate(crons.items(), 1)
        for number, (part_id, cron) in sorted(numbered, key=lambda item: item[1][0] in live):
            label = declared.mark(cron, part=number, parts=len(crons), paused=paused)
            part = known.get(part_id)
            if part is None or not _stands(part, cron, label):
                labels = (str(label), name, *schedule.message.labels)
                yield PutSchedule(id=part_id, cron=cron, message=schedule.message, labels=labels)
                if paused or (part_id in live and live[part_id].live.paused):
                    yield PauseSchedule(id=part_id, paused=paused)
            elif part.live.paused != paused:
                yield PauseSchedule(id=part_id, paused=paused)


def _change_of(schedule: Schedule, action: Action, reason: Reason, **more: Any) -> Change:
    return Change(
        kind=Kind.SCHEDULE,
        name=schedule.name,
        id=schedule.id,
        action=action,
        reason=reason,
        **more,
    )


def _impossible(
    schedule: Schedule, action: Action, why: Diagnostic
) -> tuple[Change, list[Diagnostic]]:
    return _change_of(schedule, action, Reason.FILE, refused=why.text), [why]


def _pause_only(schedule: Schedule, pause: Pause) -> Change:
    action = Action.PAUSE if pause.paused else Action.RESUME
    steps = tuple(PauseSchedule(id=i, paused=pause.paused) for i in sorted(pause.wrong))
    return _change_of(schedule, action, pause.reason, fields=pause.fields, steps=steps)


def _settings(
    declared: Declared, parts: Sequence[Part]
) -> tuple[tuple[FieldChange, ...], frozenset[str]]:
    """The fields of the first part that differs; and the ids of all that differ."""
    found = {
        part.live.id: changed
        for part in parts
        if (changed := diff.compare(part.view, declared.view))
    }
    return next(iter(found.values()), ()), frozenset(found)


def _stands(part: Part, cron: str, label: mark.Mark) -> bool:
    """Whether a live part whose settings are right needs no write: same cron, same mark."""
    if part.mark is None or not same_crons([part.live.cron], [cron]):
        return False
    paused = part.mark.paused or label.paused  # a mark without -z may stay on a paused part
    return replace(part.mark, paused=paused) == replace(label, paused=paused) and (
        label.paused or not part.mark.paused
    )


def _notes(differing: frozenset[str], pause: Pause, parts: Sequence[Part]) -> Iterator[Note]:
    if 0 < len(differing) < len(parts):
        yield InSomeParts(ids=tuple(sorted(differing)), of=len(parts))
    # A write makes the parts agree, and a partly paused schedule counts as paused.
    if pause.paused and not pause.fields and not all(part.live.paused for part in parts):
        yield PausesAll()
