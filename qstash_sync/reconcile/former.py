"""What a declared schedule was before: the live sets that may be it, and what becomes of each.

    under a former name, id or namespace    then
    ours, or a part of it                   goes with the schedule's change
    no mark, and `was:` is its very id      goes
    none of ours, nothing live but that     the first is what it was: goes, needs consent
    another mark, defined as declared       goes, needs consent: the same job fires twice
    another mark, and a rename of it begun  goes, needs consent: the mark of what is live says so
    any other that the file names           asked: goes where --adopt says so, else it stays
    anything else                           stays, and is told

But for the third line it is a set's own look that decides, and not what else is live: so the next
plan says the same of what this one leaves.
"""

from collections.abc import Iterator, Sequence

from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule
from qstash_sync.reconcile import mark as marks, pauses
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.mark import Declared
from qstash_sync.record import record

Set = Sequence[LivePart]  # the parts of one live schedule


@record(kw_only=True)
class Former:
    """The sets that a schedule may have been, ours first: see the table."""

    goes: tuple[Set, ...] = ()
    asked: tuple[Set, ...] = ()
    stays: tuple[Set, ...] = ()


def candidates(schedule: Schedule, index: LiveParts) -> list[Set]:
    """The sets under the names, ids and namespaces that the file says it had, ours first.

    None is another schedule's of the file, a copy, or what another namespace manages.
    """
    if not (schedule.was or index.former or index.keeps_foreign_ids):
        return []
    names = [name for name in (schedule.was, schedule.name) if name]
    found: list[Set] = []
    if schedule.was:
        found.append(index.of(f"{index.namespace}.{schedule.was}") or index.of(schedule.was))
    if index.former:
        found += (index.of(f"{index.former}.{name}") for name in names)
    if not schedule.adopted:
        found += map(index.adopted, names)
    sets = {one[0].base: one for one in found if one and _may_be(schedule, one, index)}
    return sorted(sets.values(), key=lambda one: not any(map(index.is_managed, one)))


def former(declared: Declared, sets: Sequence[Set], index: LiveParts, found: Set) -> Former:
    """What becomes of each candidate; found: what is live under the schedule's own id."""
    schedule = declared.schedule
    goes: list[Set] = []
    asked: list[Set] = []
    stays: list[Set] = []
    for one in sets:
        marked = [part.mark for part in one if part.mark]
        is_origin = not (found or goes)
        is_marked = len(marked) == len(one)
        is_alike = is_marked and (all(map(declared.defines, marked)) or is_begun(found, one))
        is_its_id = len(one) == 1 and index.consents(schedule, one[0])
        if any(map(index.is_managed, one)) or is_origin or is_alike or is_its_id:
            goes.append(one)
        elif _is_named(schedule, one[0], index):
            asked.append(one)
        else:
            stays.append(one)
    return Former(goes=tuple(goes), asked=tuple(asked), stays=tuple(stays))


def is_begun(found: Set, one: Set) -> bool:
    """Whether a rename of a set has written one of the parts that are live under the new id."""
    was = marks.bound_to(one[0].base)
    return any(part.mark is not None and part.mark.was == was for part in found)


def told(
    schedule: Schedule, sets: Sequence[Set], index: LiveParts, *, way_out: str
) -> Iterator[Diagnostic]:
    """What is said of sets that stay."""
    for one in sets:
        foreign = index.foreign(one[0])
        if foreign:
            fires = "" if all(part.live.paused for part in one) else ", and fires beside this one"
            fact = f"{one[0].live.id} {foreign.value}; it is left alone{fires}"
            yield pauses.about(schedule, Severity.WARNING, "not_taken", fact, way_out)


def left_alone(
    schedule: Schedule, sets: Sequence[Set], index: LiveParts, *, may_go: bool = False
) -> Iterator[Diagnostic]:
    """Likewise, of an apply; may_go: --adopt would delete them."""
    way_out = "delete it if nobody needs it, or take out the was: or namespace_was: that names it"
    if may_go:
        adopt = f"--adopt {schedule.name} deletes it, as the file's was: or namespace_was: asks"
        way_out = f"{adopt}; or {way_out}"
    return told(schedule, sets, index, way_out=way_out)


def _may_be(schedule: Schedule, one: Set, index: LiveParts) -> bool:
    first = one[0]
    if index.is_declared(first.base):
        return False
    if any(map(index.is_managed, one)) or index.consents(schedule, first):
        return True
    return index.is_in_namespace(first.base) and not first.is_copy


def _is_named(schedule: Schedule, first: LivePart, index: LiveParts) -> bool:
    """Whether the file names a set: by `was:`, or where it has none, by the former namespace."""
    name = schedule.was or schedule.name
    return first.base == name or index.name_of(first) == name
