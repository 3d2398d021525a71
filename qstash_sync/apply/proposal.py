"""What an apply would do: read the account, compare, decide. Nothing here writes or prints."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from qstash_sync.apply.account import Account
from qstash_sync.crons import zones
from qstash_sync.model.resources import Desired, Globs, Live
from qstash_sync.plan import mark
from qstash_sync.plan.decide import Plan, decide
from qstash_sync.plan.live_parts import LiveParts
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.reconcile import reconcile

_NO_POLICY = Policy()


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
    with _stretching(desired):
        live = observe(client, desired)
    return compare(desired, live, now=now, policy=policy)


@contextmanager
def _stretching(desired: Desired) -> Iterator[None]:
    """Stretch secrets while the account is read: that takes time, but not the interpreter's."""
    secrets = mark.to_stretch(desired.schedules or ())
    if not secrets:
        yield
        return
    with ThreadPoolExecutor(max_workers=min(len(secrets), os.cpu_count() or 1)) as pool:
        for secret in sorted(secrets):
            pool.submit(mark.stretched, secret, desired.namespace)
        try:
            yield
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # whose plan nobody will see
            raise


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
        # Its own confirmation stands for the number.
        limits=replace(desired.limits, max_deletes=None, max_delete_percent=None),
    )
