"""Firings that come before the last retry of the one before: the bound against every minute."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from qstash_sync.crons import gap_and_fold
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Fold, Gap
from qstash_sync.lint.delivery import never_within
from tests.crons.crons import a_cron

SEED = 20261127
# Half an hour, one hour, two hours; towards the other pole; none; a change each few weeks.
ZONES = (
    "Australia/Lord_Howe", "Europe/Berlin", "Antarctica/Troll", "America/Santiago", "Asia/Tokyo",
    "Africa/Casablanca", "America/New_York",
)  # fmt: skip
REACHES = (1, 5, 29, 30, 31, 32, 59, 60, 61, 119, 120, 180, 600, 1_320, 1_439, 1_440, 4_000)


@pytest.mark.parametrize("timezone", ZONES)
def test_what_is_told_by_the_minutes_of_the_day_holds_for_every_two_firings(timezone: str) -> None:
    rng = random.Random(f"{SEED} {timezone}")
    told = 0
    for _ in range(60):
        crons = [a_cron(rng) for _ in range(rng.choice((1, 1, 1, 2)))]
        gap, fold = rng.choice((None, *Gap)), rng.choice((None, *Fold))
        job = gap_and_fold.job(crons, timezone, gap=gap, fold=fold)
        span = Span(date(2026, rng.randrange(1, 13), rng.randrange(1, 28)), 366)
        fired = [span.minute(at) for at in instants(wanted(job, span), span)]
        nearest = min((b - a for a, b in pairwise(fired)), default=10**9)
        for reach in REACHES:
            if never_within(job, span, reach):
                told += 1
                assert nearest > reach, (crons, timezone, gap, fold, span, reach)
    assert told >= 30  # it tells something


def test_a_daily_job_takes_no_look_at_the_year() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    span = Span.around(now, now + timedelta(days=366))
    for timezone in ZONES[1:]:
        assert never_within(gap_and_fold.job("30 2 * * *", timezone), span, 32)
    assert not never_within(gap_and_fold.job("30 2 * * *", ZONES[0]), span, 32)  # fold: both, by 30
