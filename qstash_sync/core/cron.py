"""The cron grammar: five fields of local time, strict, with a reason for every refusal.

The reference is Debian's cron(5). A field whose text starts with `*` is no restriction, so
`0 9 */2 * 1` means odd days that are Mondays, while `0 9 1,15 * 1` means either.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from qstash_sync.errors import CompileError

MACROS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed cron: ascending field values, Sunday as 0, and what its stars mean.

    either: both day fields are restricted, so a date fits when one of them does.
    interval: minute or hour starts with `*`, or all 24 hours are given (Debian's class of jobs
    that follow real time through a clock change).
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool
    interval: bool

    @property
    def key(self) -> tuple[object, ...]:
        """What two crons must share to mean the same, whatever their text."""
        fields = (self.minutes, self.hours, self.days, self.months, self.weekdays)
        return (*fields, self.either, self.interval)

    @property
    def canonical(self) -> str:
        """The same cron in the plainest text; `either` keeps its meaning."""
        return render(self.minutes, self.hours, self.days, self.months, self.weekdays)

    def fits(self, month: int, day: int, weekday: int) -> bool:
        """Whether a date matches; weekday counts from Sunday = 0."""
        if month not in self.months:
            return False
        if self.either:
            return day in self.days or weekday in self.weekdays
        return day in self.days and weekday in self.weekdays


@lru_cache(maxsize=4096)
def parse(text: str) -> Cron:
    """Read a cron; a `CompileError` says what is not understood, and what to write instead."""
    source = MACROS.get(text.strip().lower(), text.strip())
    if source.startswith("@"):
        known = ", ".join(MACROS)
        raise CompileError(f"{text.strip()!r} has no fixed time in a day; known: {known}")
    if re.match(r"(CRON_)?TZ=", source, re.IGNORECASE):
        raise CompileError("the zone has a key of its own: timezone: Europe/Berlin")
    words = source.split()
    if len(words) == 6:  # noqa: PLR2004 the mistake has a name
        raise CompileError("6 fields: QStash has no seconds; leave out the first field")
    if len(words) != len(_FIELDS):
        raise CompileError(f"{len(words)} fields instead of 5: minute hour day month weekday")
    fields = [_field(word, field) for word, field in zip(words, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = fields
    weekdays = tuple(sorted({value % 7 for value in weekdays}))
    stars = [word.startswith(("*", "?")) for word in words]
    either = not stars[2] and not stars[4]
    if not either and not any(days[0] <= _LONGEST_MONTH[month - 1] for month in months):
        raise CompileError(f"never fires: no such date as day {words[2]} of month {words[3]}")
    interval = stars[0] or stars[1] or len(hours) == 24  # noqa: PLR2004 hours of a day
    return Cron(text.strip(), minutes, hours, days, months, weekdays, either, interval)


def _field(text: str, field: _Field) -> tuple[int, ...]:
    values: set[int] = set()
    for item in text.split(","):
        values |= _item(item, text, field)
    return tuple(sorted(values))


def _item(item: str, text: str, field: _Field) -> set[int]:
    span, slash, step_text = item.partition("/")
    top = 6 if field.name == "day of week" else field.high
    if slash and not (step_text.isdecimal() and 0 < int(step_text) <= field.high):
        raise CompileError(f"{field.name}: {item!r} has no valid step; write for example */15")
    step = int(step_text) if slash else 1
    if span in ("*", "?"):
        return set(range(field.low, top + 1, step))
    first, dash, last = span.partition("-")
    low = _value(first, text, field)
    open_end = top if slash else low
    high = _value(last, text, field) if dash else open_end
    if high < low:
        raise CompileError(
            f"{field.name}: the range {span} runs backwards; write two, such as 22-23,0-2"
        )
    return set(range(low, high + 1, step))


def _value(word: str, text: str, field: _Field) -> int:
    if word.isdecimal() and word.isascii():
        value = int(word)
        if not field.low <= value <= field.high:
            raise CompileError(f"{field.name}: {value} is out of range {field.low}-{field.high}")
        return value
    if word.lower() in field.words:
        return field.words.index(word.lower()) + (1 if field.low else 0)
    raise CompileError(f"{field.name}: {_reason(word, text)}")


def _reason(word: str, text: str) -> str:
    if "#" in word:
        return f"{text!r}: # (the n-th weekday of a month) is not known to QStash"
    if re.fullmatch(r"\d*L[\dW]*", word, re.IGNORECASE):
        return f"{text!r}: L (last) is not known to QStash"
    if re.fullmatch(r"(\d+W|LW|W)", word, re.IGNORECASE):
        return f"{text!r}: W (nearest weekday) is not known to QStash"
    if re.fullmatch(r"[RH](\(.*)?", word, re.IGNORECASE):
        return f"{text!r}: random times (R, H) cannot be compared; write the minute you want"
    return f"{text!r} is not understood; use numbers, names such as MON, lists, ranges and steps"


def render(
    minutes: tuple[int, ...],
    hours: tuple[int, ...],
    days: tuple[int, ...],
    months: tuple[int, ...],
    weekdays: tuple[int, ...],
) -> str:
    """The plainest text of five field sets: `*`, `*/n` that divides, ranges, lists; Sunday is 0."""
    return " ".join(
        (
            _text(minutes, 0, 59),
            _text(hours, 0, 23),
            _text(days, 1, 31),
            _text(months, 1, 12),
            _text(weekdays, 0, 6),
        )
    )


def _text(values: tuple[int, ...], low: int, high: int) -> str:
    count = high - low + 1
    if len(values) == count:
        return "*"
    if low == 0 and len(values) > 2 and count % len(values) == 0:  # noqa: PLR2004 0,30 stays a list
        step = count // len(values)
        if values == tuple(range(0, count, step)):
            return f"*/{step}"
    return ",".join(_ranges(values))


def _ranges(values: tuple[int, ...]) -> list[str]:
    """Runs of three or more as ranges, everything else as numbers."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    shown: list[str] = []
    for run in runs:
        shown += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(value) for value in run]  # noqa: PLR2004
    return shown
