"""Applying a plan, or a saved one that still holds, and looking whether it came true.

An apply reads three times, at most four GETs each: for the plan that a person approves, right
before the first write (what has moved since is not approved any more), and after the last one
(what still differs is not verified). The second read is compared only where it is not what the
first one was, the third only over what was written or has changed meanwhile.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from qstash_sync.applying import preconditions, verification
from qstash_sync.applying.account import Account
from qstash_sync.applying.executor import Control, carry_out
from qstash_sync.applying.outcomes import Applied, Approval, Outcome, Status
from qstash_sync.applying.proposal import compare, observe
from qstash_sync.applying.surroundings import check_clock, is_to_come
from qstash_sync.applying.verification import Verification
from qstash_sync.errors import StalePlanError
from qstash_sync.model.change import Action, Change
from qstash_sync.model.resources import Desired, Key, Kind, Live
from qstash_sync.model.steps import PauseSchedule
from qstash_sync.planning import saved
from qstash_sync.planning.decide import Plan, consented
from qstash_sync.planning.fingerprint import Fingerprints
from qstash_sync.planning.policy import Policy
from qstash_sync.planning.saved import Saved
from qstash_sync.reconcile import mark
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.reconcile.reconcile import reconcile

_NO_POLICY = Policy()
_REMEMBER = 2  # schedules whose marks are written once more


def apply(
    client: Account,
    desired: Desired,
    plan: Plan,
    *,
    policy: Policy = _NO_POLICY,
    control: Control | None = None,
) -> Applied:
    """Carry out an approved plan and look whether it came true."""
    control = replace(control or Control(), command=desired.command)
    if plan.empty:
        return Applied()
    check_clock(client)
    approved = frozenset(change.key for change in plan.changes)
    if policy.is_scoped:
        policy = replace(policy, among=approved)
    live = observe(client, desired)
    fresh = plan if live == plan.live else compare(desired, live, now=plan.now, policy=policy)
    came_up = [*fresh.changes, *fresh.left_alone]
    changes, early = _still_approved(plan, fresh)
    for outcome in early:
        control.report(outcome)
    full = frozenset(kind for kind, used in fresh.usage.items() if used.is_tight)
    outcomes = carry_out(client, changes, live, policy, control, full=full, settled=early)

    def look() -> Verification:
        after = _remembered(client, desired, observe(client, desired), outcomes.values())
        index = LiveParts(desired, after.schedules or ())
        within = approved | _moved(live, fresh.index, after, index)
        found = reconcile(desired, after, index, plan.now, within=within, strays=policy.strays)
        left = {change.key: change for change in consented(found, policy, index)}
        came_up.extend(change for change in left.values() if policy.asks_for(change))
        return Verification(left, before=live, after=after, now=client.now())

    ended = {outcome.change.key: outcome for outcome in (*early, *outcomes.values())}
    judged = verification.judged(ended, look)
    return Applied(
        outcomes=tuple(judged[change.key] for change in plan.changes),
        fresh=tuple(
            {change.key: change for change in came_up if change.key not in judged}.values()
        ),
    )


def _remembered(
    client: Account, desired: Desired, after: Live, outcomes: Iterable[Outcome]
) -> Live:
    """The account after the writes, when its marks tell in which unit its timeouts read back.

    A timeout that was just written in seconds, and reads back a thousand times as large, is one in
    milliseconds. Later nobody could tell it from an edit: so the marks of two schedules remember,
    once an account, and of all that is written from then on: one alone may be deleted.
    """
    steps = list(islice(verification.in_milliseconds(outcomes, after), _REMEMBER))
    parts = LiveParts(desired, after.schedules or ()).by_id.values()
    if not steps or any(p.mark and p.mark.in_milliseconds for p in parts if p.ours):
        return after
    paused = {part.id for part in after.schedules or () if part.paused}
    for step in steps:
        own, *labels = step.labels
        if found := mark.parse([own]):
            remembering = str(found._replace(in_milliseconds=True))
            client.write(replace(step, labels=(remembering, *labels)))
            if step.id in paused:
                client.write(PauseSchedule(id=step.id, paused=True))
    return observe(client, desired)


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
    if is_to_come(client, plan.now):
        raise StalePlanError(f"it was made for {plan.now:%Y-%m-%d %H:%MZ}, which is still to come")
    policy = replace(plan.policy, among=plan.keys, saved=True)
    fresh = compare(desired, live, now=plan.now, policy=policy)
    fingerprints = Fingerprints(desired, live, fresh.index)
    moved = tuple(saved.moved(plan, fresh, fingerprints, client.now()))
    if moved:
        raise StalePlanError(
            f"{len(moved):,} of {len(plan.changes):,} approved changes moved", moved
        )
    found = {change.key: change for change in fresh.changes}
    changes = (
        found.get(item.change.key, replace(item.change, refused=None)) for item in plan.changes
    )
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
        is_left = any(preconditions.is_there(step, after) for step in change.steps)
        is_delete = change.action is Action.DELETE and not change.refused
        if found is None and is_delete and not is_left:
            same.append(change)  # whether it is gone is looked up by its id, not in a list
        elif found is None and is_delete:
            message = "it is not ours any more; plan again"
            early.append(Outcome(change=change, status=Status.REFUSED, message=message))
        elif found is None or not (found.steps or found.refused):
            message = "it is so already"
            early.append(Outcome(change=change, status=Status.DONE, message=message))
        elif found == change and preconditions.are_same(found.steps, before, after):
            same.append(found)
        else:
            message = found.refused or "the account has changed since it was read; plan again"
            early.append(Outcome(change=change, status=Status.REFUSED, message=message))
    return same, early
