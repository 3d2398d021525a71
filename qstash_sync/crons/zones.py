"""Zone data: the installed `tzdata` package only, never the operating system's older copy."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from qstash_sync.crons.error import CronError

_MINUTE = timedelta(minutes=1)
_STEP = timedelta(days=7)  # Ramadan's pair, the closest there is, lies four weeks apart


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a zone's offset; offsets in minutes east of UTC."""

    at: datetime
    offset_before: int
    offset_after: int


@cache
def names() -> tuple[str, ...]:
    """Every zone name of the package, sorted."""
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return tuple(sorted(text.split()))


@cache
def tzdata_version() -> str:
    """The IANA version of the zone data in use, such as 2026f."""
    import tzdata  # noqa: PLC0415 - a data package; its import costs nothing until asked

    return str(tzdata.IANA_VERSION)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A zone by its exact name; a `CronError` names the nearest one that exists."""
    if name not in _known():
        raise CronError(f"{name!r} is not a time zone; did you mean {_nearest(name)}?")
    file = resources.files("tzdata.zoneinfo").joinpath(*name.split("/"))
    with file.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def _known() -> frozenset[str]:
    return frozenset(names())


def _nearest(name: str) -> str:
    folded = {known.lower(): known for known in names()}
    wanted = name.strip().lower().replace(" ", "_")
    city = [known for low, known in folded.items() if low.rpartition("/")[2] == wanted]
    close = [folded[found] for found in get_close_matches(wanted, folded, 1, 0.5)]
    return next(iter([*city, *close]), "Europe/Berlin")


def offset(name: str, at: datetime) -> int:
    """Minutes east of UTC at an instant."""
    found = at.astimezone(zone(name)).utcoffset()
    return int((found or timedelta()).total_seconds() // 60)


@lru_cache(maxsize=4096)
def transitions(name: str, start: datetime, end: datetime) -> tuple[Transition, ...]:
    """The changes of offset with start < at <= end, each found to the minute."""
    found: list[Transition] = []
    low, before = start, offset(name, start)
    while low < end:
        high = min(low + _STEP, end)
        after = offset(name, high)
        if after != before:
            found.append(Transition(_bisect(name, low, high, before), before, after))
        low, before = high, after
    return tuple(found)


def _bisect(name: str, low: datetime, high: datetime, before: int) -> datetime:
    while high - low > _MINUTE:
        middle = low + timedelta(minutes=int((high - low) / _MINUTE) // 2)
        if offset(name, middle) == before:
            low = middle
        else:
            high = middle
    return high.astimezone(UTC)
