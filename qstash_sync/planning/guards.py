"""What stops a plan: deletes that would do harm, or that are too many; each has its way out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property

from qstash_sync.model import references
from qstash_sync.model.change import Action, Change, Withheld
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.lint import BY_CODE
from qstash_sync.model.resources import Desired, Key, Kind, Live, Message
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile.about import as_yaml
from qstash_sync.record import record

_FEW = 2  # so many deletes are no share of anything
# Codes of what stops an apply, and is no error of the file.
STOPS = frozenset(("guard", "limit", *BY_CODE))


def guarded(
    changes: Sequence[Change], desired: Desired, live: Live, policy: Policy
) -> list[Change]:
    """Refuse to delete what is protected, still used after this plan, or has a backlog."""

    def judged(change: Change, users: _Users) -> Change:
        if change.refused or (change.action is not Action.DELETE and not change.protected):
            return change
        why = next(_refusals(change, users, desired, live, policy), None)
        return replace(change, refused=why)

    # What is used is judged by the schedules that are really deleted: they come first.
    nobody = _Users((), Live())
    found = [judged(c, nobody) if c.kind is Kind.SCHEDULE else c for c in changes]
    users = _Users(found, live)
    return [c if c.kind is Kind.SCHEDULE else judged(c, users) for c in found]


def no_longer_used(
    changes: Sequence[Change], unmanaged: Iterable[Key], desired: Desired, live: Live
) -> Iterator[Diagnostic]:
    """A queue or URL group that stays, and that nobody calls once this is done: its rename."""
    before, after = _Users((), live), _Users(changes, live)
    declared = {of for schedule in desired.schedules or () for of in references.of(schedule)}
    for kind, name in sorted(unmanaged) if changes else ():
        if kind not in (Kind.QUEUE, Kind.URL_GROUP):
            continue
        used, still = (
            of.queues if kind is Kind.QUEUE else of.destinations for of in (before, after)
        )
        is_left = name in used and name not in still and (str(kind), name) not in declared
        globs: tuple[str, ...] = getattr(desired.protect, f"{kind}s")
        stays = is_left and (_named(name, globs) or desired.declared_by_another((kind, name)))
        if is_left and not stays:
            section = f"{kind}s"
            fact = "no schedule uses it any more; it stays, since owns does not name it"
            hint = f"owns: {{{section}: [{as_yaml(name)}]}}, and an apply deletes it"
            yield Diagnostic(
                severity=Severity.INFO, code="unused", message=fact, path=(section, name), hint=hint
            )


class _Users:
    """Which schedules use a queue or group once the changes that are not refused are made."""

    def __init__(self, changes: Sequence[Change], live: Live) -> None:
        self._changes, self._live = changes, live

    @cached_property
    def _after(self) -> dict[str, Message]:
        after = {part.id: part.message for part in self._live.schedules or ()}
        for change in self._changes:
            for step in change.steps if not change.refused else ():
                if isinstance(step, DeleteSchedule):
                    after.pop(step.id, None)
                elif isinstance(step, PutSchedule):
                    after[step.id] = step.message
        return after

    @cached_property
    def queues(self) -> Mapping[str, str]:
        """A schedule for each queue that is used."""
        users = reversed(self._after.items())  # so that the first one stays
        return {m.queue: part_id for part_id, m in users if m.queue is not None}

    @cached_property
    def destinations(self) -> Mapping[str, str]:
        """A schedule for each destination."""
        return {str(m.destination): part_id for part_id, m in reversed(self._after.items())}


def _refusals(
    change: Change, users: _Users, desired: Desired, live: Live, policy: Policy
) -> Iterator[str]:
    """Each reason against a delete that no policy answers, with the option that does."""
    name = change.name
    if not _named(name, policy.allow_protected):
        way_out = f"or {policy.way(f'--allow-protected {name}')}"
        if change.protected:
            yield f"protected: apply it once with protect: false, then remove it, {way_out}"
        globs: tuple[str, ...] = getattr(desired.protect, f"{change.kind}s", ())
        if _named(name, globs):
            yield f"the file's protect section names it; take it out there, {way_out}"
    if change.kind is Kind.QUEUE and not _named(name, policy.drop_backlog):
        backlog = next((q.backlog for q in live.queues or () if q.name == name), None)
        if backlog:
            yield f"{backlog}; wait, or {policy.way(f'--drop-backlog {name}')}"
    if change.kind in (Kind.QUEUE, Kind.URL_GROUP) and not _named(name, policy.allow_in_use):
        used = users.queues if change.kind is Kind.QUEUE else users.destinations
        if name in used:
            way_out = policy.way(f"--allow-in-use {name}")
            yield f"the schedule {used[name]} uses it; change that first, or {way_out}"


def _named(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in globs)


def refused_deletes(changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """A delete that is refused stops the whole apply: nothing is written."""
    for change in changes:
        if change.is_guarded or (change.refused and change.protected):
            what = f"{change.kind.noun} {change.name}"
            if change.action is not Action.DELETE:
                what = f"what {what} was before"
            message = f"{what} is not deleted: {change.refused}"
            yield Diagnostic(code="guard", message=message)


def too_many_deletes(
    desired: Desired,
    live: Live,
    changes: Sequence[Change],
    every: Sequence[Change],
    policy: Policy,
) -> Iterator[Diagnostic]:
    """What `limits` says of deletes; a removed endpoint counts as one.

    every: the changes of this run, and those that it leaves alone; they tell how many there are.
    """
    limits = desired.limits
    counts = list(_counts(desired, live, changes, every))
    total = sum(count.removed for count in counts)
    if not total or (policy.allow_deletes is not None and total <= policy.allow_deletes):
        return
    facts: list[str] = []
    if limits.max_deletes is not None and total > limits.max_deletes:
        many = "1 delete" if total == 1 else f"{total:,} deletes"
        facts.append(f"{many}, limits.max_deletes is {limits.max_deletes:,}")
    if limits.max_delete_percent is not None:
        facts += [fact for count in counts if (fact := count.excess(limits.max_delete_percent))]
    allow = policy.way(f"--allow-deletes {total}")
    hint = f"look at each; then {allow}"
    for fact in facts:
        yield Diagnostic(code="guard", message=fact, hint=hint)
    if not facts and _is_anothers(desired, changes, every):
        fact = f"none of the declared schedules is live, and of {desired.namespace} others are"
        hint = f"is the namespace another file's? was: renames one; else {allow}"
        yield Diagnostic(code="guard", message=fact, hint=hint)


@record()
class _Count:
    """How many of ours a plan takes away, and how many there are."""

    what: str
    removed: int
    ours: int

    def excess(self, percent: int) -> str | None:
        """What is too much of it: a share of more than two, or all of more than one."""
        if self.removed == self.ours > 1:
            return f"all {self.ours:,} {self.what} of ours would be deleted"
        if self.removed > _FEW and 100 * self.removed > percent * self.ours:
            share = f"{self.removed:,} of {self.ours:,} {self.what} would be deleted"
            return f"{share}, limits.max_delete_percent is {percent}"
        return None


def _counts(
    desired: Desired, live: Live, changes: Sequence[Change], every: Sequence[Change]
) -> Iterator[_Count]:
    for kind in Kind:
        removed = sum(_takes(change) for change in changes if change.kind is kind)
        mine = [change for change in every if change.kind is kind]
        declared = getattr(desired, f"{kind}s") or ()
        kept = len(declared) - sum(change.action is Action.CREATE for change in mine)
        yield _Count(f"{kind}s", removed, sum(map(_takes, mine)) + kept)
    fields = (
        field for change in changes if change.kind is Kind.URL_GROUP for field in change.fields
    )
    removed = sum(field.withheld is Withheld.REMOVED for field in fields)
    names = {group.name for group in desired.url_groups or ()}
    groups = (group for group in live.url_groups or () if group.name in names)
    yield _Count("endpoints", removed, sum(len(group.endpoints) for group in groups))


def _takes(change: Change) -> int:
    """How many resources a change takes away."""
    is_delete = change.action is Action.DELETE and not change.is_refused_alone
    return is_delete + change.drops


def _is_anothers(desired: Desired, changes: Sequence[Change], every: Sequence[Change]) -> bool:
    """Whether the schedules to be deleted look like those of another file with this namespace."""
    here, all_ = (
        Counter(c.action for c in some if c.kind is Kind.SCHEDULE and not c.is_refused_alone)
        for some in (changes, every)
    )
    created, declared = all_[Action.CREATE], len(desired.schedules or ())
    return here[Action.DELETE] > 0 and created == declared > 0
