"""Zone data: the installed `tzdata` package only, never the operating system's older copy."""

import pkgutil
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from io import BytesIO
from zoneinfo import ZoneInfo

import tzdata

from qstash_sync.crons.error import CronError
from qstash_sync.crons.zone_names import advice
from qstash_sync.record import record

YEARS = range(1970, 3000)  # that can be asked about: a horizon must fit before the calendar's end
_MINUTE = timedelta(minutes=1)
_STEP = timedelta(days=7)  # Ramadan's pair, the closest there is, lies four weeks apart


@record()
class Transition:
    """A change of a zone's offset; offsets in minutes east of UTC."""

    at: datetime
    offset_before: int
    offset_after: int


def _data(name: str) -> bytes:
    """A file of the package. `importlib.resources` would take longer to import than to read it."""
    return pkgutil.get_data("tzdata", name) or b""


@cache
def names() -> tuple[str, ...]:
    """Every zone name of the package, sorted."""
    return tuple(sorted(_data("zones").decode().split()))


@cache
def tzdata_version() -> str:
    """The IANA version of the zone data in use, such as 2026f."""
    return str(tzdata.IANA_VERSION)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A zone by its exact name; a `CronError` names the nearest one that exists."""
    if name not in _known():
        raise CronError(f"{name!r} is not a time zone; {advice(name, names())}")
    return ZoneInfo.from_file(BytesIO(_data(f"zoneinfo/{name}")), key=name)


@cache
def _known() -> frozenset[str]:
    return frozenset(names())


def offset(name: str, at: datetime) -> int:
    """Minutes east of UTC at an instant."""
    return (at.astimezone(zone(name)).utcoffset() or timedelta()) // _MINUTE


def transitions(name: str, start: datetime, end: datetime) -> tuple[Transition, ...]:
    """The changes of offset with start < at <= end, each found to the minute."""
    years = range(start.astimezone(UTC).year, end.astimezone(UTC).year + 1)
    return tuple(
        change for year in years for change in _changes(name, year) if start < change.at <= end
    )


@lru_cache(maxsize=8192)
def _changes(name: str, year: int) -> tuple[Transition, ...]:
    """The changes after the first instant of a UTC year until that of the next."""
    found: list[Transition] = []
    low, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    before = offset(name, low)
    while low < end:
        high = min(low + _STEP, end)
        after = offset(name, high)
        if after != before:
            found.append(Transition(_bisect(name, low, high, before), before, after))
        low, before = high, after
    return tuple(found)


def _bisect(name: str, low: datetime, high: datetime, before: int) -> datetime:
    while high - low > _MINUTE:
        middle = low + (high - low) // _MINUTE // 2 * _MINUTE
        if offset(name, middle) == before:
            low = middle
        else:
            high = middle
    return high
