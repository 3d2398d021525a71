"""Watching: whether the account still is as the files say. Nothing here writes or prints."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from qstash_sync.applying.account import Account
from qstash_sync.applying.proposal import attributed, observe
from qstash_sync.applying.surroundings import remarks
from qstash_sync.model.resources import Desired
from qstash_sync.planning import drift
from qstash_sync.planning.drift import Drift
from qstash_sync.planning.policy import Policy

_NO_POLICY = Policy()


class Watcher(Account, Protocol):
    """What watching for drift needs of a client beside."""

    def scrub(self, text: str) -> str:
        """A server's words without the secrets that are known."""


def watch(
    client: Watcher,
    desired: Desired,
    *,
    now: datetime,
    policy: Policy = _NO_POLICY,
    base: Desired | None = None,
    more: Collection[str] = (),
) -> Drift:
    """Read the account and tell where each resource is: at most the plan's four reads.

    base: says whose each difference is. more: kinds that are read in any case. Keys that schedules
    use are read wherever they are pinned: one that is paused holds messages back.
    """
    uses_keys = any(schedule.message.flow_control for schedule in desired.schedules or ())
    live = observe(client, desired, base, (*more, *("flow_controls",) * uses_keys))
    schedules = live.schedules and tuple(
        replace(part, error=client.scrub(part.error)) if part.error else part
        for part in live.schedules
    )
    live = replace(live, schedules=schedules)
    policy = replace(policy, without_lint=True)
    plan = attributed(desired, live, base, now=now, policy=policy)
    plan = replace(plan, warnings=(*plan.warnings, *remarks(client, desired)))
    return drift.judge(desired, live, plan, read_at=client.now())
