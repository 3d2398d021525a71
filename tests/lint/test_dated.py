"""What schedules send together is the same on each day of the run, for dates of months, too."""

from datetime import UTC, datetime, timedelta

import pytest

from qstash_sync.lint import judge
from tests.support import config

HEAD = """\
version: 1
namespace: acme
limits: {plan: free}
defaults: {timezone: UTC, base_url: "https://app.example.com", failure_callback: /f, retries: 0, timeout: 60s}
schedules:
"""


def job(name: str, cron: str, more: str = "") -> str:
    return f'  {name}: {{cron: "{cron}", destination: /{name}{more}}}\n'


MONTHLY = "".join(job(f"m{n}", "0 9 1 * *") for n in range(11))
KEY = ", flow_control: {key: k, rate: 1, period: 10m}"
FILES = {
    "the whole first of a month": ("daily_messages", job("a", "* * 1 * *")),
    "a day of one month": ("daily_messages", job("a", "* * 24 12 *")),
    "a whole month": ("daily_messages", job("a", "* * * 8 *")),
    "in another zone": ("daily_messages", job("a", "* * 1-3 * *", ", timezone: Pacific/Auckland")),
    "on top of every week": (
        "daily_messages", job("a", "*/2 8-23 * * *") + job("b", "*/2 1-23 15 * *"),
    ),
    "many at once on the first": ("peak_minute", MONTHLY),
    "many at once, beside a long day": ("peak_minute", MONTHLY + job("z", "*/3 * 20 * *")),
    "a key on one day": ("slow_drain", job("a", "*/5 9 1 * *", KEY)),
}  # fmt: skip


def codes(text: str, now: datetime) -> set[str]:
    desired = config(text).desired
    return {str(found.code) for found in judge.findings(desired, now)}


@pytest.mark.parametrize(("code", "jobs"), FILES.values(), ids=FILES)
def test_a_finding_does_not_wait_until_the_day_is_near(code: str, jobs: str) -> None:
    first = datetime(2026, 11, 2, 12, tzinfo=UTC)
    for days in (0, 10, 18, 22, 60, 120):
        assert codes(HEAD + jobs, first + timedelta(days=days)) == {code}, days


def test_a_day_that_is_far_is_named() -> None:
    desired = config(HEAD + job("a", "* * 24 12 *")).desired
    (found,) = judge.findings(desired, datetime(2026, 11, 2, tzinfo=UTC))
    assert found.message == "1,440 messages on 2026-12-24, more than the plan's 1,000 a day"


def test_dates_that_stay_below_the_limits_are_no_finding() -> None:
    few = "".join(job(f"m{n}", "0 9 1 * *") for n in range(10)) + job("a", "*/2 10-23 1 * *")
    assert codes(HEAD + few, datetime(2026, 11, 2, tzinfo=UTC)) == set()
