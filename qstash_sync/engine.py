"""The use cases: observe the account, propose a plan, apply it. Nothing here prints."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from qstash_sync.core import plan as planner, zones
from qstash_sync.core.change import Action, Change, Reason
from qstash_sync.core.model import Desired, Kind, Live
from qstash_sync.core.plan import Plan
from qstash_sync.core.steps import PutSchedule, Step
from qstash_sync.errors import AccountError


class AccountClient(Protocol):
    """What the use cases need of a client."""

    def read(self, kinds: set[str]) -> Live:
        """List the given kinds."""

    def write(self, step: Step) -> None:
        """Send one write."""


Key = tuple[Kind, str]


class Status(StrEnum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A change and what became of it; message says why where it is not done."""

    change: Change
    status: Status
    message: str = ""


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


def propose(
    client: AccountClient,
    desired: Desired,
    *,
    now: datetime,
    adopt: Sequence[str] = (),
    only: Reason | None = None,
) -> Plan:
    """Read the account, at most four GETs, and compare."""
    live = client.read(kinds_to_read(desired))
    return planner.propose(
        desired, live, now=now, adopt=adopt, only=only, tzdata=zones.tzdata_version()
    )


def apply(
    client: AccountClient,
    plan: Plan,
    *,
    parallelism: int = 8,
    report: Callable[[Outcome], None] = lambda _outcome: None,
) -> tuple[Outcome, ...]:
    """Carry out a plan; one failure stops only what depends on it, and the deletes.

    Order: URL groups, queues, flow controls, schedules, then deletes the other way round; the
    changes of one rank run side by side, the steps of one change in order.
    """
    outcomes: dict[Key, Outcome] = {}
    with ThreadPoolExecutor(max_workers=parallelism) as pool:
        for rank in _ranks(plan.changes):
            running = []
            for change in rank:
                early = _not_started(change, outcomes)
                if early:
                    outcomes[change.key] = early
                    report(early)
                else:
                    running.append(pool.submit(_carry_out, client, change))
            for future in running:
                outcome = future.result()
                outcomes[outcome.change.key] = outcome
                report(outcome)
    return tuple(outcomes[change.key] for change in plan.changes)


def _ranks(changes: Sequence[Change]) -> Iterator[list[Change]]:
    ranks: dict[tuple[int, int], list[Change]] = {}
    for change in changes:
        ranks.setdefault(change.order[:2], []).append(change)
    for _, rank in sorted(ranks.items()):
        yield rank


def _not_started(change: Change, outcomes: dict[Key, Outcome]) -> Outcome | None:
    if change.refused:
        return Outcome(change=change, status=Status.REFUSED, message=change.refused)
    failed = [o.change for o in outcomes.values() if o.status in (Status.FAILED, Status.BLOCKED)]
    if change.action is Action.DELETE and failed:
        return _blocked(change, failed[0], "nothing is deleted after a failure")
    needed = _needs(change)
    for other in failed:
        if other.key in needed:
            return _blocked(change, other, "")
    return None


def _blocked(change: Change, by: Change, more: str) -> Outcome:
    message = f"blocked by {by.kind} {by.name}" + (f": {more}" if more else "")
    return Outcome(change=change, status=Status.BLOCKED, message=message)


def _needs(change: Change) -> set[tuple[Kind, str]]:
    needed: set[tuple[Kind, str]] = set()
    for step in change.steps:
        if isinstance(step, PutSchedule):
            needed.add((Kind.URL_GROUP, str(step.message.destination)))
            needed.add((Kind.QUEUE, step.message.queue or ""))
            needed.add(
                (
                    Kind.FLOW_CONTROL,
                    step.message.flow_control.key if step.message.flow_control else "",
                )
            )
    return needed


def _carry_out(client: AccountClient, change: Change) -> Outcome:
    try:
        for step in change.steps:
            client.write(step)
    except AccountError as error:
        return Outcome(change=change, status=Status.FAILED, message=str(error))
    return Outcome(change=change, status=Status.DONE)
