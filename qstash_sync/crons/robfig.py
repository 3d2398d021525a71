"""A model of robfig/cron v3, the parser that QStash most likely runs.

Its `Next(t)` walks forward field by field in local time (v3.0.1, spec.go):

    WRAP: month -> day -> hour -> minute        a field that wraps round starts over at WRAP

It truncates only before the first step, adds whole hours and minutes of real time, and finds a day
by asking for its midnight. So it skips gaps and repeats folds, and where a change touches midnight
or half an hour it does worse: Cairo and Beirut lose a day's jobs, Havana, Santiago and the Azores
repeat Saturday's on Sunday, Lord Howe loses the rest of the day, and in Chatham `Next` can lie in
the past. Away from clock changes it is plain matching; only the hours around one are walked.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import DAY, Span, moved_piece, pieces, wall, window
from qstash_sync.crons.error import CronError
from qstash_sync.crons.grammar import KINDS, MACROS, FieldKind, Fields
from qstash_sync.record import record

_NEAR = 26 * 60  # minutes around a change: its local day, and the one before
_YEARS = 5  # the search gives up after these
_NOON = 12
_DECEMBER = 12
_ORIGIN = datetime(1, 1, 1, tzinfo=UTC)  # minute 1,440: the first day's ordinal is 1
_DIGITS = 18  # of a number that Go's parser takes
_PATIENCE = 20_000  # steps of one search; Apia's lost day would take for ever


@record()
class Spec:
    """A stored cron as robfig reads it; its zone is UTC where it names none."""

    text: str
    timezone: str
    fields: Fields


def names_zone(text: str) -> bool:
    """Whether a stored cron is one of a zone that it names: QStash reads that by its own clock."""
    return text.startswith(("TZ=", "CRON_TZ="))


@lru_cache(maxsize=65_536)
def read(text: str) -> Spec:
    """Read a stored cron; a `CronError` carries robfig's own words."""
    timezone, body = "UTC", text
    if names_zone(text):
        name, space, body = text.partition(" ")
        if not space:
            raise CronError(f"{text!r} has a zone but no cron")
        timezone = name.partition("=")[2] or "UTC"
        zones.zone(timezone)
    body = MACROS.get(body.strip(), body)
    if body.startswith("@"):
        raise CronError(f"unrecognized descriptor: {body}")
    words = body.split()
    if len(words) != len(KINDS):
        raise CronError(f"expected exactly 5 fields, found {len(words):,}: {text!r}")
    (minutes, _), (hours, _), (days, any_day), (months, _), (weekdays, any_weekday) = map(
        _field, words, range(len(KINDS))
    )
    either = not any_day and not any_weekday
    return Spec(text, timezone, Fields(minutes, hours, days, months, weekdays, either=either))


@lru_cache(maxsize=4096)  # thousands of crons are made of a few hundred fields
def _field(text: str, number: int) -> tuple[tuple[int, ...], bool]:
    """The values of a field, and whether a star frees it: `*` and `*/1`, anywhere in the list."""
    kind = KINDS[number]
    values: set[int] = set()
    star = False
    for item in filter(None, text.split(",")):
        span, slash, step_text = item.partition("/")
        low_text, dash, high_text = span.partition("-")
        step = _number(step_text, item) if slash else 1
        if low_text in ("*", "?"):
            low, high = kind.low, kind.high
            star = star or step == 1
        else:
            low = _value(low_text, kind, item)
            high = _value(high_text, kind, item) if dash else low
            high = kind.high if slash and not dash else high
        _check(item, low, high, step, kind)
        values.update(range(low, high + 1, step))
    return tuple(sorted(values)), star


def _check(item: str, low: int, high: int, step: int, kind: FieldKind) -> None:
    if low < kind.low:
        raise CronError(f"beginning of range ({low}) below minimum ({kind.low}): {item}")
    if high > kind.high:
        raise CronError(f"end of range ({high}) above maximum ({kind.high}): {item}")
    if low > high:
        raise CronError(f"beginning of range ({low}) beyond end of range ({high}): {item}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {item}")


def _value(text: str, kind: FieldKind, item: str) -> int:
    if text.upper() in kind.names:
        return kind.names.index(text.upper()) + kind.low
    return _number(text, item)


def _number(text: str, item: str) -> int:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise CronError(f"failed to parse int from {text}: {item}")
    return int(digits)


@record()
class Clock:
    """A zone's offsets; instants are minutes from 0001-01-01 UTC (a day's ordinal x 1,440)."""

    changes: tuple[int, ...]
    offsets: tuple[int, ...]

    def offset(self, at: int) -> int:
        """Minutes east of UTC."""
        return self.offsets[bisect_right(self.changes, at)]

    def at_wall(self, wall_minute: int) -> int:
        """Go's `time.Date`: looks the offset up twice, and never says that a time is missing."""
        piece = bisect_right(self.changes, wall_minute)
        offset = self.offsets[piece]
        if not offset:
            return wall_minute
        utc = wall_minute - offset
        return wall_minute - self.offset(utc)


@lru_cache(maxsize=256)
def _clock(timezone: str, first_year: int, last_year: int) -> Clock:
    start = datetime(first_year, 1, 1, tzinfo=UTC)
    changes = zones.transitions(timezone, start, datetime(last_year, 1, 1, tzinfo=UTC))
    return Clock(
        tuple(_minute(change.at) for change in changes),
        (zones.offset(timezone, start), *(change.offset_after for change in changes)),
    )


def _minute(at: datetime) -> int:
    return at.toordinal() * DAY + at.hour * 60 + at.minute


class _Search:
    """One `Next`: `at` is the candidate minute, `added` whether a field was stepped already."""

    def __init__(self, fields: Fields, clock: Clock, after: int) -> None:
        self.fields, self.clock = fields, clock
        self.at, self.added = after, False
        self.limit = self._date().year + _YEARS
        self.steps = 0

    def _wall(self) -> int:
        return self.at + self.clock.offset(self.at)

    def _date(self) -> date:
        return date.fromordinal(self._wall() // DAY)

    def _hour(self) -> int:
        return self._wall() % DAY // 60

    def _at_date(self, day: int, minute: int = 0) -> None:
        """Set the candidate to a local date (its ordinal) and minute of the day."""
        self.at = self.clock.at_wall(day * DAY + minute)

    def find(self) -> int | None:
        """The next minute that fires, or None."""
        while self.steps < _PATIENCE:
            self.steps += 1
            if self._date().year > self.limit:
                return None
            if not (self._month() and self._day() and self._hours() and self._minutes()):
                continue
            if self.added:
                return self.at
            # The search starts a second late; a minute that fits at once has just gone by.
            self.at, self.added = self.at + 1, True
        return None

    def _month(self) -> bool:
        while (day := self._date()).month not in self.fields.months:
            if not self.added:
                self.added = True
                self._at_date(day.replace(day=1).toordinal())
            local = self._wall()
            self._at_date(_a_month_later(date.fromordinal(local // DAY)), local % DAY)
            if self._date().month == 1:
                return False
        return True

    def _day(self) -> bool:
        while not self.fields.fits_day((day := self._date()).day, day.isoweekday() % 7):
            self.steps += 1
            if self.steps > _PATIENCE:  # a day that does not exist is never passed
                return False
            if not self.added:
                self.added = True
                self._at_date(day.toordinal())
            local = self._wall()
            self._at_date(local // DAY + 1, local % DAY)
            hour = self._hour()
            if hour:  # midnight did not exist
                self.at += 60 * (24 - hour if hour > _NOON else -hour)
            if self._date().day == 1:
                return False
        return True

    def _hours(self) -> bool:
        while (hour := self._hour()) not in self.fields.hours:
            if not self.added:
                self.added = True
                self._at_date(self._wall() // DAY, 60 * hour)
            self.at += 60
            if self._hour() == 0:
                return False
        return True

    def _minutes(self) -> bool:
        while self._wall() % 60 not in self.fields.minutes:
            self.added = True
            self.at += 1
            if self._wall() % 60 == 0:
                return False
        return True


def _a_month_later(day: date) -> int:
    """The ordinal of the same day a month later; a day too many runs into the next month."""
    year, month = (day.year + 1, 1) if day.month == _DECEMBER else (day.year, day.month + 1)
    return date(year, month, 1).toordinal() + day.day - 1


def next_after(spec: Spec, at: datetime) -> datetime | None:
    """The next firing after an instant; None where the search of five years finds none."""
    clock = _clock(spec.timezone, at.year - 1, at.year + _YEARS + 2)
    found = _Search(spec.fields, clock, _minute(at)).find() if _can_fire(spec) else None
    return None if found is None else _ORIGIN + timedelta(minutes=found - DAY)


def predicted(cron: str, low: datetime, high: datetime, found: datetime) -> bool:
    """Whether an instant is the next firing of a cron, seen from some moment of low to high."""
    first, last = (at.astimezone(UTC).replace(second=0, microsecond=0) for at in (low, high))
    return _predicted(cron, first, last, found)


@lru_cache(maxsize=4096)
def _predicted(cron: str, first: datetime, last: datetime, found: datetime) -> bool:
    """The same for whole minutes, which many schedules have in common."""
    try:
        spec = read(cron)
    except CronError:
        return True  # nobody can say
    moment: datetime | None = first - timedelta(minutes=1)
    while moment is not None and moment <= last:
        moment = next_after(spec, moment)
        if moment == found:
            return True
    return False


def _can_fire(spec: Spec) -> bool:
    return all(spec.fields.sets)


@lru_cache(maxsize=128)  # a year has 66 KiB
def firings(text: str, span: Span) -> tuple[int, int]:
    """The minutes at which a stored cron fires, and those at which it fires more than once."""
    spec = read(text)
    if not _can_fire(spec):
        return 0, 0
    if spec.timezone == "UTC":
        return wall(spec.fields, span), 0
    wide = span.padded
    once, doubled = _plain(spec, wide), 0
    for start, end in _changes(spec.timezone, wide):
        walked, repeated, hung = _walk(spec, wide, start, end)
        once = once & ~window(start + 1, end + 1) | walked
        doubled |= repeated
        if hung:  # a search without an answer: it never fires again
            once &= window(0, end)
            break
    return span.unpadded(once), span.unpadded(doubled)


def _plain(spec: Spec, wide: Span) -> int:
    """Every minute whose local time matches: gaps skipped, folds twice."""
    local = wall(spec.fields, wide)
    total = 0
    for piece in pieces(spec.timezone, wide):
        total |= moved_piece(local, piece)
    return total


def _changes(timezone: str, wide: Span) -> list[tuple[int, int]]:
    """The stretches of minutes around clock changes, those that touch joined."""
    found: list[tuple[int, int]] = []
    for start, _, _ in pieces(timezone, wide)[1:]:
        if start < _NEAR:  # over before the span begins
            continue
        if found and found[-1][1] >= start - _NEAR:
            found[-1] = found[-1][0], start + _NEAR
        else:
            found.append((start - _NEAR, start + _NEAR))
    return found


def _walk(spec: Spec, wide: Span, start: int, end: int) -> tuple[int, int, bool]:
    """Firings after start, until end, one `Next` after the other; whether it got stuck."""
    zero = wide.first.toordinal() * DAY
    clock = _clock(spec.timezone, wide.first.year - 1, wide.end.year + _YEARS + 2)
    once = doubled = 0
    now = start
    while (found := _Search(spec.fields, clock, zero + now).find()) is not None:
        if found - zero <= now:  # in the past: fires at once, without an end
            once |= 1 << now
            doubled |= 1 << now
            now += 1
        else:
            now = found - zero
            if now > end:
                return once, doubled, False
            once |= 1 << now
    return once, doubled, True
