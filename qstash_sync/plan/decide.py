"""Desired x live -> plan: what to create, update or delete, why, and in which order.

    declared   live                          change
    yes        no                            create
    yes        ours, equal                   none
    yes        ours, only the pause differs  pause, resume
    yes        ours, differs                 update; reason by the mark: file, drift, both, clock
    yes        without our mark              refused, unless adopted (`id:`, --adopt)
    no         ours                          delete
    no         anything else                 none: unmanaged, counted, never touched

"Ours" is, for schedules, an id in the namespace and our mark; for the other kinds, which carry no
mark, a name that `owns` matches.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from qstash_sync.model.change import Change
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Kind, Live
from qstash_sync.plan import guards, unmarked_kinds
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.schedules import Schedules
from qstash_sync.plan.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an apply would do, in a total order; a value, not a mode. live: what it was made for."""

    environment: str | None
    namespace: str
    now: datetime
    tzdata: str
    changes: tuple[Change, ...] = ()
    unchanged: tuple[tuple[Kind, str], ...] = ()
    unmanaged: tuple[tuple[Kind, str], ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    rows: tuple[int, int] = (0, 0)  # schedules in the account, before and after
    rows_allowed: int | None = None  # by the account's plan, where the file names it
    left: int = 0  # changes of other reasons than the one asked for
    live: Live = field(default=Live(), repr=False)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do and nothing refused."""
        return not self.changes

    @property
    def summary(self) -> dict[str, int]:
        """Counts of resources; a pause is an update."""
        counts = Counter(
            {"pause": "update", "resume": "update"}.get(c.action, str(c.action))
            for c in self.changes
        )
        result = {key: counts[key] for key in ("create", "update", "delete")}
        return {**result, "unchanged": len(self.unchanged), "unmanaged": len(self.unmanaged)}


def propose(
    desired: Desired,
    live: Live,
    *,
    now: datetime,
    tzdata: str,
    options: Policy = Policy(),  # noqa: B008 frozen
) -> Plan:
    """Compare and decide; raises nothing: what cannot be done is in the plan's errors.

    With `options.only` or `.among`, errors of what is left alone are warnings.
    """
    only, among = options.only, options.among
    work = Work()
    dangling = tuple(guards.references(_narrowed(desired, among), live))
    unmarked_kinds.compare(work, Kind.URL_GROUP, desired, live)
    unmarked_kinds.compare(work, Kind.QUEUE, desired, live)
    unmarked_kinds.compare(work, Kind.FLOW_CONTROL, desired, live)
    if desired.schedules is not None:
        Schedules(work, desired, live.schedules or (), now, options.adopt).run()
    changes = sorted(work.changes, key=lambda change: change.order)
    left = [change for change in changes if only not in (None, change.reason)]
    if among is not None:
        changes = [change for change in changes if change.key in among]
        work.diagnostics = [replace(f, severity=_at_most_warning(f)) for f in work.diagnostics]
    work.diagnostics = [*dangling, *work.diagnostics]
    if only is not None:
        changes = [change for change in changes if change.reason is only]
        work.diagnostics = [replace(f, severity=_at_most_warning(f)) for f in work.diagnostics]
    changes = [guards.guarded(change, changes, desired, live, options) for change in changes]
    before = len(live.schedules or ())
    after = before + guards.row_balance(changes, live)
    allowed = PLANS.get(desired.limits.plan or "")
    work.diagnostics += guards.refused_deletes(changes)
    work.diagnostics += guards.too_many_deletes(desired, changes, options)
    work.diagnostics += guards.limits(desired, live, changes, after, now)
    return Plan(
        environment=desired.environment,
        namespace=desired.namespace,
        now=now,
        tzdata=tzdata,
        changes=tuple(changes),
        unchanged=tuple(sorted(work.unchanged)),
        unmanaged=tuple(sorted(work.unmanaged)),
        warnings=tuple(f for f in work.diagnostics if f.severity is not Severity.ERROR),
        errors=tuple(f for f in work.diagnostics if f.severity is Severity.ERROR),
        rows=(before, after),
        rows_allowed=allowed.schedules if allowed else None,
        left=len(left),
        live=live,
    )


def _narrowed(desired: Desired, among: frozenset[tuple[Kind, str]] | None) -> Desired:
    """Without the schedules that are left alone: what they name does not matter now."""
    if among is None:
        return desired
    schedules = (s for s in desired.schedules or () if (Kind.SCHEDULE, s.id) in among)
    return replace(desired, schedules=tuple(schedules))


def _at_most_warning(diagnostic: Diagnostic) -> Severity:
    return Severity.WARNING if diagnostic.severity is Severity.ERROR else diagnostic.severity
