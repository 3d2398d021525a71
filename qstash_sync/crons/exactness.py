"""Stored crons against what is wanted: what differs, and from when on.

Stored crons are read as QStash's parser is modelled to read them, `CRON_TZ=` included.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from qstash_sync.crons import robfig
from qstash_sync.crons.bitmaps import Difference, Span, compare as compare_bitmaps
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import Job, wanted

AHEAD_YEARS = 5  # what is exact for this long counts as exact for ever
_YEAR = timedelta(days=366)


def is_plain(cron: str) -> bool:
    """Whether a stored cron is one in UTC that we can read."""
    try:
        return robfig.read(cron).timezone == "UTC"
    except CronError:
        return False


def compare(job: Job, crons: Sequence[str], start: datetime, end: datetime) -> Difference:
    """How stored crons differ from what is wanted, from start until before end."""
    span = Span.around(start, end)
    stored = [robfig.firings(cron, span) for cron in crons]
    once = [bitmap for bitmap, _ in stored]
    again = [bitmap for _, bitmap in stored if bitmap]
    return compare_bitmaps(wanted(job, span), once + again, span, span.window(start, end))


def holds(job: Job, crons: Sequence[str], start: datetime, end: datetime) -> bool:
    """Whether plain UTC crons fire exactly as wanted, from start until before end.

    As a multiset: a firing that is missing, one too many and one that comes twice all count. It
    asks one reader, the model of QStash's parser, and compiles nothing; False, too, where a cron
    names another zone than UTC or cannot be read. Kept for each (job, crons, start, end).
    """
    return _holds(job, tuple(crons), start, end)


@lru_cache(maxsize=16_384)
def _holds(job: Job, crons: tuple[str, ...], start: datetime, end: datetime) -> bool:
    return all(map(is_plain, crons)) and compare(job, crons, start, end).none


def exact_until(job: Job, crons: Sequence[str], now: datetime) -> datetime | None:
    """The first wrong firing of stored crons from now on; None if there is none in five years."""
    at = now.astimezone(UTC)
    for _ in range(AHEAD_YEARS):
        wrong = compare(job, crons, at, at + _YEAR).first
        if wrong:
            return wrong
        at += _YEAR
    return None
