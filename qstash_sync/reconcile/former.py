"""What a declared schedule was before: the live sets that may be it, and what becomes of each.

    under a former name, id or namespace    then
    ours, or a part of it                   goes with the schedule's change
    no mark, and `was:` is its very id      goes
    none of ours, nothing live but that     the first is what it was: goes, needs consent
    another mark, defined as declared       goes, needs consent: the same job fires twice
    another mark, and a rename of it begun  goes, needs consent
    what another environment of the file    stays, and a warning names it
    manages, beside what it is or was
    any other named, or begun               asked: goes where --adopt says so, else it stays
    anything else                           stays, and a warning names it

A rename is begun where the mark of what is live under the new id says so, and nobody has made
anything under the old one since. But for that, and the third line, it is a set's own look that
decides, and not what else is live: so the next plan says the same of what this one leaves.
"""

from collections.abc import Iterator, Sequence

from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule
from qstash_sync.reconcile import mark as marks
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.mark import Declared
from qstash_sync.record import record

Set = Sequence[LivePart]  # the parts of one live schedule


@record(kw_only=True)
class Fates:
    """What becomes of the sets that a schedule may have been, ours first: see the table."""

    goes: tuple[Set, ...] = ()
    asked: tuple[Set, ...] = ()
    stays: tuple[Set, ...] = ()


def candidates(schedule: Schedule, index: LiveParts) -> list[Set]:
    """The sets under the names, ids and namespaces that the file says it had, ours first.

    None is another schedule's of the file, or what its `was:` names, a copy, or what another
    namespace manages.
    """
    if not (schedule.was or schedule.adopted or index.former or index.keeps_foreign_ids):
        return []
    names = [name for name in (schedule.was, schedule.name) if name]
    found: list[Set] = []
    if schedule.was:
        found.append(index.of(f"{index.namespace}.{schedule.was}") or index.of(schedule.was))
    if index.former:
        found += (index.of(f"{index.former}.{name}") for name in names)
    own, there = index.without_its_id(schedule), index.of(schedule.id)
    if not there or begun(there, own):  # so an id that comes back is a rename, and keeps a pause
        found.append(own)
    # An `id:` says what the schedule is under its own name.
    for name in names[:-1] if schedule.adopted else names:
        found += index.adopted(name)
    sets = {one[0].base: one for one in found if one and _may_be(schedule, one, index)}
    return sorted(sets.values(), key=lambda one: not any(map(index.is_managed, one)))


def live_set(schedule: Schedule, index: LiveParts) -> Set:
    """What a declared schedule is now: of one that is to be renamed, what it still is."""
    return index.of(schedule.id) or next(iter(candidates(schedule, index)), ())


def left_under_a_former_name(schedule: Schedule, index: LiveParts) -> tuple[LivePart, ...]:
    """What is ours beside that, of a rename that was cut off; it goes with the next change."""
    is_new = bool(index.of(schedule.id))
    sets = candidates(schedule, index)[0 if is_new else 1 :]
    return tuple(part for one in sets if all(map(index.is_managed, one)) for part in one)


def fates(declared: Declared, sets: Sequence[Set], index: LiveParts, found: Set) -> Fates:
    """What becomes of each candidate; found, here and below: what is live under the new id."""
    schedule = declared.schedule
    goes: list[Set] = []
    asked: list[Set] = []
    stays: list[Set] = []
    for one in sets:
        is_origin = not (found or goes)
        is_alike = all(part.mark for part in one) and is_rest(declared, found, one)
        is_its_id = len(one) == 1 and index.consents(schedule, one[0])
        if any(map(index.is_managed, one)) or is_origin:
            goes.append(one)
        elif any(map(index.is_anothers, one)):
            stays.append(one)
        elif is_alike or is_its_id:
            goes.append(one)
        elif _is_named(schedule, one[0], index) or begun(found, one):
            asked.append(one)
        else:
            stays.append(one)
    return Fates(goes=tuple(goes), asked=tuple(asked), stays=tuple(stays))


def begun(found: Set, one: Set) -> list[LivePart]:
    """The parts under the new id that a rename of a set has written; found: all that are there.

    Their marks keep that until they are written anew: what was made since is another schedule.
    """
    if not one:
        return []
    was = marks.bound_to(one[0].base)
    marked = (part for part in found if part.mark is not None and part.mark.was == was)
    return [part for part in marked if _is_older(one[0], part)]


def is_rest(declared: Declared, found: Set, one: Set) -> bool:
    """Whether a set is what a rename has left that was cut off: by its marks, or the same job."""
    is_same = all(part.mark is not None and declared.defines(part.mark) for part in one)
    return is_same or bool(begun(found, one))


def origin(found: Set, sets: Sequence[Set]) -> Set:
    """Which of them it was: what is live may tell, else the first; empty where there is none."""
    return next((one for one in sets if begun(found, one)), next(iter(sets), ()))


def not_taken(
    schedule: Schedule, sets: Sequence[Set], index: LiveParts, *, way_out: str
) -> Iterator[Diagnostic]:
    """A warning of each set that stays."""
    for one in sets:
        if carried := index.carried(one[0]):
            fires = "" if all(part.live.paused for part in one) else ", and fires beside this one"
            fact = f"{one[0].live.id} {carried}; it is left alone{fires}"
            yield about(schedule, Severity.WARNING, "not_taken", fact, way_out)


def left_alone(
    schedule: Schedule, sets: Sequence[Set], index: LiveParts, *, may_go: bool = False
) -> Iterator[Diagnostic]:
    """Likewise, by an apply; may_go: --adopt would delete them."""
    for one in sets:
        key = "was" if schedule.was and _is_named(schedule, one[0], index) else "namespace_was"
        way_out = f"take out the {key}: that names it"
        if not any(map(index.is_anothers, one)):
            way_out = f"delete it if nobody needs it, or {way_out}"
        if may_go:
            consent = index.consent_to(schedule.name)
            way_out = f"to delete it, {consent}; else take out the {key}: that names it"
        yield from not_taken(schedule, [one], index, way_out=way_out)


def _may_be(schedule: Schedule, one: Set, index: LiveParts) -> bool:
    first = one[0]
    if index.is_declared(first.base) or index.renamed_to(first) not in (None, schedule.name):
        return False
    if any(map(index.is_managed, one)) or index.consents(schedule, first):
        return True
    return index.is_in_namespace(first.base) and not first.is_copy


def _is_named(schedule: Schedule, first: LivePart, index: LiveParts) -> bool:
    """Whether the file names a set: by `was:`, or where it has none, by the former namespace."""
    name = schedule.was or schedule.name
    return first.base == name or index.name_of(first) == name


def _is_older(one: LivePart, other: LivePart) -> bool:
    """Whether a live schedule was made before another, or at the same time, and both tell when."""
    this, that = one.live.created_at, other.live.created_at
    return this is not None and that is not None and this <= that
