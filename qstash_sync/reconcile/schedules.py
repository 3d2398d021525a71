"""One declared schedule against its live parts: which action, and why.

    live parts               then
    none                     create
    none, but `was:` has     rename: create under the new name, then delete the old
    ours, in sync            nothing
    ours, only the pause     pause, resume
    ours, differ             update; whose doing it is: `attribution.py`
    the first is not ours    an update that needs consent (`id:` in the file, --adopt)
    not declared, ours       delete

What becomes of a pause: `pauses.py`. When the crons change: `live_times.py`. Which writes make it
so: `part_writes.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from qstash_sync.model.change import (
    Action,
    Change,
    FieldChange,
    Foreign,
    InSomeParts,
    Note,
    PausesAll,
    Reason,
    Stored,
    Swap,
    cron_field,
    pause_field,
)
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, Schedule
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule, PutSchedule
from qstash_sync.reconcile import (
    attribution,
    canonical,
    diff,
    ignored,
    live_times,
    mark as marks,
    pauses,
    taken,
    times,
)
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.canonical import View
from qstash_sync.reconcile.compared import Compared, Consent
from qstash_sync.reconcile.diff import Trust
from qstash_sync.reconcile.former import begun, candidates, fates, is_rest, left_alone, origin
from qstash_sync.reconcile.live_parts import (
    LivePart,
    LiveParts,
    Part,
    Writing,
    is_as_written,
    read_parts,
    same_crons,
)
from qstash_sync.reconcile.live_times import When
from qstash_sync.reconcile.mark import Declared
from qstash_sync.reconcile.part_writes import part_writes
from qstash_sync.reconcile.pauses import Pause


class ScheduleComparer:
    """Compares declared schedules with the parts of an index, as of one moment."""

    def __init__(self, desired: Desired, index: LiveParts, now: datetime) -> None:
        self.desired = desired
        self.index = index
        self.now = now

    def compare(self, schedule: Schedule) -> tuple[Compared, list[LivePart]]:
        """The schedule's change, and the live parts that belong to it."""
        found, sets = self.index.of(schedule.id), candidates(schedule, self.index)
        if not sets:
            compared = self._compared(schedule, found, ())
            return compared, [*found, *self._overwritten(compared.change, found)]
        declared = Declared(schedule, self.desired.namespace, self.desired.environment)
        of_sets = fates(declared, sets, self.index, found)
        compared = self._compared(schedule, found, (*of_sets.goes, *of_sets.asked))
        compared = self._beside(schedule, compared, of_sets.stays)
        if of_sets.asked:
            left = self._compared(schedule, found, of_sets.goes)
            left = self._beside(schedule, left, of_sets.asked, may_go=True)
            compared = replace(compared, otherwise=self._beside(schedule, left, of_sets.stays))
        known = [*found, *(part for one in sets for part in one)]
        return compared, [*known, *self._overwritten(compared.change, known)]

    def _beside(
        self,
        schedule: Schedule,
        compared: Compared,
        sets: Sequence[Sequence[LivePart]],
        *,
        may_go: bool = False,
    ) -> Compared:
        """With what is said of sets that it leaves alone, and their ids."""
        said = left_alone(schedule, sets, self.index, may_go=may_go)
        return replace(
            compared,
            diagnostics=(*compared.diagnostics, *said),
            unmanaged=(*compared.unmanaged, *(part.live.id for one in sets for part in one)),
        )

    def _overwritten(self, change: Change | None, known: Sequence[LivePart]) -> list[LivePart]:
        """What stands under the ids that a change writes, and is none of the parts it is about."""
        if change is None:
            return []
        ids = {step.id for step in change.steps if isinstance(step, PutSchedule)}
        theirs = self.index.by_id.keys() & (ids - {part.live.id for part in known})
        return [self.index.by_id[part_id] for part_id in sorted(theirs)]

    def _compared(
        self, schedule: Schedule, found: list[LivePart], sets: Sequence[Sequence[LivePart]]
    ) -> Compared:
        """Likewise; sets: what it may have been, and goes with its change, the origin first."""
        leftovers = sets if found else sets[1:]
        old = origin(found, sets)
        if schedule.ignore and (found or old):
            schedule = ignored.left(schedule)
            found = [ignored.as_declared(part, schedule, self.index) for part in found]
            old = [ignored.as_declared(part, schedule, self.index) for part in old]
        of_pause: list[Diagnostic] = []
        if old:
            schedule, of_pause = pauses.of_rename(schedule, found, old)
        was = old[0].base if old else None
        declared = Declared(schedule, self.desired.namespace, self.desired.environment, was)
        change: Change | None
        if other := self._other(declared, found, sets):
            change, diagnostics = _impossible(schedule, Action.UPDATE, _not_free(schedule, other))
        elif found:
            change, diagnostics = self._update(declared, found, old if begun(found, old) else ())
        elif old:
            change, diagnostics = self._rename(declared, old)
        else:
            change, diagnostics = self._create(declared)
            diagnostics += self._nothing_there(schedule)
        known = [*found, *(part for one in sets for part in one)]
        if not (change and change.refused):
            change = self._with_all(declared, change, found, known, leftovers)
            diagnostics = [*diagnostics, *of_pause]
        consent = self._consent(schedule, change, found)
        if change and schedule.ignore and _writes(change):
            there = [self.index.by_id[part.live.id] for part in known]
            if why := ignored.cannot_be_carried(schedule, there, self.index):
                change = replace(change, steps=(), swap=None, refused=why.text, diagnosed=True)
                diagnostics = [*diagnostics, why]
        return Compared(
            kind=Kind.SCHEDULE,
            name=schedule.name,
            id=schedule.id,
            change=change,
            diagnostics=tuple(diagnostics),
            consent=consent,
        )

    def _other(
        self, declared: Declared, found: Sequence[LivePart], sets: Sequence[Sequence[LivePart]]
    ) -> str | None:
        """What the old set is called, where what is found is a schedule of its own beside it.

        Under one name, of a former namespace or id, it is the same one.
        """
        ours = [part for part in found if self.index.is_managed(part)]
        for one in sets if ours else ():
            mine = [part for part in one if self.index.is_managed(part)]
            name = self.index.name_of(mine[0]) if mine else declared.schedule.name
            if name != declared.schedule.name and _are_two(declared, ours, mine):
                return name
        return None

    def delete(self, ours: Sequence[LivePart], rest: Sequence[LivePart] = ()) -> Compared:
        """What is ours and not declared any more goes, the first part last.

        rest: the parts of the set that carry somebody else's mark; without consent it stays whole.
        """
        base, name = ours[0].base, self.index.name_of(ours[0])
        parts = sorted((*ours, *rest), key=lambda part: part.number)
        change = Change(
            kind=Kind.SCHEDULE,
            name=name,
            id=base,
            action=Action.DELETE,
            reason=Reason.FILE,
            notes=(taken.by_delete(parts, self.index, self.now),),
            steps=tuple(DeleteSchedule(id=part.live.id) for part in reversed(parts)),
            protected=_are_protected(parts),
        )
        consent = None
        if rest:
            can_be_given = not any(map(self.index.is_another_namespaces, rest))
            consent = Consent(
                id=rest[0].live.id, foreign=Foreign.OTHER_MARK, can_be_given=can_be_given
            )
        return Compared(kind=Kind.SCHEDULE, name=name, id=base, change=change, consent=consent)

    # Consent

    def _consent(
        self, schedule: Schedule, change: Change | None, found: Sequence[LivePart]
    ) -> Consent | None:
        """What a change would overwrite or delete that is not ours, and the file does not adopt.

        The first part is asked for even where there is no compilation, and so no write: an error
        of the cron would stop the whole apply for a schedule that is not ours.
        """
        ids = [part.live.id for part in found[:1]]
        for step in change.steps if change else ():
            ids += [step.id] if isinstance(step, PutSchedule | DeleteSchedule) else []
        there = [self.index.by_id[part_id] for part_id in ids if part_id in self.index.by_id]
        for part in sorted(there, key=lambda part: part.number):
            foreign = self.index.foreign(part)
            if foreign and not self.index.consents(schedule, part):
                can_be_given = not self.index.is_another_namespaces(part)
                return Consent(id=part.live.id, foreign=foreign, can_be_given=can_be_given)
        return None

    def _nothing_there(self, schedule: Schedule) -> Iterator[Diagnostic]:
        """What the file says is live, and is not: a new schedule may fire beside the one meant."""
        sides = [("was", schedule.was, Severity.INFO)] if schedule.was else []
        if schedule.adopted:
            sides.append(("id", schedule.id, Severity.WARNING))
        for key, value, severity in sides:
            part = self.index.by_id.get(value)
            foreign = self.index.foreign(part) if part else None
            fact = f"nothing in the account is {value}, so it is created anew"
            if foreign:
                fact = f"{value} {foreign.value}; it is left alone, and this one is created beside"
            yield Diagnostic(
                severity=Severity.WARNING if foreign else severity,
                code="not_live",
                message=fact,
                path=("schedules", schedule.name, key),
                location=schedule.location,
                hint="is it right? without it nothing is renamed, and no pause is kept"
                if key == "was" and not foreign
                else "is it right? a schedule that is meant goes on firing beside this one",
            )

    # Create, rename

    def _create(
        self, declared: Declared, old: Sequence[LivePart] = (), *, paused: bool | None = None
    ) -> tuple[Change, list[Diagnostic]]:
        schedule = declared.schedule
        diagnostics: list[Diagnostic] = []
        if old and not declared.has_time:
            stored = live_times.ignored_crons(schedule, [part.live for part in old], self.now)
        else:
            made = times.compiled(schedule, self.now)
            if isinstance(made, Diagnostic):
                return _impossible(schedule, Action.CREATE, made)
            diagnostics += times.warnings(made, schedule.name, schedule.timed_at)
            diagnostics += _too_many(schedule, len(made.parts), Severity.ERROR)
            stored = made.crons
        paused = bool(schedule.paused) if paused is None else paused
        crons = {schedule.part_id(k): cron for k, cron in enumerate(stored, 1)}
        like = old[0].live.id if old else None
        change = _change_of(
            schedule,
            Action.CREATE,
            Reason.FILE,
            fields=(
                *times.created_fields(schedule),
                *diff.created(declared.view),
                *pause_field(before=None, after=paused),
            ),
            notes=times.notes(schedule, stored),
            steps=tuple(part_writes(declared, crons, {}, self.index, paused=paused, like=like)),
        )
        return change, diagnostics

    def _rename(
        self, declared: Declared, old: Sequence[LivePart]
    ) -> tuple[Change, list[Diagnostic]]:
        """A new name is a new id: write the new parts with the old pause, then delete the old.

        Its first part goes last: by it the others are known.
        """
        schedule = declared.schedule
        was_paused = any(part.live.paused for part in old)
        paused = schedule.paused if schedule.paused is not None else was_paused
        created, diagnostics = self._create(declared, old, paused=paused)
        if created.refused:
            return created, diagnostics
        crons = tuple(step.cron for step in created.steps if isinstance(step, PutSchedule))
        before = tuple(part.live.cron for part in old)
        notes = created.notes
        if same_crons(before, crons):  # what is stored is no news
            notes = tuple(note for note in notes if not isinstance(note, Stored))
        change = replace(
            created,
            action=Action.UPDATE,
            reason=Reason.RENAME,
            notes=notes,
            fields=(
                self._renamed(schedule, old),
                *(_moved_times(schedule, old, crons) if declared.has_time else ()),
                *diff.compare(
                    self._view(old[0], declared),
                    declared.view,
                    _trust(declared, old[0]),
                ),
                *pause_field(before=was_paused, after=paused),
            ),
            steps=(*created.steps, *(DeleteSchedule(id=part.live.id) for part in reversed(old))),
            swap=None if was_paused and paused else Swap(before=before, after=crons),
            protected=_are_protected(old) and not schedule.protect,
        )
        return change, diagnostics

    def _renamed(self, schedule: Schedule, old: Sequence[LivePart], note: str = "") -> FieldChange:
        """The name that changes, or where that stays, the id."""
        name, base = self.index.name_of(old[0]), old[0].base
        if name != schedule.name and self.index.is_managed(old[0]):
            return FieldChange(path="name", before=name, after=schedule.name, note=note)
        return FieldChange(path="id", before=base, after=schedule.id, note=note)

    def _view(self, old: LivePart, declared: Declared) -> View:
        """The settings of a part with another name, as they are compared."""
        name, namespace = self.index.name_of(old), self.index.namespace_of(old)
        labels = old.own_labels(namespace, name, declared.schedule.message.labels)
        return canonical.of_message(old.live.message, labels)

    def _with_all(
        self,
        declared: Declared,
        change: Change | None,
        found: Sequence[LivePart],
        known: Sequence[LivePart],
        leftovers: Sequence[Sequence[LivePart]],
    ) -> Change | None:
        """With the sets that go along, and what else it overwrites."""
        for one in leftovers:
            change = self._with_leftovers(declared, change, found, one)
        overwritten = self._overwritten(change, known)
        if change is None or not overwritten:
            return change
        return replace(change, fields=(*change.fields, *map(_taken, overwritten)))

    def _with_leftovers(
        self,
        declared: Declared,
        change: Change | None,
        found: Sequence[LivePart],
        old: Sequence[LivePart],
    ) -> Change:
        """Where a rename was cut off, what is left of the old name goes with the change.

        What had another definition may never have been that, if no mark tells so: it counts as a
        delete.
        """
        schedule = declared.schedule
        is_left = is_rest(declared, found, old)
        is_ours = all(map(self.index.is_managed, old))
        note = "the apply that renamed it was cut off" if is_left and is_ours else "deleted with it"
        renamed = change or _change_of(schedule, Action.UPDATE, Reason.RENAME)
        return replace(
            renamed,
            action=Action.UPDATE,
            fields=(self._renamed(schedule, old, note), *renamed.fields),
            steps=(*renamed.steps, *(DeleteSchedule(id=part.live.id) for part in reversed(old))),
            protected=renamed.protected
            or (_are_protected(old) and not (is_left and schedule.protect)),
            drops=renamed.drops + (0 if is_left else 1),
        )

    # Update

    def _update(
        self, declared: Declared, found: Sequence[LivePart], old: Sequence[LivePart]
    ) -> tuple[Change | None, list[Diagnostic]]:
        """In what the live parts differ, and whose doing it is; None where they are in sync.

        old: what a rename, which was cut off, has left.
        """
        schedule = declared.schedule
        if not schedule.paused and is_as_written(declared, found):
            live = [part.live.cron for part in found]
            said = live_times.still_right(schedule, live, self.now) if declared.has_time else ()
            if said is not None:  # nearly all schedules, nearly always
                return None, list(said)
        parts = read_parts(declared, found)
        when = live_times.compare(declared, parts, self.now, [part.live for part in old])
        if isinstance(when, Diagnostic):
            return _impossible(schedule, Action.UPDATE, when)

        differing = {
            part.live.id: changed
            for part in parts
            if (changed := diff.compare(part.view, declared.view, _trust(declared, part)))
        }
        settings = next(iter(differing.values()), ())  # the first part speaks for the others
        hidden = attribution.write_only(declared, parts, when, settings)
        changed = (*when.fields, *settings, *hidden)

        pause, diagnostics = pauses.judge(schedule, parts)
        diagnostics = [*when.diagnostics, *diagnostics]
        if not changed and not pause.fields:
            return None, diagnostics
        if not changed and not pause.stale:
            action = Action.PAUSE if pause.paused else Action.RESUME
            steps = tuple(PauseSchedule(id=i, paused=pause.paused) for i in sorted(pause.wrong))
            fields = pause.fields
            return _change_of(
                schedule, action, pause.reason, fields=fields, steps=steps
            ), diagnostics

        reason = pause.reason
        if changed:
            others = bool(settings or hidden)
            reason = attribution.reason(declared, parts, when, pause, others=others)
        # Nobody asked for a renewal or a repair: that it takes too many parts only warns.
        unasked = reason in (Reason.CLOCK, Reason.DRIFT)
        severity = Severity.WARNING if unasked else Severity.ERROR
        if declared.has_time:
            diagnostics += _too_many(schedule, len(when.crons), severity)
        fields = (*changed, *pause.fields)
        return self._rewrite(declared, parts, when, pause, reason, fields, differing), diagnostics

    def _rewrite(
        self,
        declared: Declared,
        parts: Sequence[Part],
        when: When,
        pause: Pause,
        reason: Reason,
        fields: tuple[FieldChange, ...],
        differing: Mapping[str, object],
    ) -> Change:
        """The update that makes the live parts so; differing: ids of those with other settings."""
        schedule = declared.schedule
        crons = {part.live.id: part.live.cron for part in parts}
        if declared.has_time or when.writing is not Writing.WHOLE:
            crons = live_times.assign(schedule, when.crons, [part.live for part in parts])
        known = {part.live.id: part for part in parts if part.live.id not in differing}
        surplus = tuple(part.live.id for part in parts if part.live.id not in crons)

        all_paused = all(part.live.paused for part in parts)
        notes: list[Note] = [*when.notes]
        if 0 < len(differing) < len(parts):
            notes.append(InSomeParts(ids=tuple(sorted(differing)), of=len(parts)))
        # A write makes the parts agree, and a partly paused schedule counts as paused.
        if pause.paused and not pause.fields and not all_paused:
            notes.append(PausesAll())

        # Only a set that fires, and fires otherwise afterwards, must keep clear of its firings.
        before = tuple(part.live.cron for part in parts)
        silent = pause.paused and all_paused
        fires_alike = same_crons(before, when.crons) and not surplus
        return _change_of(
            schedule,
            Action.UPDATE,
            reason,
            fields=fields,
            notes=tuple(notes),
            steps=(
                *part_writes(
                    declared, crons, known, self.index, paused=pause.paused, like=parts[0].live.id
                ),
                *(DeleteSchedule(id=part_id) for part_id in surplus),
            ),
            swap=None if silent or fires_alike else Swap(before=before, after=when.crons),
            cut_off=when.writing is Writing.CUT_OFF,
        )


def _writes(change: Change) -> bool:
    return any(isinstance(step, PutSchedule) for step in change.steps)


def _taken(part: LivePart) -> FieldChange:
    paused = "paused, " if part.live.paused else ""
    note = f"{part.live.id}, {paused}is overwritten: adopted"
    return FieldChange(
        path="mark", before="another's" if part.mark else None, after="ours", note=note
    )


def stray(part: LivePart, schedule: Schedule) -> Diagnostic:
    """An unmarked id that looks like a further part of a declared schedule fires beside it."""
    fact = f"{part.live.id} looks like a part of it, but has no mark of ours"
    hint = "it fires beside ours and is left alone; delete it if nobody needs it"
    return about(schedule, Severity.WARNING, "stray", fact, hint)


def _moved_times(
    schedule: Schedule, old: Sequence[LivePart], crons: Sequence[str]
) -> tuple[FieldChange, ...]:
    """How the time of a renamed schedule changes: the local one, where a label tells it."""
    mark = old[0].mark
    written_for = marks.written_for(mark, old[0].live.message.labels) if mark else None
    if written_for:
        return live_times.differing(written_for, schedule)
    before = [part.live.cron for part in old]
    if same_crons(before, crons):
        return ()
    return (cron_field(before, crons, times.text(schedule)),)


def _trust(declared: Declared, part: Part | LivePart) -> Trust:
    """What may be shown of a part."""
    if part.mark is None:
        return Trust.UNKNOWN
    labels = part.live.message.labels
    is_told = declared.tells_halves(labels, part.mark) and not part.mark.exposed
    return Trust.PLAIN if is_told else Trust.SECRET


def _are_protected(parts: Sequence[LivePart]) -> bool:
    return any(part.mark is not None and part.mark.protected for part in parts)


def _too_many(schedule: Schedule, count: int, severity: Severity) -> tuple[Diagnostic, ...]:
    most = schedule.timing.max_parts
    return times.too_many(count, most, schedule.name, schedule.location, severity=severity)


def _change_of(schedule: Schedule, action: Action, reason: Reason, **more: Any) -> Change:
    return Change(
        kind=Kind.SCHEDULE,
        name=schedule.name,
        id=schedule.id,
        action=action,
        reason=reason,
        **more,
    )


def _are_two(declared: Declared, found: Sequence[LivePart], old: Sequence[LivePart]) -> bool:
    """Whether what has the new name is a schedule of its own, and not what a rename has begun.

    A rename that was cut off has written what is declared, or what the old name still has; or its
    marks tell what it was, whatever the file has become since.
    """
    if begun(found, old):
        return False
    written = {part.mark.definition for part in old if part.mark}
    return not all(
        part.mark and (declared.defines(part.mark) or part.mark.definition in written)
        for part in found
    )


def _not_free(schedule: Schedule, old: str) -> Diagnostic:
    return Diagnostic(
        code="was",
        message=f"{schedule.name} is live and another schedule than {old}, which would replace it",
        path=("schedules", schedule.name, "was"),
        location=schedule.location,
        hint=f"in two steps: apply without {schedule.name}, then with was: {old}; or another name",
    )


def _impossible(
    schedule: Schedule, action: Action, why: Diagnostic
) -> tuple[Change, list[Diagnostic]]:
    return _change_of(schedule, action, Reason.FILE, refused=why.text, diagnosed=True), [why]
