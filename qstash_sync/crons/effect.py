"""What a change of time does: the firings of a year before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from qstash_sync.crons import robfig, zones
from qstash_sync.crons.bitmaps import DAY, Span, lowest
from qstash_sync.crons.firings import Job, wanted

DAYS = 366  # a fixed year, so that effects can be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How two sets of firings differ over 366 days.

    A firing that falls away and one that is new on the same local day are one that moves.
    by: how far all of them move, if all move alike.
    first_before, first_after: the first firing that differs; None where there is no such side.
    days: how far was looked.
    """

    moved: int = 0
    added: int = 0
    removed: int = 0
    by: timedelta | None = None
    first_before: datetime | None = None
    first_after: datetime | None = None
    days: int = DAYS

    @property
    def none(self) -> bool:
        """Whether every firing stays."""
        return not (self.moved or self.added or self.removed)


def effect(
    before: Job | Sequence[str],
    after: Job | Sequence[str],
    now: datetime,
    timezone: str = "UTC",
    *,
    days: int = DAYS,
) -> Effect:
    """Compare two jobs, or stored crons, over some days from now on.

    timezone: whose days count where neither side names one.
    """
    at = now.astimezone(UTC)
    span = Span(at.date(), days + 1)
    within = span.window(at, at + timedelta(days=days))
    old, new = (_bitmap(source, span) & within for source in (before, after))
    gone, come = old & ~new, new & ~old
    if not gone and not come:
        return Effect(days=days)
    offsets = (_offset(after, at), _offset(before, at), zones.offset(timezone, at))
    shift = next(offset for offset in offsets if offset is not None)
    each = list(zip(_local_days(gone, shift, span), _local_days(come, shift, span), strict=True))
    moved = sum(min(a.bit_count(), b.bit_count()) for a, b in each)
    number, (first_gone, first_come) = next(
        (number, pair) for number, pair in enumerate(each) if any(pair)
    )
    start = span.instant((number - 1) * DAY - shift)
    return Effect(
        moved=moved,
        added=come.bit_count() - moved,
        removed=gone.bit_count() - moved,
        by=_shift(each) if moved == come.bit_count() == gone.bit_count() else None,
        first_before=_first(first_gone, start),
        first_after=_first(first_come, start),
        days=days,
    )


def _bitmap(source: Job | Sequence[str], span: Span) -> int:
    if isinstance(source, Job):
        return wanted(source, span)
    found = 0
    for cron in source:
        found |= robfig.firings(cron, span)[0]
    return found


def _offset(source: Job | Sequence[str], at: datetime) -> int | None:
    """The offset in force for a source's local days; None where it names no zone."""
    if isinstance(source, Job):
        return zones.offset(source.timezone, at)
    named = [spec.timezone for spec in map(robfig.read, source) if spec.timezone != "UTC"]
    return zones.offset(named[0], at) if named else None


def _local_days(bitmap: int, offset: int, span: Span) -> list[int]:
    """A bitmap of UTC minutes as one for each local day, the day before the span first."""
    wide = Span(span.first, span.days + 2)
    return wide.days_of(bitmap << DAY + offset)


def _shift(days: Sequence[tuple[int, int]]) -> timedelta | None:
    """How far all firings move, if all move alike."""
    found = {b.bit_length() - a.bit_length() for a, b in days if a}
    if len(found) != 1:
        return None
    by = found.pop()
    alike = all((a << by if by >= 0 else a >> -by) == b for a, b in days)
    return timedelta(minutes=by) if alike else None


def _first(bitmap: int, start: datetime) -> datetime | None:
    return start + timedelta(minutes=lowest(bitmap)) if bitmap else None
