"""What a change of time does: the firings of a year before and after.

moved   all differ by one step of the wall clock, the days of clock changes aside; or on a local
        day as many are new as fall away
new, falling away   the others
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_

from qstash_sync.crons import robfig
from qstash_sync.crons.bitmaps import DAY, DAY_BYTES, Span, lowest, pieces, window
from qstash_sync.crons.firings import fired
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.record import record

DAYS = 365  # a fixed year: a date of every year comes once in it
_FAR = 31 * DAY  # minutes that firings may move, where none stays where it was
_PAD = 2 * DAY  # room for any offset


@record(kw_only=True)
class Effect:
    """How two sets of firings differ over 365 days.

    by: how far they move by the wall clock, if all move alike where no clock changes.
    first_before, first_after: the first firing that is no more, and the first that was none.
    odd: how many of those move otherwise, where the clock changes. days: how far was looked.
    """

    moved: int = 0
    odd: int = 0
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
    old, new = (fired(source, span) & within for source in (before, after))
    gone, come = old & ~new, new & ~old
    if not gone and not come:
        return Effect(days=days)
    zone = _zone(after) or _zone(before) or timezone
    stretches = pieces(zone, span)
    far = DAY - 1 if old & new else _FAR
    by, odd = _step(gone, come, within, far, stretches), frozenset[int]()
    if by is None:
        odd = _odd_days(stretches)
        by = _step(gone, come, within, far, stretches, odd)
    old_days, new_days = _by_day(gone, stretches), _by_day(come, stretches)
    if by is None:
        moved = sum(count for day, count in old_days.items() if count == new_days[day])
        steady = otherwise = 0
    else:
        moved = sum(min(old_days[day], new_days[day]) for day in odd)
        otherwise = max(moved - _alike(gone, come, by, stretches, odd), 0)
        steady = max(_outside(old_days, odd), _outside(new_days, odd))
    added, removed = (
        sum(days[day] for day in (odd if by is not None else days)) - moved
        for days in (new_days, old_days)
    )
    moved += steady
    return Effect(
        moved=moved,
        odd=otherwise,
        added=added,
        removed=removed,
        by=None if by is None else timedelta(minutes=by),
        first_before=_first(gone, span),
        first_after=_first(come, span),
        days=days,
    )


def _zone(source: Job | Sequence[str]) -> str | None:
    """Whose local days count for a source; None where it names no zone."""
    if isinstance(source, Job):
        return source.timezone
    named = (spec.timezone for spec in map(robfig.read, source) if spec.timezone != "UTC")
    return next(named, None)


Stretches = Sequence[tuple[int, int, int]]


def _walls(bitmap: int, stretches: Stretches) -> Iterator[int]:
    """The wall-clock minutes of firings in each stretch of one offset, padded."""
    for start, end, offset in stretches:
        yield (bitmap & window(start, end)) << _PAD + offset


def _by_day(bitmap: int, stretches: Stretches) -> Counter[int]:
    """How many firings each local day has."""
    found: Counter[int] = Counter()
    for walls in _walls(bitmap, stretches):
        raw = walls.to_bytes(walls.bit_length() // 8 + DAY_BYTES, "little")
        for day, at in enumerate(range(0, len(raw), DAY_BYTES)):
            count = int.from_bytes(raw[at : at + DAY_BYTES], "little").bit_count()
            if count:
                found[day] += count
    return found


def _odd_days(stretches: Stretches) -> frozenset[int]:
    """The local days on which the clock changes, as `_by_day` numbers them."""
    return frozenset(
        (start + offset + _PAD) // DAY
        for (_, _, before), (start, _, after) in pairwise(stretches)
        for offset in (before, after)
    )


def _outside(days: Counter[int], odd: Collection[int]) -> int:
    return sum(count for day, count in days.items() if day not in odd)


def _alike(gone: int, come: int, by: int, stretches: Stretches, odd: Collection[int]) -> int:
    """How many firings of some days move by so many minutes of the wall clock."""
    of_days = reduce(or_, (window(day * DAY, (day + 1) * DAY) for day in odd), 0)
    old, new = (_wall(bitmap, stretches) for bitmap in (gone, come))
    return (_shifted(old & of_days, by) & new).bit_count()


def _step(
    gone: int,
    come: int,
    within: int,
    far: int,
    stretches: Stretches,
    odd: Collection[int] = (),
) -> int | None:
    """The minutes that every firing moves by the wall clock, if there are such.

    At either end of what is looked at, one side of a firing that moves may lie outside.
    odd: days on which any may move otherwise.
    """
    old, new, inside = (_wall(bitmap, stretches) for bitmap in (gone, come, within))
    passed_over = reduce(or_, (window(day * DAY, (day + 1) * DAY) for day in odd), 0)
    if not odd and (old.bit_count(), new.bit_count()) != (gone.bit_count(), come.bit_count()):
        return None  # two of them at one minute of the wall clock
    old, new = old & ~passed_over, new & ~passed_over
    first, end = lowest(inside), inside.bit_length()
    for by in sorted(_candidates(old, new), key=lambda by: (abs(by), by < 0)):  # later, of two
        moved, landing = (_shifted(bitmap, by) for bitmap in (old, passed_over))
        inner = window(first + abs(by), max(end - abs(by), 0)) & ~passed_over & ~landing
        if abs(by) <= far and not (moved ^ new) & inner:
            return by
    return None


def _shifted(bitmap: int, by: int) -> int:
    return bitmap << by if by >= 0 else bitmap >> -by


def _wall(bitmap: int, stretches: Stretches) -> int:
    """The wall-clock minutes of firings as one bitmap."""
    return reduce(or_, _walls(bitmap, stretches), 0)


def _candidates(old: int, new: int) -> set[int]:
    """How far the first two of one side are from the first of the other."""
    if not old or not new:
        return set()
    (a, a_next), (b, b_next) = _first_two(old), _first_two(new)
    return {b - a, b_next - a, b - a_next} - {0}


def _first_two(bitmap: int) -> tuple[int, int]:
    first = lowest(bitmap)
    rest = bitmap & ~(1 << first)
    return first, lowest(rest) if rest else first


def _first(bitmap: int, span: Span) -> datetime | None:
    return span.instant(lowest(bitmap)) if bitmap else None
