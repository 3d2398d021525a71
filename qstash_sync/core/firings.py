"""When a schedule fires: sets of UTC minutes, each set one integer.

Bit k of a span's bitmap is the k-th minute after midnight UTC of the span's first day, so union,
difference and counting are single operations on one Python int (66 KiB for a year).

    local minutes   ....x.......x.......x.......x....     one bitmap in wall-clock time
                    |--- offset a ---|--- offset b --|    moved piece by piece to UTC
    a gap           walls that no piece reaches: next_valid, shift or skip
    a fold          walls that two pieces reach: first, second or both
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from qstash_sync.core import zones
from qstash_sync.core.cron import Cron

DAY = 1440
_DAY_BYTES = DAY // 8
_PAD = 3  # days around a span, so that no zone's offset reaches over its edge


class Gap(StrEnum):
    """What becomes of a local time that does not exist."""

    NEXT_VALID = "next_valid"
    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """Which of a local time that happens twice."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Job:
    """When a schedule is wanted: crons (their union) in a zone; None is the class's default."""

    crons: tuple[Cron, ...]
    timezone: str
    gap: Gap | None = None
    fold: Fold | None = None

    def gap_of(self, cron: Cron) -> Gap:
        """The policy for one cron: fixed-time jobs are never lost, others keep their beat."""
        if cron.interval and self.gap in (None, Gap.NEXT_VALID):
            return Gap.SKIP
        return self.gap or Gap.NEXT_VALID

    def fold_of(self, cron: Cron) -> Fold:
        """Likewise for times that happen twice."""
        return self.fold or (Fold.BOTH if cron.interval else Fold.FIRST)


@dataclass(frozen=True, slots=True)
class Span:
    """Whole UTC days: the first, and how many."""

    first: date
    days: int

    @property
    def start(self) -> datetime:
        """Midnight UTC of the first day."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """Midnight UTC after the last day."""
        return self.start + timedelta(days=self.days)

    @property
    def mask(self) -> int:
        """Every minute of the span."""
        return (1 << self.days * DAY) - 1

    def minute(self, at: datetime) -> int:
        """The index of an instant's minute."""
        return int((at - self.start) // timedelta(minutes=1))

    def instant(self, minute: int) -> datetime:
        """The instant of a minute's index."""
        return self.start + timedelta(minutes=minute)


@dataclass(frozen=True, slots=True)
class Difference:
    """How crons differ from what is wanted, in firings; first is the first wrong minute."""

    missing: int = 0
    extra: int = 0
    doubled: int = 0
    first: datetime | None = None

    @property
    def none(self) -> bool:
        """Whether they are exactly the same."""
        return self.first is None


def minutes_of_day(cron: Cron) -> int:
    """The bitmap of one day on which a cron fires."""
    hour = sum(1 << minute for minute in cron.minutes)
    return sum(hour << 60 * h for h in cron.hours)


def wall(cron: Cron, span: Span) -> int:
    """A cron's firings as if its clock never changed, over whole days."""
    on = minutes_of_day(cron).to_bytes(_DAY_BYTES, "little")
    off = bytes(_DAY_BYTES)
    first = span.first.toordinal()
    days = (date.fromordinal(first + number) for number in range(span.days))
    fits = cron.fits
    return int.from_bytes(
        b"".join(on if fits(d.month, d.day, d.isoweekday() % 7) else off for d in days), "little"
    )


@lru_cache(maxsize=256)
def wanted(job: Job, span: Span) -> int:
    """The firings that a job asks for within a span."""
    result = 0
    for cron in job.crons:
        result |= _wanted(job, cron, span)
    return result


def _wanted(job: Job, cron: Cron, span: Span) -> int:
    wide = Span(span.first - timedelta(days=_PAD), span.days + 2 * _PAD)
    local = wall(cron, wide)
    pieces = list(_pieces(job.timezone, wide))
    total = 0
    for number, (start, end, offset) in enumerate(pieces):
        moved = _move(local, offset) & _window(start, end)
        if number and (previous := pieces[number - 1][2]) > offset:  # a fold ends here
            twice = _window(start, start + previous - offset)
            if job.fold_of(cron) is Fold.FIRST:
                moved &= ~twice
            elif job.fold_of(cron) is Fold.SECOND:
                total &= ~_window(start - (previous - offset), start)
        elif number and previous < offset:
            total |= _gap(job.gap_of(cron), local, start, previous, offset)
        total |= moved
    return (total >> _PAD * DAY) & span.mask


def _gap(policy: Gap, local: int, at: int, before: int, after: int) -> int:
    """The firings of walls that the clock jumps over at minute `at`."""
    lost = local & _window(at + before, at + after)
    if not lost or policy is Gap.SKIP:
        return 0
    return 1 << at if policy is Gap.NEXT_VALID else _move(lost, before)


def _pieces(timezone: str, span: Span) -> Iterator[tuple[int, int, int]]:
    """(first minute, end minute, offset) of each stretch of one offset."""
    start, offset = 0, zones.offset(timezone, span.start)
    for change in zones.transitions(timezone, span.start, span.end):
        at = span.minute(change.at)
        yield start, at, offset
        start, offset = at, change.offset_after
    yield start, span.days * DAY, offset


def _move(local: int, offset: int) -> int:
    """Wall-clock minutes to UTC: east of Greenwich, UTC is earlier."""
    return local >> offset if offset >= 0 else local << -offset


def _window(start: int, end: int) -> int:
    return ((1 << max(end, 0)) - 1) & ~((1 << max(start, 0)) - 1)


def steady(job: Job, offset: int, span: Span) -> int:
    """The firings if one offset were always in force."""
    wide = Span(span.first - timedelta(days=_PAD), span.days + 2 * _PAD)
    total = 0
    for cron in job.crons:
        total |= _move(wall(cron, wide), offset)
    return (total >> _PAD * DAY) & span.mask


def compare(want: int, bitmaps: Sequence[int], span: Span, window: int = -1) -> Difference:
    """Several crons' firings, as a multiset, against the wanted ones, inside a window."""
    once = doubled = 0
    for bitmap in bitmaps:
        doubled |= once & bitmap
        once |= bitmap
    missing, extra, doubled = want & ~once & window, once & ~want & window, doubled & window
    wrong = missing | extra | doubled
    if not wrong:
        return Difference()
    first = span.instant((wrong & -wrong).bit_length() - 1)
    return Difference(missing.bit_count(), extra.bit_count(), doubled.bit_count(), first)


def instants(bitmap: int, span: Span) -> Iterator[datetime]:
    """The firings of a bitmap in order."""
    while bitmap:
        low = bitmap & -bitmap
        yield span.instant(low.bit_length() - 1)
        bitmap ^= low
