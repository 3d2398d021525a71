"""The use cases: observe the account, propose a plan, apply it, pause, watch. Nothing here prints.

An apply reads three times, at most four GETs each: for the plan that a person approves, right
before the first write (what has moved since is not approved any more), and after the last one
(what still differs is not verified). The second read is compared only where it is not what the
first one was, the third only over what was written or has changed meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from qstash_sync.apply import preconditions, verification
from qstash_sync.apply.account import Account
from qstash_sync.apply.executor import Control, Outcome, Status, carry_out
from qstash_sync.apply.verification import Verification
from qstash_sync.crons import zones
from qstash_sync.errors import AccountError, StalePlanError
from qstash_sync.model.change import Change, Key
from qstash_sync.model.resources import Desired, Globs, Kind, Limits, Live
from qstash_sync.plan import drift, pausing, saved
from qstash_sync.plan.decide import Plan, consented, decide
from qstash_sync.plan.drift import Drift
from qstash_sync.plan.fingerprint import Fingerprints
from qstash_sync.plan.live_parts import LiveParts
from qstash_sync.plan.pausing import PausePlan, Wish
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.reconcile import reconcile
from qstash_sync.plan.saved import Saved

_NO_POLICY = Policy()


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
    """A saved plan that holds; policy: to apply it with; done: its changes that are done already.

    plan: every approved change in its order, those that are done without their steps.
    """

    plan: Plan
    policy: Policy
    done: frozenset[Key]


# ---------------------------------------------------------------- reading and comparing


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
    client: Account, desired: Desired, *, now: datetime, policy: Policy = _NO_POLICY
) -> Plan:
    """Read the account and compare."""
    return compare(desired, observe(client, desired), now=now, policy=policy)


def compare(desired: Desired, live: Live, *, now: datetime, policy: Policy = _NO_POLICY) -> Plan:
    """Compare with what was read, and decide."""
    index = LiveParts(desired, live.schedules or ())
    found = reconcile(desired, live, index, now)
    tzdata = zones.tzdata_version()
    return decide(desired, live, index, found, policy, now=now, tzdata=tzdata)


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
    """Read the account and tell where each resource is; the plan's reads, and no more."""
    live = observe(client, desired)
    schedules = live.schedules and tuple(
        replace(part, error=client.scrub(part.error)) if part.error else part
        for part in live.schedules
    )
    live = replace(live, schedules=schedules)
    return drift.judge(desired, live, compare(desired, live, now=now), read_at=client.now())


# ---------------------------------------------------------------- apply


def apply(
    client: Account,
    desired: Desired,
    plan: Plan,
    *,
    policy: Policy = _NO_POLICY,
    control: Control | None = None,
) -> Applied:
    """Carry out an approved plan and look whether it came true."""
    control = control or Control()
    if plan.empty:
        return Applied()
    approved = frozenset(change.key for change in plan.changes)
    if policy.is_scoped:
        policy = replace(policy, among=approved)
    live, read = observe(client, desired), client.now()
    fresh = plan if live == plan.live else compare(desired, live, now=plan.now, policy=policy)
    came_up = [*fresh.changes, *fresh.left_alone]
    changes, early = _still_approved(plan, fresh)
    for outcome in early:
        control.report(outcome)
    full = frozenset(kind for kind, used in fresh.usage.items() if used.is_tight)
    outcomes = carry_out(client, changes, live, policy, control, full=full, settled=early)
    judged = {outcome.change.key: outcome for outcome in (*early, *outcomes.values())}
    try:
        after = observe(client, desired)
    except AccountError as error:
        judged |= {key: verification.unread(one, error) for key, one in outcomes.items()}
    else:
        index = LiveParts(desired, after.schedules or ())
        within = approved | _moved(live, fresh.index, after, index)
        found = reconcile(desired, after, index, plan.now, within=within)
        left = {change.key: change for change in consented(found, policy)}
        verdict = Verification(left, before=live, after=after, read=read, now=client.now())
        judged |= {key: verdict.of(outcome) for key, outcome in outcomes.items()}
        came_up += [change for change in left.values() if policy.only in (None, change.reason)]
    return Applied(
        outcomes=tuple(judged[change.key] for change in plan.changes),
        fresh=tuple(
            {change.key: change for change in came_up if change.key not in judged}.values()
        ),
    )


def _moved(before: Live, then: LiveParts, after: Live, now: LiveParts) -> frozenset[Key]:
    """The resources that are not as they were, a schedule by its first part's id."""
    keys = preconditions.moved(before, after)
    parts = then.by_id | now.by_id
    return frozenset(
        (kind, parts[name].base if kind is Kind.SCHEDULE else name) for kind, name in keys
    )


def approved(client: Account, desired: Desired, plan: Saved) -> Approval:
    """Read the account and see whether each change of a saved plan is the same, or done already.

    Otherwise raises `StalePlanError` with what has moved. Guards are judged anew, over the changes
    that were approved alone.
    """
    live = observe(client, desired)
    if plan.now > client.now() + saved.SKEW:
        raise StalePlanError(f"it was made for {plan.now:%Y-%m-%d %H:%MZ}, which is still to come")
    policy = replace(plan.policy, among=plan.keys)
    fresh = compare(desired, live, now=plan.now, policy=policy)
    fingerprints = Fingerprints(desired, live, fresh.index)
    moved = tuple(saved.moved(plan, fresh, fingerprints, client.now()))
    if moved:
        raise StalePlanError(f"{len(moved)} of {len(plan.changes)} approved changes moved", moved)
    found = {change.key: change for change in fresh.changes}
    changes = (found.get(item.change.key, item.change) for item in plan.changes)
    return Approval(
        plan=replace(fresh, changes=tuple(changes)),
        policy=policy,
        done=plan.keys - found.keys(),
    )


def _still_approved(plan: Plan, fresh: Plan) -> tuple[list[Change], list[Outcome]]:
    """The approved changes that are the same when read again, and what is settled already."""
    now = {change.key: change for change in fresh.changes}
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


# ---------------------------------------------------------------- pause and resume


def look(client: Account, wish: Wish, *, now: datetime) -> PausePlan:
    """Read the account, one GET, and pick what is meant."""
    live = client.read({"schedules"})
    return pausing.pausing(wish, live, now=now, tzdata=zones.tzdata_version())


def pause(client: Account, wish: Wish, found: PausePlan, control: Control | None = None) -> Applied:
    """Write all parts that differ, side by side, then judge by what the account shows.

    Nothing is looked at before: a pause overwrites nothing, and an incident has no time.
    """
    plan, read = found.plan, client.now()
    control = control or Control()
    outcomes = carry_out(client, plan.changes, plan.live, _NO_POLICY, control, looks=False)
    came_up: list[Outcome] = []
    if any(change.steps for change in plan.changes):
        try:
            after = look(client, wish, now=plan.now).plan
        except AccountError as error:
            outcomes = {key: verification.unread(one, error) for key, one in outcomes.items()}
        else:
            left = {change.key: change for change in after.changes}
            verdict = Verification(
                {key: change for key, change in left.items() if change.steps},
                before=plan.live,
                after=after.live,
                read=read,
                now=client.now(),
            )
            outcomes = {key: verdict.of(outcome) for key, outcome in outcomes.items()}
            came_up = [verdict.appeared(c) for key, c in left.items() if key not in outcomes]
    judged = [_refused(outcome, found) for outcome in outcomes.values()]
    ordered = sorted((*judged, *came_up), key=lambda outcome: outcome.change.order)
    return Applied(outcomes=tuple(ordered))


def _refused(outcome: Outcome, found: PausePlan) -> Outcome:
    """Parts of ours are done, but the first part is not ours: that is what counts."""
    why = found.refused.get(outcome.change.key)
    if why is None or outcome.status is not Status.DONE:
        return outcome
    return replace(outcome, status=Status.REFUSED, message=why)
