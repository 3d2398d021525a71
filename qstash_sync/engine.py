"""The use cases: observe the account, propose a plan, apply it, watch. Nothing here prints.

An apply reads three times, at most four GETs each: for the plan that a person approves, right
before the first write (what has moved since is not approved any more), and after the last one
(what still differs is not verified).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from qstash_sync.core import drift, mark, plan as planner, windows, zones
from qstash_sync.core.change import Change
from qstash_sync.core.drift import Drift
from qstash_sync.core.limits import PLANS
from qstash_sync.core.model import Desired, Kind, Live, LiveSchedule
from qstash_sync.core.options import Options
from qstash_sync.core.plan import Plan
from qstash_sync.core.steps import PutSchedule
from qstash_sync.errors import AccountError
from qstash_sync.executor import Account, Control, Key, Outcome, Status, carry_out

__all__ = [
    "Applied", "Control", "Drift", "Options", "Outcome", "Status", "apply", "observe", "propose",
    "watch",
]  # fmt: skip

_SETTLING = timedelta(seconds=60)  # within which QStash takes up what was written
_NO_OPTIONS = Options()


class AccountClient(Account, Protocol):
    """What the use cases need of a client."""

    def read(self, kinds: set[str]) -> Live:
        """List the given kinds."""

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


def observe(client: AccountClient, desired: Desired) -> Live:
    """Read what is needed of the account, at most four GETs."""
    return client.read(kinds_to_read(desired))


def propose(
    client: AccountClient, desired: Desired, *, now: datetime, options: Options = _NO_OPTIONS
) -> Plan:
    """Read the account and compare."""
    return compare(desired, observe(client, desired), now=now, options=options)


def compare(desired: Desired, live: Live, *, now: datetime, options: Options = _NO_OPTIONS) -> Plan:
    """Compare with what was read."""
    tzdata = zones.tzdata_version()
    return planner.propose(desired, live, now=now, tzdata=tzdata, options=options)


def watch(client: AccountClient, desired: Desired, *, now: datetime) -> Drift:
    """Read the account and tell where each resource stands; the plan's reads, and no more."""
    live = observe(client, desired)
    schedules = live.schedules and tuple(
        replace(part, error=part.error and client.scrub(part.error)) for part in live.schedules
    )
    live = replace(live, schedules=schedules)
    return drift.judge(desired, live, compare(desired, live, now=now), read_at=client.now())


def apply(
    client: AccountClient,
    desired: Desired,
    plan: Plan,
    *,
    options: Options = _NO_OPTIONS,
    control: Control | None = None,
) -> Applied:
    """Carry out an approved plan and look whether it came true."""
    control = control or Control()
    if plan.empty:
        return Applied()
    live = observe(client, desired)
    fresh = compare(desired, live, now=plan.now, options=options)
    changes, early = _still_approved(plan, fresh)
    for outcome in early:
        control.report(outcome)
    full = _full_kinds(desired, live, changes)
    outcomes = carry_out(client, changes, live, options, control, full=full)
    verified = _verified(client, desired, plan, outcomes, options)
    found = {outcome.change.key: outcome for outcome in (*early, *verified)}
    approved = {change.key for change in plan.changes}
    return Applied(
        outcomes=tuple(found[change.key] for change in plan.changes),
        fresh=tuple(change for change in fresh.changes if change.key not in approved),
    )


def _still_approved(plan: Plan, fresh: Plan) -> tuple[list[Change], list[Outcome]]:
    """The approved changes that are the same when read again, and what is settled already."""
    now = {change.key: change for change in fresh.changes}
    same: list[Change] = []
    early: list[Outcome] = []
    for change in plan.changes:
        found = now.get(change.key)
        if found is None:
            message = "somebody has done it meanwhile"
            early.append(Outcome(change=change, status=Status.DONE, message=message))
        elif found == change:
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


def _verified(
    client: AccountClient,
    desired: Desired,
    plan: Plan,
    outcomes: dict[Key, Outcome],
    options: Options,
) -> Iterator[Outcome]:
    """Each outcome, held against what the account shows now.

    What is done but still differs is unverified; what failed but is so nevertheless (its answer
    was lost) is done.
    """
    try:
        live = observe(client, desired)
    except AccountError as error:
        for outcome in outcomes.values():
            lost = outcome.status is Status.DONE
            message = f"cannot be read again: {error}"
            yield replace(outcome, status=Status.UNVERIFIED, message=message) if lost else outcome
        return
    now = client.now()
    still = {c.key: c for c in compare(desired, live, now=plan.now, options=options).changes}
    parts = {part.id: part for part in live.schedules or ()}
    for key, outcome in outcomes.items():
        if outcome.status is Status.DONE and key in still:
            yield _unverified(outcome, _difference(still[key], live), live, now)
        elif outcome.status is Status.DONE:
            strange = next(_strange_times(outcome, parts, now), None)
            yield _unverified(outcome, strange, live, now) if strange else outcome
        elif outcome.status is Status.FAILED and key not in still:
            message = "the answer was lost, but it is so"
            yield replace(outcome, status=Status.DONE, message=message)
        else:
            yield outcome


def _difference(change: Change, live: Live) -> str:
    parts = [part for part in live.schedules or () if part.id == change.id]
    if change.kind is Kind.SCHEDULE and parts and not parts[0].message.labels:
        return "cannot verify: no labels come back, so nothing tells that it is ours"
    if change.kind is Kind.FLOW_CONTROL and change.action == "create":
        return "written, but QStash does not list the key: it forgets pins of keys not in use"
    paths = ", ".join(field.path for field in change.fields) or change.action
    return f"written, but it still differs: {change.refused or paths}"


def _strange_times(
    outcome: Outcome, parts: dict[str, LiveSchedule], now: datetime
) -> Iterator[str]:
    """A next firing that none of the stored crons has; absent or paused, there is no verdict."""
    for step in outcome.change.steps:
        part = parts.get(step.id) if isinstance(step, PutSchedule) else None
        if part is None or part.next_at is None or part.paused or outcome.started is None:
            continue
        found = datetime.fromtimestamp(part.next_at / 1000, UTC)
        if not windows.predicted(part.cron, outcome.started, now + _SETTLING, found):
            at = f"{found:%Y-%m-%d %H:%MZ}"
            yield f"{part.id}: its next firing is said to be {at}, which its cron has not"


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
