"""Why a firing is where it is: the rule of a gap or a fold that put it there."""

from datetime import UTC, datetime, timedelta

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, wall
from qstash_sync.crons.firings import Meeting, meetings
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import Cron
from qstash_sync.record import record

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@record(kw_only=True)
class Rule:
    """A gap or a fold that a local time of a cron has met.

    local: the wall-clock time of the cron that does not exist, or comes twice. at: the instant at
    which it fires after all, None: it does not. chosen: the policy stands in the file.
    second: of a time that comes twice, the second.
    """

    cron: Cron
    local: datetime
    policy: Gap | Fold
    chosen: bool
    at: datetime | None = None
    second: bool = False

    @property
    def is_gap(self) -> bool:
        """Whether the time does not exist."""
        return isinstance(self.policy, Gap)


def rule_at(job: Job, at: datetime) -> Rule | None:
    """The rule by which a job fires at an instant; None where it fires as it is written."""
    local = at.astimezone(zones.zone(job.timezone)).replace(tzinfo=None)
    is_own = any(fits(cron, local) for cron in job.crons)
    for meeting in meetings(job, at - _DAY, at + _DAY + _MINUTE):
        size = _size(job, meeting)
        behind = at - meeting.at
        matches = fits(meeting.cron, local)
        if isinstance(meeting.policy, Fold):
            if matches and -size <= behind < size:
                return _rule(meeting, local, at, second=behind >= timedelta())
        elif is_own:
            continue  # it fires then by itself, whatever else a gap moves there
        elif meeting.policy is Gap.NEXT_VALID:
            if not behind:
                return _rule(meeting, meeting.local, at)
        elif timedelta() <= behind < size and fits(meeting.cron, local - size):
            return _rule(meeting, local - size, at)
    return None


def rule_of(job: Job, local: datetime) -> Rule | None:
    """What becomes of a local time that does not exist, or comes twice; None where it is usual.

    at: of one at which the job fires both times, the first.
    """
    zone = zones.zone(job.timezone)
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return None
    for meeting in meetings(job, early - _DAY, early + _DAY):
        if not fits(meeting.cron, local):
            continue
        before, after = (
            local.replace(tzinfo=UTC) - timedelta(minutes=offset)
            for offset in _offsets(job, meeting)
        )
        at = {
            Gap.NEXT_VALID: meeting.at,
            Gap.SHIFT: before,
            Gap.SKIP: None,
            Fold.FIRST: before,
            Fold.SECOND: after,
            Fold.BOTH: before,
        }[meeting.policy]
        return _rule(meeting, local, at, second=meeting.policy is Fold.SECOND)
    return None


def fits(cron: Cron, local: datetime) -> bool:
    """Whether a cron means a minute of the wall clock."""
    minutes = wall(cron.fields, Span(local.date(), 1))
    return bool(minutes >> local.hour * 60 + local.minute & 1)


def _rule(meeting: Meeting, local: datetime, at: datetime | None, *, second: bool = False) -> Rule:
    return Rule(
        cron=meeting.cron,
        local=local,
        policy=meeting.policy,
        chosen=meeting.chosen,
        at=at,
        second=second,
    )


def _size(job: Job, meeting: Meeting) -> timedelta:
    """How far the clock jumps."""
    before, after = _offsets(job, meeting)
    return timedelta(minutes=abs(after - before))


def _offsets(job: Job, meeting: Meeting) -> tuple[int, int]:
    """Before the change and after it, in minutes east of UTC."""
    return zones.offset(job.timezone, meeting.at - _MINUTE), zones.offset(job.timezone, meeting.at)
