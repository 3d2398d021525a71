"""Carry out changes: side by side, each in its own order of steps, in states that have a name.

    rank   URL groups -> queues -> flow controls -> schedules -> deletes, the other way round
           (a kind at the account's cap: its deletes first)
    each   not approved any more        refused, nothing written
           needs what failed            blocked
           a swap of crons              waits for its window, then all its writes back to back
           a delete                     one GET: still what the plan saw? else refused
           an error of the account      failed, the rest goes on, nothing is deleted after it

Only the thread that calls `carry_out` decides; workers send the steps of one change.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Protocol

from qstash_sync.core import windows
from qstash_sync.core.change import Action, Change
from qstash_sync.core.model import Kind, Live, LiveQueue, LiveSchedule
from qstash_sync.core.options import Options
from qstash_sync.core.steps import (
    DeleteQueue,
    DeleteSchedule,
    DeleteUrlGroup,
    PinFlowControl,
    PutSchedule,
    Step,
)
from qstash_sync.errors import AccountError, RejectedError

NOT_FOUND, PRECONDITION_FAILED = 404, 412
_DELETES: dict[type, Kind] = {
    DeleteSchedule: Kind.SCHEDULE,
    DeleteUrlGroup: Kind.URL_GROUP,
    DeleteQueue: Kind.QUEUE,
}
_HEARTBEAT = 1.0  # seconds between two looks at the clock while writes are under way


class Account(Protocol):
    """What carrying out needs of a client."""

    def get(self, kind: Kind, name: str) -> Any:
        """One resource as it is now; None where it is not there."""

    def write(self, step: Step) -> None:
        """Send one write."""

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
    """A change and what became of it; message says why where it is not done.

    started: the server's time before its first write. facts: what a bug report needs.
    """

    change: Change
    status: Status
    message: str = ""
    started: datetime | None = None
    facts: tuple[str, ...] = ()


Key = tuple[Kind, str]


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
    options: Options,
    control: Control,
    *,
    full: frozenset[Kind] = frozenset(),
) -> dict[Key, Outcome]:
    """Carry out changes against the account as `live` shows it; returns every change's outcome.

    full: kinds at the account's cap, whose deletes go first.
    """
    run = _Run(client, live, options, control)
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
    """One run; everything but `_steps` happens in the calling thread."""

    def __init__(self, client: Account, live: Live, options: Options, control: Control) -> None:
        self.client, self.options, self.control = client, options, control
        self.known = _known(live)
        self.outcomes: dict[Key, Outcome] = {}
        self.waited_until = client.now() + control.max_wait
        self.told: set[Key] = set()

    def rank(self, changes: Sequence[Change], pool: ThreadPoolExecutor) -> None:
        """Start what may start, wait for windows, take the outcomes as they come."""
        waiting = [change for change in changes if not self._settled_early(change)]
        running: set[Future[Outcome | None]] = set()
        started: dict[Future[Outcome | None], Change] = {}
        while waiting or running:
            self._stop_if_asked(waiting)
            later: list[Change] = []
            for change in waiting:
                if self._may_begin(change):
                    future = pool.submit(self._steps, change)
                    started[future] = change
                    running.add(future)
                elif change.key not in self.outcomes:
                    later.append(change)
            waiting = later
            if not running:
                if waiting:
                    self._wait_for(waiting)
                continue
            ended, running = wait(
                running, timeout=_HEARTBEAT if waiting else None, return_when=FIRST_COMPLETED
            )
            for future in ended:
                outcome = future.result()
                if outcome is None:
                    waiting.append(started[future])  # its window closed while it stood in line
                else:
                    self._take(outcome)

    def _take(self, outcome: Outcome) -> None:
        self.outcomes[outcome.change.key] = outcome
        self.control.report(outcome)

    # Before a change begins

    def _settled_early(self, change: Change) -> bool:
        outcome = self._early(change)
        if outcome:
            self._take(outcome)
        return outcome is not None

    def _early(self, change: Change) -> Outcome | None:
        if change.refused:
            return Outcome(change=change, status=Status.REFUSED, message=change.refused)
        failed = [o for o in self.outcomes.values() if o.status in (Status.FAILED, Status.BLOCKED)]
        needed = _needs(change)
        for other in failed:
            if other.change.key in needed:
                return _blocked(change, f"needs {other.change.kind} {other.change.name}")
        if change.action is Action.DELETE and failed and not self.options.delete_after_failure:
            first = f"{failed[0].change.kind} {failed[0].change.name}"
            why = f"nothing is deleted after a failure ({first}); or --delete-after-failure"
            return _blocked(change, why)
        return None

    def _stop_if_asked(self, waiting: list[Change]) -> None:
        if self.control.stop.is_set():
            for change in waiting:
                self._take(_blocked(change, "stopped before it began"))
            waiting.clear()

    def _may_begin(self, change: Change) -> bool:
        """Whether its window is open; settles it where none comes in time."""
        now = self.client.now()
        found = windows.window(change, now)
        if found.at <= now:
            return True
        if found.at > self.waited_until:
            self._take(_too_late(change, found.at))
        elif change.key not in self.told:
            self.told.add(change.key)
            why = "no room between its firings" if found.tight else "a firing is near"
            self.control.say(
                f"{change.name}: {why}; waiting until {found.at:%H:%M:%SZ}"
                + (", a firing may be lost or doubled" if found.tight else "")
            )
        return False

    def _wait_for(self, waiting: Sequence[Change]) -> None:
        now = self.client.now()
        soonest = min(windows.window(change, now).at for change in waiting)
        self.control.rest((soonest - now).total_seconds())

    # A worker's part

    def _steps(self, change: Change) -> Outcome | None:
        """Send a change's steps; None if its window has closed since it was submitted."""
        now = self.client.now()
        found = windows.window(change, now)
        if found.at > now and not found.tight:
            return None
        outcome = Outcome(change=change, status=Status.DONE, started=now)
        for done, step in enumerate(windows.in_order(change.steps, now)):
            try:
                if self._is_still(step):
                    self.client.write(step)
            except _MovedError as moved:
                return replace(outcome, status=Status.REFUSED, message=str(moved))
            except AccountError as error:
                message = _explained(error, step) + _left(change, done, now)
                return replace(outcome, status=Status.FAILED, message=message)
        return outcome

    def _is_still(self, step: Step) -> bool:
        """Look once before a delete; False where it is gone already."""
        kind = next((kind for cls, kind in _DELETES.items() if isinstance(step, cls)), None)
        if kind is None:
            return True
        name: str = getattr(step, "id", "") or getattr(step, "name", "")
        found = self.client.get(kind, name)
        if found is None:
            return False
        expected = self.known.get((kind, name))
        if expected is None or _lasting(found) != _lasting(expected):
            raise _MovedError(f"{name} has changed since it was read; plan again")
        if isinstance(found, LiveQueue) and found.lag > 0:
            self._refuse_backlog(found)
        return True

    def _refuse_backlog(self, queue: LiveQueue) -> None:
        if not any(fnmatchcase(queue.name, glob) for glob in self.options.drop_backlog):
            raise _MovedError(f"{queue.lag} messages wait in it and would be lost")


class _MovedError(Exception):
    """A resource is not any more what the plan was made for."""


def _known(live: Live) -> Mapping[Key, Any]:
    found: dict[Key, Any] = {(Kind.SCHEDULE, part.id): part for part in live.schedules or ()}
    found.update({(Kind.URL_GROUP, group.name): group for group in live.url_groups or ()})
    found.update({(Kind.QUEUE, queue.name): queue for queue in live.queues or ()})
    return found


def _lasting(resource: Any) -> Any:
    """A live resource without what changes by itself, and without its pause."""
    if isinstance(resource, LiveSchedule):
        cleared: dict[str, Any] = dict.fromkeys(("created_at", "next_at", "last_at", "error"))
        return replace(resource, paused=False, **cleared)
    return replace(resource, paused=False, lag=0) if isinstance(resource, LiveQueue) else resource


def _blocked(change: Change, why: str) -> Outcome:
    return Outcome(change=change, status=Status.BLOCKED, message=why)


def _too_late(change: Change, at: datetime) -> Outcome:
    message = f"its next window opens at {at:%Y-%m-%d %H:%M:%SZ}; run again then, or --max-wait"
    return Outcome(change=change, status=Status.BLOCKED, message=message)


def _needs(change: Change) -> set[Key]:
    """The resources that the schedules of a change name."""
    needed: set[Key] = set()
    for step in change.steps:
        if isinstance(step, PutSchedule):
            message = step.message
            needed.add((Kind.URL_GROUP, str(message.destination)))
            needed.add((Kind.QUEUE, message.queue or ""))
            use = message.flow_control
            needed.add((Kind.FLOW_CONTROL, use.key if use else ""))
    return needed


def _explained(error: AccountError, step: Step) -> str:
    """The error, and what it means where QStash's words do not say."""
    status = error.status if isinstance(error, RejectedError) else None
    if isinstance(step, PinFlowControl) and status == NOT_FOUND:
        return "waits for its first use: QStash does not know this key yet; apply again after that"
    if status == PRECONDITION_FAILED:
        return f"{error}; say limits: {{plan: …}} to find this before the first write"
    return str(error)


def _left(change: Change, done: int, at: datetime) -> str:
    """What a swap that was cut off midway puts at risk."""
    if change.swap is None or not 0 < done < len(change.steps):
        return ""
    risks = windows.at_risk(change.swap, at, at + timedelta(days=1))
    firings = f"; at risk: {', '.join(f'{r:%m-%d %H:%MZ}' for r in risks[:3])}" if risks else ""
    return f"; cut off after {done} of {len(change.steps)} writes{firings}; apply again"
