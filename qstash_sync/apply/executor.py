"""Carry out changes: side by side, each in its own order of steps, in states that have a name.

    rank   URL groups -> queues -> flow controls -> schedules -> deletes, the other way round
           (a kind at the account's cap: its deletes first)
    each   not approved any more        refused, nothing written
           needs what failed            blocked
           a swap of crons              waits for its window, then all its writes back to back
           what was there               one GET before it is written: as it was read? else refused
           an error of the account      failed, the rest goes on, nothing is deleted after it
           QStash cannot be reached     blocked, after three in a row that could not reach it

Only the thread that calls `carry_out` decides; workers send the steps of one change.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from qstash_sync.apply import preconditions, windows
from qstash_sync.errors import AccountError, RejectedError, UnreachableError
from qstash_sync.model.change import Action, Change, Key
from qstash_sync.model.resources import Kind, Live, LiveQueue
from qstash_sync.model.steps import (
    DeleteQueue,
    DeleteSchedule,
    DeleteUrlGroup,
    PinFlowControl,
    PutSchedule,
    Step,
)
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.times import ACTIVATION

NOT_FOUND, PRECONDITION_FAILED, TOO_MANY_REQUESTS = 404, 412, 429
_HEARTBEAT = 1.0  # seconds between two looks at the clock while writes are under way
_LOST = 3  # writes in a row that could not reach QStash, after which no more are begun
_FIRST_USE = "waits for its first use"
_TIGHT = "no room between its firings: one may have been lost or doubled"


class Account(Protocol):
    """What carrying out needs of a client."""

    def get(self, kind: Kind, name: str) -> Any:
        """One resource as it is now; None where it is not there."""

    def write(self, step: Step) -> None:
        """Send one write."""

    def read(self, kinds: Collection[str]) -> Live:
        """List the given kinds."""

    def now(self) -> datetime:
        """The server's time."""


class Status(StrEnum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    REFUSED = "refused"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A change and what became of it; message says why it is not done, or what to know of it.

    started: the server's time before its first write. facts: what a bug report needs.
    """

    change: Change
    status: Status
    message: str = ""
    started: datetime | None = None
    facts: tuple[str, ...] = ()


def _quiet(_text: str) -> None:
    """Say nothing."""


@dataclass(slots=True, kw_only=True)
class Control:
    """How a run goes on: how many at once, how long it may wait, who is told, and when to stop.

    sleep: waits some seconds, or less if the run is stopped meanwhile; injected by tests.
    """

    parallelism: int = 8
    max_wait: timedelta = timedelta(minutes=5)
    report: Callable[[Outcome], None] = lambda _outcome: None
    say: Callable[[str], None] = _quiet
    stop: threading.Event = field(default_factory=threading.Event)
    sleep: Callable[[float], object] | None = None

    def rest(self, seconds: float) -> None:
        """Wait, or until the run is stopped."""
        (self.sleep or self.stop.wait)(max(seconds, 0.0))


def carry_out(
    client: Account,
    changes: Sequence[Change],
    live: Live,
    policy: Policy,
    control: Control,
    *,
    full: frozenset[Kind] = frozenset(),
    settled: Sequence[Outcome] = (),
    looks: bool = True,
) -> dict[Key, Outcome]:
    """Carry out changes against the account as `live` shows it; returns every change's outcome.

    full: kinds at the account's cap, whose deletes go first. settled: approved changes that are
    not carried out any more. looks: whether each resource is looked at before it is written.
    """
    run = _Run(client, changes, live, policy, control, looks=looks)
    run.failed += filter(_is_failure, settled)
    with ThreadPoolExecutor(max_workers=control.parallelism) as pool:
        for rank in ranks(changes, full):
            run.rank(rank, pool)
    return run.outcomes


def ranks(changes: Sequence[Change], full: frozenset[Kind] = frozenset()) -> Iterator[list[Change]]:
    """The changes of each rank, in order."""
    found: dict[tuple[int, int], list[Change]] = {}
    for change in changes:
        turn, rank, _ = change.order
        if change.action is Action.DELETE and change.kind in full:
            turn = -1
        found.setdefault((turn, rank), []).append(change)
    for _, rank_changes in sorted(found.items()):
        yield rank_changes


class _Run:
    """One run; everything but `_steps` and what it calls happens in the calling thread."""

    def __init__(
        self,
        client: Account,
        changes: Sequence[Change],
        live: Live,
        policy: Policy,
        control: Control,
        *,
        looks: bool,
    ) -> None:
        self.client, self.policy, self.control, self.looks = client, policy, control, looks
        self.changes, self.known = changes, preconditions.index(live)
        self.there = {name for kind, name in self.known if kind is Kind.SCHEDULE}
        self.outcomes: dict[Key, Outcome] = {}
        self.failed: list[Outcome] = []
        self.opens: dict[Key, datetime] = {}  # the window that a change waits for
        self.waited: dict[Key, timedelta] = {}
        self.room = 2 * control.parallelism  # so many are handed out, so that no worker is idle
        self.lost = 0  # writes in a row that could not reach QStash

    def rank(self, changes: Sequence[Change], pool: ThreadPoolExecutor) -> None:
        """Start what may start, wait for windows, take the outcomes as they come."""
        waiting = deque(changes)
        ended: SimpleQueue[tuple[Change, Future[Outcome | None]]] = SimpleQueue()
        running = 0
        while waiting or running:
            for change in self._startable(waiting, self.room - running):
                future = pool.submit(self._steps, change)
                future.add_done_callback(partial(_put, ended, change))
                running += 1
            if running:
                running -= self._collect(ended, waiting)
            elif waiting:
                self._wait_for(waiting)

    def _startable(self, waiting: deque[Change], room: int) -> list[Change]:
        """Take out of those that wait what may begin, and settle what will not.

        What waits for its window stays at the head of the line.
        """
        begin: list[Change] = []
        later: list[Change] = []
        while waiting and len(begin) < room:
            change = waiting.popleft()
            outcome = self._early(change)
            if outcome:
                self._take(outcome)
            elif self._may_begin(change):
                begin.append(change)
            elif change.key not in self.outcomes:
                later.append(change)
        waiting.extendleft(reversed(later))
        return begin

    def _collect(
        self, ended: "SimpleQueue[tuple[Change, Future[Outcome | None]]]", waiting: deque[Change]
    ) -> int:
        """Take one outcome, if it comes while there is nothing else to look at; returns how many.

        A change whose window closed while it stood in line waits again.
        """
        try:
            change, future = ended.get(timeout=_HEARTBEAT if waiting else None)
        except Empty:
            return 0
        outcome = future.result()
        if outcome is None:
            waiting.appendleft(change)
        else:
            self._take(outcome)
        return 1

    def _take(self, outcome: Outcome) -> None:
        self.outcomes[outcome.change.key] = outcome
        if _is_failure(outcome):
            self.failed.append(outcome)
        self.control.report(outcome)

    # Before a change begins

    def _early(self, change: Change) -> Outcome | None:
        if change.refused:
            return Outcome(change=change, status=Status.REFUSED, message=change.refused)
        why = self._halt()
        if why:
            return _blocked(change, why)
        needed = _needs(change) if self.failed else set()
        for other in self.failed:
            if other.change.key in needed and not other.message.startswith(_FIRST_USE):
                return _blocked(change, f"needs {other.change.kind} {other.change.name}")
        if change.action is Action.DELETE and self.failed and not self.policy.delete_after_failure:
            first = f"{self.failed[0].change.kind} {self.failed[0].change.name}"
            why = f"nothing is deleted after a failure ({first}); or --delete-after-failure"
            return _blocked(change, why)
        return None

    def _halt(self) -> str | None:
        """Why nothing more is begun, if so."""
        if self.control.stop.is_set():
            return "stopped before it began"
        if self.lost >= _LOST:
            return "QStash cannot be reached any more; apply again later"
        return None

    def _may_begin(self, change: Change) -> bool:
        """Whether its window is open; settles it where none comes in time."""
        now, key = self.client.now(), change.key
        if key in self.opens and now < self.opens[key]:
            return False
        found = windows.window(change, now)
        if found.at <= now:
            self._warn_tight(change, found)
            return True
        waited = self.waited.get(key, timedelta()) + (found.at - now)
        if waited > self.control.max_wait:
            self._take(_too_late(change, found.at))
            return False
        if key not in self.opens:
            self.control.say(f"{change.name}: a firing is near; waiting until {found.at:%H:%M:%SZ}")
        self.opens[key], self.waited[key] = found.at, waited
        return False

    def _warn_tight(self, change: Change, found: windows.Window) -> None:
        if found.tight:
            fact = "no room between its firings, so it is written right after one"
            self.control.say(f"warning: {change.name}: {fact}; one may be lost or doubled")

    def _wait_for(self, waiting: Sequence[Change]) -> None:
        soonest = min((self.opens[change.key] for change in waiting), default=None)
        if soonest:
            self.control.rest((soonest - self.client.now()).total_seconds())

    # A worker's part

    def _steps(self, change: Change) -> Outcome | None:
        """Send a change's steps; None if its window has closed since it was submitted."""
        why = self._halt()
        if why:
            return _blocked(change, why)
        now = self.client.now()
        window = windows.window(change, now)
        if window.at > now:
            return None
        outcome = Outcome(change=change, status=Status.DONE, started=now)
        if change.action in (Action.PAUSE, Action.RESUME):
            return self._each(outcome)
        outcome = self._in_turn(outcome, now)
        late = windows.at_risk(change, now, self.client.now() + ACTIVATION)
        if outcome.status is Status.DONE and (window.tight or late):
            return replace(outcome, message=_TIGHT if window.tight else _late(late))
        return outcome

    def _in_turn(self, outcome: Outcome, now: datetime) -> Outcome:
        """Send one step after the other; the first that fails ends the change."""
        change, looked = outcome.change, set[Key]()
        for done, step in enumerate(windows.in_order(change.steps, now, self.there)):
            try:
                if self._is_still(change, step, looked):
                    self.client.write(step)
            except _MovedError as moved:
                message = f"{moved}{_left(change, done, now)}"
                return replace(outcome, status=Status.REFUSED, message=message)
            except AccountError as error:
                self.lost += _is_lost(error)
                message = _explained(error, step) + _left(change, done, now)
                return replace(outcome, status=Status.FAILED, message=message)
            self.lost = 0
        return outcome

    def _each(self, outcome: Outcome) -> Outcome:
        """Pause or resume each part for itself: one that fails keeps no other from it."""
        failed: list[str] = []
        for step in outcome.change.steps:
            try:
                if self._is_still(outcome.change, step, set()):
                    self.client.write(step)
                self.lost = 0
            except _MovedError as moved:
                return replace(outcome, status=Status.REFUSED, message=str(moved))
            except AccountError as error:
                self.lost += _is_lost(error)
                failed.append(f"{preconditions.target(step)[1]}: {_explained(error, step)}")
        if not failed:
            return outcome
        more = f" (and {len(failed) - 1} more)" * (len(failed) > 1)
        return replace(outcome, status=Status.FAILED, message=failed[0] + more)

    def _is_still(self, change: Change, step: Step, looked: set[Key]) -> bool:
        """Look once at what a step writes over or deletes; False where that is gone already."""
        key = preconditions.target(step)
        if (
            not self.looks
            or key in looked
            or (change.kind is Kind.SCHEDULE and change.action is Action.CREATE)
        ):
            return True  # many are created; `engine` tells of one that was there before us
        looked.add(key)
        if isinstance(step, DeleteUrlGroup | DeleteQueue):
            self._refuse_in_use(key)
        found, expected = self.client.get(*key), self.known.get(key)
        if found is None and isinstance(step, DeleteSchedule | DeleteUrlGroup | DeleteQueue):
            return False
        if not preconditions.is_same(step, expected, found):
            what = "is gone" if found is None else "has changed" if expected else "has appeared"
            raise _MovedError(f"{key[1]} {what} since it was read; plan again")
        if isinstance(step, DeleteQueue) and found.lag > 0:
            self._refuse_backlog(found)
        return True

    def _refuse_backlog(self, queue: LiveQueue) -> None:
        if not _named(queue.name, self.policy.drop_backlog):
            raise _MovedError(f"{queue.lag} messages wait in it and would be lost")

    def _refuse_in_use(self, key: Key) -> None:
        """Look whether a schedule uses it that this run will not change any more."""
        kind, name = key
        if _named(name, self.policy.allow_in_use):
            return
        later = {
            preconditions.target(s)
            for c in self.changes
            if c.key not in self.outcomes
            for s in c.steps
        }
        for part in self.client.read({"schedules"}).schedules or ():
            message = part.message
            used = message.queue if kind is Kind.QUEUE else str(message.destination)
            if used == name and (Kind.SCHEDULE, part.id) not in later:
                raise _MovedError(f"the schedule {part.id} uses it by now; plan again")


def _put(
    ended: "SimpleQueue[tuple[Change, Future[Outcome | None]]]",
    change: Change,
    future: Future[Outcome | None],
) -> None:
    ended.put((change, future))


class _MovedError(Exception):
    """A resource is not any more what the plan was made for."""


def _named(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in globs)


def _is_failure(outcome: Outcome) -> bool:
    """Whether it did not happen as approved; what the plan refused was approved as that."""
    if outcome.status is Status.REFUSED:
        return not outcome.change.refused
    return outcome.status in (Status.FAILED, Status.BLOCKED)


def _is_lost(error: AccountError) -> bool:
    """Whether an error is no answer to this very request."""
    status = error.status if isinstance(error, RejectedError) else None
    return isinstance(error, UnreachableError) or status == TOO_MANY_REQUESTS


def _blocked(change: Change, why: str) -> Outcome:
    return Outcome(change=change, status=Status.BLOCKED, message=why)


def _too_late(change: Change, at: datetime) -> Outcome:
    message = f"its next window opens at {at:%Y-%m-%d %H:%M:%SZ}; run again then, or --max-wait"
    return Outcome(change=change, status=Status.BLOCKED, message=message)


def _needs(change: Change) -> set[Key]:
    """The resources that the schedules of a change name, and cannot do without."""
    needed: set[Key] = set()
    for step in change.steps:
        if isinstance(step, PutSchedule):
            message = step.message
            needed.add((Kind.URL_GROUP, str(message.destination)))
            needed.add((Kind.QUEUE, message.queue or ""))
            use = message.flow_control
            if use and not (use.parallelism or use.rate):
                needed.add((Kind.FLOW_CONTROL, use.key))
    return needed


def _explained(error: AccountError, step: Step) -> str:
    """The error, and what it means where QStash's words do not say."""
    status = error.status if isinstance(error, RejectedError) else None
    if isinstance(step, PinFlowControl) and status == NOT_FOUND:
        return f"{_FIRST_USE}: QStash does not know this key yet; apply again after that"
    if status == PRECONDITION_FAILED:
        return f"{error}; say limits: {{plan: …}} to find this before the first write"
    return str(error)


def _left(change: Change, done: int, at: datetime) -> str:
    """What a swap that was cut off midway puts at risk."""
    if change.swap is None or not 0 < done < len(change.steps):
        return ""
    risks = windows.at_risk(change, at, at + timedelta(days=1))
    firings = f"; at risk: {_told(risks)}" if risks else ""
    return f"; cut off after {done} of {len(change.steps)} writes{firings}; apply again"


def _late(risks: Sequence[datetime]) -> str:
    return f"took longer than its window: {_told(risks)} may be lost or doubled"


def _told(risks: Sequence[datetime]) -> str:
    return ", ".join(f"{risk:%m-%d %H:%MZ}" for risk in risks[:3])
