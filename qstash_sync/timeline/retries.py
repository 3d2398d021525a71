"""When deliveries are tried again, and which retry of which firing a time fits."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.firings import fired, instants
from qstash_sync.model import ladder
from qstash_sync.model.resources import Message
from qstash_sync.timeline.question import LATE, LONGEST, MINUTE, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A retry that a time fits: of which firing, which one, and when it was due."""

    of: datetime
    number: int
    due: datetime


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


def retry_at(question: Question) -> Retry | None:
    """The retry that a time fits best: due before it, by as little as its tries may take."""
    message, at = question.message, question.at
    waits = ladder.delays(message) if message else None
    if not waits or not message or at is None or not question.source:
        return None
    longest = question.longest_try
    reach = question.delay + sum(waits, timedelta()) + longest * len(waits) + LATE
    span = Span.around(at - min(reach, LONGEST), at + MINUTE)
    best: Retry | None = None
    for firing in instants(fired(question.source, span), span):
        if at < firing or question.paused_at(firing):
            continue
        for number, due in enumerate(tries(message, firing) or (), 1):
            late = at - due
            is_near = -MINUTE < late <= longest * number + LATE
            if is_near and (best is None or abs(late) < abs(at - best.due)):
                best = Retry(of=firing, number=number, due=due)
    return best
