"""What a compilation is: the parts, how long they hold, what was proven, what to warn of."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from qstash_sync.crons import zones
from qstash_sync.crons.firings import Meeting, meetings
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import DAY, Cron
from qstash_sync.crons.zones import Transition
from qstash_sync.record import record

YEAR = timedelta(days=366)


class Strategy(StrEnum):
    """How a local cron is brought to QStash."""

    SPLIT = "split"
    NATIVE = "native"
    FOLLOW = "follow"
    AUTO = "auto"


class Peculiarity(StrEnum):
    """What there can be to know about a schedule's time."""

    CLOCK_CHANGE = "clock_change"
    BOTH_DAYS = "both_days"
    FOLLOW_ENDS = "follow_ends"
    NATIVE_DIFFERS = "native_differs"


@record()
class Caution:
    """A warning about a time: which, and the sentence."""

    kind: Peculiarity
    text: str


@record()
class Part:
    """One cron that QStash stores.

    offset: minutes east of UTC of the dates that it serves; None for several, or for `native`.
    serves: those dates in words, such as "Jan-Feb, Dec" or "1-13 Mar".
    """

    cron: str
    offset: int | None
    serves: str


@record()
class Proof:
    """What the proof counted over the horizon, in firings, and the first that is wrong.

    Only an accepted `native` has any that are.
    """

    firings: int
    missing: int = 0
    extra: int = 0
    doubled: int = 0
    first: datetime | None = None


@record(kw_only=True)
class Compilation:
    """The parts of a schedule and how long they hold.

    strategy: the one in use (never `auto`); requested: the one asked for; reason: why `auto` chose.
    valid_from, valid_until: exact in between; until None means for ever.
    """

    job: Job
    strategy: Strategy
    requested: Strategy
    reason: str = ""
    parts: tuple[Part, ...]
    valid_from: datetime
    valid_until: datetime | None
    renew_at: datetime | None = None
    proof: Proof

    @property
    def crons(self) -> tuple[str, ...]:
        """The crons alone, in the order of the parts."""
        return tuple(part.cron for part in self.parts)

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """The zone's clock changes within 366 days."""
        return zones.transitions(self.job.timezone, self.valid_from, self.valid_from + YEAR)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What to know about it."""
        return tuple(self._cautions())

    def _cautions(self) -> Iterator[Caution]:
        if self.strategy is Strategy.FOLLOW and self.valid_until:
            end = f"{self.valid_until:%Y-%m-%d %H:%MZ}"
            text = f"follow: wrong from {end} until the next apply"
            yield Caution(Peculiarity.FOLLOW_ENDS, text)
        if self.proof.first:
            text = f"{native_differs(self.proof, self.job.timezone)}; accept: true takes it"
            yield Caution(Peculiarity.NATIVE_DIFFERS, text)
        # Where the parser differs it does not do what the policy says.
        yield from cautions_of(self.job, self.valid_from, policy=not self.proof.first)


@lru_cache(maxsize=16_384)
def cautions_of(job: Job, start: datetime, *, policy: bool = True) -> tuple[Caution, ...]:
    """What to know of a job, whatever it is compiled to, in the year from a start.

    Crons with both day fields restricted, which other crons read in another way; and, if asked for,
    where a clock change meets a cron whose policy is a mere default.
    """
    both = [_both_days(cron) for cron in job.crons if cron.both_days_restricted]
    met = meetings(job, start, start + YEAR) if policy else ()
    changes = [_meets(meeting, job.timezone) for meeting in met if not meeting.chosen]
    return (
        *(Caution(Peculiarity.BOTH_DAYS, text) for text in both),
        *(Caution(Peculiarity.CLOCK_CHANGE, text) for text in changes),
    )


def native_differs(proof: Proof, timezone: str) -> str:
    """How QStash's parser would differ from what is wanted."""
    local = proof.first and proof.first.astimezone(zones.zone(timezone))
    return (
        f"native: QStash's parser would miss {proof.missing:,} firing{'s' * (proof.missing != 1)},"
        f" add {proof.extra:,} and double {proof.doubled:,} within a year, the first on"
        f" {local:%Y-%m-%d at %H:%M}"
    )


def _both_days(cron: Cron) -> str:
    if cron.fields.either:
        return (
            f'"{cron.text}": both day fields are restricted, so it fires when either matches; use'
            " two crons to say so, or check the date in the endpoint for both"
        )
    if cron.fields.days == DAY.everything:  # the grammar has made every day of the two
        of = "" if cron.fields.every_day else " of its months"
        return (
            f'"{cron.text}": one day field names every day without a star, and either of two'
            f" is enough, so it fires every day{of}; write * in place of that field"
        )
    return (
        f'"{cron.text}": a day field that starts with * is no restriction of its own, so it fires'
        " when both day fields match; other crons take it as either"
    )


def _meets(meeting: Meeting, timezone: str) -> str:
    """The date, the local time, and what becomes of it."""
    several = meeting.count > 1
    when = f"{meeting.local:%Y-%m-%d %H:%M}"
    if several:
        when += f" and {meeting.count - 1:,} more"
    if isinstance(meeting.policy, Gap):
        key, verb = "gap", "do not exist" if several else "does not exist"
    else:
        key, verb = "fold", "come twice" if several else "comes twice"
    policy = f"dst.{key}: {meeting.policy}"
    does = _does(meeting, several=several)
    return f'"{meeting.cron.text}": {when} {verb} in {timezone}; it {does} ({policy})'


def _does(meeting: Meeting, *, several: bool) -> str:
    if meeting.policy is Fold.BOTH:
        return "fires both times"
    if isinstance(meeting.policy, Fold):
        return f"fires the {meeting.policy} time only"
    if meeting.instead is None:
        return "does not fire"
    same_day = meeting.instead.date() == meeting.local.date()
    at = f"{meeting.instead:%H:%M}" if same_day else f"{meeting.instead:%Y-%m-%d %H:%M}"
    if several and meeting.policy is Gap.NEXT_VALID:
        return f"fires once instead, at {at}"
    return f"fires from {at} on instead" if several else f"fires at {at} instead"
