"""Desired x live -> every change; what may be done of it is `decide`'s to say.

    declared   live                          change
    yes        no                            create
    yes        ours, equal                   none
    yes        ours, only the pause differs  pause, resume
    yes        ours, differs                 update; reason by the mark: file, drift, both, clock
    yes        without our mark              an update that needs consent
    no         ours                          delete; needs consent where a part is not ours
    no         anything else                 none: unmanaged, counted, never touched

"Ours" is, for schedules, an id in the namespace and our mark; for the other kinds, which carry no
mark, a name that `owns` matches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from qstash_sync.model.change import Action, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, Live, Schedule
from qstash_sync.reconcile import former, twins, unmarked_kinds
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.compared import Compared, Comparison, Within
from qstash_sync.reconcile.delete import delete
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.schedules import ScheduleComparer


def reconcile(
    desired: Desired,
    live: Live,
    index: LiveParts,
    now: datetime,
    *,
    within: Within = None,
    strays: bool = False,
) -> Comparison:
    """Compare everything, or the resources of some keys alone; raises nothing.

    index: of the same account. strays: the twins of what is declared go, too. What cannot be done
    is in the diagnostics of its resource.
    """
    found = Comparison()
    for kind in (Kind.URL_GROUP, Kind.QUEUE, Kind.FLOW_CONTROL):
        unmarked_kinds.compare(found, kind, desired, live, within)
    if desired.schedules is not None:
        strangers = _schedules(found, desired, index, now, within)
        if within is None or strays:
            _twins(found, desired, strangers, index, now, within, strays=strays)
    return found


def _schedules(
    found: Comparison, desired: Desired, index: LiveParts, now: datetime, within: Within
) -> list[LivePart]:
    """Compare them; returns what is nobody's part."""
    comparer = ScheduleComparer(desired, index, now)
    declared = {schedule.id: schedule for schedule in desired.schedules or ()}
    claimed: set[str] = set()
    for schedule in declared.values():
        if within is None or (Kind.SCHEDULE, schedule.id) in within:
            compared, parts = comparer.compare(schedule)
            found.compared.append(compared)
            claimed.update(part.live.id for part in parts)
        else:  # out of scope, but its parts are not surplus for that
            sets = [index.of(schedule.id), *former.candidates(schedule, index)]
            claimed.update(part.live.id for one in sets for part in one)

    # What nobody has claimed: ours goes, the rest is left alone.
    left = [index.by_id[part_id] for part_id in sorted(index.by_id.keys() - claimed)]
    surplus: dict[str, list[LivePart]] = {}
    for part in left:
        if index.is_managed(part):
            surplus.setdefault(part.base, []).append(part)
    waiting = {one.name: (one.otherwise or one).consent for one in found.compared}
    for base, parts in surplus.items():
        rest = [part for part in index.rest(base) if part in left]
        deleted = delete(parts, rest, index, now)
        # While what would replace it, under an `id:` that is not ours, is refused, it stays.
        deleted = replace(deleted, consent=deleted.consent or waiting.get(deleted.name))
        if within is None or deleted.key in within:
            found.compared.append(deleted)

    foreign = [
        part
        for part in left
        if not index.is_managed(part)
        and not (part.base in surplus and part in index.rest(part.base))
    ]
    found.unmanaged += ((Kind.SCHEDULE, part.live.id) for part in foreign)
    found.orphans += (
        one for one in _orphans(foreign, index, now) if within is None or one.key in within
    )
    strangers: list[LivePart] = []
    for part in foreign:
        if part.base in declared and part.number > 1:
            found.diagnostics.append(_stray(part, declared[part.base]))
        else:
            strangers.append(part)
    return strangers


def _orphans(foreign: Sequence[LivePart], index: LiveParts, now: datetime) -> Iterator[Compared]:
    """What environments have left that the files do not have, each as its delete."""
    sets: dict[str, list[LivePart]] = {}
    for part in foreign:
        if index.is_orphan(part):
            sets.setdefault(part.base, []).append(part)
    return (delete(parts, (), index, now) for parts in sets.values())


def _stray(part: LivePart, schedule: Schedule) -> Diagnostic:
    """An unmarked id that looks like a further part of a declared schedule fires beside it."""
    fact = f"{part.live.id} looks like a part of it, but has no mark of ours"
    hint = "it fires beside ours and is left alone; delete it if nobody needs it"
    return about(schedule, Severity.WARNING, "stray", fact, hint)


def _twins(
    found: Comparison,
    desired: Desired,
    strangers: Sequence[LivePart],
    index: LiveParts,
    now: datetime,
    within: Within,
    *,
    strays: bool,
) -> None:
    """What fires beside a declared schedule is told; where strays go, it is a change."""
    alike = list(twins.twins(desired.schedules or (), strangers, index, now))
    # What is not as the file says is no reason to delete what is: nothing else may fire so.
    differ = {one.id for one in found.compared if not _does_as_declared(one)}
    sound = [twin for twin in alike if twin.schedule.id not in differ]
    removable = {change.id: change for change in twins.removals(sound, index, now)}
    goes = removable if strays else {}
    for change in goes.values():
        if within is None or change.key in within:
            deleted = Compared(kind=change.kind, name=change.name, id=change.id, change=change)
            found.compared.append(deleted)
    found.unmanaged = [key for key in found.unmanaged if key[1] not in goes]
    if within is None:
        left = (twin for twin in alike if twin.fires and twin.parts[0].live.id not in goes)
        newer = twins.with_newer_credentials(alike, index)
        delete = f"`{desired.command('import', '--strays')}` plans its delete"
        found.diagnostics += (
            twins.warning(
                twin, index, delete if first in removable else "", is_newer=first in newer
            )
            for twin in left
            for first in [twin.parts[0].live.id]
        )
        created = {
            c.id for one in found.compared if (c := one.change) and c.action is Action.CREATE
        }
        for twin in alike:
            found.diagnostics += twins.paused(twin, index) if twin.schedule.id in created else ()
        told = {part.live.id for twin in alike for part in twin.parts}
        others = [part for part in strangers if part.live.id not in told]
        moved = [s for s in desired.schedules or () if s.id in differ]
        found.diagnostics += map(twins.left, twins.as_it_was(moved, others, index, now))


def _does_as_declared(one: Compared) -> bool:
    """Whether it does what the file says already, but for a mark that needs no consent."""
    change = one.change
    if change is None:
        return True
    is_mark = all(field.path == "mark" for field in change.fields)
    return change.reason is Reason.ADOPT and is_mark and one.consent is None
