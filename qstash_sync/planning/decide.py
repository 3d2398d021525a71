"""Every change x policy -> the plan: what may be done of it, in which order, and what stops it.

consent    what would overwrite what is not ours is refused, unless `--adopt` names it
scope      `--target`, `--exclude`: what is left out is listed, and nothing else is said of it;
           `--only`, a saved plan: what is left alone is counted, its errors are warnings
lint       what is found in what changes is told; as heavy as `--fail-on`, it stops the run
guards     deletes that would do harm are refused, each with its own way out
quota      what the account's plan does not allow is an error before the first write
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from qstash_sync.exit_codes import ExitCode
from qstash_sync.lint import judge
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity, listed
from qstash_sync.model.lint import BY_CODE
from qstash_sync.model.resources import Desired, Key, Kind, Live, Schedule
from qstash_sync.model.steps import DeleteSchedule
from qstash_sync.planning import guards, horizons, messages, quota, references, renames
from qstash_sync.planning.known_secrets import KnownSecrets
from qstash_sync.planning.messages import MessagesADay
from qstash_sync.planning.policy import Policy
from qstash_sync.planning.quota import Usage
from qstash_sync.reconcile import ignored, scope
from qstash_sync.reconcile.compared import Compared, Comparison, Consent
from qstash_sync.reconcile.ignored import Ignored
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.record import record

IDLE_GLOB = "adopt"  # the code of an error: a consent names what it cannot be given to
_TYPED = 10  # more options than this nobody types
_OF_THE_FILE = (Reason.FILE, Reason.BOTH, Reason.ADOPT)
_WRITTEN = (Action.CREATE, Action.UPDATE)
_COUNTED = {"pause": "update", "resume": "update"}


@record(kw_only=True)
class Plan:
    """What an apply would do, in a total order; a value, not a mode.

    usage: of the kinds that have a limit. messages: a day, where the account's plan has a limit
    that is near. left_out: changes of what the run is not about. left: how many changes have other
    reasons than the one asked for. left_alone: those that were asked for, and are not approved.
    ignored: the fields that somebody else owns. managed: the kinds that the file has a section of.
    orphans: ids of schedules that an environment has left which the files do not have.
    is_attributed: a base says whose each change is. live, index: what it was made for.
    """

    environment: str | None
    namespace: str
    now: datetime
    tzdata: str
    changes: tuple[Change, ...] = ()
    unchanged: tuple[tuple[Kind, str], ...] = ()
    unmanaged: tuple[tuple[Kind, str], ...] = ()
    orphans: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    usage: Mapping[Kind, Usage] = field(default_factory=dict)
    messages: MessagesADay | None = None
    left_out: tuple[Change, ...] = ()
    left: int = 0
    left_alone: tuple[Change, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    managed: tuple[Kind, ...] = tuple(Kind)
    is_attributed: bool = False
    live: Live = field(default=Live(), repr=False)
    index: LiveParts = field(repr=False, compare=False)
    desired: Desired | None = field(default=None, repr=False, compare=False)  # what it is a plan of

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do and nothing refused."""
        return not self.changes

    @property
    def summary(self) -> dict[str, int]:
        """Counts of resources; a pause is an update, and what is refused by itself is none."""
        rest = {"unchanged": len(self.unchanged), "unmanaged": len(self.unmanaged)}
        return {**_counted(self.changes), **rest}

    @property
    def summary_left_out(self) -> dict[str, int]:
        """The same of what is left out."""
        return _counted(self.left_out)

    @property
    def refused(self) -> int:
        """How many changes are left out, since each would overwrite what is not ours."""
        return self.summary["refused"]

    @property
    def is_refused(self) -> bool:
        """Whether guards and limits alone stop it, and not an error of the file."""
        return bool(self.errors) and all(error.code in guards.STOPS for error in self.errors)

    @property
    def failure(self) -> ExitCode:
        """What the errors exit with: an option that names nothing is wrong usage in any command."""
        if any(error.code == IDLE_GLOB for error in self.errors):
            return ExitCode.USAGE
        return ExitCode.REFUSED if self.is_refused else ExitCode.ERROR

    @property
    def schedule_counts(self) -> tuple[int, int]:
        """Schedules in the account, before and after."""
        schedules = self.usage.get(Kind.SCHEDULE)
        return (schedules.before, schedules.after) if schedules else (0, 0)

    @property
    def schedules_allowed(self) -> int | None:
        """Schedules that the account's plan allows, where the file names it."""
        schedules = self.usage.get(Kind.SCHEDULE)
        return schedules.allowed if schedules else None


def _counted(changes: Iterable[Change]) -> dict[str, int]:
    counts = Counter(
        "refused" if change.is_refused_alone else _COUNTED.get(change.action, str(change.action))
        for change in changes
    )
    return {key: counts[key] for key in ("create", "update", "delete", "refused")}


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
    wanted = list(_wanted(comparison, policy))
    compared = [_consented(one, policy, index) for one in wanted]
    goes = {one.key for one in wanted}
    left = (one for one in comparison.orphans if one.key not in goes)
    orphans = [one.id for one in left if policy.is_about(one)]
    changes = sorted((one.change for one in compared if one.change), key=lambda c: c.order)

    inside = frozenset(one.key for one in compared if policy.covers(one.kind, one.names))
    left_out = [change for change in changes if change.key not in inside]
    kept = [change for change in changes if policy.keeps(change)]
    others = [c for c in changes if c.key in inside and not policy.keeps(c)]
    asked = [change for change in others if policy.asks_for(change)]
    keys = {change.key for change in kept}

    # What is not there for this run asks for no room, and cannot be referred to.
    within = scope.narrowed(desired, inside) if policy.is_narrowed else desired
    kept = guards.guarded(kept, desired, live, policy)
    beside = ((one.kind, live_id) for one in compared for live_id in one.unmanaged)
    deleted = (step.id for c in kept for step in c.steps if isinstance(step, DeleteSchedule))
    gone = {(Kind.SCHEDULE, part_id) for part_id in deleted}
    unmanaged = {*comparison.unmanaged, *beside} - gone
    usage = quota.usage(desired.limits.plan, live, kept)
    a_day = messages.a_day(within, live, kept, now)
    excess = a_day.excess() if a_day else None
    found = [
        *_dangling(within, live, policy, {change.key for change in left_out}),
        *(
            _at_most_warning(diagnostic) if policy.is_scoped and one.key not in keys else diagnostic
            for one in compared
            if one.key in inside
            for diagnostic in one.diagnostics
        ),
        *(d for d in comparison.diagnostics if _is_covered(d, policy)),
        *orphaned(orphans),
        *_idle_globs(comparison, policy),
        *_idle_orphans(comparison, policy, index),
        *_idle_consents(comparison, policy),
        *renames.forgotten(kept, within, index),
        *guards.no_longer_used(kept, unmanaged, desired, live),
        *guards.refused_deletes(kept),
        *guards.too_many_deletes(desired, live, kept, changes, policy),
        *quota.limits(within, index, kept, usage, now),
        *((excess,) if excess else ()),
        *horizons.left(others, within, index, policy, now),
    ]
    found = _linted(found, within, kept, policy, now)
    known = KnownSecrets(desired.secrets)
    found = [known.in_diagnostic(diagnostic) for diagnostic in found]
    return Plan(
        environment=desired.environment,
        namespace=desired.namespace,
        now=now,
        tzdata=tzdata,
        changes=tuple(map(known.in_change, kept)),
        unchanged=tuple(
            sorted((c.kind, c.name) for c in compared if c.change is None and c.key in inside)
        ),
        unmanaged=tuple(
            sorted(key for key in unmanaged if policy.covers(*_names_of(key, desired)))
        ),
        orphans=tuple(orphans),
        warnings=tuple(f for f in found if f.severity is not Severity.ERROR),
        errors=tuple(f for f in found if f.severity is Severity.ERROR),
        usage=usage,
        messages=a_day,
        left_out=tuple(map(known.in_change, left_out)),
        left=len(others) - len(asked),
        left_alone=tuple(map(known.in_change, asked)),
        ignored=tuple(ignored.of(within)),
        managed=tuple(kind for kind in Kind if getattr(desired, f"{kind}s") is not None),
        live=live,
        index=index,
        desired=desired,
    )


def _linted(
    found: Sequence[Diagnostic],
    desired: Desired,
    changes: Sequence[Change],
    policy: Policy,
    now: datetime,
) -> list[Diagnostic]:
    """With what there is to say of what the file changes, and what the file says of lint.

    What stays as it is was judged when it came; what is approved was judged when it was saved.
    """
    is_judged = policy.among is None and not policy.without_lint
    news = [c for c in changes if c.reason in _OF_THE_FILE and c.action in _WRITTEN]
    changed = {(f"{change.kind}s", change.name) for change in news if is_judged}
    more = judge.findings(desired, now, changed) if changed else ()
    ahead = [
        diagnostic
        for schedule in desired.schedules or ()
        if ("schedules", schedule.name) in changed
        for diagnostic in quota.too_many_parts(schedule, now)
        if diagnostic.severity is Severity.WARNING  # an error, of today, is among those found
    ]
    leveled = judge.leveled((*found, *ahead, *more), desired, now)
    weighed = judge.stopping(leveled, policy.fail_on, changed)
    of_lint = BY_CODE.keys()
    return [d for d in weighed if d.severity is not Severity.INFO or d.code not in of_lint]


def consented(comparison: Comparison, policy: Policy, index: LiveParts) -> Iterator[Change]:
    """The changes alone, refused where they need a consent that the policy does not give."""
    for one in _wanted(comparison, policy):
        change = _consented(one, policy, index).change
        if change:
            yield change


def _wanted(comparison: Comparison, policy: Policy) -> Iterator[Compared]:
    """What is compared, and of what an environment has left what the policy names."""
    yield from comparison.compared
    yield from filter(policy.ends, comparison.orphans)


def orphaned(ids: Collection[str], who: str = "") -> Iterator[Diagnostic]:
    """What fires on of an environment that was renamed, or taken out of the files.

    who: can end it, where this run cannot.
    """
    if ids:
        them = "that schedule" if len(ids) == 1 else "these schedules"
        globs = sorted(ids) if len(ids) <= _TYPED else ["'*'"]
        ways = who + " ".join(f"--delete-orphan {one}" for one in globs)
        fact = "of an environment that the files do not have, so left alone"
        yield Diagnostic(
            severity=Severity.WARNING,
            code="orphaned",
            message=f"{listed(ids)}: {fact}",
            hint=f"was the environment renamed? {ways} deletes {them}",
        )


def _consented(one: Compared, policy: Policy, index: LiveParts) -> Compared:
    """As it is where the policy consents; else the change refused, without what it would do."""
    if one.consent is None or one.change is None:
        return one
    is_named = any(fnmatchcase(one.name, pattern) for pattern in policy.adopt)
    if is_named and one.consent.can_be_given:
        return one
    if one.otherwise:
        return _consented(one.otherwise, policy, index)
    carried = index.carried(index.by_id[one.consent.id])
    why = f"{one.consent.id} {carried}; {_way_out(one, one.consent, index)}"
    is_delete = one.change.action is Action.DELETE
    refused = replace(
        one.change,
        action=Action.DELETE if is_delete else Action.UPDATE,
        reason=Reason.ADOPT,
        fields=(),
        notes=one.change.notes if is_delete else (),
        steps=(),
        swap=None,
        protected=False,
        drops=0,
        refused=why,
        foreign=one.consent.foreign,
        can_adopt=one.consent.can_be_given and not is_delete,
    )
    # What is said of it stays where the schedule itself is ours, and a further part is not.
    said = one.diagnostics if one.consent.id != one.id else ()
    return replace(one, change=refused, diagnostics=said)


def _way_out(one: Compared, consent: Consent, index: LiveParts) -> str:
    """What can be done about a change that is refused for want of consent."""
    given = index.consent_to(one.name)
    is_of_it = f"{consent.id}.".startswith(f"{one.id}.")
    is_delete = one.change is not None and one.change.action is Action.DELETE
    if is_delete and not is_of_it:
        return f"{one.id} stays as long as that is not taken over"
    if is_delete and consent.can_be_given:
        return f"the parts of one schedule go together; to take it along, {given}"
    if is_delete:
        return "only its owner can give it up"
    naming = "take out the was: or namespace_was: that names it"
    is_in_ours = index.is_in_namespace(consent.id)
    if not consent.can_be_given and is_of_it:
        return "rename yours" if is_in_ours else "take out the id: that names it"
    if not consent.can_be_given:
        return naming if is_in_ours else "only its owner can give it up"
    instead = "rename yours" if is_of_it else naming
    return f"{instead}; or to take it over, {given}"


def _idle_globs(comparison: Comparison, policy: Policy) -> Iterator[Diagnostic]:
    """What `--adopt` names and the files do not: a slip of the pen must not pass for consent."""
    schedules = [one for one in comparison.compared if one.kind is Kind.SCHEDULE]
    names = [one.name for one in schedules]
    ids = [one.id for one in comparison.orphans]
    for pattern in policy.adopt if policy.among is None else ():
        if not _fits(pattern, names):
            fact = f"--adopt {pattern}: no schedule of the files has such a name"
            hint = "name it as the file does"
            if _fits(pattern, ids):
                hint = f"--delete-orphan {pattern} deletes it"
            elif name := next((one.name for one in schedules if one.id == pattern), None):
                hint = f"that is its id: --adopt {name}"
            yield Diagnostic(code=IDLE_GLOB, message=fact, hint=hint)


def _idle_orphans(comparison: Comparison, policy: Policy, index: LiveParts) -> Iterator[Diagnostic]:
    """What `--delete-orphan` names, and is none; what is gone was deleted by a run before."""
    ids = [one.id for one in comparison.orphans]
    for pattern in policy.delete_orphan if policy.among is None else ():
        if scope.is_glob(pattern) or pattern in ids:
            continue
        fact, hint = "no such schedule is left", ""
        named = [one.id for one in comparison.orphans if one.name == pattern]
        is_there = pattern in index.by_id or bool(named)
        if named:
            fact = "that is its name"
            hint = f"name it by its id: --delete-orphan {named[0]}"
        elif is_there:
            fact = f"that is none of what an environment has left in {index.namespace}"
            hint = f"there is {listed(ids)}" if ids else ""
        yield Diagnostic(
            severity=Severity.ERROR if is_there else Severity.WARNING,
            code=IDLE_GLOB if is_there else "no_orphan",
            message=f"--delete-orphan {pattern}: {fact}",
            hint=hint,
        )


def _idle_consents(comparison: Comparison, policy: Policy) -> Iterator[Diagnostic]:
    """Consents to what is not there: a slip of the pen, or a run before has deleted it."""
    for option, text, pattern in policy.consents if policy.among is None else ():
        if why := scope.idle(text, pattern, comparison):
            yield Diagnostic(
                severity=Severity.WARNING, code="idle_consent", message=f"{option} {why}"
            )


def _fits(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _names_of(unmanaged: tuple[Kind, str], desired: Desired) -> tuple[Kind, tuple[str, ...]]:
    """What an unmanaged resource may be called: of a schedule its id, and what is behind ours."""
    kind, name = unmanaged
    return kind, (name, name.removeprefix(f"{desired.namespace}."))


def _is_covered(diagnostic: Diagnostic, policy: Policy) -> bool:
    """Whether a diagnostic is about what the run is about, or about nothing in particular."""
    section, *names = (*map(str, diagnostic.path[:2]), "")[:2]
    kind = next((kind for kind in Kind if f"{kind}s" == section), None)
    return kind is None or policy.covers(kind, tuple(names))


def _dangling(
    desired: Desired, live: Live, policy: Policy, left_out: Collection[Key]
) -> Iterator[Diagnostic]:
    """References into nothing, of a saved plan's schedules alone where there is one."""
    schedules: Sequence[Schedule] = desired.schedules or ()
    if policy.among is not None:
        schedules = [s for s in schedules if (Kind.SCHEDULE, s.id) in policy.among]
    for diagnostic in references.dangling(desired, schedules, live, left_out):
        yield _at_most_warning(diagnostic) if policy.is_partial else diagnostic


def _at_most_warning(diagnostic: Diagnostic) -> Diagnostic:
    if diagnostic.severity is not Severity.ERROR:
        return diagnostic
    return replace(diagnostic, severity=Severity.WARNING)
