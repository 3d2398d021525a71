"""Every change x policy -> the plan: what may be done of it, in which order, and what stops it.

consent    what would overwrite what is not ours is refused, unless `--adopt` names it
scope      `--only`, a saved plan: what is left alone is counted, its errors are warnings
guards     deletes that would do harm are refused, each with its own way out
quota      what the account's plan does not allow is an error before the first write
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, Live, Schedule
from qstash_sync.plan import guards, messages, quota, references
from qstash_sync.plan.compared import Compared, Comparison
from qstash_sync.plan.known_secrets import KnownSecrets
from qstash_sync.plan.live_parts import LiveParts
from qstash_sync.plan.messages import MessagesADay
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.quota import Usage

_COUNTED = {"pause": "update", "resume": "update"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an apply would do, in a total order; a value, not a mode.

    usage: of the kinds that have a limit. messages: a day, where the account's plan has a limit
    that is near. left: how many changes have other reasons than the
    one asked for. left_alone: those that were asked for, and are not approved.
    managed: the kinds that the file has a section of. live, index: what it was made for.
    is_attributed: a base says whose each change is.
    """

    environment: str | None
    namespace: str
    now: datetime
    tzdata: str
    changes: tuple[Change, ...] = ()
    unchanged: tuple[tuple[Kind, str], ...] = ()
    unmanaged: tuple[tuple[Kind, str], ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    usage: Mapping[Kind, Usage] = field(default_factory=dict)
    messages: MessagesADay | None = None
    left: int = 0
    left_alone: tuple[Change, ...] = ()
    managed: tuple[Kind, ...] = tuple(Kind)
    is_attributed: bool = False
    live: Live = field(default=Live(), repr=False)
    index: LiveParts = field(repr=False, compare=False)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do and nothing refused."""
        return not self.changes

    @property
    def summary(self) -> dict[str, int]:
        """Counts of resources; a pause is an update."""
        counts = Counter(_COUNTED.get(c.action, str(c.action)) for c in self.changes)
        result = {key: counts[key] for key in ("create", "update", "delete")}
        return {**result, "unchanged": len(self.unchanged), "unmanaged": len(self.unmanaged)}

    @property
    def is_refused(self) -> bool:
        """Whether guards and limits alone stop it, and not an error of the file."""
        return bool(self.errors) and all(error.code in guards.STOPS for error in self.errors)

    @property
    def rows(self) -> tuple[int, int]:
        """Schedules in the account, before and after."""
        schedules = self.usage.get(Kind.SCHEDULE)
        return (schedules.before, schedules.after) if schedules else (0, 0)

    @property
    def rows_allowed(self) -> int | None:
        """Schedules that the account's plan allows, where the file names it."""
        schedules = self.usage.get(Kind.SCHEDULE)
        return schedules.allowed if schedules else None


def decide(
    desired: Desired,
    live: Live,
    index: LiveParts,
    comparison: Comparison,
    policy: Policy,
    *,
    now: datetime,
    tzdata: str,
) -> Plan:
    """Apply the policy; raises nothing: what cannot be done is in the plan's errors."""
    compared = [_consented(one, policy) for one in comparison.compared]
    changes = sorted((one.change for one in compared if one.change), key=lambda c: c.order)

    kept = [change for change in changes if policy.keeps(change)]
    others = [change for change in changes if not policy.keeps(change)]
    asked = [change for change in others if policy.asks_for(change)]
    keys = {change.key for change in kept}

    kept = guards.guarded(kept, desired, live, policy)
    usage = quota.usage(desired.limits.plan, live, kept)
    a_day = messages.a_day(desired, live, kept, now)
    excess = a_day.excess() if a_day else None
    found = [
        *_dangling(desired, live, policy),
        *(
            _at_most_warning(diagnostic) if policy.is_scoped and one.key not in keys else diagnostic
            for one in compared
            for diagnostic in one.diagnostics
        ),
        *comparison.diagnostics,
        *_idle_globs(comparison, policy),
        *guards.refused_deletes(kept),
        *guards.too_many_deletes(desired, live, kept, policy),
        *quota.limits(desired, index, kept, usage, now),
        *((excess,) if excess else ()),
    ]
    known = KnownSecrets(desired.secrets)
    found = [known.in_diagnostic(diagnostic) for diagnostic in found]
    return Plan(
        environment=desired.environment,
        namespace=desired.namespace,
        now=now,
        tzdata=tzdata,
        changes=tuple(map(known.in_change, kept)),
        unchanged=tuple(sorted((one.kind, one.name) for one in compared if one.change is None)),
        unmanaged=tuple(sorted(comparison.unmanaged)),
        warnings=tuple(f for f in found if f.severity is not Severity.ERROR),
        errors=tuple(f for f in found if f.severity is Severity.ERROR),
        usage=usage,
        messages=a_day,
        left=len(others) - len(asked),
        left_alone=tuple(map(known.in_change, asked)),
        managed=tuple(kind for kind in Kind if getattr(desired, f"{kind}s") is not None),
        live=live,
        index=index,
    )


def consented(comparison: Comparison, policy: Policy) -> Iterator[Change]:
    """The changes alone, refused where they need a consent that the policy does not give."""
    for one in comparison.compared:
        change = _consented(one, policy).change
        if change:
            yield change


def _consented(one: Compared, policy: Policy) -> Compared:
    """As it is where the policy consents; else the change refused, without what it would do."""
    if one.consent is None or one.change is None:
        return one
    if any(fnmatchcase(one.name, pattern) for pattern in policy.adopt):
        return one
    fact = f"{one.consent.id} {one.consent.foreign.value}"
    why = f"{fact}; take it over with --adopt {one.name}, or rename yours"
    refused = replace(
        one.change,
        action=Action.UPDATE,
        reason=Reason.ADOPT,
        fields=(),
        notes=(),
        steps=(),
        swap=None,
        protected=False,
        drops=0,
        refused=why,
    )
    # What is said of it stays where the schedule itself is ours, and a further part is not.
    said = one.diagnostics if one.consent.id != one.id else ()
    return replace(one, change=refused, diagnostics=said)


def _idle_globs(comparison: Comparison, policy: Policy) -> Iterator[Diagnostic]:
    """What `--adopt` names and the files do not: a slip of the pen must not pass for consent."""
    names = [one.name for one in comparison.compared if one.kind is Kind.SCHEDULE]
    for pattern in policy.adopt if policy.among is None else ():
        if not any(fnmatchcase(name, pattern) for name in names):
            fact = f"--adopt {pattern}: no schedule of the files has such a name"
            yield Diagnostic(code="adopt", message=fact, hint="name it as the file does")


def _dangling(desired: Desired, live: Live, policy: Policy) -> Iterator[Diagnostic]:
    """References into nothing, of a saved plan's schedules alone where there is one."""
    schedules: Sequence[Schedule] = desired.schedules or ()
    if policy.among is not None:
        schedules = [s for s in schedules if (Kind.SCHEDULE, s.id) in policy.among]
    for diagnostic in references.dangling(desired, schedules, live):
        yield _at_most_warning(diagnostic) if policy.is_partial else diagnostic


def _at_most_warning(diagnostic: Diagnostic) -> Diagnostic:
    if diagnostic.severity is not Severity.ERROR:
        return diagnostic
    return replace(diagnostic, severity=Severity.WARNING)
