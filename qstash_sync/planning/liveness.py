"""What the account says of a schedule's runs and pause, beyond the comparison with the file.

of the live parts of a schedule                            grade
a next firing that its cron has not                        warning
some parts paused, others not                              difference (drifted)
two firings have gone by since it last ran                 warning
the last run failed, by its states or its error            warning
paused in the account, and the file leaves it so           information
a queue or key that it goes through is paused (`held`)     information
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from qstash_sync.crons import robfig
from qstash_sync.crons.error import CronError
from qstash_sync.crons.robfig import predicted
from qstash_sync.model import ignorable
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Kind, Live, LiveSchedule, Message, Schedule, instant
from qstash_sync.reconcile import mark
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.diff import HIDDEN
from qstash_sync.reconcile.pauses import LEFT_SO, partly
from qstash_sync.reconcile.times import ACTIVATION
from qstash_sync.record import record

# What somebody should look at, though account and file agree.
ATTENTION = frozenset(("failed", "held", "next_time", "overdue", "paused", "zone_data"))

_READING = timedelta(minutes=2)  # that an answer may be old: what all tries of a read may take
_LATE = timedelta(minutes=1)  # between a firing and the run that QStash notes for it
_OVERDUE = 2  # firings
_FAILED = "FAIL"  # a message whose retries are used up
_URL = re.compile(r"[a-z][a-z0-9+.-]*:\\?/\S*", re.IGNORECASE)
_PROSE = re.compile(r"[A-Za-z]?[a-z]+([-'/][a-z]+)*|[A-Z]+")
_WORD = re.compile(r"[^\s\"'=&,:;()\[\]{}<>]{4,}(?<![.!?])")


@record(kw_only=True)
class Holder:
    """A paused queue or flow-control key; waiting: messages, None where that is not known."""

    kind: Kind
    name: str
    waiting: int | None = None

    @property
    def noun(self) -> str:
        """What people call it."""
        return "queue" if self.kind is Kind.QUEUE else "flow-control key"

    @property
    def waits(self) -> str:
        """That messages wait in it, and how many."""
        many = "how many is not known"
        if self.waiting is not None:
            many = f"{self.waiting:,} message{'s' * (self.waiting != 1)} now"
        return f"its messages wait: {self.noun} {self.name} is paused ({many})"


def holders(messages: Sequence[Message], live: Live) -> Iterator[Holder]:
    """What holds messages back, though they are fired: the queues and the keys that are paused."""
    queues = {message.queue for message in messages}
    keys = {message.flow_control.key for message in messages if message.flow_control}
    for queue in live.queues or ():
        if queue.paused and queue.name in queues:
            yield Holder(kind=Kind.QUEUE, name=queue.name, waiting=queue.lag)
    for key in live.flow_controls or ():
        if key.paused and key.name in keys:
            yield Holder(kind=Kind.FLOW_CONTROL, name=key.name, waiting=key.waiting)


def facts(
    schedule: Schedule,
    parts: Sequence[LiveSchedule],
    live: Live,
    read_at: datetime,
    *,
    pause_changes: bool,
) -> Iterator[Diagnostic]:
    """The table above, of one schedule; pause_changes: an apply would set its pause anyway."""
    running = [part.message for part in parts if not part.paused]
    for holder in holders(running, live):
        yield about(schedule, Severity.INFO, "held", holder.waits)
    for part in parts:
        for text in disagreement(part, read_at):
            yield about(schedule, Severity.WARNING, "next_time", text)
    if not pause_changes and ignorable.PAUSE not in schedule.ignore:
        yield from _pause(schedule, parts)
    yield from _overdue(schedule, parts, read_at)
    # How the last run went; of a part that rests for the season, it is no news.
    last = max((part.last_at or 0 for part in parts), default=0)
    for part in parts:
        if part.last_at in (None, last) and (how := _failure(part, schedule)):
            fact = f"the last run of {part.id} failed{how}"
            yield about(schedule, Severity.WARNING, "failed", fact)


def _failure(part: LiveSchedule, schedule: Schedule) -> str:
    """What is to be said of a failed run; nothing where none is known.

    The states are documented. The error is not: where it comes along, it says more.
    """
    if part.error:
        return f": {_without_secrets(part, schedule)}"
    failed, every = part.last_states.count(_FAILED), len(part.last_states)
    how_many = f" for {failed:,} of {every:,} messages" if every > 1 else ""
    return f"{how_many}; the logs of QStash tell why" if failed else ""


def disagreement(part: LiveSchedule, read_at: datetime) -> Iterator[str]:
    """A next firing that the stored cron has not; read_at: the server's time of the answer."""
    return wrong_time(part, read_at - _READING, read_at + ACTIVATION)


def wrong_time(part: LiveSchedule, low: datetime, high: datetime) -> Iterator[str]:
    """A next firing that the stored cron has at no instant from low to high.

    Absent or paused, there is no verdict.
    """
    if part.next_at is None or part.paused:
        return
    claimed = instant(part.next_at)
    if claimed is None or not predicted(part.cron, low, high, claimed):
        at = f"at {claimed:%a %Y-%m-%d %H:%MZ}" if claimed else "at a time that no calendar has"
        yield f"QStash says that {part.id} fires next {at}; its cron {part.cron} does not"


def _pause(schedule: Schedule, parts: Sequence[LiveSchedule]) -> Iterator[Diagnostic]:
    """A pause that the file says nothing about."""
    paused = [part for part in parts if part.paused]
    if 0 < len(paused) < len(parts):
        names = ", ".join(part.id for part in paused)
        fact = partly(len(paused), len(parts))
        text = f"{fact}: {names}; write paused: true or paused: false"
        yield about(schedule, Severity.DIFFERENCE, "partly_paused", text)
    elif paused and schedule.paused is None:
        marks = [mark.parse(part.message.labels) for part in paused]
        by_hand = not any(label and label.paused for label in marks)
        ran = max(filter(None, (instant(part.last_at) for part in parts)), default=None)
        since = f"; last run {ran:%a %Y-%m-%d %H:%MZ}" if ran else ""
        text = f"paused by hand; the file leaves it so{since}" if by_hand else LEFT_SO
        yield about(schedule, Severity.INFO, "paused", text)


def _overdue(
    schedule: Schedule, parts: Sequence[LiveSchedule], read_at: datetime
) -> Iterator[Diagnostic]:
    """Two firings have gone by since the last run, as far as the parts are known to have run.

    A part that is rewritten may lose its last run, so one without any says nothing.
    """
    ran = [(at, part.cron) for part in parts if (at := instant(part.last_at)) is not None]
    if not ran or any(part.paused for part in parts):
        return
    last = max(at for at, _ in ran)
    after: datetime | None = last + _LATE / 2
    for _ in range(_OVERDUE):
        after = after and _next_firing([cron for _, cron in ran], after)
    if after and after <= read_at - _LATE:
        text = f"last run {last:%a %Y-%m-%d %H:%MZ}; two firings or more have gone by since then"
        yield about(schedule, Severity.WARNING, "overdue", text)


def _next_firing(crons: Sequence[str], after: datetime) -> datetime | None:
    """The next firing of stored crons, as far as they are understood."""
    found = []
    for cron in crons:
        try:
            found.append(robfig.next_after(robfig.read(cron), after))
        except CronError:
            continue
    return min(filter(None, found), default=None)


def _without_secrets(part: LiveSchedule, schedule: Schedule) -> str:
    """The words of an error that are prose, or stand plainly in the file; no addresses.

    Known secrets are masked before; others may be rotated, removed, or unknown here, and be quoted
    in an error that is older than they are. Of the live settings, words are never taken for prose.
    """
    declared = dict(_settings(schedule.message))
    plain = "\n".join(declared.values())
    held = "\n".join(v for key, v in _settings(part.message) if declared.get(key) != v)

    def shown(found: re.Match[str]) -> str:
        harmless = _PROSE.fullmatch(found[0]) or found[0] in plain
        return found[0] if harmless and found[0] not in held else HIDDEN

    return _WORD.sub(shown, _URL.sub("(URL)", part.error or ""))


def _settings(message: Message) -> Iterator[tuple[str, str]]:
    """The settings that may hold a secret, as they stand in clear; masked where they are one."""
    body = message.body
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    callbacks = (("callback", message.callback), ("failure", message.failure_callback))
    yield from ((f"header {name}", str(value)) for name, value in message.headers)
    yield from (("destination", str(message.destination)), ("body", str(text or "")))
    yield from ((key, str(callback.url)) for key, callback in callbacks if callback)


def old_zone_data(version: str, now: datetime) -> Iterator[Diagnostic]:
    """Zone data of the year before the last one, or older: rules may have changed since.

    version: such as 2026f.
    """
    year = version[:4]
    if year.isdecimal() and now.year >= int(year) + 2:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="zone_data",
            message=f"the zone data, {version}, is older than a year: clocks may change otherwise",
            hint="upgrade the package tzdata, and apply",
        )
