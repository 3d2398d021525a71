"""What stops a plan: references into nothing, deletes that would do harm, an account's limits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from qstash_sync.model.change import Action, Change, Reason, Withheld
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Desired, Kind, Live, Message, Schedule
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.plan import quota
from qstash_sync.plan.live_parts import LiveParts
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.quota import Usage

STOPS = frozenset(("guard", "limit"))  # codes of what stops an apply, and is no error of the file


def references(desired: Desired, schedules: Iterable[Schedule], live: Live) -> Iterator[Diagnostic]:
    """Schedules that name a group, queue or key that is neither declared nor live."""
    groups = _names(desired.url_groups) | _names(live.url_groups)
    queues = _names(desired.queues) | _names(live.queues)
    flows = _names(desired.flow_controls) | _names(live.flow_controls)
    for schedule in schedules:
        message = schedule.message
        if schedule.to_group and str(message.destination) not in groups:
            yield _dangling(schedule, "url_group", str(message.destination), groups)
        if message.queue is not None and message.queue not in queues:
            yield _dangling(schedule, "queue", message.queue, queues)
        use = message.flow_control
        if use and not (use.parallelism or use.rate) and use.key not in flows:
            yield _dangling(schedule, "flow_control", use.key, flows, " without limits of its own")


def _names(resources: Iterable[Any] | None) -> set[str]:
    return {resource.name for resource in resources or ()}


def _dangling(
    schedule: Schedule, key: str, name: str, known: set[str], more: str = ""
) -> Diagnostic:
    from difflib import get_close_matches  # noqa: PLC0415 only where something is wrong

    close = get_close_matches(name, sorted(known), 1)
    section = f"{key}s"
    hint = f"did you mean {close[0]}?" if close else f"declare it under {section}"
    return Diagnostic(
        code="reference",
        message=f"{name}{more} is neither in the file nor in the account",
        path=("schedules", schedule.name, key),
        location=schedule.location,
        hint=hint,
    )


# ---------------------------------------------------------------- deletes


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


def refused(change: Change, why: str) -> Change:
    """A change that is not made: what it would do is no part of it any more."""
    return replace(
        change,
        action=Action.UPDATE,
        reason=Reason.ADOPT,
        fields=(),
        notes=(),
        steps=(),
        swap=None,
        refused=why,
    )


class _Users:
    """Which schedules use a queue or group once the changes that are not refused are made."""

    def __init__(self, changes: Sequence[Change], live: Live) -> None:
        self._changes, self._live = changes, live

    @cached_property
    def _after(self) -> Mapping[str, Message]:
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
        return {m.queue: part_id for part_id, m in self._after.items() if m.queue is not None}

    @cached_property
    def destinations(self) -> Mapping[str, str]:
        """A schedule for each destination."""
        return {str(m.destination): part_id for part_id, m in self._after.items()}


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
        if any(count > 1 for count in removed.values()) or _last(desired, changes):
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


def _last(desired: Desired, changes: Sequence[Change]) -> bool:
    deleted = {c.kind for c in changes if c.action is Action.DELETE}
    return any(_kept(desired, changes, kind) == 0 for kind in deleted)


# ---------------------------------------------------------------- the account's plan


def limits(
    desired: Desired,
    index: LiveParts,
    changes: Sequence[Change],
    usage: Mapping[Kind, Usage],
    now: datetime,
) -> Iterator[Diagnostic]:
    """What the account's plan does not allow, before anything is written."""
    plan = desired.limits.plan
    if any(c.action is Action.CREATE or c.kind is Kind.SCHEDULE for c in changes):
        refused_ids = {change.id for change in changes if change.refused}
        declared = [s for s in desired.schedules or () if s.id not in refused_ids]
        others = _others(declared, index, changes)
        today = usage[Kind.SCHEDULE].after
        yield from quota.judge(declared, now, plan=plan, others=others, today=today)
    for kind in (Kind.URL_GROUP, Kind.QUEUE):
        used = usage[kind]
        over = used.allowed is not None and used.after > used.allowed
        if over and any(change.kind is kind for change in changes):
            yield Diagnostic(
                code="limit",
                message=f"{used.after} {kind}s after this; the plan {plan} allows {used.allowed}",
                hint="remove some, or raise the plan",
            )


def _others(declared: Sequence[Schedule], index: LiveParts, changes: Sequence[Change]) -> int:
    """Live schedules that are no part of a declared one and stay."""
    deleted = {s.id for c in changes for s in c.steps if isinstance(s, DeleteSchedule)}
    bases = {schedule.id for schedule in declared}
    others = (p for p in index.by_id.values() if p.base not in bases)
    return sum(part.live.id not in deleted for part in others)
