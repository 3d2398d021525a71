"""What schedules refer to by name: URL groups, queues and flow-control keys."""

from collections.abc import Iterable, Iterator
from typing import Any

from qstash_sync.model.resources import Desired, Live, LiveSchedule, Schedule, plain

# The settings of a schedule in which the names stand, each called as the kind.
PATHS = (("url_group",), ("queue",), ("flow_control", "key"))
KEYS = tuple(path[0] for path in PATHS)


def of(schedule: Schedule) -> Iterator[tuple[str, str]]:
    """The settings of a schedule that refer to something, each with the name that it has."""
    message = schedule.message
    if schedule.to_group:
        yield "url_group", plain(message.destination)
    if message.queue is not None:
        yield "queue", message.queue
    if message.flow_control:
        yield "flow_control", message.flow_control.key


def names(there: Desired | Live) -> dict[str, set[str]]:
    """What can be referred to, by setting: a key is there, too, where messages bring its limits."""
    flows = _names(there.flow_controls) | _limited(there.schedules)
    groups, queues = _names(there.url_groups), _names(there.queues)
    return dict(zip(KEYS, (groups, queues, flows), strict=True))


def _names(resources: Iterable[Any] | None) -> set[str]:
    return {resource.name for resource in resources or ()}


def _limited(schedules: Iterable[Schedule | LiveSchedule] | None) -> set[str]:
    """The keys that messages bring limits for: a firing makes them."""
    uses = [schedule.message.flow_control for schedule in schedules or ()]
    return {use.key for use in uses if use and (use.parallelism or use.rate)}
