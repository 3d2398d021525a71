"""Whose each change of a plan is, by the plan that the base of a branch would have.

the base's plan has           origin
nothing of it                 yours
the same                      already there: the account drifted, or the base is not applied yet
another change of it, or the  yours, on top of what was there
same to other values
a renewal, by the mark        the clock's

What a base says attributes, and gives the local times before; it never grants a delete.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qstash_sync.model.change import Action, Change, Origin, Reason, Wanted
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Key, Kind
from qstash_sync.planning.decide import Plan

_OWNED = (Kind.URL_GROUP, Kind.QUEUE)


def attributed(plan: Plan, desired: Desired, base: Desired, of_base: Plan) -> Plan:
    """The plan with the origin of each change; desired, base: of the branch and of its base."""
    before = {change.key: change for change in of_base.changes}
    times = {schedule.id: schedule.timing.job for schedule in base.schedules or ()}

    sent = [_sent(one) for one in (desired, base)]

    def with_origin(change: Change) -> Change:
        # What a page masks, and what does not read back, is told apart by what is declared.
        mine, theirs = (values.get(change.key) for values in sent)
        same_values = mine is None or theirs is None or mine == theirs
        origin = _origin(change, before.get(change.key), same_values=same_values)
        found = replace(change, origin=origin)
        wanted = change.wanted
        job = times.get(change.id)
        if found.origin is Origin.ALREADY or wanted is None or wanted.before or job is None:
            return found
        known = replace(wanted, before=job) if change.action is not Action.CREATE else wanted
        notes = tuple(known if isinstance(n, Wanted) else n for n in change.notes)
        return replace(found, notes=notes)

    return replace(
        plan,
        changes=tuple(map(with_origin, plan.changes)),
        warnings=(*plan.warnings, *_left_behind(plan, desired, base)),
        is_attributed=True,
    )


def _sent(desired: Desired) -> dict[Key, Any]:
    """What may be masked of each resource, as it is declared."""
    return {
        **{(Kind.SCHEDULE, one.id): one.message for one in desired.schedules or ()},
        **{(Kind.URL_GROUP, one.name): one.endpoints for one in desired.url_groups or ()},
    }


def _origin(change: Change, before: Change | None, *, same_values: bool) -> Origin:
    if change.reason is Reason.CLOCK:
        return Origin.CLOCK
    if before is None:
        return Origin.YOURS
    same = (change.action, change.fields) == (before.action, before.fields)
    return Origin.ALREADY if same and same_values else Origin.BOTH


def _left_behind(plan: Plan, desired: Desired, base: Desired) -> Iterator[Diagnostic]:
    """What the branch takes out of the file, and no delete takes out of the account."""
    goes = {change.key for change in plan.changes if change.action is Action.DELETE}
    live = {
        *((Kind.URL_GROUP, group.name) for group in plan.live.url_groups or ()),
        *((Kind.QUEUE, queue.name) for queue in plan.live.queues or ()),
    }
    for kind in _OWNED:
        section = f"{kind}s"
        declared = {one.name for one in getattr(desired, section) or ()}
        for resource in getattr(base, section) or ():
            key = kind, resource.name
            if resource.name in declared or key in goes or key not in live:
                continue
            yield Diagnostic(
                severity=Severity.WARNING,
                code="left",
                message="leaves the file and stays in the account: owns does not name it",
                path=(section, resource.name),
                hint=f"to have it deleted, say owns: {{{section}: [{resource.name}]}}",
            )
