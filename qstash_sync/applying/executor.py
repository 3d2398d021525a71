"""Carry out changes: side by side, each in its own order of steps, in states that have a name.

    rank   URL groups -> queues -> flow controls -> schedules -> deletes, the other way round
           (a kind at the account's cap: first what makes room)
    each   not approved any more        refused, nothing written
           needs what failed            blocked
           a swap of crons              waits for its window, then all its writes back to back
           what was there               one GET before it is written: as it was read? else refused
           an error of the account      failed, the rest goes on, nothing is deleted after it
           written under another id     failed, nothing more is begun: one stray is enough
           a bug of ours                failed in the same way, named by its type alone
           QStash cannot be reached     blocked, after three in a row that could not reach it

Only the thread that calls `carry_out` decides; workers send the steps of one change.
"""

import shlex
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from typing import TypeVar

from qstash_sync.applying import preconditions, windows
from qstash_sync.applying.account import Account
from qstash_sync.applying.outcomes import Cause, Outcome, Status, internal
from qstash_sync.applying.preconditions import MovedError, PausedError, Preconditions
from qstash_sync.errors import AccountError, RejectedError, StrayError, UnreachableError
from qstash_sync.model.change import Action, Change
from qstash_sync.model.diagnostics import listed
from qstash_sync.model.resources import Key, Kind, Live
from qstash_sync.model.steps import (
    DeleteSchedule,
    PauseSchedule,
    PinFlowControl,
    PutSchedule,
    Step,
)
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile.times import ACTIVATION

NOT_FOUND, PRECONDITION_FAILED, TOO_MANY_REQUESTS = 404, 412, 429
_LONG = 120  # minutes that are better told in hours
_HEARTBEAT = 1.0  # seconds between two looks at the clock while writes are under way
_LOST = 3  # writes in a row that could not reach QStash, after which no more are begun
_GRAVEST_FIRST = (Status.REFUSED, Status.FAILED, Status.BLOCKED)
_REST: Key = (Kind.SCHEDULE, "")  # of no schedule: that what stays was looked at
_TIGHT = "no room between its firings: one may have been lost or doubled"

T = TypeVar("T")


@dataclass(eq=False, repr=False, slots=True, kw_only=True)
class Control:
    """How a run goes on: how many at once, how long it may wait, whom it tells, and when to stop.

    report, say: never end a run; one that raises (a broken stderr) is not called again.
    sleep: waits some seconds, or less if the run is stopped meanwhile; injected by tests.
    command: words to type, about the same files and account.
    """

    parallelism: int = 8
    max_wait: timedelta = timedelta(minutes=5)
    report: Callable[[Outcome], object] = lambda _outcome: None
    say: Callable[[str], object] = lambda _text: None
    stop: threading.Event = field(default_factory=threading.Event)
    sleep: Callable[[float], object] | None = None
    command: Callable[..., str] = lambda *words: shlex.join(("qstash-sync", *words))

    def __post_init__(self) -> None:
        self.report, self.say = _harmless(self.report), _harmless(self.say)

    def rest(self, seconds: float) -> None:
        """Wait, or until the run is stopped."""
        (self.sleep or self.stop.wait)(max(seconds, 0.0))


def _harmless(tell: Callable[[T], object]) -> Callable[[T], None]:
    broken = False

    def tell_or_stop(what: T) -> None:
        nonlocal broken
        if not broken:
            try:
                tell(what)
            except Exception:  # noqa: BLE001 no failing display may end a run of writes
                broken = True

    return tell_or_stop


def carry_out(
    client: Account,
    changes: Sequence[Change],
    live: Live,
    policy: Policy,
    control: Control,
    *,
    full: frozenset[Kind] = frozenset(),
    settled: Sequence[Outcome] = (),
    urgent: bool = False,
) -> dict[Key, Outcome]:
    """Carry out changes against the account as `live` shows it; returns every change's outcome.

    full: kinds at the account's cap, whose deletes go first. settled: approved changes that are
    not carried out any more. urgent: no resource is looked at before it is written, and each is
    tried, however many writes before could not reach QStash.
    """
    run = _Run(client, changes, live, policy, control, urgent=urgent)
    run.note(settled)
    with ThreadPoolExecutor(max_workers=control.parallelism) as pool:
        for rank in ranks(changes, full, run.there):
            run.rank(rank, pool)
    return run.outcomes


def ranks(
    changes: Sequence[Change],
    full: frozenset[Kind] = frozenset(),
    there: Collection[str] = (),
) -> Iterator[list[Change]]:
    """The changes of each rank, in order; there: the ids of all live schedules.

    Of a full kind those go first that make room: deletes before all, then what only loses parts.
    """
    found: dict[tuple[int, int, bool], list[Change]] = {}
    for change in changes:
        turn, rank, _ = change.order
        if change.action is Action.DELETE and change.kind in full:
            turn = -1
        waits = change.kind in full and not change.only_frees(there)
        found.setdefault((turn, rank, waits), []).append(change)
    for _, rank_changes in sorted(found.items()):
        yield rank_changes


class _Line:
    """The changes of one rank that have not begun; those that wait for their window stand apart.

    So an outcome costs the same however many wait: only the first of them is looked at.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        self.ready = deque(changes)
        self.waiting: list[tuple[datetime, int, Change]] = []  # a heap: the soonest is the first
        self._number = count()

    def __len__(self) -> int:
        return len(self.ready) + len(self.waiting)

    def wait(self, change: Change, until: datetime) -> None:
        """Let one wait for its window."""
        heappush(self.waiting, (until, next(self._number), change))

    def open(self, now: datetime | None) -> None:
        """Put those whose window is open to the head of the line; None: all of them."""
        opened: list[Change] = []
        while self.waiting and (now is None or self.waiting[0][0] <= now):
            opened.append(heappop(self.waiting)[-1])
        self.ready.extendleft(reversed(opened))


class _Run:
    """One run; everything but `_work` and what it calls happens in the calling thread."""

    def __init__(
        self,
        client: Account,
        changes: Sequence[Change],
        live: Live,
        policy: Policy,
        control: Control,
        *,
        urgent: bool,
    ) -> None:
        self.client, self.policy, self.control = client, policy, control
        self.outcomes: dict[Key, Outcome] = {}
        self.failed: dict[Key, Outcome] = {}
        self.urgent = urgent
        self.preconditions = (
            None if urgent else Preconditions(client, changes, live, policy, self.outcomes)
        )
        self.there = {part.id for part in live.schedules or ()}
        self.waited: dict[Key, timedelta] = {}
        self.room = 2 * control.parallelism  # so many are handed out, so that no worker is idle
        self.lost = 0  # writes in a row that could not reach QStash
        self.strays = False  # whether a schedule was written under another id
        self.idle: dict[Key, int] = {}  # steps that had nothing to delete

    def rank(self, changes: Sequence[Change], pool: ThreadPoolExecutor) -> None:
        """Start what may start, wait for windows, take the outcomes as they come."""
        line = _Line(changes)
        ended: SimpleQueue[Future[Outcome | None]] = SimpleQueue()
        running: dict[Future[Outcome | None], Change] = {}
        while line or running:
            for change in self._startable(line, self.room - len(running)):
                future = pool.submit(self._work, change)
                running[future] = change
                future.add_done_callback(ended.put)
            if running:
                self._collect(ended, running, line)
            elif line.waiting:
                self.control.rest((line.waiting[0][0] - self.client.now()).total_seconds())

    def _startable(self, line: _Line, room: int) -> list[Change]:
        """Take out of the line what may begin, and settle what will not."""
        if line.waiting:
            line.open(None if self._halt() else self.client.now())
        begin: list[Change] = []
        while line.ready and len(begin) < room:
            change = line.ready.popleft()
            try:
                outcome = self._early(change)
                is_open = outcome is None and self._is_open(change, line)
            except Exception as error:  # noqa: BLE001 a bug costs one change, not all outcomes
                is_open = False
                outcome = Outcome(change=change, status=Status.FAILED, message=internal(error))
            if outcome:
                self._take(outcome)
            elif is_open:
                begin.append(change)
        return begin

    def _collect(
        self,
        ended: "SimpleQueue[Future[Outcome | None]]",
        running: "dict[Future[Outcome | None], Change]",
        line: _Line,
    ) -> None:
        """Take one outcome, if it comes while there is nothing else to look at.

        A change whose window closed while it stood in line waits again.
        """
        try:
            future = ended.get(timeout=_HEARTBEAT if line else None)
        except Empty:
            return
        change, outcome = running.pop(future), future.result()
        if outcome is None:
            line.ready.appendleft(change)
        else:
            self._take(outcome)

    def _take(self, outcome: Outcome) -> None:
        self.outcomes[outcome.change.key] = outcome
        self.note([outcome])
        self.control.report(outcome)

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Keep in mind what did not happen as approved; a refusal of the plan was approved."""
        for outcome in outcomes:
            refused = outcome.status is Status.REFUSED and not outcome.change.refused
            if refused or outcome.status in (Status.FAILED, Status.BLOCKED):
                self.failed[outcome.change.key] = outcome

    # Before a change begins

    def _early(self, change: Change) -> Outcome | None:
        if change.refused:
            return Outcome(change=change, status=Status.REFUSED, message=change.refused)
        why = self._halt()
        if why is None and self.failed:
            why = self._after_failure(change)
        return _blocked(change, why) if why else None

    def _halt(self) -> str | None:
        """Why nothing more is begun, if so."""
        if self.control.stop.is_set():
            return "stopped before it began; run it again"
        if self.lost >= _LOST and not self.urgent:
            return "QStash cannot be reached any more; apply again later"
        if self.strays:
            return "stopped: a schedule was written under another id than its own"
        return None

    def _after_failure(self, change: Change) -> str | None:
        """Why a change is not begun after those that failed, if so."""
        for key in _needs(change):
            other = self.failed.get(key)
            if other and other.cause is not Cause.AWAITS_FIRST_USE:
                return f"needs {other.change.kind} {other.change.name}"
        if change.action is Action.DELETE and not self.policy.delete_after_failure:
            first = next(iter(self.failed.values())).change
            failed = f"{first.kind} {first.name}"
            way_out = self.policy.way("--delete-after-failure")
            return f"nothing is deleted after a failure ({failed}); or {way_out}"
        return None

    def _is_open(self, change: Change, line: _Line) -> bool:
        """Whether its window is open; lets it wait, or settles it where none comes in time."""
        if change.swap is None:
            return True
        now, key = self.client.now(), change.key
        found = windows.window(change, now)
        if found.at <= now:
            if found.tight:
                fact = "no room between its firings, so it is written right after one"
                self.control.say(f"warning: {change.name}: {fact}; one may be lost or doubled")
            return True
        waited = self.waited.get(key, timedelta()) + (found.at - now)
        if waited > self.control.max_wait:
            at = f"{found.at:%Y-%m-%d %H:%M:%SZ}"
            minutes = waited // timedelta(minutes=1) + 1
            longer = f"{minutes}m" if minutes < _LONG else f"{-(-minutes // 60)}h"
            pause, resume = (self.control.command(do, change.name) for do in ("pause", "resume"))
            ways = f"run again then, or --max-wait {longer}"
            if not self.policy.saved:  # whose plan would no longer hold
                soon = f"`{pause}`, this apply again, `{resume}`"
                ways += f"; or at once, where the file leaves its pause open: {soon}"
            self._take(_blocked(change, f"its next window opens at {at}; {ways}"))
            return False
        if key not in self.waited:
            self.control.say(f"{change.name}: a firing is near; waiting until {found.at:%H:%M:%SZ}")
        self.waited[key] = waited
        line.wait(change, found.at)
        return False

    # A worker's part

    def _work(self, change: Change) -> Outcome | None:
        """The same as `_steps`; a bug of ours costs one change, and not the outcomes of all."""
        try:
            return self._steps(change)
        except Exception as error:  # noqa: BLE001 a bug costs one change, not all outcomes
            return Outcome(change=change, status=Status.FAILED, message=internal(error))

    def _steps(self, change: Change) -> Outcome | None:
        """Send a change's steps; None if its window has closed since it was submitted."""
        why = self._halt()
        if why:
            return _blocked(change, why)
        now = self.client.now()
        outcome = Outcome(change=change, status=Status.DONE, started=now)
        if change.action in (Action.PAUSE, Action.RESUME):
            return self._each(outcome)
        if change.swap is None:
            return self._in_turn(outcome, change.steps, now)
        window = windows.window(change, now)
        if window.at > now:
            return None
        outcome = self._in_turn(outcome, windows.in_order(change.steps, now, self.there), now)
        late = windows.at_risk(change, now, self.client.now() + ACTIVATION)
        if outcome.status is Status.DONE and (window.tight or late):
            risk = f"took longer than its window: {_times(late)} may be lost or doubled"
            return replace(outcome, message=_TIGHT if window.tight else risk)
        return outcome

    def _in_turn(self, outcome: Outcome, steps: Sequence[Step], now: datetime) -> Outcome:
        """Send one step after the other; the first that fails ends the change."""
        change, looked = outcome.change, set[Key]()
        for done, step in enumerate(steps):
            failed = self._send(outcome, step, looked, begun=done > 0)
            if failed and failed.cause is Cause.PAUSED:
                return self._pause_too(failed, steps[:done])
            if failed:
                then = "" if failed.status is Status.REFUSED else self._again
                left = _left(change, done, now, then)
                return replace(failed, message=failed.message + left)
        if self.idle.get(change.key) == len(steps):
            return replace(outcome, message="it is so already")
        return outcome

    @property
    def _again(self) -> str:
        """What to do after half a change: a saved plan does not hold any more."""
        return "plan again" if self.policy.saved else "apply again"

    def _pause_too(self, outcome: Outcome, done: Sequence[Step]) -> Outcome:
        """Pause what was written in place, or beside, of what somebody has paused meanwhile."""
        written = [step.id for step in done if isinstance(step, PutSchedule)]
        told, then = [outcome.message], self._again if written else "plan again"
        for one in written:
            try:
                self.client.write(PauseSchedule(id=one, paused=True))
            except AccountError as error:
                told.append(
                    f"{one}, which this run wrote, may be active, and is not paused: {error}"
                )
                then = f"`{self.control.command('pause', outcome.change.name)}`, then {self._again}"
            else:
                told.append(f"so {one}, which this run wrote, is paused, too")
        return replace(outcome, message="; ".join([*told, then]))

    def _each(self, outcome: Outcome) -> Outcome:
        """Pause or resume each part for itself: one that fails keeps no other from it."""
        ended = [self._part(outcome, step) for step in outcome.change.steps]
        failed = [one for one in ended if one]
        first = {one.status: one for one in reversed(failed)}
        told = [first[status] for status in _GRAVEST_FIRST if status in first]
        if not told:
            return outcome
        more = f" (and {len(failed) - len(told):,} more)" * (len(failed) > len(told))
        return replace(told[0], message="; ".join(one.message for one in told) + more)

    def _part(self, outcome: Outcome, step: Step) -> Outcome | None:
        why = self._halt()
        blocked = replace(outcome, status=Status.BLOCKED, message=why) if why else None
        ended = blocked or self._send(outcome, step, set())
        if ended is None or ended.status is Status.REFUSED:  # its message says which part
            return ended
        return replace(ended, message=f"{preconditions.target(step)[1]}: {ended.message}")

    def _look_at_what_stays(self, change: Change, puts: Sequence[str], looked: set[Key]) -> None:
        """Before each delete of a change that is none itself: whether what stays is there.

        At first all of it, then the part by which the others are known.
        """
        if change.action is not Action.DELETE and self.preconditions:
            rest = () if _REST in looked else puts
            looked.add(_REST)
            self.preconditions.still_there(dict.fromkeys((change.id, *rest)))

    def _send(
        self, outcome: Outcome, step: Step, looked: set[Key], *, begun: bool = False
    ) -> Outcome | None:
        """Look at what a step writes, once, and write it; what became of it where that failed."""
        try:
            steps = outcome.change.steps
            puts = [other.id for other in steps if isinstance(other, PutSchedule)]
            paused = {one.id for one in steps if isinstance(one, PauseSchedule) and one.paused}
            if isinstance(step, DeleteSchedule):
                self._look_at_what_stays(outcome.change, puts, looked)
            if self.preconditions is None or self.preconditions.check(
                step,
                looked,
                replaced=bool(puts),
                pauses=bool(paused) and paused.issuperset(puts),
                stops=begun and bool(paused),
            ):
                self.client.write(step)
            else:
                key = outcome.change.key
                self.idle[key] = self.idle.get(key, 0) + 1
        except MovedError as moved:
            cause = Cause.PAUSED if isinstance(moved, PausedError) else None
            return replace(outcome, status=Status.REFUSED, message=str(moved), cause=cause)
        except AccountError as error:
            self.lost += _is_lost(error)
            if isinstance(error, StrayError):
                self.strays = True
                if not error.sent:
                    return replace(outcome, status=Status.BLOCKED, message=str(error))
            return _explained(
                replace(outcome, status=Status.FAILED, message=str(error)), error, step
            )
        except Exception as error:  # noqa: BLE001 a bug costs one step: other parts are paused all the same
            return replace(outcome, status=Status.FAILED, message=internal(error))
        self.lost = 0
        return None


def _is_lost(error: AccountError) -> bool:
    """Whether an error is no answer to this very request."""
    status = error.status if isinstance(error, RejectedError) else None
    return isinstance(error, UnreachableError) or status == TOO_MANY_REQUESTS


def _blocked(change: Change, why: str) -> Outcome:
    return Outcome(change=change, status=Status.BLOCKED, message=why)


def _needs(change: Change) -> Iterator[Key]:
    """The resources that the schedules of a change name, and cannot do without."""
    for step in change.steps:
        if isinstance(step, PutSchedule):
            message = step.message
            yield Kind.URL_GROUP, str(message.destination)
            yield Kind.QUEUE, message.queue or ""
            use = message.flow_control
            if use and not (use.parallelism or use.rate):
                yield Kind.FLOW_CONTROL, use.key


def _explained(outcome: Outcome, error: AccountError, step: Step) -> Outcome:
    """With what an error means where QStash's words do not say."""
    status = error.status if isinstance(error, RejectedError) else None
    if isinstance(step, PinFlowControl) and status == NOT_FOUND:
        why = "waits for its first use: QStash does not know this key yet; apply again after that"
        return replace(outcome, message=why, cause=Cause.AWAITS_FIRST_USE)
    if status == PRECONDITION_FAILED:
        why = "with limits: {plan: …} a plan finds this first, unless it fills up meanwhile"
        return replace(outcome, message=f"{error}; {why}")
    return outcome


def _left(change: Change, done: int, at: datetime, then: str) -> str:
    """How far a change has come that was cut off midway, what that puts at risk, and what then."""
    if not 0 < done < len(change.steps):
        return ""
    firings = ""
    if change.swap and (risks := windows.at_risk(change, at, at + timedelta(days=1))):
        firings = f"; may be lost or doubled: {_times(risks)}"
    there = ""
    if change.action is Action.CREATE and change.kind is Kind.SCHEDULE:
        ids = [step.id for step in change.steps[:done] if isinstance(step, PutSchedule)]
        there = f": {listed(ids)} {'is' if len(ids) == 1 else 'are'} live"
    said = f"; cut off after {done:,} of {len(change.steps):,} writes{there}{firings}"
    return f"{said}; {then}" if then else said


def _times(risks: Sequence[datetime]) -> str:
    return ", ".join(f"{risk:%a %Y-%m-%d %H:%MZ}" for risk in risks[:3])
