"""Jobs that some year goes without, such as those of 29 February.

A stored cron has no year, and what is proven of one year says nothing of the others: such a job is
right in UTC only where plain crons are right in all years.
"""

from datetime import date, timedelta
from functools import lru_cache

from qstash_sync.crons.bitmaps import Span, fitting
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import DAY, MONTH_DAYS, WEEKDAY, Fields
from qstash_sync.crons.seasons import LONGEST

CYCLE_YEARS = 28  # after which dates and weekdays come again
CYCLE = CYCLE_YEARS * 365 + 7  # days
_YEARS = [Span(date(year, 1, 1), 366 if year % 4 == 0 else 365) for year in range(2001, 2029)]
_SHORTEST = min(MONTH_DAYS) - 1  # days of February in a usual year


@lru_cache(maxsize=16_384)
def fires_every_year(job: Job) -> bool:
    """Whether its dates are in each year of the calendar."""
    rules = [cron.fields for cron in job.crons]
    if any(map(_is_of_every_year, rules)):
        return True  # nearly all
    return all(any(1 in fitting(fields, year) for fields in rules) for year in _YEARS)


def _is_of_every_year(fields: Fields) -> bool:
    """Whether it is told without looking: every month has each weekday, and 28 days."""
    if by_weekday(fields):
        return fields.days == DAY.everything
    return fields.either or fields.days[0] <= _SHORTEST


def by_weekday(fields: Fields) -> bool:
    """Whether its weekdays narrow its dates."""
    return fields.weekdays != WEEKDAY.everything and not fields.either


def next_year(job: Job, today: date) -> Span | None:
    """The first days, as many as a horizon has, in which such a job fires."""
    for number in range(CYCLE // LONGEST + 1):
        span = Span(today + timedelta(days=number * LONGEST), LONGEST)
        if wanted(job, span):
            return span
    return None
