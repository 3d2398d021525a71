"""What became of each resource: a status from the plan, and facts from what QStash says of runs.

the plan has                     status         who moved
no change                        in_sync        nobody
an update: drift, file, both     drifted, pending, both, as the mark tells
an update: clock                 renewal_due    time; graded by the days that are left
an update of what has no mark    unmarked       nobody can tell
a create                         missing        what is gone carries no mark
a delete                         surplus        what is not declared says no more
a change of another kind         differs        these carry no mark

beyond the plan, of the live parts of a schedule           grade
a next firing that its cron has not                        difference (drifted)
some parts paused, others not                              difference (drifted)
two firings have gone by since it last ran                 warning
an error of the last run                                   warning
paused in the account, and the file leaves it so           information
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from qstash_sync.crons import robfig
from qstash_sync.crons.error import CronError
from qstash_sync.crons.exactness import exact_until
from qstash_sync.crons.robfig import predicted
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import RANKS, Diagnostic, Location, Severity
from qstash_sync.model.resources import Desired, Kind, Live, LiveSchedule, Message, Schedule
from qstash_sync.plan import guards, mark
from qstash_sync.plan.decide import Plan
from qstash_sync.plan.diff import HIDDEN
from qstash_sync.plan.pauses import LEFT_SO
from qstash_sync.plan.times import ACTIVATION

WARN, DIFFER = timedelta(days=21), timedelta(days=14)  # before the end of a set that is due
_READING = timedelta(minutes=2)  # that an answer may be old: what all tries of a read may take
_LATE = timedelta(minutes=1)  # between a firing and the run that QStash notes for it
_OVERDUE = 2  # firings
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_URL = re.compile(r"[a-z][a-z0-9+.-]*:\\?/\S*", re.IGNORECASE)
_PROSE = re.compile(r"[A-Za-z]?[a-z]+([-'/][a-z]+)*|[A-Z]+")
_WORD = re.compile(r"[^\s\"'=&,:;()\[\]{}<>]{4,}(?<![.!?])")


class Status(StrEnum):
    """What is told of a resource, in the order in which a reader wants to know."""

    SURPLUS = "surplus"
    UNMARKED = "unmarked"
    MISSING = "missing"
    BOTH = "both"
    DRIFTED = "drifted"
    DIFFERS = "differs"
    PENDING = "pending"
    RENEWAL_DUE = "renewal_due"
    IN_SYNC = "in_sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDrift:
    """Where one resource is: its status, what an apply would change, and what else is known."""

    kind: Kind
    name: str
    status: Status
    change: Change | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def severity(self) -> Severity:
        """Of in_sync and renewal_due the heaviest diagnostic; all others are differences."""
        if self.status not in (Status.IN_SYNC, Status.RENEWAL_DUE):
            return Severity.DIFFERENCE
        severities = (diagnostic.severity for diagnostic in self.diagnostics)
        return min(severities, key=RANKS.__getitem__, default=Severity.INFO)

    @property
    def order(self) -> tuple[int, int, str]:
        """Deletes first, what is in sync last."""
        return list(Status).index(self.status), list(Kind).index(self.kind), self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Where every declared resource stands, and what is surplus; in a total order.

    plan: with its diagnostics as a watcher has them: guards and limits are no errors of his.
    """

    plan: Plan
    resources: tuple[ResourceDrift, ...] = ()

    @property
    def differences(self) -> int:
        """How many resources differ."""
        return sum(one.severity is Severity.DIFFERENCE for one in self.resources)

    @property
    def counts(self) -> dict[Status, int]:
        """How many resources have each status, in its order; those with none are left out."""
        found = Counter(one.status for one in self.resources)
        return {status: found[status] for status in Status if found[status]}

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The plan's warnings, and what is known of the resources beside differences."""
        return self.plan.warnings + tuple(
            diagnostic
            for one in self.resources
            for diagnostic in one.diagnostics
            if diagnostic.severity is not Severity.DIFFERENCE
        )


def judge(desired: Desired, live: Live, plan: Plan, *, read_at: datetime) -> Drift:
    """Tell where each resource is.

    read_at: the server's time when the account was read; the plan may have been made for another.
    """
    watch = _Watch(desired, live, plan, read_at)
    found = [watch.resource(change.kind, change.name, change) for change in plan.changes]
    found += [watch.resource(kind, name) for kind, name in plan.unchanged]
    resources = sorted(found, key=lambda one: one.order)
    return Drift(plan=_for_a_watcher(plan), resources=tuple(resources))


def _for_a_watcher(plan: Plan) -> Plan:
    """Guards and limits only warn of an apply to come; a pause is known of its resource."""
    stops = [diagnostic for diagnostic in plan.errors if diagnostic.code in guards.STOPS]
    kept = [w for w in plan.warnings if w.code not in ("paused", "partly_paused")]
    warned = [replace(diagnostic, severity=Severity.WARNING) for diagnostic in stops]
    errors = tuple(diagnostic for diagnostic in plan.errors if diagnostic not in stops)
    return replace(plan, warnings=(*kept, *warned), errors=errors)


_STATUS = {
    Reason.FILE: Status.PENDING,
    Reason.RENAME: Status.PENDING,
    Reason.DRIFT: Status.DRIFTED,
    Reason.BOTH: Status.BOTH,
    Reason.CLOCK: Status.RENEWAL_DUE,
    Reason.ADOPT: Status.UNMARKED,
}
_MOVED = {  # by a fact that differs
    Status.IN_SYNC: Status.DRIFTED,
    Status.RENEWAL_DUE: Status.DRIFTED,
    Status.PENDING: Status.BOTH,
}


def _status(change: Change | None) -> Status:
    if change is None:
        return Status.IN_SYNC
    if change.action is Action.DELETE:
        return Status.SURPLUS
    if change.action is Action.CREATE:
        return Status.MISSING
    return _STATUS[change.reason] if change.kind is Kind.SCHEDULE else Status.DIFFERS


class _Watch:
    """What was read, by the resources that it belongs to."""

    def __init__(self, desired: Desired, live: Live, plan: Plan, read_at: datetime) -> None:
        self.now, self.read_at = plan.now, read_at
        self.index = plan.index
        self.schedules = {schedule.name: schedule for schedule in desired.schedules or ()}
        left_open = {
            (kind, resource.name): resource.location
            for kind, declared in (
                (Kind.QUEUE, desired.queues or ()),
                (Kind.FLOW_CONTROL, desired.flow_controls or ()),
            )
            for resource in declared
            if resource.paused is None
        }
        paused = {(Kind.QUEUE, queue.name) for queue in live.queues or () if queue.paused}
        paused |= {(Kind.FLOW_CONTROL, key.name) for key in live.flow_controls or () if key.paused}
        self.paused = {key: left_open[key] for key in left_open.keys() & paused}

    def resource(self, kind: Kind, name: str, change: Change | None = None) -> ResourceDrift:
        """Where a resource is that has this change, or none."""
        status = _status(change)
        found: list[Diagnostic] = []
        if (kind, name) in self.paused:
            path = (f"{kind}s", name)
            found.append(_known(Severity.INFO, "paused", LEFT_SO, path, self.paused[kind, name]))
        if kind is Kind.SCHEDULE and status is not Status.SURPLUS:
            found = list(self._diagnostics(self.schedules[name], change))
        # A renewal that is due for long is a difference, but nobody's doing.
        differs = any(d.severity is Severity.DIFFERENCE and d.code != "renewal" for d in found)
        return ResourceDrift(
            kind=kind,
            name=name,
            status=_MOVED.get(status, status) if differs else status,
            change=change,
            diagnostics=tuple(found),
        )

    def _parts(self, schedule: Schedule) -> list[LiveSchedule]:
        """The parts with our mark, and what the file adopts."""
        found = self.index.of(schedule.id)
        return [part.live for part in found if part.ours or schedule.adopted]

    def _diagnostics(self, schedule: Schedule, change: Change | None) -> Iterator[Diagnostic]:
        parts = self._parts(schedule)
        if change and change.reason is Reason.CLOCK:
            yield _renewal(schedule, parts, change, self.now)
        for part in parts:
            yield from _next_time(schedule, part, self.read_at)
        if not change or all(field.path != "paused" for field in change.fields):
            yield from _pause(schedule, parts)
        yield from _overdue(schedule, parts, self.read_at)
        yield from _failures(schedule, parts)


def _known(
    severity: Severity,
    code: str,
    message: str,
    path: tuple[str, ...],
    location: Location | None,
) -> Diagnostic:
    return Diagnostic(severity=severity, code=code, message=message, path=path, location=location)


def _of(schedule: Schedule, severity: Severity, code: str, message: str) -> Diagnostic:
    return _known(severity, code, message, ("schedules", schedule.name), schedule.location)


# ---------------------------------------------------------------- what else is known


def _renewal(
    schedule: Schedule, parts: Sequence[LiveSchedule], change: Change, now: datetime
) -> Diagnostic:
    """How urgent a renewal is: by the days until the first wrong firing, from midnight UTC on."""
    wrong = exact_until(schedule.timing.job, [part.cron for part in parts], now)
    end = wrong and wrong.replace(hour=0, minute=0)
    severity = Severity.INFO
    if change.cut_off or (end and end - now <= DIFFER):
        severity = Severity.DIFFERENCE
    elif end and end - now <= WARN:
        severity = Severity.WARNING
    until = f"exact until {wrong:%a %Y-%m-%d %H:%MZ}" if wrong else "exact for years"
    return _of(schedule, severity, "renewal", f"{until}; apply --only clock renews it")


def _next_time(schedule: Schedule, part: LiveSchedule, read_at: datetime) -> Iterator[Diagnostic]:
    """A next firing that the stored cron has not; absent or paused, there is no verdict."""
    if part.next_at is None or part.paused:
        return
    said = _instant(part.next_at)
    low, high = read_at - _READING, read_at + ACTIVATION
    if said is None or not predicted(part.cron, low, high, said):
        at = f"at {said:%a %Y-%m-%d %H:%MZ}" if said else "at a time that no calendar has"
        text = f"QStash says that {part.id} fires next {at}; its cron {part.cron} does not"
        yield _of(schedule, Severity.DIFFERENCE, "next_time", text)


def _pause(schedule: Schedule, parts: Sequence[LiveSchedule]) -> Iterator[Diagnostic]:
    """A pause that the file says nothing about."""
    paused = [part for part in parts if part.paused]
    if 0 < len(paused) < len(parts):
        names = ", ".join(part.id for part in paused)
        fact = f"{len(paused)} of {len(parts)} parts are paused: {names}"
        text = f"{fact}; write paused: true or paused: false"
        yield _of(schedule, Severity.DIFFERENCE, "partly_paused", text)
    elif paused and schedule.paused is None:
        marks = [mark.parse(part.message.labels) for part in paused]
        by_hand = not any(label and label.paused for label in marks)
        text = "paused by hand; the file leaves it so" if by_hand else LEFT_SO
        yield _of(schedule, Severity.INFO, "paused", text)


def _overdue(
    schedule: Schedule, parts: Sequence[LiveSchedule], read_at: datetime
) -> Iterator[Diagnostic]:
    """Two firings have gone by since the last run, as far as the parts are known to have run.

    A part that is rewritten may lose its last run, so one without any says nothing.
    """
    ran = [(at, part.cron) for part in parts if (at := _instant(part.last_at)) is not None]
    if not ran or any(part.paused for part in parts):
        return
    last = max(at for at, _ in ran)
    after: datetime | None = last + _LATE / 2
    for _ in range(_OVERDUE):
        after = after and _next([cron for _, cron in ran], after)
    if after and after <= read_at - _LATE:
        text = f"last run {last:%a %Y-%m-%d %H:%MZ}; two firings or more have gone by since then"
        yield _of(schedule, Severity.WARNING, "overdue", text)


def _next(crons: Sequence[str], after: datetime) -> datetime | None:
    """The next firing of stored crons, as far as they are understood."""
    found = []
    for cron in crons:
        try:
            found.append(robfig.next_after(robfig.read(cron), after))
        except CronError:
            continue
    return min(filter(None, found), default=None)


def _failures(schedule: Schedule, parts: Sequence[LiveSchedule]) -> Iterator[Diagnostic]:
    """The error of the last run; of a part that rests for the season, it is no news."""
    last = max((part.last_at or 0 for part in parts), default=0)
    for part in parts:
        if part.error and (part.last_at is None or part.last_at == last):
            text = f"the last run of {part.id} failed: {_without_secrets(part, schedule)}"
            yield _of(schedule, Severity.WARNING, "failed", text)


def _instant(milliseconds: int | None) -> datetime | None:
    """An instant from Unix milliseconds; None where there is none, or no calendar has it."""
    try:
        return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


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
