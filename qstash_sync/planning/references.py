"""Schedules that name a URL group, queue or flow-control key which nobody has."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Desired, Key, Kind, Live, LiveSchedule, Schedule


def dangling(
    desired: Desired,
    schedules: Iterable[Schedule],
    live: Live,
    left_out: Collection[Key] = (),
) -> Iterator[Diagnostic]:
    """Schedules that name a group, queue or key that is neither declared nor live.

    left_out: what the files declare as well, and this run does not make.
    """
    groups = _names(desired.url_groups) | _names(live.url_groups)
    queues = _names(desired.queues) | _names(live.queues)
    flows = _names(desired.flow_controls) | _names(live.flow_controls)
    flows |= _limited(desired.schedules) | _limited(live.schedules)
    for schedule in schedules:
        message = schedule.message
        if schedule.to_group and str(message.destination) not in groups:
            yield _dangling(schedule, "url_group", str(message.destination), groups, left_out)
        if message.queue is not None and message.queue not in queues:
            yield _dangling(schedule, "queue", message.queue, queues, left_out)
        use = message.flow_control
        if use and use.key not in flows:
            more = " without limits of its own"
            yield _dangling(schedule, "flow_control", use.key, flows, left_out, more)


def _limited(schedules: Iterable[Schedule | LiveSchedule] | None) -> set[str]:
    """The keys that messages bring limits for: a firing makes them."""
    uses = [schedule.message.flow_control for schedule in schedules or ()]
    return {use.key for use in uses if use and (use.parallelism or use.rate)}


def _names(resources: Iterable[Any] | None) -> set[str]:
    return {resource.name for resource in resources or ()}


def _dangling(
    schedule: Schedule,
    key: str,
    name: str,
    known: set[str],
    left_out: Collection[Key],
    more: str = "",
) -> Diagnostic:
    close = get_close_matches(name, sorted(known), 1)
    section = f"{key}s"
    hint = f"did you mean {close[0]}?" if close else f"declare it under {section}"
    fact = f"{name}{more} is neither in the file nor in the account"
    if (Kind(key), name) in left_out:
        fact = f"{name} is left out of this run, and not in the account yet"
        hint = f"do it first, or in the same run: --target {section}.{name}"
    return Diagnostic(
        code="reference",
        message=fact,
        path=("schedules", schedule.name, key),
        location=schedule.location,
        hint=hint,
    )
