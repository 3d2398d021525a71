"""The use cases: observe the account, propose a plan, apply it, watch. Nothing here prints.

An apply reads three times, at most four GETs each: for the plan that a person approves, right
before the first write (what has moved since is not approved any more), and after the last one
(what still differs is not verified).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from qstash_sync.apply import preconditions
from qstash_sync.apply.executor import Account, Control, Outcome, Status, carry_out
from qstash_sync.apply.preconditions import Key
from qstash_sync.crons import robfig, zones
from qstash_sync.errors import AccountError, StalePlanError
from qstash_sync.model.change import Change
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Globs, Kind, Limits, Live, LiveSchedule
from qstash_sync.model.steps import PauseSchedule, PutSchedule, Step
from qstash_sync.plan import decide as planner, drift, mark, saved
from qstash_sync.plan.decide import Plan
from qstash_sync.plan.drift import Drift
from qstash_sync.plan.fingerprint import Ground
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.saved import Saved

__all__ = [
    "Applied",
    "Approval",
    "Control",
    "Drift",
    "Outcome",
    "Policy",
    "Status",
    "apply",
    "approved",
    "compare",
    "observe",
    "propose",
    "watch",
]  # fmt: skip

_SETTLING = timedelta(seconds=60)  # within which QStash takes up what was written
_ABOUT = timedelta(seconds=1)  # by which the clocks of one service may differ
_NO_OPTIONS = Policy()


class Watcher(Account, Protocol):
    """What watching for drift needs of a client beside."""

    def scrub(self, text: str) -> str:
        """A server's words without the secrets that are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of each change of a plan, in its order; fresh: changes that came up meanwhile."""

    outcomes: tuple[Outcome, ...] = ()
    fresh: tuple[Change, ...] = ()

    @property
    def done(self) -> bool:
        """Whether everything that was approved is done and verified."""
        return all(outcome.status is Status.DONE for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A saved plan that holds; options: to apply it with; done: its changes that are done already.

    plan: every approved change in its order, those that are done without their steps.
    """

    plan: Plan
    options: Policy
    done: frozenset[Key]


def kinds_to_read(desired: Desired) -> set[str]:
    """The kinds that are managed, named by a schedule, or needed to judge a delete."""
    kinds = {
        kind
        for kind in ("schedules", "url_groups", "queues", "flow_controls")
        if getattr(desired, kind) is not None
    }
    for schedule in desired.schedules or ():
        message = schedule.message
        if schedule.to_group:
            kinds.add("url_groups")
        if message.queue is not None:
            kinds.add("queues")
        use = message.flow_control
        if use and not (use.parallelism or use.rate):
            kinds.add("flow_controls")
    owns_used = (desired.owns.url_groups and desired.url_groups is not None) or (
        desired.owns.queues and desired.queues is not None
    )
    return kinds | {"schedules"} if owns_used else kinds


def observe(client: Account, desired: Desired) -> Live:
    """Read what is needed of the account, at most four GETs."""
    return client.read(kinds_to_read(desired))


def propose(
    client: Account, desired: Desired, *, now: datetime, options: Policy = _NO_OPTIONS
) -> Plan:
    """Read the account and compare."""
    return compare(desired, observe(client, desired), now=now, options=options)


def compare(desired: Desired, live: Live, *, now: datetime, options: Policy = _NO_OPTIONS) -> Plan:
    """Compare with what was read."""
    tzdata = zones.tzdata_version()
    return planner.propose(desired, live, now=now, tzdata=tzdata, options=options)


def emptied(desired: Desired) -> Desired:
    """What a namespace is to be once it is destroyed: nothing of what is ours or declared."""

    def none_of(declared: Sequence[object] | None) -> tuple[()] | None:
        return None if declared is None else ()

    return replace(
        desired,
        schedules=(),
        url_groups=none_of(desired.url_groups),
        queues=none_of(desired.queues),
        flow_controls=none_of(desired.flow_controls),
        owns=Globs(
            url_groups=(*desired.owns.url_groups, *(g.name for g in desired.url_groups or ())),
            queues=(*desired.owns.queues, *(q.name for q in desired.queues or ())),
            flow_controls=(
                *desired.owns.flow_controls,
                *(f.name for f in desired.flow_controls or ()),
            ),
        ),
        limits=Limits(plan=desired.limits.plan),  # its own confirmation stands for the number
    )


def watch(client: Watcher, desired: Desired, *, now: datetime) -> Drift:
    """Read the account and tell where each resource stands; the plan's reads, and no more."""
    live = observe(client, desired)
    schedules = live.schedules and tuple(
        replace(part, error=part.error and client.scrub(part.error)) for part in live.schedules
    )
    live = replace(live, schedules=schedules)
    return drift.judge(desired, live, compare(desired, live, now=now), read_at=client.now())


def apply(
    client: Account,
    desired: Desired,
    plan: Plan,
    *,
    options: Policy = _NO_OPTIONS,
    control: Control | None = None,
) -> Applied:
    """Carry out an approved plan and look whether it came true."""
    control = control or Control()
    if plan.empty:
        return Applied()
    live, read = observe(client, desired), client.now()
    scoped = options.only is not None or options.among is not None
    approved = frozenset(change.key for change in plan.changes)
    alone = replace(options, only=None, among=approved) if scoped else options
    everything = replace(options, among=None) if scoped else alone
    fresh = compare(desired, live, now=plan.now, options=alone)
    changes, early = _still_approved(plan, fresh)
    for outcome in early:
        control.report(outcome)
    full = _full_kinds(desired, live, changes)
    outcomes = carry_out(client, changes, live, options, control, full=full, settled=early)
    found = {outcome.change.key: outcome for outcome in (*early, *outcomes.values())}
    came_up = _changes(_in_scope(desired, fresh, everything, alone))
    try:
        after = observe(client, desired)
    except AccountError as error:
        found |= {key: _unread(outcome, error) for key, outcome in outcomes.items()}
    else:
        left = compare(desired, after, now=plan.now, options=alone)
        verdict = _Verdict(left, live, read, client.now())
        found |= {key: verdict.of(outcome) for key, outcome in outcomes.items()}
        came_up |= _changes(_in_scope(desired, left, everything, alone))
    return Applied(
        outcomes=tuple(found[change.key] for change in plan.changes),
        fresh=tuple(change for key, change in came_up.items() if key not in found),
    )


def _in_scope(desired: Desired, found: Plan, everything: Policy, alone: Policy) -> Plan:
    """A plan of the approved changes alone, widened to all that was asked for."""
    if everything == alone:
        return found
    return compare(desired, found.live, now=found.now, options=everything)


def _changes(plan: Plan) -> dict[Key, Change]:
    return {change.key: change for change in plan.changes}


def approved(client: Account, desired: Desired, plan: Saved) -> Approval:
    """Read the account and see whether each change of a saved plan is the same, or done already.

    Otherwise raises `StalePlanError` with what has moved. Guards are judged anew, over the changes
    that were approved alone.
    """
    live = observe(client, desired)
    if plan.now > client.now() + saved.SKEW:
        raise StalePlanError(f"it was made for {plan.now:%Y-%m-%d %H:%MZ}, which is still to come")
    options = replace(plan.options, only=None, among=plan.keys)
    fresh = compare(desired, live, now=plan.now, options=options)
    moved = tuple(saved.moved(plan, fresh, Ground(desired, live), client.now()))
    if moved:
        raise StalePlanError(f"{len(moved)} of {len(plan.changes)} approved changes moved", moved)
    found = {change.key: change for change in fresh.changes}
    changes = (found.get(item.change.key, item.change) for item in plan.changes)
    return Approval(
        plan=replace(fresh, changes=tuple(changes)),
        options=replace(plan.options, among=plan.keys),
        done=plan.keys - found.keys(),
    )


def _still_approved(plan: Plan, fresh: Plan) -> tuple[list[Change], list[Outcome]]:
    """The approved changes that are the same when read again, and what is settled already."""
    now = _changes(fresh)
    before, after = preconditions.index(plan.live), preconditions.index(fresh.live)
    same: list[Change] = []
    early: list[Outcome] = []
    for change in plan.changes:
        found = now.get(change.key)
        if found is None:
            message = "it is so already"
            early.append(Outcome(change=change, status=Status.DONE, message=message))
        elif found == change and preconditions.are_same(found.steps, before, after):
            same.append(found)
        else:
            message = found.refused or "the account has changed since it was read; plan again"
            early.append(Outcome(change=change, status=Status.REFUSED, message=message))
    return same, early


def _full_kinds(desired: Desired, live: Live, changes: Sequence[Change]) -> frozenset[Kind]:
    """The kinds for which the account has no room for all creates before the deletes."""
    limits = PLANS.get(desired.limits.plan or "")
    if limits is None:
        return frozenset()
    there = {part.id for part in live.schedules or ()}
    new = {
        step.id
        for change in changes
        for step in change.steps
        if isinstance(step, PutSchedule) and step.id not in there
    }
    counts = (
        (Kind.SCHEDULE, len(there) + len(new), limits.schedules),
        (Kind.URL_GROUP, _with_new(Kind.URL_GROUP, live.url_groups, changes), limits.url_groups),
        (Kind.QUEUE, _with_new(Kind.QUEUE, live.queues, changes), limits.queues),
    )
    return frozenset(kind for kind, count, most in counts if count > most)


def _with_new(kind: Kind, live: Sequence[object] | None, changes: Iterable[Change]) -> int:
    created = sum(c.kind is kind and c.action == "create" for c in changes)
    return len(live or ()) + created


# After the writes


def _unread(outcome: Outcome, error: AccountError) -> Outcome:
    """What is done, but cannot be looked at."""
    if outcome.status is not Status.DONE:
        return outcome
    message = f"cannot be read again: {error}"
    return replace(outcome, status=Status.UNVERIFIED, message=message)


class _Verdict:
    """Outcomes held against what the account shows after the writes.

    What is done but still differs is unverified; what failed but is so nevertheless (its answer
    was lost) is done. before: the account as it was read, at `read`, before the first write.
    """

    def __init__(self, left: Plan, before: Live, read: datetime, now: datetime) -> None:
        self.left = _changes(left)
        self.live, self.read, self.now = left.live, read, now
        self.before = {part.id for part in before.schedules or ()}
        self.parts = {part.id: part for part in self.live.schedules or ()}

    def of(self, outcome: Outcome) -> Outcome:
        """The outcome as it turned out to be."""
        still = self.left.get(outcome.change.key)
        came_true = still is None and all(map(self._is_so, outcome.change.steps))
        if outcome.status is Status.FAILED and came_true:
            message = "the answer was lost, but it is so"
            return replace(outcome, status=Status.DONE, message=message)
        if outcome.status is not Status.DONE:
            return outcome
        strange = _difference(still, self.live) if still else next(self._strange(outcome), None)
        return _unverified(outcome, strange, self.live, self.now) if strange else outcome

    def _is_so(self, step: Step) -> bool:
        """Whether a schedule shows a step: a set that is cut off may be exact for weeks, too."""
        part = self.parts.get(getattr(step, "id", ""))
        if isinstance(step, PutSchedule):
            return part is not None and mark.parse(part.message.labels) == mark.parse(step.labels)
        if isinstance(step, PauseSchedule):
            return part is not None and part.paused == step.paused
        return part is None

    def _strange(self, outcome: Outcome) -> Iterator[str]:
        """What no other writer and no wrong clock would leave behind."""
        for step in outcome.change.steps:
            part = self.parts.get(step.id) if isinstance(step, PutSchedule) else None
            if part and outcome.started:
                if part.id not in self.before:
                    yield from _overwritten(part, self.read, outcome.started)
                yield from _strange_time(part, outcome.started, self.now)


def _overwritten(part: LiveSchedule, read: datetime, started: datetime) -> Iterator[str]:
    """A schedule that came into being after we looked and before we wrote is not ours.

    Only where an overwrite keeps the time of creation; there is no other trace.
    """
    created = _instant(part.created_at or 0)
    if read <= created < started - _ABOUT:
        yield f"{part.id}: somebody else created it at {created:%H:%M:%SZ}; it is overwritten now"


def _strange_time(part: LiveSchedule, started: datetime, now: datetime) -> Iterator[str]:
    """A next firing that the stored cron has not; absent or paused, there is no verdict."""
    if part.next_at is None or part.paused:
        return
    found = _instant(part.next_at)
    if not robfig.predicted(part.cron, started, now + _SETTLING, found):
        at = f"{found:%Y-%m-%d %H:%MZ}"
        yield f"{part.id}: its next firing is said to be {at}, which its cron has not"


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _difference(change: Change, live: Live) -> str:
    parts = [part for part in live.schedules or () if part.id == change.id]
    if change.kind is Kind.SCHEDULE and parts and not parts[0].message.labels:
        return "cannot verify: no labels come back, so nothing tells that it is ours"
    if change.kind is Kind.FLOW_CONTROL and change.action == "create":
        return "written, but QStash does not list the key: it forgets pins of keys not in use"
    paths = ", ".join(field.path for field in change.fields) or change.action
    return f"written, but it still differs: {change.refused or paths}"


def _unverified(outcome: Outcome, message: str, live: Live, now: datetime) -> Outcome:
    """With the facts that a bug report needs: what was written, what is read, when."""
    when = f"written {outcome.started:%Y-%m-%dT%H:%M:%SZ}, read {now:%Y-%m-%dT%H:%M:%SZ}"
    puts = {step.id: step for step in outcome.change.steps if isinstance(step, PutSchedule)}
    sent = [f"sent {put.id}: cron {put.cron}, mark {put.labels[0]}" for put in puts.values()]
    read = [_as_read(part) for part in live.schedules or () if part.id in puts]
    facts = (when, *sent, *read)
    return replace(outcome, status=Status.UNVERIFIED, message=message, facts=facts)


def _as_read(part: LiveSchedule) -> str:
    label = mark.parse(part.message.labels)
    state = "paused" if part.paused else "active"
    return f"read {part.id}: cron {part.cron}, mark {label}, next {part.next_at}, {state}"
