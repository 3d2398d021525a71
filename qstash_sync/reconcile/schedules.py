"""One declared schedule against its live parts: which action, and why.

    live parts               then
    none                     create: `create.py`
    none, but `was:` has     create under the new name, then delete the old: `rename.py`
    ours, in sync            nothing
    ours, only the pause     pause, resume: `update.py`
    ours, differ             update; whose doing it is: `attribution.py`
    the first is not ours    an update that needs consent, `id:` or --adopt: `consents.py`
    not declared, ours       delete: `delete.py`

What becomes of a pause: `pauses.py`. When the crons change: `live_times.py`. Which writes make it
so: `part_writes.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from qstash_sync.model.change import Action, Change, FieldChange
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Desired, Kind, Schedule
from qstash_sync.model.steps import PutSchedule
from qstash_sync.reconcile import ignored, not_live, pauses
from qstash_sync.reconcile.changes import impossible
from qstash_sync.reconcile.compared import Compared
from qstash_sync.reconcile.consents import consent
from qstash_sync.reconcile.create import create
from qstash_sync.reconcile.former import begun, candidates, fates, left_alone, origin
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.mark import Declared
from qstash_sync.reconcile.rename import another, not_free, rename, with_leftovers
from qstash_sync.reconcile.update import update


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
        schedule, of_pause = pauses.of_rename(schedule, found, old) if old else (schedule, [])
        was = old[0].base if old else None
        declared = Declared(schedule, self.desired.namespace, self.desired.environment, was)
        change, diagnostics = self._of_parts(declared, found, old, sets)
        known = [*found, *(part for one in sets for part in one)]
        if not (change and change.refused):
            change = self._with_all(declared, change, found, known, leftovers)
            diagnostics = [*diagnostics, *of_pause]
        asked = consent(schedule, change, found, self.index)
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
            consent=asked,
        )

    def _of_parts(
        self,
        declared: Declared,
        found: Sequence[LivePart],
        old: Sequence[LivePart],
        sets: Sequence[Sequence[LivePart]],
    ) -> tuple[Change | None, list[Diagnostic]]:
        """What becomes of the parts that it has, or had under another name; None where nothing."""
        schedule, index, now = declared.schedule, self.index, self.now
        if other := another(declared, found, sets, index):
            return impossible(schedule, Action.UPDATE, not_free(schedule, other))
        if found:
            return update(declared, found, old if begun(found, old) else (), index, now)
        if old:
            change, diagnostics = rename(declared, old, index, now)
            return change, [*diagnostics, *not_live.new_id(schedule, old[0])]
        change, diagnostics = create(declared, index, now)
        return change, [*diagnostics, *not_live.nothing_there(schedule, index)]

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
            change = with_leftovers(declared, change, found, one, self.index)
        overwritten = self._overwritten(change, known)
        if change is None or not overwritten:
            return change
        return replace(change, fields=(*change.fields, *map(_taken, overwritten)))


def _writes(change: Change) -> bool:
    return any(isinstance(step, PutSchedule) for step in change.steps)


def _taken(part: LivePart) -> FieldChange:
    paused = "paused, " if part.live.paused else ""
    note = f"{part.live.id}, {paused}is overwritten: adopted"
    return FieldChange(
        path="mark", before="another's" if part.mark else None, after="ours", note=note
    )
