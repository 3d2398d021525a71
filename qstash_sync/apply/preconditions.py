"""What was read of a resource that a step writes, and whether it is still so."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from qstash_sync.model.change import Key
from qstash_sync.model.resources import Kind, Live, LiveFlowControl, LiveQueue, LiveSchedule
from qstash_sync.model.steps import (
    DeleteQueue,
    DeleteSchedule,
    DeleteUrlGroup,
    PauseSchedule,
    PutQueue,
    PutSchedule,
    SettleUrlGroup,
    Step,
)


def index(live: Live) -> Mapping[Key, Any]:
    """Every resource by kind and name, a schedule by its id."""
    kinds = (
        (Kind.SCHEDULE, live.schedules),
        (Kind.URL_GROUP, live.url_groups),
        (Kind.QUEUE, live.queues),
        (Kind.FLOW_CONTROL, live.flow_controls),
    )
    return {
        (kind, found.id if isinstance(found, LiveSchedule) else found.name): found
        for kind, resources in kinds
        for found in resources or ()
    }


def moved(before: Live, after: Live) -> set[Key]:
    """The resources that are not as they were, but for what changes by itself."""
    then, now = index(before), index(after)
    return {
        key
        for key in then.keys() | now.keys()
        if then.get(key) != now.get(key) and _settled(then.get(key)) != _settled(now.get(key))
    }


def target(step: Step) -> Key:
    """The resource that a step writes."""
    match step:
        case PutSchedule() | PauseSchedule() | DeleteSchedule():
            return Kind.SCHEDULE, step.id
        case SettleUrlGroup():
            return Kind.URL_GROUP, step.group.name
        case DeleteUrlGroup():
            return Kind.URL_GROUP, step.name
        case PutQueue() | DeleteQueue():
            return Kind.QUEUE, step.name
        case _:
            return Kind.FLOW_CONTROL, step.name


def are_same(steps: Iterable[Step], then: Mapping[Key, Any], now: Mapping[Key, Any]) -> bool:
    """Whether what steps write is as it was; then, now: see `index`."""
    keys = ((step, target(step)) for step in steps)
    return all(is_same(step, then.get(key), now.get(key)) for step, key in keys)


def is_same(step: Step, then: Any, now: Any) -> bool:
    """Whether what a step writes is as it was; None is a resource that is not there."""
    then, now = _settled(then), _settled(now)
    writes_pause = isinstance(step, PutSchedule | PutQueue)
    if not writes_pause and hasattr(then, "paused") and hasattr(now, "paused"):
        now = replace(now, paused=then.paused)
    return bool(then == now)


def _settled(resource: Any) -> Any:
    """A live resource without what changes by itself."""
    if isinstance(resource, LiveFlowControl):  # exists by use; unpinned, it is as good as none
        is_pinned = resource.parallelism is not None or resource.rate is not None
        return replace(resource, waiting=0, paused=False) if is_pinned else None
    if isinstance(resource, LiveSchedule):
        return replace(resource, created_at=None, next_at=None, last_at=None, error=None)
    return replace(resource, lag=0) if isinstance(resource, LiveQueue) else resource
