"""What is asked about a schedule, and the facts that an answer rests on.

Pure: of what the file declares and what was read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

from qstash_sync.crons import robfig, zones
from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.compilation import Strategy
from qstash_sync.crons.exactness import exact_until, wrong_minutes
from qstash_sync.crons.firings import fired, instants, next_firings
from qstash_sync.crons.gap_and_fold import Gap, Job
from qstash_sync.crons.seasons import SHORTEST
from qstash_sync.model import ignorable
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Kind, Message, instant
from qstash_sync.planning import liveness
from qstash_sync.planning.drift import Drift
from qstash_sync.planning.liveness import Holder
from qstash_sync.reconcile.live_parts import LivePart, is_understood
from qstash_sync.reconcile.live_times import are_of_the_file
from qstash_sync.reconcile.mark import Declared
from qstash_sync.record import record
from qstash_sync.timeline.rules import Rule, fits, rule_of
from qstash_sync.timeline.subject import Subject

READS = ("schedules", "queues", "flow_controls")  # what an answer rests on
MINUTE = timedelta(minutes=1)
LATE = timedelta(minutes=1)  # after a firing, until its first delivery
_AROUND = 3  # firings that are shown on either side
_LOOK_BACK = (2, 40, 400, 1_500)  # days, until enough firings are found
LONGEST = timedelta(days=_LOOK_BACK[1])  # who asks about a time asks about these days
_LONGEST_LOOK = timedelta(days=_LOOK_BACK[2])  # for the horizon of a time that is past
_LONGEST_TRY = PLANS["payg"].timeout  # where the file names no plan


class Doubt(StrEnum):
    """Why nobody knows."""

    NOT_MADE = "what is live is younger"
    NO_SUCH_TIME = "the clock jumps over it"
    REPLACED = "other parts were live then"
    NOT_RUN = "no run of it is noted"
    UNREAD = "its cron is not understood"
    UNCOMPUTED = "its retries cannot be computed"
    NOTHING = "nothing is due"


@record(kw_only=True)
class Firing:
    """One firing of what is live; part: None of one that an apply will have written by then.

    message: how it is sent, and tried again.
    """

    at: datetime
    part: LivePart | None
    message: Message


@record(kw_only=True)
class Question:
    """A subject, and the time in question if there is one; everything else follows from these.

    read_at: the server's time when the account was read: what it says is as of then. now: the
    present, or another that is pretended. at: the instant in question, None: now.
    local: the time of its own clock that was asked for. is_shown: some clock shows that; where
    none does, `at` is where the clock jumps to. rule: what becomes of it, where that is not usual.
    second: the other instant that its clock shows so, where the job wants both.
    """

    subject: Subject
    desired: Desired
    drift: Drift
    read_at: datetime
    now: datetime
    at: datetime | None = None
    local: datetime | None = None
    is_shown: bool = True
    rule: Rule | None = None
    second: datetime | None = None

    @property
    def change(self) -> Change | None:
        """What an apply would do about it."""
        key = Kind.SCHEDULE, self.subject.id
        return next((c for c in self.drift.plan.changes if c.key == key), None)

    @property
    def job(self) -> Job | None:
        """When the file wants it to fire; None where that is somebody else's."""
        schedule = self.subject.schedule
        return schedule.timing.job if schedule and ignorable.TIME not in schedule.ignore else None

    @property
    def source(self) -> Job | tuple[str, ...]:
        """When it should fire: where the time is somebody else's, what is live is right."""
        crons = (part.live.cron for part in self.subject.parts if self.subject.schedule)
        return self.job or tuple(filter(is_understood, crons))

    # When it fires

    def wants(self, at: datetime) -> bool:
        """Whether the file has this minute."""
        return has(self.source, at)

    def firings(self, start: datetime, end: datetime) -> Iterator[Firing]:
        """What the live parts did or will do, from start until before end, part by part.

        The one place that says it: by their crons, each with its own retries and delay; from the
        first wrong firing on, where an apply will have renewed them before, by the file.
        """
        span, renewed = Span.around(start, end), self.end if self.is_renewed_by(end) else None
        within = span.window(start, min(end, renewed or end))
        for part in self.subject.parts:
            if is_understood(part.live.cron):
                for at in instants(fired((part.live.cron,), span) & within, span):
                    yield Firing(at=at, part=part, message=part.live.message)
        if renewed and self.job and self.message:
            later = span.window(max(start, renewed), end)
            for at in instants(fired(self.job, span) & later, span):
                yield Firing(at=at, part=None, message=self.message)

    def fires(self, at: datetime) -> Firing | None:
        """What fires in a minute."""
        minute = at.replace(second=0, microsecond=0)
        return next(self.firings(minute, minute + MINUTE), None)

    def missed(self, start: datetime, end: datetime) -> Iterator[Firing]:
        """What the file has, and what is live has not."""
        if self.job and self.message:
            span = Span.around(start, end)
            live = {firing.at for firing in self.firings(start, end)}
            for at in instants(fired(self.job, span) & span.window(start, end), span):
                if at not in live:
                    yield Firing(at=at, part=None, message=self.message)

    def is_due(self, at: datetime) -> bool:
        """Whether the file has this minute, or what is live: then there was a firing to explain."""
        return self.wants(at) or self.fires(at) is not None

    def doubt_of(self, firing: Firing) -> Doubt | None:
        """Why one that is past may not have been: its part is younger, or the last run is older."""
        if firing.part is None or firing.at >= self.seen_until - LATE:
            return None
        made, run = instant(firing.part.live.created_at), self.last_run
        if made and firing.at < made - MINUTE:
            return Doubt.REPLACED
        return Doubt.NOT_RUN if run and run < firing.at else None

    @property
    def unread(self) -> LivePart | None:
        """A part whose cron is not understood: nobody knows when it fires."""
        return next((p for p in self.subject.parts if not is_understood(p.live.cron)), None)

    @property
    def around(self) -> tuple[datetime, ...]:
        """Firings before and after the time in question, or the next ones."""
        if not self.source:
            return ()
        if self.at is None:
            return next_firings(self.source, self.now, _AROUND)
        return (*self._before(self.at), *next_firings(self.source, self.at, _AROUND + 1))

    def _before(self, at: datetime) -> tuple[datetime, ...]:
        found: list[datetime] = []
        for days in _LOOK_BACK:
            span = Span.around(at - timedelta(days=days), at + MINUTE)
            found = [f for f in instants(fired(self.source, span), span) if f < at]
            if len(found) >= _AROUND:
                break
        return tuple(found[-_AROUND:])

    @property
    def expected_next(self) -> datetime | None:
        """The next firing by the file, as the server should name it."""
        if not self.source:
            return None
        return next(iter(next_firings(self.source, self.read_at + MINUTE, 1)), None)

    @property
    def server_next(self) -> datetime | None:
        """The next firing as the server says it; of what is paused, it means nothing."""
        running = (part.live for part in self.subject.parts if not part.live.paused)
        return min(filter(None, (instant(live.next_at) for live in running)), default=None)

    @property
    def disagreeing(self) -> Iterator[LivePart]:
        """Parts whose next firing, as the server says it, their cron does not have."""
        for part in self.subject.parts:
            if any(liveness.disagreement(part.live, self.read_at)):
                yield part

    # How long what is live is right

    @property
    def is_native(self) -> bool:
        """Whether QStash reads its local time: nothing renews that, and it has no horizon."""
        return any(robfig.names_zone(part.live.cron) for part in self.subject.parts)

    @property
    def end(self) -> datetime | None:
        """The first wrong firing of what is live, from now on: it may not be the first at all."""
        parts = self.subject.parts
        if self.job is None or not parts or self.unread or not self.agrees_but_for_the_clock:
            return None
        return _first_wrong(self.job, tuple(part.live.cron for part in parts), self.now)

    @property
    def wrong_since(self) -> datetime | None:
        """The first wrong firing that has gone by; None where what is live is right."""
        return self.ended(self.now) if self.change is not None else None

    @property
    def agrees_but_for_the_clock(self) -> bool:
        """Whether file and account have the same times, but for what the clock does to them."""
        change = self.change
        if change is None or change.reason is Reason.CLOCK:
            return True
        if change.refused or change.action is not Action.UPDATE or change.cut_off:
            return False  # of what is refused, nothing more was compared
        if change.wanted is None or (change.firings is not None and change.firings.effect.none):
            return True
        schedule, desired = self.subject.schedule, self.desired
        return schedule is not None and are_of_the_file(
            Declared(schedule, desired.namespace, desired.environment), self.subject.parts
        )

    def is_over(self, at: datetime) -> bool:
        """Whether what is live was exact until some time, and is no more at this one."""
        if at >= self.now:
            if (end := self.end) and end <= at:
                return not self.is_native
            if self.change is None:
                return False
        return self.ended(at) is not None

    def ended(self, at: datetime) -> datetime | None:
        """The first wrong firing, before a time, of parts that may have been live until then.

        Parts are written for a horizon: those that were exact for less have replaced others.
        """
        schedule, made = self.subject.schedule, self.whole_since
        if self.job is None or schedule is None or self.is_native:
            return None
        if not self.agrees_but_for_the_clock or self.unread:
            return None
        before = max(made, at - _LONGEST_LOOK) if made else at - _LONGEST_LOOK
        if before > at:
            return None
        crons = [part.live.cron for part in self.subject.parts]
        wrongs = wrong_minutes(self.job, crons, before, at + MINUTE)
        if schedule.timing.strategy is Strategy.FOLLOW:
            return self._since_a_right_day([*wrongs], before)
        found = None
        for wrong in wrongs:
            found = wrong if wrong - before >= timedelta(days=SHORTEST) else found
            before = wrong
        return found

    def _since_a_right_day(self, wrongs: Sequence[datetime], start: datetime) -> datetime | None:
        """The first of the last wrong firings, between which nothing was right for a whole day."""
        if not wrongs or self.job is None:
            return None
        end = wrongs[-1]
        span = Span.around(start, end)
        wanted = instants(fired(self.job, span) & span.window(start, end), span)
        days = {one.date() for one in wanted} - {one.date() for one in wrongs}
        last = max((day for day in days if day < end.date()), default=None)
        return next(one for one in wrongs if last is None or one.date() > last)

    @property
    def renewal(self) -> datetime | None:
        """From when on an apply renews what is live; None where one is due, or none will be."""
        schedule, end = self.subject.schedule, self.end
        if schedule is None or end is None or end <= self.now or self.is_native:
            return None
        renewal = end - schedule.timing.renew_before
        is_due = self.change is not None and self.change.reason is Reason.CLOCK
        if is_due or schedule.timing.strategy is Strategy.FOLLOW or renewal <= self.now:
            return None
        return renewal

    def is_renewed_by(self, at: datetime) -> bool:
        """Whether what is live will have been renewed at a time: the file alone says then."""
        return self.renewal is not None and self.end is not None and self.end <= at

    # What has run, and what is paused

    @property
    def since(self) -> datetime | None:
        """When the oldest of its live parts was made, as far as QStash says it."""
        made = (instant(part.live.created_at) for part in self.subject.parts)
        return min(filter(None, made), default=None)

    @property
    def whole_since(self) -> datetime | None:
        """When the youngest of its live parts was made."""
        made = (instant(part.live.created_at) for part in self.subject.parts)
        return max(filter(None, made), default=None)

    @property
    def last_run(self) -> datetime | None:
        """The last run that QStash notes."""
        ran = (instant(part.live.last_at) for part in self.subject.parts)
        return max(filter(None, ran), default=None)

    @property
    def seen_until(self) -> datetime:
        """Until when what came of a firing is to be seen."""
        return min(self.read_at, self.now)

    @property
    def is_past(self) -> bool:
        """Whether the time in question has gone by, and what came of it is to be seen."""
        return self.at is not None and self.at < self.seen_until - LATE

    @property
    def paused(self) -> tuple[LivePart, ...]:
        """The parts that are paused."""
        return tuple(part for part in self.subject.parts if part.live.paused)

    def is_paused_at(self, at: datetime) -> bool:
        """Whether a pause stops what would fire then; it began after the last run."""
        paused = self.paused
        if not paused or (self.last_run and at <= self.last_run):
            return False
        fires = self.fires(at)
        if fires and fires.part:
            return fires.part in paused
        # A write pauses all parts, once one is.
        return fires is not None or len(paused) == len(self.subject.parts)

    @property
    def holder(self) -> Holder | None:
        """What holds its messages back, though it fires: a queue or a key that is paused."""
        return next(liveness.holders(self.messages, self.drift.plan.live), None)

    # What is sent, and again

    @property
    def message(self) -> Message | None:
        """What is live says how it is sent and tried again; the file, where nothing is."""
        if self.subject.parts:
            return self.subject.parts[0].live.message
        return self.subject.schedule.message if self.subject.schedule else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """How its parts are sent; they differ where somebody has edited one."""
        parts = tuple(part.live.message for part in self.subject.parts)
        return parts or ((self.message,) if self.message else ())

    def message_of(self, firing: datetime) -> Message | None:
        """How a firing is sent; None where nothing fires."""
        found = self.fires(firing)
        return found.message if found else None

    def longest_try(self, message: Message) -> timedelta:
        """How long one delivery may take."""
        plan = self.desired.limits.plan
        limit = PLANS[plan].timeout if plan else _LONGEST_TRY
        return timedelta(seconds=message.timeout or limit)

    @property
    def known(self) -> tuple[Diagnostic, ...]:
        """What drift says of it."""
        key = Kind.SCHEDULE, self.subject.name
        of_it = (one for one in self.drift.resources if (one.kind, one.name) == key)
        return next((one.diagnostics for one in of_it), ())


def ask(
    subject: Subject,
    desired: Desired,
    drift: Drift,
    *,
    read_at: datetime,
    now: datetime,
    at: datetime | time | None = None,
) -> Question:
    """A question; at: an instant, a time of the subject's own clock, or of today by it."""
    zone = zones.zone(subject.timezone)
    if isinstance(at, time):
        at = datetime.combine(drift.plan.now.astimezone(at.tzinfo or zone), at)
    asked = Question(subject=subject, desired=desired, drift=drift, read_at=read_at, now=now)
    if at is None or at.tzinfo:
        return replace(asked, at=at and at.astimezone(UTC))
    mapped = at.replace(tzinfo=zone).astimezone(UTC)
    is_shown = mapped.astimezone(zone).replace(tzinfo=None) == at
    rule = _rule_of(asked.job, at, is_shown=is_shown) if asked.job else None
    instant = rule.at if rule and rule.at else mapped
    late = at.replace(tzinfo=zone, fold=1).astimezone(UTC)
    is_both = instant < late and is_shown and asked.wants(instant) and asked.wants(late)
    second = late if is_both else None
    return replace(asked, at=instant, local=at, is_shown=is_shown, rule=rule, second=second)


def _rule_of(job: Job, local: datetime, *, is_shown: bool) -> Rule | None:
    """What becomes of a local time; one that no clock shows is left out by a beat, too."""
    fitting = next((cron for cron in job.crons if fits(cron, local)), None)
    rule = rule_of(job, local)
    if rule or is_shown or fitting is None:
        return rule
    return Rule(cron=fitting, local=local, policy=Gap.SKIP, chosen=False)


@lru_cache(maxsize=8)  # every verdict asks for it
def _first_wrong(job: Job, crons: tuple[str, ...], since: datetime) -> datetime | None:
    return exact_until(job, crons, since)


def has(source: Job | Sequence[str], at: datetime) -> bool:
    """Whether a minute is one of a job's, or of some crons'."""
    span = Span(at.date(), 1)
    return bool(fired(source, span) >> span.minute(at.replace(second=0, microsecond=0)) & 1)


def firing_part(parts: Iterable[LivePart], at: datetime) -> LivePart | None:
    """The first part whose stored cron has a minute."""
    found = (part for part in parts if is_understood(part.live.cron))
    return next((part for part in found if has((part.live.cron,), at)), None)
