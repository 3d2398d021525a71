"""Why a schedule fires when it does, or at some time did or did not: one verdict, and its facts.

at a time       wanted, and a live part fires        as declared; by a gap's or a fold's policy
                one of the two                       the horizon is over, or what is live differs
                neither                              a time that a clock change takes; sent after a
                                                     delay; a retry; the server's idea; unknown
without one     what there is to know of it now      unmanaged, paused, differs, …, as declared

Pure: of what the file declares and what was read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from qstash_sync.crons import robfig, zones
from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.error import CronError
from qstash_sync.crons.exactness import exact_until
from qstash_sync.crons.firings import Gap, Job, instants, next_firings, wanted
from qstash_sync.model import fields, ladder
from qstash_sync.model.change import Action, Change, FieldChange, Reason
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Kind, Message, Schedule, instant, is_known, plain
from qstash_sync.plan import liveness
from qstash_sync.plan.drift import Drift
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.times import ACTIVATION
from qstash_sync.timeline.rules import Rule, fits, rule_at, rule_of

_AROUND = 3  # wanted firings that are shown on either side
_MINUTE = timedelta(minutes=1)
_LATE = timedelta(minutes=1)  # after a firing, until its first delivery
_READING = timedelta(minutes=2)
_LOOK_BACK = (2, 40, 400, 1_500)  # days, until enough firings are found
_LONGEST_TRY = PLANS["payg"].timeout  # where the file names no plan


class Verdict(StrEnum):
    """What explains a time; the first of them that holds."""

    UNMANAGED = "unmanaged"
    PAUSED = "paused"
    AS_DECLARED = "as_declared"
    GAP = "gap_policy"
    FOLD = "fold_policy"
    HORIZON_OVER = "horizon_over"
    LIVE_DIFFERS = "live_differs"
    DELAY = "delay"
    RETRY = "retry"
    SERVER_DISAGREES = "server_disagrees"
    UNKNOWN = "unknown"


class NoSubjectError(ValueError):
    """Nothing is called so, neither in the file nor in the account; its text is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a question is about: a declared schedule, a live one, or both.

    part: the live part that was named by its id.
    """

    name: str
    schedule: Schedule | None = None
    parts: tuple[LivePart, ...] = ()
    part: LivePart | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A retry that a time fits: of which firing, which one, and when it was due."""

    of: datetime
    number: int
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A verdict with its facts.

    at: the instant that was asked for; local: the wall-clock time, where one was asked for.
    wanted: firings of the file around it, or the next ones. part: the live part that fires then,
    or should. firing: the wanted one that a delay or a retry belongs to.
    until: the first wrong firing of what is live. retries: of the firing in question, in order.
    change: what an apply would do about the schedule. known: what drift tells of it.
    fires_then: a live part's cron has the time in question. since: when the oldest part was made.
    delay: in seconds, as it is live.
    """

    verdict: Verdict
    subject: Subject
    now: datetime
    at: datetime | None = None
    local: datetime | None = None
    wanted: tuple[datetime, ...] = ()
    rule: Rule | None = None
    part: LivePart | None = None
    firing: datetime | None = None
    retry: Retry | None = None
    retries: tuple[datetime, ...] | None = ()
    until: datetime | None = None
    change: Change | None = None
    known: tuple[Diagnostic, ...] = ()
    fires_then: bool = False
    since: datetime | None = None
    delay: int = 0
    expected_next: datetime | None = None
    server_next: datetime | None = None

    @property
    def differences(self) -> tuple[FieldChange, ...]:
        """In which settings file and account differ."""
        return self.change.fields if self.change else ()


def subject(desired: Desired, drift: Drift, asked: str) -> Subject:
    """Whom a name, an id, or the header of a delivery means; raises `NoSubjectError`."""
    header = re.fullmatch(r"[A-Za-z-]+:\s+(\S+)\s*", asked)
    word = header[1] if header else asked.strip()
    index = drift.plan.index
    declared = desired.schedules or ()
    part = index.by_id.get(word)
    for schedule in declared:
        parts = _parts_of(schedule, index)
        head, _, tail = word.rpartition(".")
        is_part = head == schedule.id and tail.isdecimal()
        is_live = part is not None and part in parts
        if word in (schedule.name, schedule.id, schedule.was) or is_part or is_live:
            return Subject(name=schedule.name, schedule=schedule, parts=parts, part=part)
    if part is None:  # a name that no file has any more
        named = (
            p for p in index.by_id.values() if index.is_managed(p) and index.name_of(p) == word
        )
        part = min(named, key=lambda found: found.number, default=None)
    if part:
        parts = tuple(p for p in index.by_id.values() if p.base == part.base)
        return Subject(name=part.live.id, parts=parts, part=part)
    raise NoSubjectError(_unknown(word, declared, desired.namespace))


def _parts_of(schedule: Schedule, index: LiveParts) -> tuple[LivePart, ...]:
    """The live parts; of a schedule that is to be renamed, those that it still has."""
    found = index.of(schedule.id)
    if not found and schedule.was:
        found = index.of(f"{index.namespace}.{schedule.was}") or index.of(schedule.was)
    return tuple(found)


def _unknown(word: str, declared: Sequence[Schedule], namespace: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 only where nothing is found

    near = get_close_matches(word.removeprefix(f"{namespace}."), [s.name for s in declared], 3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return f"{word}: no schedule of the files and none in the account has this name or id{hint}"


def explain(
    found: Subject,
    desired: Desired,
    drift: Drift,
    *,
    read_at: datetime,
    at: datetime | None = None,
    local: datetime | None = None,
) -> Explained:
    """The verdict; at: a time to explain, or local: one of the schedule's own clock.

    read_at: the server's time when the account was read.
    """
    return _Question(found, desired, drift, read_at, at, local).answer()


@dataclass(slots=True)
class _Question:
    """What is asked, and what is known."""

    subject: Subject
    desired: Desired
    drift: Drift
    read_at: datetime
    at: datetime | None
    local: datetime | None
    job: Job | None = field(init=False)
    change: Change | None = field(init=False)

    def __post_init__(self) -> None:
        schedule = self.subject.schedule
        self.job = schedule.timing.job if schedule else None
        key = Kind.SCHEDULE, schedule.id if schedule else self.subject.name
        self.change = next((c for c in self.drift.plan.changes if c.key == key), None)
        if self.at:
            self.at = self.at.astimezone(UTC)

    def answer(self) -> Explained:
        """The verdict and its facts."""
        schedule, parts = self.subject.schedule, self.subject.parts
        if schedule is None or self.job is None:
            fires = self._firing_part(self.at) if self.at else None
            return self._said(Verdict.UNMANAGED, part=fires or self.subject.part)
        if fields.TIME in schedule.ignore:
            return self._of_others()
        rule = None if self.local is None else self._rule_of(self.job, self.local)
        if rule:
            self.at = rule.at
        elif self.local is not None:
            zone = zones.zone(self.job.timezone)
            self.at = self.local.replace(tzinfo=zone).astimezone(UTC)
        if paused := self._paused():
            return self._said(Verdict.PAUSED, part=paused)
        if rule and rule.is_gap:
            part = self._firing_part(rule.at) if rule.at else None
            if part or rule.at is None:
                return self._said(Verdict.GAP, rule=rule, part=part)
        if not parts:
            return self._said(Verdict.LIVE_DIFFERS)
        return self._now() if self.at is None else self._then(schedule, self.at)

    def _of_others(self) -> Explained:
        """Of a schedule whose time is somebody else's: what is live is all there is."""
        assert self.job
        if self.local is not None:
            self.at = self.local.replace(tzinfo=zones.zone(self.job.timezone)).astimezone(UTC)
        if paused := self._paused():
            return self._said(Verdict.PAUSED, part=paused)
        part = self._firing_part(self.at) if self.at else None
        verdict = Verdict.UNKNOWN if self.at and not part else Verdict.AS_DECLARED
        self.job = None
        return self._said(verdict, part=part)

    def _rule_of(self, job: Job, local: datetime) -> Rule | None:
        """What becomes of a local time; one that no clock shows is left out by a beat, too."""
        zone = zones.zone(job.timezone)
        shown = local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        fitting = next((cron for cron in job.crons if fits(cron, local)), None)
        rule = rule_of(job, local)
        if rule or shown == local or fitting is None:
            return rule
        return Rule(cron=fitting, local=local, policy=Gap.SKIP, chosen=False)

    def _paused(self) -> LivePart | None:
        """A part that does not fire for being paused: any of them, or the one in question."""
        paused = [part for part in self.subject.parts if part.live.paused]
        if not paused or self._ran():
            return None
        if self.at is None or len(paused) == len(self.subject.parts):
            return paused[0]
        fires = self._firing_part(self.at)
        return fires if fires in paused else None

    def _ran(self) -> bool:
        """Whether a paused part did run at the time in question: it was paused later."""
        ran = [instant(part.live.last_at) for part in self.subject.parts]
        return self.at is not None and any(
            at and self.at <= at < self.at + _MINUTE + _LATE for at in ran
        )

    def _now(self) -> Explained:
        """Of no time: what there is to know."""
        if self._is_over(self.read_at):
            return self._said(Verdict.HORIZON_OVER)
        if self.change and self.change.reason is not Reason.CLOCK:
            return self._said(Verdict.LIVE_DIFFERS)
        if wrong := next(self._disagreeing(), None):
            return self._said(Verdict.SERVER_DISAGREES, part=wrong)
        return self._said(Verdict.AS_DECLARED)

    def _then(self, schedule: Schedule, at: datetime) -> Explained:
        assert self.job
        minute = at.replace(second=0, microsecond=0)
        if (since := self._since()) and minute < since - _MINUTE:
            return self._said(Verdict.UNKNOWN)
        is_wanted, part = self._is_wanted(minute), self._firing_part(minute)
        if is_wanted and part:
            rule = rule_at(self.job, minute)
            verdict = Verdict.AS_DECLARED
            if rule:
                verdict = Verdict.GAP if rule.is_gap else Verdict.FOLD
            return self._said(verdict, rule=rule, part=part, firing=minute)
        if is_wanted or part:
            verdict = Verdict.LIVE_DIFFERS
            if self._is_over(minute):
                verdict = Verdict.HORIZON_OVER
            elif minute < self.read_at and self._is_of_time_alone():
                verdict = Verdict.UNKNOWN  # other parts were live then: these have been renewed
            return self._said(verdict, part=part, firing=minute if is_wanted else None)
        return self._neither(schedule, at, minute)

    def _neither(self, schedule: Schedule, at: datetime, minute: datetime) -> Explained:
        """Neither wanted nor fired by a live part: what comes after a firing, if anything."""
        assert self.job
        zone = zones.zone(self.job.timezone)
        wall = minute.astimezone(zone).replace(tzinfo=None, fold=0)
        rule = rule_of(self.job, wall)
        if rule and any(fits(cron, wall) for cron in self.job.crons):
            return self._said(Verdict.FOLD, rule=rule)
        delay = timedelta(seconds=self._message(schedule).delay)
        for seconds in (0, 59) if delay else ():  # a time is given to the minute, or to the second
            before = (at + timedelta(seconds=seconds) - delay).replace(second=0, microsecond=0)
            if self._is_wanted(before):
                return self._said(Verdict.DELAY, firing=before, part=self._firing_part(before))
        if other := self._other(schedule, minute):
            return self._said(Verdict.UNMANAGED, part=other)
        if retry := self._retry(schedule, at, delay):
            part = self._firing_part(retry.of)
            return self._said(Verdict.RETRY, retry=retry, firing=retry.of, part=part)
        for part in self.subject.parts:
            claimed = instant(part.live.next_at)
            if claimed and claimed.replace(second=0, microsecond=0) == minute:
                return self._said(Verdict.SERVER_DISAGREES, part=part)
        return self._said(Verdict.UNKNOWN)

    # The facts

    def _since(self) -> datetime | None:
        """When the oldest of its live parts was made, as far as QStash says it."""
        made = (instant(part.live.created_at) for part in self.subject.parts)
        return min(filter(None, made), default=None)

    def _message(self, schedule: Schedule) -> Message:
        """What is live says when it is sent and tried again; the file, where nothing is."""
        return self.subject.parts[0].live.message if self.subject.parts else schedule.message

    def _other(self, schedule: Schedule, minute: datetime) -> LivePart | None:
        """Another live schedule that calls the same address then."""
        if not is_known(schedule.message.destination):
            return None
        target = plain(schedule.message.destination)
        others = (
            part
            for part in self.drift.plan.index.by_id.values()
            if part not in self.subject.parts
            and not part.live.paused
            and plain(part.live.message.destination) == target
        )
        return self._firing_part(minute, tuple(others))

    def _said(
        self,
        verdict: Verdict,
        *,
        rule: Rule | None = None,
        part: LivePart | None = None,
        firing: datetime | None = None,
        retry: Retry | None = None,
    ) -> Explained:
        schedule = self.subject.schedule
        shown = firing or (self.at if self.at and self._is_wanted(self.at) else None)
        disagreeing = next(self._disagreeing(), None)
        one = next((r for r in self.drift.resources if self._is_it(r.kind, r.name)), None)
        return Explained(
            verdict=verdict,
            subject=self.subject,
            now=self.read_at,
            at=self.at,
            local=self.local,
            wanted=self._wanted_around(),
            rule=rule,
            part=part or self.subject.part or disagreeing,
            firing=firing,
            retry=retry,
            retries=self._retries(schedule, shown) if schedule and shown else (),
            until=self._end(),
            change=self.change,
            known=one.diagnostics if one else (),
            since=self._since(),
            delay=self._message(schedule).delay if schedule else 0,
            fires_then=self.at is not None and self._firing_part(self.at) is not None,
            expected_next=self._expected_next(),
            server_next=self._server_next(),
        )

    def _is_it(self, kind: Kind, name: str) -> bool:
        return kind is Kind.SCHEDULE and name == self.subject.name

    def _is_wanted(self, at: datetime) -> bool:
        if self.job is None:
            return False
        span = Span(at.date(), 1)
        return bool(wanted(self.job, span) >> span.minute(at.replace(second=0, microsecond=0)) & 1)

    def _firing_part(
        self, at: datetime, among: Sequence[LivePart] | None = None
    ) -> LivePart | None:
        """The live part whose stored cron fires in a minute."""
        span = Span(at.date(), 1)
        minute = span.minute(at.replace(second=0, microsecond=0))
        for part in self.subject.parts if among is None else among:
            try:
                if robfig.firings(part.live.cron, span)[0] >> minute & 1:
                    return part
            except CronError:
                continue
        return None

    def _is_of_time_alone(self) -> bool:
        """Whether file and account agree about the time, but for what the clock does."""
        if self.change is None or self.change.reason is Reason.CLOCK:
            return True
        firings = self.change.firings
        keeps_time = self.change.wanted is None or (firings is not None and firings.effect.none)
        return self.change.action is Action.UPDATE and keeps_time

    def _end(self, since: datetime | None = None) -> datetime | None:
        """The first wrong firing of what is live, from now on or since a time."""
        if self.job is None or not self.subject.parts or not self._is_of_time_alone():
            return None
        try:
            crons = [part.live.cron for part in self.subject.parts]
            return exact_until(self.job, crons, since or self.read_at)
        except CronError:
            return None

    def _is_over(self, at: datetime) -> bool:
        """Whether what is live was exact until some time, and is no more at this one.

        What QStash makes of a cron with a zone has no horizon: nothing renews it.
        """
        assert self.job
        if any("=" in part.live.cron for part in self.subject.parts):
            return False
        if at >= self.read_at:
            end = self._end()
            if end is not None and end <= at:
                return True
        if self.change is None or not self._is_of_time_alone():
            return False
        since = at - timedelta(days=_LOOK_BACK[1])
        end, first = self._end(since), next_firings(self.job, since, 1)
        return end is not None and end <= at and end not in first  # else it never was exact

    def _disagreeing(self) -> Iterator[LivePart]:
        """Parts whose next firing, as the server says it, their cron does not have."""
        for part in self.subject.parts:
            if any(
                liveness.wrong_time(part.live, self.read_at - _READING, self.read_at + ACTIVATION)
            ):
                yield part

    def _expected_next(self) -> datetime | None:
        if self.job is None:
            return None
        return next(iter(next_firings(self.job, self.read_at + _MINUTE, 1)), None)

    def _server_next(self) -> datetime | None:
        claimed = (instant(part.live.next_at) for part in self.subject.parts)
        return min(filter(None, claimed), default=None)

    def _wanted_around(self) -> tuple[datetime, ...]:
        """Firings of the file before and after the time in question, or the next ones."""
        if self.job is None:
            return ()
        at = self.at or self.read_at
        after = next_firings(self.job, at, _AROUND + 1 if self.at else _AROUND)
        if self.at is None and self.local is None:
            return after
        return (*self._before(at), *after)

    def _before(self, at: datetime) -> tuple[datetime, ...]:
        assert self.job
        found: list[datetime] = []
        for days in _LOOK_BACK:
            span = Span.around(at - timedelta(days=days), at + _MINUTE)
            found = [f for f in instants(wanted(self.job, span), span) if f < at]
            if len(found) >= _AROUND:
                break
        return tuple(found[-_AROUND:])

    # Retries

    def _retries(self, schedule: Schedule, firing: datetime) -> tuple[datetime, ...] | None:
        """When a delivery that fails at once is tried again."""
        message = self._message(schedule)
        waits = ladder.delays(message)
        if waits is None:
            return None
        due = firing + timedelta(seconds=message.delay)
        found = []
        for wait in waits:
            due += wait
            found.append(due)
        return tuple(found)

    def _retry(self, schedule: Schedule, at: datetime, delay: timedelta) -> Retry | None:
        """The retry that a time fits best: due before it, by as little as its tries may take."""
        message = self._message(schedule)
        waits = ladder.delays(message)
        if not waits or self.job is None:
            return None
        limit = (
            PLANS[self.desired.limits.plan].timeout if self.desired.limits.plan else _LONGEST_TRY
        )
        longest = timedelta(seconds=message.timeout or limit)
        reach = delay + sum(waits, timedelta()) + longest * len(waits) + _LATE
        reach = min(reach, timedelta(days=_LOOK_BACK[1]))  # who asks, asks about these days
        span = Span.around(at - reach, at + _MINUTE)
        best: Retry | None = None
        for firing in instants(wanted(self.job, span), span):
            for number, due in enumerate(self._retries(schedule, firing) or (), 1):
                late = at - due
                if (
                    at >= firing
                    and -_MINUTE < late <= longest * number + _LATE
                    and (best is None or abs(late) < abs(at - best.due))
                ):
                    best = Retry(of=firing, number=number, due=due)
        return best
