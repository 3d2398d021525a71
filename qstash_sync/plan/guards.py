"""What stops a plan: references into nothing, deletes that would do harm, an account's limits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from qstash_sync.model.change import Action, Change
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Kind, Live, Schedule
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.plan import quota
from qstash_sync.plan.policy import Policy


def references(desired: Desired, live: Live) -> Iterator[Diagnostic]:
    """Schedules that name a group, queue or key that is neither declared nor live."""
    groups = _names(desired.url_groups) | _names(live.url_groups)
    queues = _names(desired.queues) | _names(live.queues)
    flows = _names(desired.flow_controls) | _names(live.flow_controls)
    for schedule in desired.schedules or ():
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
    close = get_close_matches(name, sorted(known), 1)
    section = f"{key}s"
    hint = f"did you mean {close[0]}?" if close else f"declare it under {section}"
    return Diagnostic(
        code="reference",
        message=(
            f"schedules.{schedule.name}.{key}: {name}{more} is neither in the file "
            "nor in the account"
        ),
        location=schedule.location,
        hint=hint,
    )


def guarded(
    change: Change, changes: Sequence[Change], desired: Desired, live: Live, options: Policy
) -> Change:
    """Refuse to delete what is protected, still used after this plan, or has a backlog."""
    if change.action is not Action.DELETE:
        return change
    why = next(_refusals(change, changes, desired, live, options), None)
    return replace(change, refused=why)


def _refusals(
    change: Change, changes: Sequence[Change], desired: Desired, live: Live, options: Policy
) -> Iterator[str]:
    """Each reason against a delete that no option answers, with that option."""
    name = change.name
    if not _named(name, options.allow_protected):
        way_out = f"or --allow-protected {name}"
        if change.refused:
            yield f"{change.refused}, {way_out}"
        globs: tuple[str, ...] = getattr(desired.protect, f"{change.kind}s", ())
        if _named(name, globs):
            yield f"the file's protect section names it; take it out there, {way_out}"
    if change.kind is Kind.QUEUE and not _named(name, options.drop_backlog):
        lag = next((q.lag for q in live.queues or () if q.name == name), 0)
        if lag > 0:
            yield f"{lag} messages wait in it and would be lost; wait, or --drop-backlog {name}"
    if change.kind in (Kind.QUEUE, Kind.URL_GROUP) and not _named(name, options.allow_in_use):
        user = next(_users(change, changes, live), None)
        if user:
            yield f"the schedule {user} uses it; change that first, or --allow-in-use {name}"


def _named(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in globs)


def _users(change: Change, changes: Sequence[Change], live: Live) -> Iterator[str]:
    written = {
        step.id: step
        for c in changes
        if not c.refused
        for step in c.steps
        if isinstance(step, PutSchedule)
    }
    deleted = {
        step.id
        for c in changes
        if not c.refused
        for step in c.steps
        if isinstance(step, DeleteSchedule)
    }
    stay = {part.id: part.message for part in live.schedules or () if part.id not in deleted}
    after = stay | {part_id: step.message for part_id, step in written.items()}
    for part_id, message in after.items():
        name = message.queue if change.kind is Kind.QUEUE else message.destination
        if name == change.name:
            yield part_id


def refused_deletes(changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """A delete that is refused stops the whole apply: nothing is written."""
    for change in changes:
        if change.action is Action.DELETE and change.refused:
            message = f"{change.kind} {change.name} is not deleted: {change.refused}"
            yield Diagnostic(code="guard", message=message)


def too_many_deletes(
    desired: Desired, changes: Sequence[Change], options: Policy
) -> Iterator[Diagnostic]:
    """What `limits` says of deletes; one of a kind is always allowed, unless it is the last."""
    allowed = desired.limits
    removed = {kind: sum(_removed(c) for c in changes if c.kind is kind) for kind in Kind}
    total = sum(removed.values())
    if options.allow_deletes is not None and total <= options.allow_deletes:
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
    gone = [f for f in change.fields if f.path.startswith("endpoints.") and f.note == "removed"]
    return len(gone) if change.kind is Kind.URL_GROUP else 0


def _kept(desired: Desired, changes: Sequence[Change], kind: Kind) -> int:
    """How many declared resources of a kind are in the account already."""
    declared = getattr(desired, f"{kind}s") or ()
    created = sum(c.kind is kind and c.action is Action.CREATE for c in changes)
    return len(declared) - created


def _last(desired: Desired, changes: Sequence[Change]) -> bool:
    deleted = {c.kind for c in changes if c.action is Action.DELETE}
    return any(_kept(desired, changes, kind) == 0 for kind in deleted)


def row_balance(changes: Iterable[Change], live: Live) -> int:
    """How many schedules more than now an account holds after these changes."""
    ids = {part.id for part in live.schedules or ()}
    balance = 0
    for change in changes:
        for step in change.steps if not change.refused else ():
            if isinstance(step, PutSchedule) and step.id not in ids:
                balance += 1
            elif isinstance(step, DeleteSchedule):
                balance -= 1
    return balance


def limits(
    desired: Desired, live: Live, changes: Sequence[Change], after: int, now: datetime
) -> Iterator[Diagnostic]:
    """What the account's plan does not allow, before anything is written.

    after: schedules in the account when the changes are made.
    """
    if any(c.action is Action.CREATE or c.kind is Kind.SCHEDULE for c in changes):
        declared = [s for s in desired.schedules or () if s.id not in _refused(changes)]
        others = _other_rows(declared, live, changes)
        plan_name = desired.limits.plan
        yield from quota.judge(declared, now, plan=plan_name, others=others, today=after)
    plan = PLANS.get(desired.limits.plan or "")
    if plan is None:
        return
    counts = (
        (Kind.URL_GROUP, _count(Kind.URL_GROUP, live.url_groups, changes), plan.url_groups),
        (Kind.QUEUE, _count(Kind.QUEUE, live.queues, changes), plan.queues),
    )
    for kind, count, most in counts:
        if count > most and any(c.kind is kind for c in changes):
            yield Diagnostic(
                code="limit",
                message=f"{count} {kind}s after this; the plan {desired.limits.plan} allows {most}",
                hint="remove some, or raise the plan",
            )


def _other_rows(declared: Sequence[Schedule], live: Live, changes: Sequence[Change]) -> int:
    """Live schedules that are no part of a declared one and stay."""
    deleted = {s.id for c in changes for s in c.steps if isinstance(s, DeleteSchedule)}
    bases = {schedule.id for schedule in declared}
    stay = [p.id for p in live.schedules or () if p.id not in deleted | bases]
    return sum(not _is_further(part_id, bases) for part_id in stay)


def _is_further(part_id: str, bases: set[str]) -> bool:
    base, _, number = part_id.rpartition(".")
    return number.isdecimal() and base in bases


def _refused(changes: Sequence[Change]) -> set[str]:
    return {change.id for change in changes if change.refused}


def _count(kind: Kind, live: Sequence[Any] | None, changes: Sequence[Change]) -> int:
    created = sum(c.kind is kind and c.action is Action.CREATE for c in changes)
    deleted = sum(c.kind is kind and c.action is Action.DELETE and not c.refused for c in changes)
    return len(live or ()) + created - deleted
