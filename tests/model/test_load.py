"""How many messages the declared schedules send."""

from datetime import UTC, date, datetime

from qstash_sync.model.load import Load, load
from tests.support import config

NOW = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)  # a Thursday
FILE = """
version: 1
namespace: billing
limits: {plan: free}
defaults: {destination: https://app.example.com/x, timezone: UTC}
url_groups:
  g: {endpoints: {a: https://a.example.com, b: https://b.example.com, c: https://c.example.com}}
schedules:
  hourly: {cron: "0 * * * *", retries: 2}
  sunday: {cron: "0 9 * * 0", url_group: g, destination: null, retries: 0, failure_callback: /f, base_url: https://a.example.com}
  told: {cron: "0 12 * * *", callback: /c, base_url: https://a.example.com, retries: 1}
  off: {cron: "* * * * *", paused: true}
"""


def loaded(text: str = FILE) -> Load:
    desired = config(text).desired
    return load(desired, desired.schedules or (), NOW)


def test_the_busiest_day_counts_endpoints_callbacks_and_at_worst_every_try() -> None:
    found = loaded()
    assert (found.busiest, found.messages) == (date(2026, 11, 29), 24 + 3 + 2)
    assert found.worst == 24 * 3 + 3 * (1 + 1) + 2 * 2
    assert (found.plan, found.allowed) == ("free", 1_000)
    assert found.total == 8 * (24 + 2) + 3


def test_the_peak_is_the_first_minute_with_the_most() -> None:
    found = loaded()
    assert found.peak == datetime(2026, 11, 29, 9, tzinfo=UTC)
    assert (found.at_peak, found.of_peak) == (4, (("sunday", 3), ("hourly", 1)))


def test_a_group_that_the_file_does_not_declare_is_named() -> None:
    text = FILE.replace("url_groups:", "x-groups:")
    assert loaded(text).uncounted == ("g",)
    assert loaded(text).of_peak == (("hourly", 1), ("told", 2))[::-1]


def test_nothing_that_fires_has_no_peak() -> None:
    found = loaded("version: 1\nnamespace: billing\nschedules: {}\n")
    assert (found.messages, found.peak, found.of_peak, found.allowed) == (0, None, (), None)
