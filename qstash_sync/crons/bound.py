"""How many parts a schedule can need at most, without compiling it: sound, and mostly exact.

`seasons.Year` keeps the best of many candidates, so any one of them bounds what it finds. The one
to count is that of the shortest horizon, 120 days, in the cover "by season":

    09:00 in New York         Jan   Feb   Mar   Apr - Oct   Nov   Dec
    14:00 UTC                 #     #     #..   .           .     #
    13:00 UTC                 .     .     .##   #           #     .
                                          |--- 120 days ---|

    whole months     each season has a cron for each product of each class of minutes; and one for
                     each list of dates, where its dates do not follow the weekdays
    split months     in a month that a change of the clock touches, each season may have a list of
                     its own: two crons more
    special dates    the products of what is wanted on a date that no season gets right

The day of a compilation does not matter to the first line. For the others the 120 days slide over
the coming year, and the window with the most is taken. `cover.py` explains the words.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, bits, pieces
from qstash_sync.crons.cover import (
    Why,
    by_weekday,
    grouped,
    partition,
    products,
    shifted,
    weekly_of,
)
from qstash_sync.crons.dates import DATED
from qstash_sync.crons.firings import steady, wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import MONTH_DAYS
from qstash_sync.crons.seasons import LONGEST, SHORTEST

_MONTHS = range(1, 13)
_Cells = Sequence[tuple[Why, int]]  # minutes of the day, and the crons that they fire by


class _Class(NamedTuple):
    """Minutes of a season that may share one rule.

    products: their crons for one list of dates.
    weekly: for each month the weekdays that say it for any year, 0 for never, or DATED.
    lists: the different lists of dates in whole months that are DATED.
    """

    products: int
    weekly: tuple[int, ...]
    lists: int


class _Meeting(NamedTuple):
    """A change of the clock: the first and last date it touches (ordinals), the parts it adds."""

    first: int
    last: int
    parts: int


@lru_cache(maxsize=16_384)
def most_parts(job: Job, today: date) -> int:
    """No `split` compilation of a job has more parts, on whatever day from today to 366 days on.

    Nor has one of `follow`; one of `auto` has no more, or those of `native`.
    """
    two_years = Span(today, 2 * LONGEST)
    offsets = {offset for _, _, offset in pieces(job.timezone, two_years)}
    seasons = [_classes(job, offset) for offset in offsets]
    span = Span(today - timedelta(days=1), LONGEST + SHORTEST + 2)
    changes = zones.transitions(job.timezone, span.start, span.end)
    return _whole(seasons) + _most_at_once([_meeting(job, seasons, change) for change in changes])


# ---------------------------------------------------------------- whole months


def _whole(seasons: Sequence[Sequence[_Class]]) -> int:
    """The crons of all seasons, if each month belonged to one of them."""
    known = [found for season in seasons for found in season]
    weekly = sum(found.products * len(set(found.weekly) - {0, DATED}) for found in known)
    lists = sum(found.products * found.lists for found in known)
    # Each month is in one season only; take the one that needs most there.
    by_month = sum(
        max(sum(found.products * (found.weekly[month - 1] == DATED) for found in season)
            for season in seasons)
        for month in _MONTHS
    )  # fmt: skip
    return weekly + min(lists, by_month)


def _classes(job: Job, offset: int) -> list[_Class]:
    """The minutes that fire in the season of one offset, by what any year says of their dates."""
    local = [
        (minutes, (cron.fields, shift))
        for cron in job.crons
        for minutes, shift in shifted(cron.fields.minute_of_day, offset)
    ]
    alike: dict[tuple[tuple[int, ...], bool], list[tuple[Why, int]]] = defaultdict(list)
    for why, minutes in partition(local).items():
        weekly = weekly_of(why)
        alike[weekly, by_weekday(why)].append((why, minutes))
    found = []
    for (weekly, loose), cells in alike.items():
        dated = [month for month in _MONTHS if weekly[month - 1] == DATED]
        if not dated:  # one rule, in any year
            together = sum(minutes for _, minutes in cells)
            found.append(_Class(len(products(together)), weekly, 0))
        else:
            lists = len(dated) if loose else max(_lists(why, dated) for why, _ in cells)
            found.append(_Class(_products_of_any(cells), weekly, lists))
    return found


def _products_of_any(cells: _Cells) -> int:
    """The products of cells of which some have the same dates in one year, others in another.

    Hours that have the same minutes in every cell have them in any union of cells.
    """
    if len(cells) == 1:
        return len(products(cells[0][1]))
    times = [
        (*divmod(at, 60), number)
        for number, (_, minutes) in enumerate(cells)
        for at in bits(minutes)
    ]
    by_hour = grouped((hour, minute * len(cells) + number) for hour, minute, number in times)
    by_minute = grouped(
        sorted((minute, hour * len(cells) + number) for hour, minute, number in times)
    )
    return len(cells) * min(len(by_hour), len(by_minute))


def _lists(why: Why, dated: Iterable[int]) -> int:
    """The different lists of dates in some months, where no weekday matters and so no year.

    Where no date moves into another month, they differ by the 29th to 31st only, and so join.
    """
    shifts = {shift for _, shift in why}
    if shifts == {0} and len({fields.months for fields, _ in why}) == 1:
        return 1
    lists = set[object]()
    for month in dated:
        before = MONTH_DAYS[month - 2] if -1 in shifts else None
        fires = [(month in f.months, (month - 1 + shift) % 12 + 1 in f.months) for f, shift in why]
        lists.add((MONTH_DAYS[month - 1], before, *fires))
    return len(lists)


# ---------------------------------------------------------------- changes of the clock


def _most_at_once(meetings: Sequence[_Meeting]) -> int:
    """The most that the changes within any 120 days add."""
    windows = (
        sum(later.parts for later in meetings[number:] if later.first < first.last + SHORTEST)
        for number, first in enumerate(meetings)
    )
    return max(windows, default=0)


def _meeting(job: Job, seasons: Sequence[Sequence[_Class]], change: zones.Transition) -> _Meeting:
    """What a change adds: the lists of the months that it splits, and its special dates.

    It reaches as far as the clock is moved: before it for the first pass of a fold, and after it.
    """
    reach = timedelta(minutes=abs(change.offset_after - change.offset_before))
    touched = Span.around(change.at - reach, change.at + reach)
    dates = [touched.first + timedelta(days=number) for number in range(touched.days)]
    split = sum(
        max(sum(found.products * bool(found.weekly[month - 1]) for found in season)
            for season in seasons)
        for month in {day.month for day in dates}
    )  # fmt: skip
    special = sum(_special(job, change, day) for day in dates)
    return _Meeting(dates[0].toordinal(), dates[-1].toordinal(), split * len(seasons) + special)


def _special(job: Job, change: zones.Transition, day: date) -> int:
    """The products of what is wanted on a date, if neither season does just that; else none."""
    span = Span(day, 1)
    want = wanted(job, span)
    if want == steady(job, change.offset_after, span):
        return 0
    # The season before does not count for a year that begins after the change, on the same date.
    if change.at > span.start and want == steady(job, change.offset_before, span):
        return 0
    return len(products(want))
