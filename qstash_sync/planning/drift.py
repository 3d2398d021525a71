"""What became of each resource: a status from the plan; `liveness.py` adds what is known of runs.

the plan has                     status         who moved
no change                        in_sync        nobody
an update: drift, file, both     drifted, pending, both, as the mark says
an update: clock                 renewal_due    time; graded by the days that are left
an update of what has no mark    unmarked       nobody can tell
a create                         missing        what is gone carries no mark
a delete                         surplus        what is not declared says no more
a change of another kind         differs        these carry no mark
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from qstash_sync.crons.exactness import exact_until
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import RANKS, Diagnostic, Severity
from qstash_sync.model.resources import (
    Desired,
    Kind,
    Live,
    LiveSchedule,
    Schedule,
)
from qstash_sync.planning import guards, horizons, liveness
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.known_secrets import KnownSecrets
from qstash_sync.reconcile import live_times
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.former import live_set
from qstash_sync.reconcile.unmarked_kinds import left_paused
from qstash_sync.record import record


class Status(StrEnum):
    """How a resource is, in the order in which a reader wants to know."""

    SURPLUS = "surplus"
    UNMARKED = "unmarked"
    MISSING = "missing"
    BOTH = "both"
    DRIFTED = "drifted"
    DIFFERS = "differs"
    PENDING = "pending"
    RENEWAL_DUE = "renewal_due"
    IN_SYNC = "in_sync"


@record(kw_only=True)
class ResourceDrift:
    """How one resource is: its status, what an apply would change, and what else is known.

    notes: what the file says of a schedule for people: description, owner, runbook.
    """

    kind: Kind
    name: str
    status: Status
    change: Change | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def severity(self) -> Severity:
        """Of in_sync and renewal_due the heaviest diagnostic; all others are differences."""
        if self.status not in (Status.IN_SYNC, Status.RENEWAL_DUE):
            return Severity.DIFFERENCE
        severities = (diagnostic.severity for diagnostic in self.diagnostics)
        return min(severities, key=RANKS.__getitem__, default=Severity.INFO)

    @property
    def order(self) -> tuple[int, int, str]:
        """Deletes first, what is in sync last."""
        return list(Status).index(self.status), list(Kind).index(self.kind), self.name


@record(kw_only=True)
class Drift:
    """How every declared resource is, and what is surplus; in a total order.

    plan: with its diagnostics as a watcher has them: guards and limits are no errors of his.
    schedules: as they are declared.
    """

    plan: Plan
    schedules: tuple[Schedule, ...] = field(default=(), repr=False)
    resources: tuple[ResourceDrift, ...] = ()

    @property
    def differences(self) -> int:
        """How many resources differ."""
        return sum(one.severity is Severity.DIFFERENCE for one in self.resources)

    @property
    def attention(self) -> tuple[Diagnostic, ...]:
        """What somebody should look at, though file and account agree."""
        of_resources = (d for one in self.resources for d in one.diagnostics)
        every = (*self.plan.warnings, *of_resources)
        return tuple(one for one in every if one.code in liveness.ATTENTION)

    @property
    def counts(self) -> dict[Status, int]:
        """How many resources have each status, in its order; those with none are left out."""
        found = Counter(one.status for one in self.resources)
        return {status: found[status] for status in Status if found[status]}

    @property
    def differing(self) -> tuple[Diagnostic, ...]:
        """One for each declared schedule that differs, at its place in the file."""
        places = {schedule.name: schedule.location for schedule in self.schedules}
        return tuple(
            Diagnostic(
                severity=Severity.DIFFERENCE,
                code=str(one.status),
                message=f"the account differs: {one.status.replace('_', ' ')}",
                path=(f"{one.kind}s", one.name),
                location=places.get(one.name) if one.kind is Kind.SCHEDULE else None,
            )
            for one in self.resources
            if one.severity is Severity.DIFFERENCE
        )

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The plan's warnings, and what is known of the resources beside differences."""
        return self.plan.warnings + tuple(
            diagnostic
            for one in self.resources
            for diagnostic in one.diagnostics
            if diagnostic.severity is not Severity.DIFFERENCE
        )


def judge(desired: Desired, live: Live, plan: Plan, *, read_at: datetime) -> Drift:
    """The status of each resource, and what else is known of it.

    read_at: the server's time when the account was read; the plan may have been made for another.
    """
    schedules = {schedule.name: schedule for schedule in desired.schedules or ()}
    paused = dict(_left_paused(desired, live))
    known = KnownSecrets(desired.secrets)
    changed = [(change.kind, change.name, change) for change in plan.changes]
    unchanged = [(kind, name, None) for kind, name in plan.unchanged]
    resources = []
    for kind, name, change in (*changed, *unchanged):
        status = _status(change)
        found: list[Diagnostic] = []
        if (kind, name) in paused:
            found = [paused[kind, name]]
        elif kind is Kind.SCHEDULE and status is not Status.SURPLUS:
            found = list(_diagnostics(schedules[name], change, plan, desired, read_at))
        # A renewal that is due for long is a difference, but nobody's doing.
        if any(d.severity is Severity.DIFFERENCE and d.code != live_times.RENEWAL for d in found):
            status = _MOVED.get(status, status)
        diagnostics = tuple(map(known.in_diagnostic, found))
        resources.append(
            ResourceDrift(
                kind=kind,
                name=name,
                status=status,
                change=change,
                diagnostics=diagnostics,
                notes=schedules[name].notes if kind is Kind.SCHEDULE and name in schedules else (),
            )
        )
    resources.sort(key=lambda one: one.order)
    return Drift(
        plan=_for_a_watcher(plan),
        schedules=desired.schedules or (),
        resources=tuple(resources),
    )


def _for_a_watcher(plan: Plan) -> Plan:
    """Guards and limits only warn of an apply to come; a pause stands with its resource."""
    stops = [diagnostic for diagnostic in plan.errors if diagnostic.code in guards.STOPS]
    told = ("paused", "partly_paused", live_times.RENEWAL)
    kept = [w for w in plan.warnings if w.code not in told]
    kept += liveness.old_zone_data(plan.tzdata, plan.now)
    warned = [replace(diagnostic, severity=Severity.WARNING) for diagnostic in stops]
    errors = tuple(diagnostic for diagnostic in plan.errors if diagnostic not in stops)
    return replace(plan, warnings=(*kept, *warned), errors=errors)


_STATUS = {
    Reason.FILE: Status.PENDING,
    Reason.RENAME: Status.PENDING,
    Reason.DRIFT: Status.DRIFTED,
    Reason.BOTH: Status.BOTH,
    Reason.CLOCK: Status.RENEWAL_DUE,
    Reason.ADOPT: Status.UNMARKED,
}
_MOVED = {  # by a fact that differs
    Status.IN_SYNC: Status.DRIFTED,
    Status.RENEWAL_DUE: Status.DRIFTED,
    Status.PENDING: Status.BOTH,
}


def _status(change: Change | None) -> Status:
    if change is None:
        return Status.IN_SYNC
    if change.action is Action.DELETE:
        return Status.SURPLUS
    if change.action is Action.CREATE:
        return Status.MISSING
    return _STATUS[change.reason] if change.kind is Kind.SCHEDULE else Status.DIFFERS


def _diagnostics(
    schedule: Schedule, change: Change | None, plan: Plan, desired: Desired, read_at: datetime
) -> Iterator[Diagnostic]:
    """What is known of a declared schedule beside its change."""
    # The parts with our mark, also under a former name, and what the file adopts.
    found = live_set(schedule, plan.index)
    parts = [part.live for part in found if plan.index.is_managed(part) or schedule.adopted]
    if change and change.reason is Reason.CLOCK:
        yield _renewal(schedule, parts, change, plan.now, desired)
    elif change and (end := horizons.due_beside(schedule, change, desired, plan.index, plan.now)):
        text = f"{horizons.until(schedule, plan.now, end)}; the next apply renews it, too"
        yield about(schedule, horizons.grade(end, plan.now), live_times.RENEWAL, text)
    pause_changes = change is not None and any(field.path == "paused" for field in change.fields)
    yield from liveness.facts(schedule, parts, plan.live, read_at, pause_changes=pause_changes)


def _renewal(
    schedule: Schedule,
    parts: Sequence[LiveSchedule],
    change: Change,
    now: datetime,
    desired: Desired,
) -> Diagnostic:
    """What is due: until when it is exact, and how urgent that is."""
    wrong = exact_until(schedule.timing.job, [part.cron for part in parts], now)
    severity = Severity.DIFFERENCE if change.cut_off else horizons.grade(wrong, now)
    until = horizons.until(schedule, now, wrong) if wrong else "exact for years"
    text = f"{until}; `{desired.command('apply', '--only', 'clock')}` renews it"
    return about(schedule, severity, live_times.RENEWAL, text)


def _left_paused(desired: Desired, live: Live) -> Iterator[tuple[tuple[Kind, str], Diagnostic]]:
    """Of the queues and flow-control keys that are paused, and the file leaves it so."""
    for kind in (Kind.QUEUE, Kind.FLOW_CONTROL):
        there = {one.name: one for one in getattr(live, f"{kind}s") or ()}
        for resource in getattr(desired, f"{kind}s") or ():
            for found in left_paused(kind, resource, there.get(resource.name)):
                yield (kind, resource.name), found
