"""Outcomes held against what the account shows after the writes.

was        still differs   every step shows     then
done       no              yes                  done
done       yes             -                    unverified
done       no              a pause does not     unverified
failed     no              yes                  done: only the answer was lost
failed     otherwise                            failed
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from qstash_sync.applying.outcomes import Outcome, Status, internal
from qstash_sync.errors import AccountError
from qstash_sync.model.change import Action, Change
from qstash_sync.model.resources import Key, Kind, Live, LiveSchedule, instant
from qstash_sync.model.steps import PauseSchedule, PutSchedule, Step
from qstash_sync.planning.liveness import wrong_time
from qstash_sync.reconcile import mark
from qstash_sync.reconcile.mark import Mark
from qstash_sync.reconcile.times import ACTIVATION

_SKEW = timedelta(seconds=1)  # by which the clocks of one service may differ


def unread(outcome: Outcome, error: Exception) -> Outcome:
    """What is done, but cannot be looked at: for an error of the account, or a bug of ours."""
    if outcome.status is not Status.DONE:
        return outcome
    why = str(error) if isinstance(error, AccountError) else internal(error)
    message = f"cannot be read again: {why}"
    return replace(outcome, status=Status.UNVERIFIED, message=message)


def judged(
    outcomes: Mapping[Key, Outcome], look: Callable[[], "Verification"]
) -> dict[Key, Outcome]:
    """Outcomes by what the account shows now; look: reads it, after the last write.

    The writes are done: whatever fails now, what became of them is told.
    """
    try:
        verdict = look()
        return {key: verdict.of(outcome) for key, outcome in outcomes.items()}
    except Exception as error:  # noqa: BLE001 else nobody would hear what was written
        return {key: unread(outcome, error) for key, outcome in outcomes.items()}


def in_milliseconds(outcomes: Iterable[Outcome], after: Live) -> Iterator[PutSchedule]:
    """A write of each schedule whose timeout in seconds reads back a thousand times as large."""
    shown = {part.id: part.message.timeout for part in after.schedules or ()}
    for change in (outcome.change for outcome in outcomes if outcome.status is Status.DONE):
        puts = (step for step in change.steps if isinstance(step, PutSchedule))
        timed = ((step, step.message.timeout) for step in puts)
        yield from islice((s for s, t in timed if t and shown.get(s.id) == 1000 * t), 1)


class Verification:
    """Judges outcomes; differing: the changes that a plan would still make of what was read.

    before: the account as it was read before the first write; after: as it is at `now`.
    """

    def __init__(
        self,
        differing: dict[Key, Change],
        *,
        before: Live,
        after: Live,
        now: datetime,
    ) -> None:
        self.differing = differing
        self.now = now
        self.existed = {part.id for part in before.schedules or ()}
        self.parts = {part.id: part for part in after.schedules or ()}

    def of(self, outcome: Outcome) -> Outcome:
        """The outcome as it turned out to be; a bug of ours costs this one alone."""
        try:
            return self._judged(outcome)
        except Exception as error:  # noqa: BLE001 a bug costs one verdict, not all outcomes
            return unread(outcome, error)

    def _judged(self, outcome: Outcome) -> Outcome:
        still = self.differing.get(outcome.change.key)
        wrong = [step for step in outcome.change.steps if not self._shows(step)]
        if outcome.status is Status.FAILED and still is None and not wrong:
            message = "the answer was lost, but it is so"
            return replace(outcome, status=Status.DONE, message=message)
        if outcome.status is Status.FAILED:
            pauses = (s for s in wrong if isinstance(s, PauseSchedule) and self._is_known(s))
            states = dict.fromkeys(map(self._state, pauses))
            return replace(outcome, message="; ".join((outcome.message, *states)))
        if outcome.status is not Status.DONE:
            return outcome
        why = next(self._doubts(outcome, still, wrong), None)
        return outcome if why is None else self._unverified(outcome, why)

    def _shows(self, step: Step) -> bool:
        """Whether a schedule shows a step: a set that is cut off may be exact for weeks, too."""
        part = self.parts.get(getattr(step, "id", ""))
        if isinstance(step, PutSchedule):
            return part is not None and mark.parse(part.message.labels) == mark.parse(step.labels)
        if isinstance(step, PauseSchedule):
            return part is not None and part.paused == step.paused
        return part is None

    def _doubts(self, outcome: Outcome, still: Change | None, wrong: list[Step]) -> Iterator[str]:
        change = outcome.change
        if change.action in (Action.PAUSE, Action.RESUME) and change.kind is Kind.SCHEDULE:
            steps = [*wrong, *(still.steps if still else ())]
            states = dict.fromkeys(self._state(s) for s in steps if isinstance(s, PauseSchedule))
            if states:
                yield ", ".join(states)
        if still:
            yield self._difference(still)
        for step in change.steps:
            part = self.parts.get(step.id) if isinstance(step, PutSchedule) else None
            if part and outcome.started:
                if part.id not in self.existed:
                    yield from self._overwritten(part, outcome.started)
                yield from wrong_time(part, outcome.started, self.now + ACTIVATION)

    def appeared(self, change: Change) -> Outcome:
        """A schedule that a pause by name means, and that was not so, or not there, before."""
        known = all(step.id in self.existed for step in change.steps if hasattr(step, "id"))
        states = ", ".join(self._state(s) for s in change.steps if isinstance(s, PauseSchedule))
        message = states if known else "appeared meanwhile; run this again"
        return Outcome(change=change, status=Status.UNVERIFIED, message=message)

    def _is_known(self, step: PauseSchedule) -> bool:
        """Whether what it pauses is there, or was: what could not be created is not gone."""
        return step.id in self.parts or step.id in self.existed

    def _state(self, step: PauseSchedule) -> str:
        part = self.parts.get(step.id)
        if part is None:
            return f"{step.id} is gone"
        return f"{step.id} is {'paused' if part.paused else 'active'}"

    def _difference(self, change: Change) -> str:
        part = self.parts.get(change.id)
        if change.kind is Kind.SCHEDULE and part and not part.message.labels:
            return "cannot verify: no labels come back, so nothing tells that it is ours"
        if change.kind is Kind.FLOW_CONTROL and change.action is Action.CREATE:
            return "written, but QStash does not list the key: it forgets pins of keys not in use"
        paths = ", ".join(field.path for field in change.fields) or change.action
        return f"written, but it still differs: {change.refused or paths}"

    def _overwritten(self, part: LiveSchedule, started: datetime) -> Iterator[str]:
        """A schedule that came into being before we wrote it is not ours: it escaped our look.

        Only where an overwrite keeps the time of creation; there is no other trace.
        """
        created = instant(part.created_at)
        if created and created < started - _SKEW:
            at = f"{created:%Y-%m-%d %H:%M:%SZ}"
            yield f"{part.id}: it was created at {at}, before this run wrote it, and is overwritten"

    def _unverified(self, outcome: Outcome, message: str) -> Outcome:
        """With the facts that a bug report needs: what was written, what is read, when.

        A report is public, and a digest over what reads back is no more secret than a PIN in it:
        of a mark it is told how it differs from what was sent.
        """
        when = f"read {_iso(self.now)}"
        if outcome.started:
            when = f"written {_iso(outcome.started)}, {when}"
        puts = {step.id: step for step in outcome.change.steps if isinstance(step, PutSchedule)}
        marks = {part_id: mark.parse(put.labels) for part_id, put in puts.items()}
        sent = [f"sent {put.id}: cron {put.cron}" for put in puts.values()]
        read = [_as_read(part, marks[i]) for i, part in self.parts.items() if i in puts]
        facts = (when, *sent, *read, f"why: {message}") if puts else ()
        return replace(outcome, status=Status.UNVERIFIED, message=message, facts=facts)


def _as_read(part: LiveSchedule, sent: Mark | None) -> str:
    found = mark.parse(part.message.labels)
    said = "no mark"
    if sent and found:
        names = [name for name in Mark._fields if getattr(sent, name) != getattr(found, name)]
        said = f"its mark differs in {', '.join(names)}" if names else "its mark as sent"
    state = "paused" if part.paused else "active"
    soon = instant(part.next_at)
    told = _iso(soon) if soon else part.next_at  # a number that no calendar has is told as it is
    return f"read {part.id}: cron {part.cron}, {said}, next {told}, {state}"


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
