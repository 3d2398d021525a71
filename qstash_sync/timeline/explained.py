"""Why a schedule fires when it does, or at some time did or did not: one verdict, and its facts.

The first that holds, of those below; each is a function of the question, in this order.

    of a time                                                  verdict
    no file declares it                                        live differs (ours), unmanaged
    it is older than all that is live                          unknown
    its clock has no such time, and none of its crons has      unknown
    a gap leaves it out                                        gap policy
    nothing is live                                            live differs
    it is due, and paused then; or what it goes through is     paused
    it is to come, and the part names another next firing      server disagrees
    the file pauses it before                                  live differs
    the file has it, and what is live (or will be, renewed)    as declared, gap or fold policy;
                                                               unknown: nothing says that it ran
    one of the two has it                                      horizon over, unknown, live differs
    QStash names it as the next firing                         server disagrees
    it comes twice, and the other one counts                   fold policy
    a delay after a firing                                     delay
    another schedule of the same address is due                other schedule
    a retry of a firing                                        retry
    it is paused, and may have been then                       paused
    none of these                                              unknown

    of now
    no file declares it; nothing is live; it is paused         as above
    what is live was exact, and is no more                     horizon over
    an apply would change it, not for the clock alone          live differs
    QStash names a next firing that its cron has not           server disagrees
    none of these                                              as declared

A local time that comes twice, and is wanted both times, is as its half that is not as it should be.

Pure: of what the file declares and what was read.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from qstash_sync.crons import zones
from qstash_sync.model import ignorable
from qstash_sync.model.change import Action, FieldChange, Reason
from qstash_sync.model.resources import Schedule, instant, is_known, plain
from qstash_sync.planning.liveness import Holder
from qstash_sync.reconcile.former import left_under_a_former_name, live_set
from qstash_sync.reconcile.live_parts import LivePart
from qstash_sync.record import record
from qstash_sync.timeline.question import (
    MINUTE,
    Doubt,
    Firing,
    Question,
    firing_part,
    has,
)
from qstash_sync.timeline.retries import SECOND, Retry, is_computed, missed_at, retries_at, tries
from qstash_sync.timeline.rules import Rule, fits, rule_at, rule_of
from qstash_sync.timeline.subject import Subject


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


@record(kw_only=True)
class Other:
    """Another live schedule that calls the same address; schedule: where the file declares it.

    is_wrong: it does, and is wrong there.
    """

    part: LivePart
    schedule: Schedule | None = None
    is_wrong: bool = False


@record(kw_only=True)
class Explained:
    """A verdict, and what it rests on; the question has the rest.

    part: the live part that fires then, or should. firing: the wanted one that a time belongs to.
    rule: of a gap or a fold. retry: that it is, or may be, or would be of a firing that the file
    has and the account not; also: others that are due at the same second. holder: what holds back
    the messages. doubt: of an unknown verdict.
    """

    verdict: Verdict
    question: Question
    part: LivePart | None = None
    firing: datetime | None = None
    rule: Rule | None = None
    retry: Retry | None = None
    also: tuple[Retry, ...] = ()
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
        of = self.firing or self.at
        message = self.question.message_of(of) if of else None
        return tries(message, of.replace(second=0, microsecond=0)) if of and message else ()

    @property
    def delay(self) -> timedelta:
        """From the firing in question until its message is sent."""
        message = self.question.message_of(self.firing) if self.firing else None
        return timedelta(seconds=message.delay if message else 0)


def explain(question: Question) -> Explained:
    """The first verdict that holds."""
    answer = _first(question)
    if question.second and answer.verdict in _AS_WANTED:
        other = _first(replace(question, at=question.second))
        return answer if other.verdict in _AS_WANTED else other
    return answer


def _first(question: Question) -> Explained:
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
        part=(fires and fires.part) or question.subject.part or question.subject.parts[0],
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
    fires = question.fires(question.at) if question.at else None
    part = fires.part if fires else None
    return Explained(verdict=Verdict.PAUSED, question=question, part=part, holder=holder)


def _over(question: Question) -> Explained | None:
    if not question.is_over(question.now):
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
    if not question.is_paused_at(at):
        return _held(question)
    return Explained(
        verdict=Verdict.PAUSED,
        question=question,
        rule=question.rule,
        part=firing_part(question.paused, at),
        firing=at if question.wants(at) else None,
    )


def _disagrees_then(question: Question) -> Explained | None:
    """Of a time to come, at which the file and the cron fire, and QStash names another next."""
    fires = question.fires(_minute(question))
    if question.is_past or fires is None or fires.part not in tuple(question.disagreeing):
        return None
    return Explained(
        verdict=Verdict.SERVER_DISAGREES, question=question, part=fires.part, firing=fires.at
    )


def _paused_before(question: Question) -> Explained | None:
    """Of a time to come, before which an apply pauses it."""
    schedule, fires = question.subject.schedule, question.fires(_minute(question))
    if schedule is None or not schedule.paused or ignorable.PAUSE in schedule.ignore:
        return None
    if question.is_past or question.paused or fires is None:
        return None
    return Explained(verdict=Verdict.LIVE_DIFFERS, question=question, part=fires.part)


def _as_wanted(question: Question) -> Explained | None:
    at = _minute(question)
    fires = question.fires(at)
    if fires is None or not question.wants(at):
        return None
    rule, doubt = question.rule, question.doubt_of(fires)
    if question.job and (rule is None or not rule.is_gap):
        rule = rule_at(question.job, at)
    verdict = Verdict.AS_DECLARED
    if doubt:
        verdict = Verdict.UNKNOWN
    elif rule:
        verdict = Verdict.GAP if rule.is_gap else Verdict.FOLD
    has_seconds = question.at is not None and question.at != at
    retry = next(iter(retries_at(question, within=SECOND)), None) if has_seconds else None
    return Explained(
        verdict=verdict,
        question=question,
        rule=rule,
        part=fires.part,
        firing=at,
        retry=retry if retry and retry.of == at else None,
        doubt=doubt,
    )


def _differs_then(question: Question) -> Explained | None:
    at = _minute(question)
    is_wanted, fires = question.wants(at), question.fires(at)
    if not is_wanted and not fires:
        return None
    verdict, doubt = Verdict.LIVE_DIFFERS, None
    if question.is_over(at):
        verdict = Verdict.HORIZON_OVER
    elif fires is None and question.unread:
        verdict, doubt = Verdict.UNKNOWN, Doubt.UNREAD
    elif question.is_past and question.agrees_but_for_the_clock and not question.is_native:
        verdict, doubt = Verdict.UNKNOWN, Doubt.REPLACED
    firing, part = at if is_wanted else None, fires.part if fires else None
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
    for delay in {message.delay for message in question.messages if message.delay}:
        for seconds in (0, 59):  # a time is given to the minute, or to the second
            before = question.at + timedelta(seconds=seconds - delay)
            fires = question.fires(before)
            if fires and fires.message.delay == delay and not question.is_paused_at(fires.at):
                return _after(question, fires, Verdict.DELAY)
    return None


def _after(question: Question, fires: Firing, verdict: Verdict) -> Explained:
    """Something that follows a firing; as doubtful as that is."""
    doubt = question.doubt_of(fires)
    return Explained(
        verdict=Verdict.UNKNOWN if doubt else verdict,
        question=question,
        firing=fires.at,
        part=fires.part,
        doubt=doubt,
    )


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
    declared: dict[str, Schedule] = {}
    left: set[str] = set()
    for schedule in question.desired.schedules or ():
        still = left_under_a_former_name(schedule, index)
        declared |= {part.live.id: schedule for part in (*live_set(schedule, index), *still)}
        left |= {part.live.id for part in still}
    for part in index.by_id.values():
        is_same = plain(part.live.message.destination) == plain(message.destination)
        if part in question.subject.parts or part.live.paused or not is_same:
            continue
        made = instant(part.live.created_at)
        if made and at < made - MINUTE:
            continue
        of = declared.get(part.live.id)
        if (
            of
            and at > question.now
            and ignorable.TIME not in of.ignore
            and part.live.id not in left
        ):
            fires = has(of.timing.job, at)
        else:
            fires = firing_part((part,), at) is not None
        if fires:
            names = {part.base, index.name_of(part)}
            is_wrong = of is None and not names.isdisjoint(question.desired.unbuilt)
            yield Other(part=part, schedule=of, is_wrong=is_wrong)


def _retried(question: Question) -> Explained | None:
    found = retries_at(question)
    if not found:
        return None
    answer = _after(question, found[0].firing, Verdict.RETRY)
    return replace(answer, retry=found[0], also=found[1:])


def _named_by_server(question: Question) -> Explained | None:
    at = _minute(question)
    for part in question.subject.parts:
        claimed = instant(part.live.next_at)
        if claimed and claimed.replace(second=0, microsecond=0) == at:
            return Explained(verdict=Verdict.SERVER_DISAGREES, question=question, part=part)
    return None


def _paused_anyway(question: Question) -> Explained | None:
    if not question.is_paused_at(_minute(question)):
        return None
    return Explained(verdict=Verdict.PAUSED, question=question)


def _nothing(question: Question) -> Explained:
    if question.unread:
        return _unknown(question, Doubt.UNREAD)
    if not is_computed(question):
        return _unknown(question, Doubt.UNCOMPUTED)
    return replace(_unknown(question, Doubt.NOTHING), retry=missed_at(question))


_AS_WANTED = (Verdict.AS_DECLARED, Verdict.GAP, Verdict.FOLD)
_OF_NOW: tuple[Callable[[Question], Explained | None], ...] = (
    _undeclared, _nothing_live, _paused, _over, _differs, _disagrees, _as_declared,
)  # fmt: skip
_OF_A_TIME: tuple[Callable[[Question], Explained | None], ...] = (
    _undeclared, _not_made, _no_such_time, _left_out, _nothing_live, _paused_then,
    _disagrees_then, _paused_before, _as_wanted, _differs_then, _named_by_server, _other_half,
    _delayed, _of_another, _retried, _paused_anyway, _nothing,
)  # fmt: skip
