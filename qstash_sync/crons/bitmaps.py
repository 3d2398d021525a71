"""Sets of UTC minutes, each set one integer.

Bit k of a span's bitmap is the k-th minute after midnight UTC of the span's first day, so union,
difference and counting are single operations on one Python int (66 KiB for a year).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Self

from qstash_sync.crons import zones
from qstash_sync.crons.grammar import Fields
from qstash_sync.record import record

DAY = 1440
DAY_BYTES = DAY // 8
DAY_MASK = (1 << DAY) - 1
PAD = 3  # days around a span, so that no zone's offset and no clock change reaches over its edge
_MINUTE = timedelta(minutes=1)


@record()
class Span:
    """Whole UTC days: the first, and how many."""

    first: date
    days: int

    @classmethod
    def around(cls, start: datetime, end: datetime) -> Self:
        """The whole days that hold every minute from start until before end."""
        first = start.astimezone(UTC).date()
        last = (end.astimezone(UTC) - _MINUTE).date()
        return cls(first, max((last - first).days + 1, 1))

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
        return _ones(self.days * DAY)

    @property
    def padded(self) -> "Span":
        """The span with `PAD` days more at either end."""
        return Span(self.first - timedelta(days=PAD), self.days + 2 * PAD)

    def minute(self, at: datetime) -> int:
        """The index of an instant's minute; a started minute counts as over."""
        return -int((self.start - at) // _MINUTE)

    def instant(self, minute: int) -> datetime:
        """The instant of a minute's index."""
        return self.start + timedelta(minutes=minute)

    def window(self, start: datetime, end: datetime) -> int:
        """The minutes of the span from start until before end."""
        return window(self.minute(start), min(self.minute(end), self.days * DAY))

    def raw_days_of(self, bitmap: int) -> list[bytes]:
        """A bitmap cut into its days, each 180 bytes, to compare."""
        raw = bitmap.to_bytes(self.days * DAY_BYTES, "little")
        return [raw[at : at + DAY_BYTES] for at in range(0, len(raw), DAY_BYTES)]

    def days_of(self, bitmap: int) -> list[int]:
        """A bitmap as one bitmap of 1,440 minutes for each day."""
        return [int.from_bytes(day, "little") for day in self.raw_days_of(bitmap)]

    def unpadded(self, bitmap: int) -> int:
        """Cut a bitmap of the padded span back to this one."""
        return (bitmap >> PAD * DAY) & self.mask


@record()
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


@lru_cache(maxsize=8)
def _ones(count: int) -> int:
    return (1 << count) - 1


def window(start: int, end: int) -> int:
    """The minutes from start until before end."""
    return ((1 << max(end, 0)) - 1) & -(1 << max(start, 0))


def wall(fields: Fields, span: Span) -> int:
    """The firings as if the clock never changed, over whole days."""
    on = fields.minute_of_day.to_bytes(DAY_BYTES, "little")
    if fields.every_day:
        return int.from_bytes(on * span.days, "little")
    day = bytes(DAY_BYTES), on
    return int.from_bytes(b"".join([day[fit] for fit in fitting(fields, span)]), "little")


def fitting(fields: Fields, span: Span) -> bytes:
    """Which days of a span match the day fields: a byte for each day, 0 or 1."""
    if fields.every_day:
        return b"\1" * span.days
    return _fitting(fields.months, fields.days, fields.weekdays, span, either=fields.either)


@lru_cache(maxsize=4096)  # far fewer day rules than crons: most differ in their time of day only
def _fitting(
    months: tuple[int, ...],
    days: tuple[int, ...],
    weekdays: tuple[int, ...],
    span: Span,
    *,
    either: bool,
) -> bytes:
    never, by_week, always = (0,) * 7, tuple(w in weekdays for w in range(7)), (1,) * 7
    listed, other = (always, by_week) if either else (by_week, never)
    month = [listed if day in days else other for day in range(32)]
    rows = [month if number in months else [never] * 32 for number in range(13)]
    return bytes([rows[m][d][w] for m, d, w in _calendar(span)])


def _calendar(span: Span) -> list[tuple[int, int, int]]:
    """Month, day and weekday (Sunday 0) of each day."""
    skipped = span.first.timetuple().tm_yday - 1
    found: list[tuple[int, int, int]] = []
    year = span.first.year
    while len(found) < skipped + span.days:
        found += _year(year)
        year += 1
    return found[skipped : skipped + span.days]


@lru_cache(maxsize=64)
def _year(year: int) -> tuple[tuple[int, int, int], ...]:
    first, end = date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()
    days = map(date.fromordinal, range(first, end))
    return tuple((day.month, day.day, day.isoweekday() % 7) for day in days)


@lru_cache(maxsize=1024)
def pieces(timezone: str, span: Span) -> tuple[tuple[int, int, int], ...]:
    """(first minute, end minute, offset) of each stretch of one offset."""
    found = []
    start, offset = 0, zones.offset(timezone, span.start)
    for change in zones.transitions(timezone, span.start, span.end):
        at = span.minute(change.at)
        found.append((start, at, offset))
        start, offset = at, change.offset_after
    return (*found, (start, span.days * DAY, offset))


def move(local: int, offset: int) -> int:
    """Wall-clock minutes to UTC: east of Greenwich, UTC is earlier."""
    return local >> offset if offset >= 0 else local << -offset


def moved_piece(local: int, piece: tuple[int, int, int]) -> int:
    """The wall-clock minutes of a piece in UTC, and no others.

    Cut before it is put in its place: a mask as wide as a year costs as much as the year itself.
    """
    start, end, offset = piece
    return (move(local, offset + start) & (1 << end - start) - 1) << start


def compare(want: int, bitmaps: Sequence[int], span: Span, within: int = -1) -> Difference:
    """Several crons' firings, as a multiset, against the wanted ones, inside a window."""
    once, doubled = _merged(bitmaps)
    wrong = (want ^ once | doubled) & within
    if not wrong:
        return Difference()
    missing, extra, doubled = wrong & want & ~once, wrong & once & ~want, doubled & within
    first = span.instant(lowest(wrong))
    return Difference(missing.bit_count(), extra.bit_count(), doubled.bit_count(), first)


def first_wrong(want: int, bitmaps: Sequence[int]) -> int | None:
    """The first minute at which several crons are not what is wanted, as a multiset."""
    once, doubled = _merged(bitmaps)
    wrong = want ^ once | doubled
    return lowest(wrong) if wrong else None


def _merged(bitmaps: Iterable[int]) -> tuple[int, int]:
    """The minutes of any bitmap, and those of more than one."""
    once = doubled = 0
    for bitmap in bitmaps:
        doubled |= once & bitmap
        once |= bitmap
    return once, doubled


def lowest(bitmap: int) -> int:
    """The position of the first bit that is set; of none, -1."""
    return (bitmap & -bitmap).bit_length() - 1


def instants(bitmap: int, span: Span) -> Iterator[datetime]:
    """The firings of a bitmap in order."""
    for number, day in enumerate(span.days_of(bitmap)):
        yield from (span.instant(number * DAY + minute) for minute in bits(day))


def bits(number: int) -> Iterator[int]:
    """The positions of the bits that are set, ascending."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low
