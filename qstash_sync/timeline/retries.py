"""When deliveries are tried again, and which retry of which firing a time fits."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from qstash_sync.model import ladder
from qstash_sync.model.resources import Message
from qstash_sync.record import record
from qstash_sync.timeline.question import LATE, LONGEST, MINUTE, Firing, Question

SECOND = timedelta(seconds=1)


@record(kw_only=True)
class Retry:
    """A retry that a time fits: of which firing, which one, and when it was due."""

    firing: Firing
    number: int
    due: datetime

    @property
    def of(self) -> datetime:
        """When it was fired."""
        return self.firing.at


def tries(message: Message, firing: datetime) -> tuple[datetime, ...] | None:
    """When a delivery that fails at once is tried again."""
    waits = ladder.delays(message)
    if waits is None:
        return None
    due = firing + timedelta(seconds=message.delay)
    found = []
    for wait in waits:
        due += wait
        found.append(due)
    return tuple(found)


def retries_at(question: Question, *, within: timedelta = timedelta.max) -> tuple[Retry, ...]:
    """The retries that a time fits best: due before it, by as little as their tries may take.

    More than one are due at the same second. within: of the time, where it is to be that near.
    """
    found = [(late, r) for late, r in _fitting(question, question.firings) if abs(late) < within]
    best = min((abs(late) for late, _ in found), default=None)
    alike = [retry for late, retry in found if best is not None and abs(late) - best < SECOND]
    alike.sort(key=lambda retry: retry.of, reverse=True)
    return tuple(one for one in alike if abs(one.due - alike[0].due) < SECOND)


def missed_at(question: Question) -> Retry | None:
    """The retry that a time would be, of a firing that the file has and the account has not."""
    found = (retry for late, retry in _fitting(question, question.missed) if late < MINUTE)
    return next(found, None)


def is_computed(question: Question) -> bool:
    """Whether all retries can be computed that may be due at a time."""
    at = question.at
    assert at
    recent = {id(f.message): f.message for f in question.firings(at - LONGEST, at + MINUTE)}
    return all(ladder.delays(message) is not None for message in recent.values())


def _fitting(
    question: Question, firings: Callable[[datetime, datetime], Iterator[Firing]]
) -> Iterator[tuple[timedelta, Retry]]:
    """Every retry that a time can be, and how late it would be."""
    at = question.at
    assert at
    reach = max((_reach(question, message) for message in question.messages), default=LATE)
    for firing in firings(at - min(reach, LONGEST), at + MINUTE):
        message = firing.message
        if firing.at > at or question.is_paused_at(firing.at):
            continue
        longest = question.longest_try(message)
        for number, due in enumerate(tries(message, firing.at) or (), 1):
            late = at - due
            if -MINUTE < late <= longest * number + LATE:
                yield late, Retry(firing=firing, number=number, due=due)


def _reach(question: Question, message: Message) -> timedelta:
    """From a firing until the latest time that can be a retry of it."""
    waits = ladder.delays(message) or ()
    tries_ = question.longest_try(message) * len(waits)
    return timedelta(seconds=message.delay) + sum(waits, timedelta()) + tries_ + LATE
