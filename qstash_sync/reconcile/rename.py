"""A schedule under a new name or id: which set it was, and what becomes of that one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from qstash_sync.model import ignorable
from qstash_sync.model.change import (
    Action,
    Change,
    FieldChange,
    InSomeParts,
    PausesAll,
    Reason,
    Stored,
    Swap,
    cron_field,
    pause_field,
)
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Schedule
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.reconcile import (
    callbacks,
    canonical,
    diff,
    hidden,
    ignored,
    live_times,
    mark as marks,
    times,
)
from qstash_sync.reconcile.canonical import View
from qstash_sync.reconcile.changes import Found, are_protected, change_of, trust
from qstash_sync.reconcile.create import create
from qstash_sync.reconcile.former import begun, is_rest
from qstash_sync.reconcile.live_parts import LivePart, LiveParts, Part, is_untouched, same_crons
from qstash_sync.reconcile.mark import Declared


def rename(declared: Declared, old: Sequence[LivePart], index: LiveParts, now: datetime) -> Found:
    """A new name is a new id: write the new parts with the old pause, then delete the old.

    Its first part goes last: by it the others are known.
    """
    schedule = declared.schedule
    was_paused = any(part.live.paused for part in old)
    paused = schedule.paused if schedule.paused is not None else was_paused
    created, diagnostics = create(declared, index, now, old, paused=paused)
    if created.refused:
        return created, diagnostics
    crons = tuple(step.cron for step in created.steps if isinstance(step, PutSchedule))
    before = tuple(part.live.cron for part in old)
    notes = created.notes
    is_theirs = ignorable.PAUSE in schedule.ignore and same_crons(before, crons)
    is_left = schedule.paused is None and not is_theirs
    if was_paused and is_left and not all(part.live.paused for part in old):
        notes = (*notes, PausesAll())
    moved = _moved_times(schedule, old, crons) if declared.has_time else ()
    late: tuple[Diagnostic, ...] = ()
    if declared.has_time and not moved and not same_crons(before, crons):
        running = [part.live.cron for part in old if not part.live.paused]
        late = live_times.late(schedule, running, now) if running else ()
    if late:  # it is a renewal, too
        moved = (cron_field(before, crons, times.stored_for(schedule, crons)),)
    if late or same_crons(before, crons):  # what is stored is told there, or no news
        notes = tuple(note for note in notes if not isinstance(note, Stored))
    diagnostics = [*diagnostics, *late, *ignored.mixed(schedule, old, crons)]
    is_split = len(before) == 1 < len(crons) and not moved  # else it is only cut anew
    views = ((part, _view(part, declared, index)) for part in old)
    differing = {
        part.live.id: found
        for part, view in views
        if (found := diff.compare(view, declared.view, trust(declared, part)))
    }
    settings = next(iter(differing.values()), ())  # the first part speaks for the others
    if 0 < len(differing) < len(old):
        notes = (*notes, InSomeParts(ids=tuple(sorted(differing)), of=len(old)))
    change = replace(
        created,
        action=Action.UPDATE,
        reason=Reason.RENAME,
        notes=notes,
        fields=(
            _renamed(schedule, old, index),
            *moved,
            *[FieldChange(path="parts", before=len(before), after=len(crons))] * is_split,
            *callbacks.with_new(schedule.message, settings),
            *_unshown(declared, old, index, settings, times=bool(moved)),
            *pause_field(before=was_paused, after=paused),
        ),
        steps=(*created.steps, *(DeleteSchedule(id=part.live.id) for part in reversed(old))),
        swap=None if was_paused and paused else Swap(before=before, after=crons),
        protected=are_protected(old) and not schedule.protect,
    )
    return change, diagnostics


def _unshown(
    declared: Declared,
    old: Sequence[LivePart],
    index: LiveParts,
    settings: Sequence[FieldChange],
    *,
    times: bool,
) -> tuple[FieldChange, ...]:
    """What moves with it of what QStash does not show; of what is not ours nothing tells it."""
    if not all(map(index.is_managed, old)):
        return ()
    parts = [
        Part(
            live=part.live,
            mark=part.mark,
            view=_view(part, declared, index),
            intact=is_untouched(part, index, declared.schedule.timing.job),
        )
        for part in old
    ]
    namespace = index.namespace_of(old[0])
    return hidden.moved(declared, parts, settings, times=times, namespace=namespace)


def _renamed(
    schedule: Schedule, old: Sequence[LivePart], index: LiveParts, note: str = ""
) -> FieldChange:
    """The name that changes, or where that stays, the id."""
    name, base = index.name_of(old[0]), old[0].base
    if name != schedule.name and index.is_managed(old[0]):
        return FieldChange(path="name", before=name, after=schedule.name, note=note)
    return FieldChange(path="id", before=base, after=schedule.id, note=note)


def _view(old: LivePart, declared: Declared, index: LiveParts) -> View:
    """The settings of a part with another name, as they are compared."""
    name, namespace = index.name_of(old), index.namespace_of(old)
    labels = old.own_labels(namespace, name, declared.schedule.message.labels)
    return canonical.of_message(old.live.message, labels)


def of_adopted(
    schedule: Schedule, found: Sequence[LivePart], index: LiveParts
) -> tuple[FieldChange, ...]:
    """The name that changes of what keeps its id: one that the file adopts tells none."""
    old = index.labelled_name(found[0]) if found[0].ours else ""
    if old in ("", schedule.name):
        return ()
    return (FieldChange(path="name", before=old, after=schedule.name),)


def with_leftovers(
    declared: Declared,
    change: Change | None,
    found: Sequence[LivePart],
    old: Sequence[LivePart],
    index: LiveParts,
) -> Change:
    """Where a rename was cut off, what is left of the old name goes with the change.

    What had another definition may never have been that, if no mark tells so: it counts as a
    delete.
    """
    schedule = declared.schedule
    is_left = is_rest(declared, found, old)
    is_cut_off = is_left and all(map(index.is_managed, old))
    note = _left(old) if is_cut_off else "deleted with it"
    renamed = change or change_of(schedule, Action.UPDATE, Reason.RENAME)
    return replace(
        renamed,
        action=Action.UPDATE,
        fields=(_renamed(schedule, old, index, note), *renamed.fields),
        steps=(*renamed.steps, *(DeleteSchedule(id=part.live.id) for part in reversed(old))),
        protected=renamed.protected or (are_protected(old) and not (is_left and schedule.protect)),
        drops=renamed.drops + (0 if is_left else 1),
        cut_off=renamed.cut_off or is_cut_off,
    )


def _left(old: Sequence[LivePart]) -> str:
    """What a rename that was cut off has left of the old name."""
    is_paused = all(part.live.paused for part in old)
    does = "is still there, paused" if is_paused else "still fires beside it"
    return f"cut off: {old[0].base} {does}, and goes with the next apply"


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
    return (cron_field(before, crons, times.stored_for(schedule, crons)),)


def another(
    declared: Declared,
    found: Sequence[LivePart],
    sets: Sequence[Sequence[LivePart]],
    index: LiveParts,
) -> str | None:
    """What the old set is called, where what is found is a schedule of its own beside it.

    Under one name, of a former namespace or id, it is the same one.
    """
    ours = [part for part in found if index.is_managed(part)]
    for one in sets if ours else ():
        mine = [part for part in one if index.is_managed(part)]
        name = index.name_of(mine[0]) if mine else declared.schedule.name
        if name != declared.schedule.name and _are_two(declared, ours, mine):
            return name
    return None


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


def not_free(schedule: Schedule, old: str) -> Diagnostic:
    """That a new name is taken; old: the name that it has now."""
    return Diagnostic(
        code="was",
        message=f"{schedule.name} is live and another schedule than {old}, which would replace it",
        path=("schedules", schedule.name, "was"),
        location=schedule.location,
        hint=f"in two steps: apply without {schedule.name}, then with was: {old}; or another name",
    )
