"""Cron as QStash's likely parser (robfig/cron v3) reads it: its grammar and its error texts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {name: number for number, name in enumerate(_MONTHS, 1)},
    {name: number for number, name in enumerate(_DAYS)},
)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_YEARS_AHEAD = 5


class CronError(ValueError):
    """A cron that the server refuses, in the parser's own words."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The values of the five fields, whether each day field is a star, and the zone."""

    fields: tuple[frozenset[int], ...]
    day_star: bool
    weekday_star: bool
    zone: ZoneInfo | None  # None is UTC

    def fits_date(self, day: datetime) -> bool:
        """Robfig's rule: both must match if one of them is a star, either otherwise."""
        if day.month not in self.fields[3]:
            return False
        by_day, by_weekday = day.day in self.fields[2], day.isoweekday() % 7 in self.fields[4]
        if self.day_star or self.weekday_star:
            return by_day and by_weekday
        return by_day or by_weekday


@lru_cache(maxsize=8192)
def parse(text: str, *, descriptors: bool = True) -> Spec:
    """Read a cron with its optional `CRON_TZ=` prefix."""
    if not text:
        raise CronError("empty spec string")
    zone = None
    match = re.match(r"(?:CRON_)?TZ=([^ ]*) *(.*)", text, re.DOTALL)
    if match:
        zone, text = _zone(match[1]), match[2].strip()
    if text.startswith("@"):
        if not descriptors:
            raise CronError(f"parser does not accept descriptors: {text}")
        if text not in _DESCRIPTORS:
            raise CronError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    words = text.split()
    if len(words) != len(_BOUNDS):
        raise CronError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
    parsed = [_field(word, number) for number, word in enumerate(words)]
    sets = tuple(values for values, _ in parsed)
    return Spec(sets, parsed[2][1], parsed[4][1], zone)


def _zone(name: str) -> ZoneInfo | None:
    if name in ("", "UTC", "Local"):
        return None
    file = resources.files("tzdata.zoneinfo")
    for step in name.split("/"):
        file = file.joinpath(step)
    if ".." in name or not file.is_file():
        raise CronError(f"provided bad location {name}: unknown time zone {name}")
    with file.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def _field(word: str, number: int) -> tuple[frozenset[int], bool]:
    values: set[int] = set()
    star = False
    for item in word.split(","):
        if item:
            found, is_star = _range(item, number)
            values |= found
            star = star or is_star
    return frozenset(values), star


def _range(item: str, number: int) -> tuple[set[int], bool]:
    low, high = _BOUNDS[number]
    span, *steps = item.split("/")
    first, *rest = span.split("-")
    if len(steps) > 1:
        raise CronError(f"too many slashes: {item}")
    if len(rest) > 1:
        raise CronError(f"too many hyphens: {item}")
    step = _integer(steps[0]) if steps else 1
    star = first in ("*", "?")
    if star:
        start, end = low, high
    else:
        start = _value(first, number)
        end = _value(rest[0], number) if rest else (high if steps else start)
    if start < low:
        raise CronError(f"beginning of range ({start}) below minimum ({low}): {item}")
    if end > high:
        raise CronError(f"end of range ({end}) above maximum ({high}): {item}")
    if start > end:
        raise CronError(f"beginning of range ({start}) beyond end of range ({end}): {item}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {item}")
    return set(range(start, end + 1, step)), star and step == 1


def _value(word: str, number: int) -> int:
    name = word.lower()
    return _NAMES[number][name] if name in _NAMES[number] else _integer(word)


def _integer(word: str) -> int:
    if not re.fullmatch(r"\+?\d+", word):
        raise CronError(
            f'failed to parse int from {word}: strconv.Atoi: parsing "{word}": invalid syntax'
        )
    return int(word)


def firings(spec: Spec, start: datetime) -> Iterator[datetime]:
    """The UTC instants strictly after a start: gaps are skipped, folds fire twice."""
    day = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = day + timedelta(days=366 * _YEARS_AHEAD)
    hours, minutes = sorted(spec.fields[1]), sorted(spec.fields[0])
    if not hours or not minutes:
        return
    while day < last:
        yield from (at for at in _of_day(spec, day, hours, minutes) if at > start)
        day += timedelta(days=1)


def _of_day(spec: Spec, day: datetime, hours: list[int], minutes: list[int]) -> list[datetime]:
    """The firings on one UTC day, in order."""
    if spec.zone is None:
        if not spec.fits_date(day):
            return []
        return [day.replace(hour=hour, minute=minute) for hour in hours for minute in minutes]
    found: set[datetime] = set()
    for shift in (-1, 0, 1):
        local = (day + timedelta(days=shift)).replace(tzinfo=None)
        if not spec.fits_date(local):
            continue
        for hour in hours:
            for minute in minutes:
                for fold in (0, 1):
                    wall = local.replace(hour=hour, minute=minute, fold=fold, tzinfo=spec.zone)
                    at = wall.astimezone(UTC)
                    there_and_back = at.astimezone(spec.zone).replace(tzinfo=None, fold=0)
                    if there_and_back == wall.replace(tzinfo=None, fold=0):
                        found.add(at)
    return sorted(at for at in found if day <= at < day + timedelta(days=1))


def next_firing(text: str, after: datetime) -> datetime | None:
    """The next firing of a stored cron, or None if there is none within five years."""
    return next(firings(parse(text), after), None)
