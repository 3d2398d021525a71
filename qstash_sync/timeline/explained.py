"""Why a schedule fires when it does, or at some time did or did not: one verdict, and its facts.

The first that holds, of those below; each is a function of the question, in this order.

    of a time                                                  verdict
    no file declares it                                        live differs (ours), unmanaged
    it is older than all that is live                          unknown
    its clock has no such time, and none of its crons has      unknown
    a gap leaves it out                                        gap policy
    nothing is live                                            live differs
    it is due, and paused then; or what it goes through is     paused
    the file has it, and what is live (or will be, renewed)    as declared, gap or fold policy;
                                                               unknown: nothing says that it ran
    one of the two has it                                      horizon over, unknown, live differs
    it comes twice, and the other one counts                   fold policy
    a delay after a firing                                     delay
    another schedule of the same address is due                other schedule
    a retry of a firing                                        retry
    QStash names it as the next firing                         server disagrees
    it is paused, and may have been then                       paused
    none of these                                              unknown

    of now
    no file declares it; nothing is live; it is paused         as above
    what is live was exact, and is no more                     horizon over
    an apply would change it, not for the clock alone          live differs
    QStash names a next firing that its cron has not           server disagrees
    none of these                                              as declared

Pure: of what the file declares and what was read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from qstash_sync.crons import zones
from qstash_sync.model import fields
from qstash_sync.model.change import Action, FieldChange, Reason
from qstash_sync.model.resources import Schedule, instant, is_known, plain
from qstash_sync.reconcile.live_parts import LivePart
from qstash_sync.timeline.question import MINUTE, Holder, Question, Subject, firing_part, has
from qstash_sync.timeline.retries import Retry, retry_at, tries
from qstash_sync.timeline.rules import Rule, fits, rule_at, rule_of


class Verdict(StrEnum):
    """What explains a time."""

    UNMANAGED = "unmanaged"
    PAUSED = "paused"
    AS_DECLARED = "as_declared"
    GAP = "gap_policy"
    FOLD = "fold_policy"
    HORIZON_OVER = "horizon_over"
    LIVE_DIFFERS = "live_differs"
    DELAY = "delay"
    RETRY = "retry"
    OTHER = "other_schedule"
    SERVER_DISAGREES = "server_disagrees"
    UNKNOWN = "unknown"


class Doubt(StrEnum):
    """Why nobody knows."""

    NOT_MADE = "what is live is younger"
    NO_SUCH_TIME = "the clock jumps over it"
    REPLACED = "other parts were live then"
    NOT_RUN = "no run of it is noted"
    NOTHING = "nothing is due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another live schedule that calls the same address; schedule: where the file declares it."""

    part: LivePart
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A verdict, and what it rests on; the question has the rest.

    part: the live part that fires then, or should. firing: the wanted one that a time belongs to.
    rule: of a gap or a fold. holder: what holds back the messages. doubt: of an unknown verdict.
    """

    verdict: Verdict
    question: Question
    part: LivePart | None = None
    firing: datetime | None = None
    rule: Rule | None = None
    retry: Retry | None = None
    other: Other | None = None
    holder: Holder | None = None
    doubt: Doubt | None = None

    @property
    def subject(self) -> Subject:
        """Whom it is about."""
        return self.question.subject

    @property
    def at(self) -> datetime | None:
        """The instant it is about; None: now, or a local time that leads to no instant."""
        leads = self.question.is_shown or (self.rule is not None and self.rule.at is not None)
        return self.question.at if leads else None

    @property
    def differences(self) -> tuple[FieldChange, ...]:
        """In which settings file and account differ."""
        change = self.question.change
        return change.fields if change else ()

    @property
    def retries(self) -> tuple[datetime, ...] | None:
        """Of the firing in question, if each try fails at once; None: nobody can compute them."""
        at, message = self.at, self.question.message
        of = self.firing or (at if at and self.question.wants(at) else None)
        return tries(message, of) if of and message else ()


def explain(question: Question) -> Explained:
    """The first verdict that holds."""
    candidates = _OF_NOW if question.at is None else _OF_A_TIME
    return next(filter(None, (candidate(question) for candidate in candidates)))


# ---------------------------------------------------------------- of now or of a time


def _undeclared(question: Question) -> Explained | None:
    if question.subject.schedule:
        return None
    goes = question.change is not None and question.change.action is Action.DELETE
    fires = question.fires(question.at) if question.at else None
    return Explained(
        verdict=Verdict.LIVE_DIFFERS if goes else Verdict.UNMANAGED,
        question=question,
        part=fires or question.subject.part or question.subject.parts[0],
    )


def _nothing_live(question: Question) -> Explained | None:
    if question.subject.parts:
        return None
    return Explained(verdict=Verdict.LIVE_DIFFERS, question=question)


# ---------------------------------------------------------------- of now


def _paused(question: Question) -> Explained | None:
    paused = question.paused
    if not paused:
        return _held(question)
    return Explained(verdict=Verdict.PAUSED, question=question, part=paused[0])


def _held(question: Question) -> Explained | None:
    """What it goes through is paused; of a time that is past, only while messages wait."""
    holder = question.holder
    if holder is None or (question.is_past and holder.waiting == 0):
        return None
    part = question.fires(question.at) if question.at else None
    return Explained(verdict=Verdict.PAUSED, question=question, part=part, holder=holder)


def _over(question: Question) -> Explained | None:
    if not question.is_over(question.read_at):
        return None
    return Explained(verdict=Verdict.HORIZON_OVER, question=question)


def _differs(question: Question) -> Explained | None:
    change = question.change
    if change is None or change.reason is Reason.CLOCK:
        return None
    return Explained(verdict=Verdict.LIVE_DIFFERS, question=question)


def _disagrees(question: Question) -> Explained | None:
    wrong = next(question.disagreeing, None)
    if wrong is None:
        return None
    return Explained(verdict=Verdict.SERVER_DISAGREES, question=question, part=wrong)


def _as_declared(question: Question) -> Explained:
    return Explained(verdict=Verdict.AS_DECLARED, question=question)


# ---------------------------------------------------------------- of a time


def _minute(question: Question) -> datetime:
    assert question.at
    return question.at.replace(second=0, microsecond=0)


def _unknown(question: Question, doubt: Doubt) -> Explained:
    return Explained(verdict=Verdict.UNKNOWN, question=question, doubt=doubt)


def _not_made(question: Question) -> Explained | None:
    since = question.since
    is_older = since is not None and _minute(question) < since - MINUTE
    return _unknown(question, Doubt.NOT_MADE) if is_older else None


def _no_such_time(question: Question) -> Explained | None:
    if question.is_shown or question.rule:
        return None
    return _unknown(question, Doubt.NO_SUCH_TIME)


def _left_out(question: Question) -> Explained | None:
    rule = question.rule
    if rule is None or not rule.is_gap or rule.at:
        return None
    return Explained(verdict=Verdict.GAP, question=question, rule=rule)


def _paused_then(question: Question) -> Explained | None:
    at = _minute(question)
    if not question.is_due(at):
        return None
    part = question.paused_at(at)
    if part is None:
        return _held(question)
    return Explained(verdict=Verdict.PAUSED, question=question, part=part)


def _as_wanted(question: Question) -> Explained | None:
    at = _minute(question)
    part, is_renewed = question.fires(at), question.is_renewed_by(at)
    if not question.wants(at) or not (part or is_renewed):
        return None
    rule, doubt = question.rule, _doubt_that_it_ran(question, part)
    if question.job and (rule is None or not rule.is_gap):
        rule = rule_at(question.job, at)
    verdict = Verdict.AS_DECLARED
    if doubt:
        verdict = Verdict.UNKNOWN
    elif rule:
        verdict = Verdict.GAP if rule.is_gap else Verdict.FOLD
    return Explained(
        verdict=verdict,
        question=question,
        rule=rule,
        part=None if is_renewed else part,
        firing=at,
        doubt=doubt,
    )


def _doubt_that_it_ran(question: Question, part: LivePart | None) -> Doubt | None:
    """Of a time that is past: what is live now says nothing of it, or the last run is older."""
    at, run = _minute(question), question.last_run
    if not question.is_past or part is None:
        return None
    made = instant(part.live.created_at)
    if made and at < made - MINUTE:
        return Doubt.REPLACED
    return Doubt.NOT_RUN if run and run < at else None


def _differs_then(question: Question) -> Explained | None:
    at = _minute(question)
    is_wanted = question.wants(at)
    part = None if question.is_renewed_by(at) else question.fires(at)
    if not is_wanted and not part:
        return None
    verdict, doubt = Verdict.LIVE_DIFFERS, None
    if question.is_over(at):
        verdict = Verdict.HORIZON_OVER
    elif question.is_past and question.agrees_but_for_the_clock:
        verdict, doubt = Verdict.UNKNOWN, Doubt.REPLACED
    firing = at if is_wanted else None
    return Explained(verdict=verdict, question=question, part=part, firing=firing, doubt=doubt)


def _other_half(question: Question) -> Explained | None:
    """Of a time that comes twice, the one that does not count."""
    job = question.job
    if job is None:
        return None
    zone = zones.zone(job.timezone)
    wall = _minute(question).astimezone(zone).replace(tzinfo=None, fold=0)
    rule = rule_of(job, wall)
    if rule is None or not any(fits(cron, wall) for cron in job.crons):
        return None
    return Explained(verdict=Verdict.FOLD, question=question, rule=rule)


def _delayed(question: Question) -> Explained | None:
    assert question.at
    delay = question.delay
    for seconds in (0, 59) if delay else ():  # a time is given to the minute, or to the second
        before = question.at + timedelta(seconds=seconds) - delay
        before = before.replace(second=0, microsecond=0)
        if question.wants(before) and not question.paused_at(before):
            part = question.fires(before)
            return Explained(verdict=Verdict.DELAY, question=question, firing=before, part=part)
    return None


def _of_another(question: Question) -> Explained | None:
    other = next(_others(question), None)
    if other is None:
        return None
    return Explained(verdict=Verdict.OTHER, question=question, other=other, part=other.part)


def _others(question: Question) -> Iterator[Other]:
    """Schedules that call the same address then: as they are live, or will be by the file."""
    message, at = question.message, _minute(question)
    if message is None or not is_known(message.destination):
        return
    index = question.drift.plan.index
    declared = {
        part.live.id: schedule
        for schedule in question.desired.schedules or ()
        for part in index.of_declared(schedule)
    }
    for part in index.by_id.values():
        is_same = plain(part.live.message.destination) == plain(message.destination)
        if part in question.subject.parts or part.live.paused or not is_same:
            continue
        schedule = declared.get(part.live.id)
        if schedule and at > question.read_at and fields.TIME not in schedule.ignore:
            fires = has(schedule.timing.job, at)
        else:
            fires = firing_part((part,), at) is not None
        if fires:
            yield Other(part=part, schedule=schedule)


def _retried(question: Question) -> Explained | None:
    retry = retry_at(question)
    if retry is None:
        return None
    part = question.fires(retry.of)
    return Explained(
        verdict=Verdict.RETRY, question=question, retry=retry, firing=retry.of, part=part
    )


def _named_by_server(question: Question) -> Explained | None:
    at = _minute(question)
    for part in question.subject.parts:
        claimed = instant(part.live.next_at)
        if claimed and claimed.replace(second=0, microsecond=0) == at:
            return Explained(verdict=Verdict.SERVER_DISAGREES, question=question, part=part)
    return None


def _paused_anyway(question: Question) -> Explained | None:
    part = question.paused_at(_minute(question))
    if part is None:
        return None
    return Explained(verdict=Verdict.PAUSED, question=question, part=part)


def _nothing(question: Question) -> Explained:
    return _unknown(question, Doubt.NOTHING)


_OF_NOW: tuple[Callable[[Question], Explained | None], ...] = (
    _undeclared, _nothing_live, _paused, _over, _differs, _disagrees, _as_declared,
)  # fmt: skip
_OF_A_TIME: tuple[Callable[[Question], Explained | None], ...] = (
    _undeclared, _not_made, _no_such_time, _left_out, _nothing_live, _paused_then, _as_wanted,
    _differs_then, _other_half, _delayed, _of_another, _retried, _named_by_server,
    _paused_anyway, _nothing,
)  # fmt: skip
