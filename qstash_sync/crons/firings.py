"""When a schedule is wanted to fire, in UTC minutes.

local minutes   ....x.......x.......x.......x....     one bitmap in wall-clock time
                |--- offset a ---|--- offset b --|    moved piece by piece to UTC
a gap           walls that no piece reaches: next_valid, shift or skip
a fold          walls that two pieces reach: first, second or both
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, islice

from qstash_sync.crons import robfig, zones
from qstash_sync.crons.bitmaps import (
    DAY,
    DAY_MASK,
    Difference,
    Span,
    instants,
    lowest,
    move,
    moved_piece,
    pieces,
    wall,
    window,
)
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import Cron
from qstash_sync.record import record

__all__ = [
    "DAY", "Difference", "Fold", "Gap", "Job", "Meeting", "Span", "fired", "instants", "meetings",
    "next_firings", "steady", "wall", "wanted",
]  # fmt: skip

_LONG = 29 * 366  # 29 February on one weekday comes every 28 years (but for 1900, 2100)
_CHUNK = 92  # days looked at once, at first


@record(kw_only=True)
class Meeting:
    """A cron whose local time is skipped or repeated by a clock change.

    local: the first such wall-clock time; count: how many minutes of the job are touched.
    policy: what becomes of them (a `Gap` or a `Fold`); chosen: written in the file, not a default.
    instead: the wall-clock time at which the first fires that is skipped; None if none does.
    """

    cron: Cron
    at: datetime
    local: datetime
    count: int
    policy: Gap | Fold
    chosen: bool
    instead: datetime | None = None


_wall = lru_cache(maxsize=8)(wall)  # a year of one is asked for by each of its seasons in turn


@lru_cache(maxsize=64)  # a year has 66 KiB
def wanted(job: Job, span: Span) -> int:
    """The firings that a job asks for within a span."""
    result = 0
    for cron in job.crons:
        result |= _wanted(job, cron, span)
    return result


def _wanted(job: Job, cron: Cron, span: Span) -> int:
    wide = span.padded
    local = _wall(cron.fields, wide)
    stretches = pieces(job.timezone, wide)
    if len(stretches) == 1:
        return span.unpadded(move(local, stretches[0][2]))
    total, before = 0, None
    for piece in stretches:
        start, _, offset = piece
        moved = moved_piece(local, piece)
        if before is not None and before > offset:
            repeated = before - offset
            if job.fold_of(cron) is Fold.FIRST:
                moved &= ~window(start, start + repeated)
            elif job.fold_of(cron) is Fold.SECOND:
                total &= ~window(start - repeated, start)
        elif before is not None:
            total |= _gap(job.gap_of(cron), local, start, before, offset)
        total |= moved
        before = offset
    return span.unpadded(total)


def _gap(policy: Gap, local: int, at: int, before: int, after: int) -> int:
    """The firings of walls that the clock jumps over at minute `at`."""
    lost = local & window(at + before, at + after)
    if not lost or policy is Gap.SKIP:
        return 0
    return 1 << at if policy is Gap.NEXT_VALID else move(lost, before)


def steady(job: Job, offset: int, span: Span) -> int:
    """The firings of a job if one offset were always in force."""
    found = 0
    for cron in job.crons:
        found |= span.unpadded(move(_wall(cron.fields, span.padded), offset))
    return found


def meetings(job: Job, start: datetime, end: datetime) -> tuple[Meeting, ...]:
    """Where a job's crons meet a clock change from start until before end, in order.

    An interval job whose times of the day look the same after the change keeps its beat in real
    time: `0 * * * *` meets no change of a whole hour, unless the file says what to do there.
    """
    found = [
        meeting
        for change in zones.transitions(job.timezone, start - timedelta(minutes=1), end)
        if change.at < end
        for cron in job.crons
        if (meeting := _meeting(job, cron, change))
    ]
    return tuple(sorted(found, key=lambda meeting: meeting.at))


def _meeting(job: Job, cron: Cron, change: zones.Transition) -> Meeting | None:
    low, high = sorted((change.offset_before, change.offset_after))
    span = Span(change.at.date() - timedelta(days=2), 5)
    at = span.minute(change.at)
    touched = wall(cron.fields, span) & window(at + low, at + high)
    gap = high == change.offset_after
    chosen = (job.gap if gap else job.fold) is not None
    if not touched or (not chosen and _keeps_its_beat(cron, high - low)):
        return None
    policy = job.gap_of(cron) if gap else job.fold_of(cron)
    first = _local(span, lowest(touched))
    caught_up = {
        Gap.NEXT_VALID: _local(span, at + high),
        Gap.SHIFT: first + timedelta(minutes=high - low),
    }
    return Meeting(
        cron=cron,
        at=change.at,
        local=first,
        count=touched.bit_count(),
        policy=policy,
        chosen=chosen,
        instead=caught_up.get(policy) if isinstance(policy, Gap) else None,
    )


def _local(span: Span, minute: int) -> datetime:
    return span.instant(minute).replace(tzinfo=None)


def _keeps_its_beat(cron: Cron, by: int) -> bool:
    day = cron.fields.minute_of_day
    return cron.interval and (day << by | day >> DAY - by) & DAY_MASK == day


def fired(source: Job | Sequence[str], span: Span) -> int:
    """The minutes at which a job, or any of some stored crons, fires."""
    if isinstance(source, Job):
        return wanted(source, span)
    found = 0
    for cron in source:
        found |= robfig.firings(cron, span)[0]
    return found


def next_firings(source: Job | Sequence[str], start: datetime, count: int) -> tuple[datetime, ...]:
    """The next firings of a job, or of stored crons, at or after an instant; fewer at the end.

    A minute in which two stored crons fire stands there twice.
    """
    found = (at for at in _firings(source, start) if at >= start)
    return tuple(islice(found, count))


def _firings(source: Job | Sequence[str], start: datetime) -> Iterator[datetime]:
    first, days, seen = start.astimezone(UTC).date(), _CHUNK, 0
    while seen < _LONG:
        span = Span(first, days)
        if isinstance(source, Job):
            yield from instants(wanted(source, span), span)
        else:
            each = (instants(robfig.firings(cron, span)[0], span) for cron in source)
            yield from sorted(chain.from_iterable(each))
        first, seen, days = first + timedelta(days=days), seen + days, 366
