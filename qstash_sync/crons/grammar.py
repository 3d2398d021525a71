"""The grammar of five-field crons, as people write them: Debian's, held strictly.

A field is a list of items: `*`, `?`, a value, `a-b`, and any of these with `/step` (`a/step` runs
to the end of the field). Names have three letters, any case; 7 is Sunday. What other crons add on
top (seconds, L, W, #, R, H) is refused by name, since no plain cron means the same.
"""

import re
from collections.abc import Callable
from dataclasses import field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from itertools import pairwise

from qstash_sync.crons import dialects, zones
from qstash_sync.crons.error import CronError
from qstash_sync.record import record

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


_EVERY_DAY = len(MONTHS), max(MONTH_DAYS), len(WEEKDAYS)
_LISTED = 2  # values: 0,30 reads better than */30
_NEAR = 0.75  # of the letters of a macro that is meant
_SHOWN = 60  # characters of a cron that is in no form of ours
MAX_DIGITS = 9  # of a number in a cron; Python reads no more than a few thousand


@record()
class FieldKind:
    """One of the five fields: its name, its bounds (7 counts as Sunday), its names."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def everything(self) -> tuple[int, ...]:
        """All values of the field, ascending."""
        return tuple(range(self.low, self.high + 1))


MINUTE = FieldKind("minute", 0, 59)
HOUR = FieldKind("hour", 0, 23)
DAY = FieldKind("day of month", 1, 31)
MONTH = FieldKind("month", 1, 12, MONTHS)
WEEKDAY = FieldKind("weekday", 0, 6, WEEKDAYS)
KINDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
_FIRST = {MINUTE.name: "the full hour", HOUR.name: "midnight"}  # what one past the end may mean


@record(slots=False)
class Fields:
    """The values of the five fields, ascending, Sunday 0.

    either: a day matches if its day of month *or* its weekday does; else both must.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool = False

    @property
    def sets(self) -> tuple[tuple[int, ...], ...]:
        """The five fields in their order."""
        return self.minutes, self.hours, self.days, self.months, self.weekdays

    @cached_property
    def minute_of_day(self) -> int:
        """Bitmap of 1,440 bits: the minutes of a matching day."""
        hour = sum([1 << minute for minute in self.minutes])
        return hour * sum([1 << 60 * value for value in self.hours])

    @property
    def every_day(self) -> bool:
        """Whether every date matches."""
        return (len(self.months), len(self.days), len(self.weekdays)) == _EVERY_DAY

    @property
    def is_dated(self) -> bool:
        """Whether one week is not like another: a day of the month or a month is named."""
        return self.days != DAY.everything or self.months != MONTH.everything

    @property
    def normal(self) -> "Fields":
        """The same fields in one form: either of two days, one of them any day, is every day."""
        if self.either and (self.days == DAY.everything or self.weekdays == WEEKDAY.everything):
            return Fields(self.minutes, self.hours, DAY.everything, self.months, WEEKDAY.everything)
        return self

    @property
    def day_rule(self) -> tuple[object, ...]:
        """What decides about a date, in a form that can be compared."""
        return self.months, self.days, self.weekdays, self.either

    def fits_day(self, day: int, weekday: int) -> bool:
        """Whether a day matches, whatever its month."""
        if self.either:
            return day in self.days or weekday in self.weekdays
        return day in self.days and weekday in self.weekdays


@record(slots=False)
class Cron:
    """A cron that was understood; two are equal if their text is, the same schedule if `key` is.

    both_days_restricted: somebody may think that two day fields hold, and one of them alone does,
    or, where one names every day without a star, none.
    """

    text: str
    canonical: str = field(compare=False)
    fields: Fields = field(compare=False)
    interval: bool = field(compare=False)
    both_days_restricted: bool = field(compare=False)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What the schedule means: the field sets, the day rule and the class of the job."""
        return (*self.fields.sets, self.fields.either, self.interval)


@lru_cache(maxsize=16384)
def parse(text: str) -> Cron:
    """Read one cron.

    Raises CronError, with one reason per kind of mistake and the way out.
    """
    _refuse_dialect(text)
    texts = tuple(_expand(text).replace("?", "*").split())
    _refuse_count(texts)
    minutes, hours, days, months, weekdays = (
        _values(part, kind) for part, kind in zip(texts, KINDS, strict=True)
    )
    stars = tuple(part.startswith("*") for part in texts)
    both = days != DAY.everything and weekdays != WEEKDAY.everything
    either = not stars[2] and not stars[4]
    restricted = both or (either and (days, weekdays) != (DAY.everything, WEEKDAY.everything))
    if either and not both:
        # One of the two names every day without a star, so "either" is every day.
        days, weekdays = DAY.everything, WEEKDAY.everything
    fields = Fields(minutes, hours, days, months, weekdays, either=either and both)
    longest = max(MONTH_DAYS[month - 1] for month in months)
    if not fields.either and fields.days[0] > longest:
        fact = f"{text!r} never fires: none of its months has a day {fields.days[0]}"
        raise CronError(f"{fact}; write a day that exists")
    return Cron(
        text=text,
        canonical=_canonical(texts, stars, fields),
        fields=fields,
        interval=stars[0] or stars[1] or hours == HOUR.everything,
        both_days_restricted=restricted,
    )


def _rendered(values: tuple[int, ...], kind: FieldKind) -> str:
    """Write ascending values as `*`, `*/n` where n divides the field, or a list with ranges."""
    if values == kind.everything:
        return "*"
    size = kind.high + 1
    if kind in (MINUTE, HOUR) and len(values) > _LISTED and size % len(values) == 0:
        step = size // len(values)
        if values == kind.everything[::step]:
            return f"*/{step}"
    return listed(values) if values else ","  # QStash's parser takes it; it never fires


def render(fields: Fields) -> str:
    """Write fields as a cron."""
    pairs = zip(fields.sets, KINDS, strict=True)
    return " ".join(_rendered(values, kind) for values, kind in pairs)


def _expand(text: str) -> str:
    name = text.strip()
    if not name.startswith("@"):
        return text
    if name.lower() in MACROS:
        return MACROS[name.lower()]
    if near := get_close_matches(name.lower()[:_SHOWN], MACROS, 1, _NEAR):
        raise CronError(f"{name[:_SHOWN]!r} is not known; did you mean {near[0]}?")
    raise CronError(
        f"{name!r} has no fixed time in a day; write the times, such as */15 * * * *, or one of"
        f" {', '.join(MACROS)}"
    )


def _refuse_dialect(text: str) -> None:
    """Say whose form it is, and what it would be here, where that can be read."""
    if not (found := dialects.advice(text)):
        return
    whose, translated = found
    try:
        hint = f"write {parse(translated).text!r}" if translated else ""
    except CronError:
        hint = ""
    way_out = hint or "write minute hour day-of-month month weekday, Sunday is 0"
    raise CronError(f"{text.strip()[:_SHOWN]!r} is {whose}; {way_out}")


def _refuse_count(texts: tuple[str, ...]) -> None:
    if texts and texts[0].startswith(("CRON_TZ=", "TZ=")):
        name = texts[0].partition("=")[2]
        zones.zone(name)  # or the zone that is meant
        rest = " ".join(texts[1:])
        raise CronError(f"the zone has a key of its own: write timezone: {name}, cron: {rest!r}")
    if len(texts) == len(KINDS):
        return
    if len(texts) in (6, 7):
        which = "last" if _YEAR.fullmatch(texts[-1]) else "first"
        which = (
            f"the {which} field" if len(texts) == _SECONDS_AND_FIVE else "the first and the last"
        )
        raise CronError(
            f"{len(texts):,} fields: QStash has no seconds and no years; leave out {which}"
        )
    if len(texts) == 1 and f"@{texts[0].lower()}" in MACROS:
        raise CronError(f"did you mean @{texts[0].lower()}?")
    fields = "1 field" if len(texts) == 1 else f"{len(texts):,} fields"
    raise CronError(f"{fields} instead of 5: minute hour day-of-month month weekday")


_YEAR = re.compile(r"(?:19|20)\d\d.*")
_SECONDS_AND_FIVE = 6  # fields
# The extensions of other crons, each with the way out.
_FOREIGN = (
    (r"LW?|L-\d+|\w+L", "L (last) is not known to QStash; list the dates"),
    (r"\d*W", "W (nearest weekday) is not known to QStash; list the dates"),
    (r"\w+#\d*", "# (the n-th weekday of a month) is not known to QStash; list the dates"),
    (r"[RH](\(.*)?|.*~.*", "random times (R, H, ~) cannot be compared; write the minute you want"),
)


def _values(text: str, kind: FieldKind) -> tuple[int, ...]:
    """Read one field."""
    found: set[int] = set()
    for item in text.split(","):
        found.update(item_values(item, kind))
    if kind is WEEKDAY:
        found = {value % 7 for value in found}
    return tuple(sorted(found))


def item_values(item: str, kind: FieldKind) -> range:
    """The values of one item of a field's list; of a weekday 7 may be one. Raises CronError."""
    span, slash, step_text = item.partition("/")
    step = _step(item, step_text, kind) if slash else 1
    if span == "*":
        return range(kind.low, kind.high + 1, step)
    low_text, dash, high_text = span.partition("-")
    low = _number(low_text, kind)
    open_end = kind.high if slash else low
    high = _number(high_text, kind) if dash else open_end
    if kind is WEEKDAY and dash and high == 0 and low > 0:
        high = 7  # FRI-SUN: Sunday ends the week as well as it begins it
    if high < low:
        after = f"{low}-{kind.high}" if low < kind.high else f"{low}"
        before = f"{kind.low}-{high}" if high > kind.low else f"{high}"
        two = f"{after},{before}"
        raise CronError(f"{kind.name}: the range {span} runs backwards; write {two}")
    return range(low, high + 1, step)


def _step(item: str, text: str, kind: FieldKind) -> int:
    size = kind.high - kind.low + 1
    if not _is_number(text) or not text.strip("0"):
        raise CronError(f"{kind.name}: {item} has no valid step; write for example */15")
    if len(text) > MAX_DIGITS:
        raise CronError(f"{kind.name}: the step has {len(text):,} digits; there are {size} values")
    if int(text) > size:
        fact = f"{item} steps over all {size} values, so only the first would ever fire"
        raise CronError(f"{kind.name}: {fact}; write that one")
    return int(text)


def _number(text: str, kind: FieldKind) -> int:
    if text.upper() in kind.names:
        return kind.names.index(text.upper()) + kind.low
    if not _is_number(text):
        for pattern, reason in _FOREIGN:
            if re.fullmatch(pattern, text.upper()):
                raise CronError(f"{kind.name}: {reason}")
        known = f" or {kind.names[0]}-{kind.names[-1]}" if kind.names else ""
        what = f"{text!r} is not understood" if text else "an item is empty"
        raise CronError(f"{kind.name}: {what}; write {kind.low}-{kind.high}{known}")
    if len(text) > MAX_DIGITS:
        raise CronError(f"{kind.name}: a number of {len(text):,} digits is out of range")
    value = int(text)
    top = 7 if kind is WEEKDAY else kind.high
    if not kind.low <= value <= top:
        first = f"; {_FIRST[kind.name]} is 0" if value == top + 1 and kind.name in _FIRST else ""
        raise CronError(f"{kind.name}: {value} is out of range {kind.low}-{top}{first}")
    return value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _canonical(texts: tuple[str, ...], stars: tuple[bool, ...], fields: Fields) -> str:
    """Write the cron in its normal form, keeping the stars that Debian's rules look at."""
    return " ".join(
        _starred(text, values, kind)
        if star
        else "*"
        if kind is not MINUTE and values == kind.everything
        else listed(values)
        for text, star, values, kind in zip(texts, stars, fields.sets, KINDS, strict=True)
    )


def _starred(text: str, values: tuple[int, ...], kind: FieldKind) -> str:
    if values == kind.everything:
        return "*"
    step = int(text.split(",", 1)[0].partition("/")[2] or 1)
    rest = tuple(value for value in values if value not in kind.everything[::step])
    return f"*/{step},{listed(rest)}" if rest else f"*/{step}"


def listed(values: tuple[int, ...], name: Callable[[int], str] = str) -> str:
    """Write ascending values as a list, three or more in a row as a range."""
    starts = [values[0]] + [b for a, b in pairwise(values) if b != a + 1]
    ends = [a for a, b in pairwise(values) if b != a + 1] + [values[-1]]
    found = []
    for low, high in zip(starts, ends, strict=True):
        between = "," if high == low + 1 else "-"
        found.append(name(low) if low == high else f"{name(low)}{between}{name(high)}")
    return ",".join(found)
