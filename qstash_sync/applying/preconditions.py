"""What was read of a resource that a step writes, and whether it is still so."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from qstash_sync.applying.account import Account
from qstash_sync.model.change import Change
from qstash_sync.model.resources import Key, Kind, Live, LiveFlowControl, LiveQueue, LiveSchedule
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
from qstash_sync.planning.policy import Policy


class MovedError(Exception):
    """A resource is not any more what the plan was made for."""


class PausedError(MovedError):
    """Somebody has paused a schedule, whatever else has become of it."""


class Preconditions:
    """Looks right before each write whether the account is still as the plan was made for.

    changes: those of the run; outcomes: of those that are over, filled by the run.
    """

    def __init__(
        self,
        client: Account,
        changes: Sequence[Change],
        live: Live,
        policy: Policy,
        outcomes: Container[Key],
    ) -> None:
        self.client, self.changes, self.policy, self.outcomes = client, changes, policy, outcomes
        self.known = index(live)

    def check(
        self,
        step: Step,
        looked: set[Key],
        *,
        replaced: bool = False,
        pauses: bool = False,
        stops: bool = False,
    ) -> bool:
        """Look once at what a step writes or deletes; False where there is nothing to delete.

        Creates too: a list may be wrong, and what it lacks would be overwritten. looked: what this
        change has looked at. replaced: what is deleted has its pause from what comes in its place.
        pauses: the change pauses all that it writes. stops: it has written something paused.
        Raises `MovedError` where it is not as it was.
        """
        key = target(step)
        if key in looked:
            return True
        looked.add(key)
        if isinstance(step, DeleteUrlGroup | DeleteQueue):
            self._refuse_in_use(key)
        found, expected = self.client.get(*key), self.known.get(key)
        if found is None and isinstance(step, DeleteSchedule | DeleteUrlGroup | DeleteQueue):
            return False
        if pauses and _is_paused(expected, found):
            found = replace(found, paused=False)
        if replaced and _is_paused(expected, found):
            raise PausedError(f"{key[1]} was paused since it was read")
        is_resumed = _is_paused(found, expected) and _is_but_resumed(step, expected, found)
        if is_resumed and stops:
            fact = f"{key[1]} was resumed since it was read, and what replaces it may be paused"
            raise MovedError(f"{fact}; apply again, then resume it")
        if not is_same(step, expected, found):
            what = "is gone" if found is None else "has changed" if expected else "has appeared"
            raise MovedError(f"{key[1]} {what} since it was read; plan again")
        if isinstance(step, DeleteQueue) and found.backlog:
            self._refuse_backlog(found)
        return True

    def still_there(self, staying: Iterable[str]) -> None:
        """Look whether what comes in place of what is deleted is there; raises `MovedError`.

        Another run, of a file that does not have it, may have deleted it meanwhile.
        """
        for part_id in staying:
            if self.client.get(Kind.SCHEDULE, part_id) is None:
                fact = f"{part_id} is gone by now: another run has deleted it"
                raise MovedError(f"{fact}; what it replaces is left as it is; plan again")

    def _refuse_backlog(self, queue: LiveQueue) -> None:
        if not _named(queue.name, self.policy.drop_backlog):
            way_out = self.policy.way(f"--drop-backlog {queue.name}")
            raise MovedError(f"{queue.backlog}; or {way_out}")

    def _refuse_in_use(self, key: Key) -> None:
        """Look whether a schedule uses it that this run will not change any more."""
        kind, name = key
        if _named(name, self.policy.allow_in_use):
            return
        to_come = (change for change in self.changes if change.key not in self.outcomes)
        later = {target(step) for change in to_come for step in change.steps}
        for part in self.client.read({"schedules"}).schedules or ():
            message = part.message
            used = message.queue if kind is Kind.QUEUE else str(message.destination)
            if used == name and (Kind.SCHEDULE, part.id) not in later:
                raise MovedError(f"the schedule {part.id} uses it by now; plan again")


def _named(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in globs)


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


def is_there(step: Step, now: Mapping[Key, Any]) -> bool:
    """Whether there is something that a step would delete; a key without a pin is none."""
    return _settled(now.get(target(step))) is not None


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


def _is_but_resumed(step: Step, then: Any, now: Any) -> bool:
    """Whether a schedule that was paused is as it was otherwise."""
    return is_same(step, then, replace(now, paused=True))


def _is_paused(then: Any, now: Any) -> bool:
    """Whether a schedule is paused that was not."""
    is_one = isinstance(then, LiveSchedule) and isinstance(now, LiveSchedule)
    return is_one and now.paused and not then.paused


def _settled(resource: Any) -> Any:
    """A live resource without what changes by itself."""
    if isinstance(resource, LiveFlowControl):  # exists by use; unpinned, it is as good as none
        is_pinned = resource.parallelism is not None or resource.rate is not None
        return replace(resource, waiting=0, paused=False) if is_pinned else None
    if isinstance(resource, LiveSchedule):
        return replace(
            resource, created_at=None, next_at=None, last_at=None, last_states=(), error=None
        )
    return replace(resource, lag=0) if isinstance(resource, LiveQueue) else resource
