"""Zone data: the installed `tzdata` package only, never the operating system's older copy."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from qstash_sync.errors import CompileError

_MINUTE = timedelta(minutes=1)


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
    import tzdata  # noqa: PLC0415 a data package; its import costs nothing until asked

    return str(tzdata.IANA_VERSION)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A zone by its exact name; a `CompileError` names the nearest one that exists."""
    if name not in names():
        folded = {known.lower(): known for known in names()}
        close = [folded[n] for n in get_close_matches(name.lower(), folded, 1, 0.5)]
        by_city = [known for known in names() if known.rpartition("/")[2].lower() == name.lower()]
        hint = next(iter(by_city + close), "Europe/Berlin")
        raise CompileError(f"{name!r} is not a time zone; did you mean {hint}?")
    file = resources.files("tzdata.zoneinfo")
    for step in name.split("/"):
        file = file.joinpath(step)
    with file.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def offset(name: str, at: datetime) -> int:
    """Minutes east of UTC at an instant."""
    found = zone(name).utcoffset(at.astimezone(zone(name)))
    return int((found or timedelta()).total_seconds() // 60)


@lru_cache(maxsize=4096)
def transitions(name: str, start: datetime, end: datetime) -> tuple[Transition, ...]:
    """The changes of offset with start < at <= end, each found to the minute."""
    found: list[Transition] = []
    low, before = start, offset(name, start)
    step = timedelta(days=7)  # Ramadan's pair, the closest there is, lies four weeks apart
    while low < end:
        high = min(low + step, end)
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
