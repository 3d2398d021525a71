"""What stops a plan: deletes that would do harm, or that are too many; each has its way out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property

from qstash_sync.model.change import Action, Change, Withheld
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Desired, Kind, Live, Message
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.plan.policy import Policy

STOPS = frozenset(("guard", "limit"))  # codes of what stops an apply, and is no error of the file


def guarded(
    changes: Sequence[Change], desired: Desired, live: Live, policy: Policy
) -> list[Change]:
    """Refuse to delete what is protected, still used after this plan, or has a backlog."""

    def judged(change: Change, users: _Users) -> Change:
        if change.action is not Action.DELETE:
            return change
        why = next(_refusals(change, users, desired, live, policy), None)
        return replace(change, refused=why)

    # What is used is judged by the schedules that are really deleted: they come first.
    nobody = _Users((), Live())
    found = [judged(c, nobody) if c.kind is Kind.SCHEDULE else c for c in changes]
    users = _Users(found, live)
    return [c if c.kind is Kind.SCHEDULE else judged(c, users) for c in found]


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
        way_out = f"or --allow-protected {name}"
        if change.protected:
            yield f"protected: apply it once with protect: false, then remove it, {way_out}"
        globs: tuple[str, ...] = getattr(desired.protect, f"{change.kind}s", ())
        if _named(name, globs):
            yield f"the file's protect section names it; take it out there, {way_out}"
    if change.kind is Kind.QUEUE and not _named(name, policy.drop_backlog):
        lag = next((q.lag for q in live.queues or () if q.name == name), 0)
        if lag > 0:
            yield f"{lag} messages wait in it and would be lost; wait, or --drop-backlog {name}"
    if change.kind in (Kind.QUEUE, Kind.URL_GROUP) and not _named(name, policy.allow_in_use):
        used = users.queues if change.kind is Kind.QUEUE else users.destinations
        if name in used:
            yield f"the schedule {used[name]} uses it; change that first, or --allow-in-use {name}"


def _named(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in globs)


def refused_deletes(changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """A delete that is refused stops the whole apply: nothing is written."""
    for change in changes:
        if change.action is Action.DELETE and change.refused:
            message = f"{change.kind} {change.name} is not deleted: {change.refused}"
            yield Diagnostic(code="guard", message=message)


def too_many_deletes(
    desired: Desired, changes: Sequence[Change], policy: Policy
) -> Iterator[Diagnostic]:
    """What `limits` says of deletes; one of a kind is always allowed, unless it is the last."""
    allowed = desired.limits
    removed = {kind: sum(_removed(c) for c in changes if c.kind is kind) for kind in Kind}
    total = sum(removed.values())
    if policy.allow_deletes is not None and total <= policy.allow_deletes:
        return
    hint = f"look at each; then --allow-deletes {total}"
    if allowed.max_deletes is not None and total > allowed.max_deletes:
        most = f"limits.max_deletes is {allowed.max_deletes}"
        deleted = {change.kind for change in changes if change.action is Action.DELETE}
        takes_last = any(_kept(desired, changes, kind) == 0 for kind in deleted)
        if takes_last or any(count > 1 for count in removed.values()):
            yield Diagnostic(code="guard", message=f"{total} deletes, {most}", hint=hint)
    for kind, count in removed.items():
        ours = count + _kept(desired, changes, kind)
        if allowed.max_delete_percent is None or not count or (count == 1 and ours > 1):
            continue
        if 100 * count > allowed.max_delete_percent * ours:
            most = f"limits.max_delete_percent is {allowed.max_delete_percent}"
            message = f"{count} of {ours} {kind}s would be deleted, {most}"
            yield Diagnostic(code="guard", message=message, hint=hint)


def _removed(change: Change) -> int:
    """Resources, or endpoints of a URL group, that a change takes away."""
    if change.action is Action.DELETE:
        return 1
    if change.kind is not Kind.URL_GROUP:
        return 0
    return sum(field.withheld is Withheld.REMOVED for field in change.fields)


def _kept(desired: Desired, changes: Sequence[Change], kind: Kind) -> int:
    """How many declared resources of a kind are in the account already."""
    declared = getattr(desired, f"{kind}s") or ()
    created = sum(c.kind is kind and c.action is Action.CREATE for c in changes)
    return len(declared) - created
