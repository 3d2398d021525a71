"""The words of a value, one by one."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from qstash_sync.render import spoken, words


@pytest.mark.parametrize(
    ("found", "path", "said"),
    [
        (None, "retries", "(none)"),
        (90, "timeout", "1m30s"),
        (90, "retries", "90"),
        (("a", "b"), "labels", "a, b"),
        ("audit", "destination", "URL group audit"),
        ("audit.eu-1", "destination", "URL group audit.eu-1"),
        ("audit", "queue", "audit"),
        ("https://e.com", "destination", "https://e.com"),
        ("(secret)", "destination", "(secret)"),
        ("(not shown)", "destination", "(not shown)"),
    ],
)
def test_a_value(found: object, path: str, said: str) -> None:
    assert words.value(found, path) == said


@pytest.mark.parametrize(
    ("zone", "told"),
    [("Pacific/Chatham", "Sun 18:15Z"), ("UTC", "18:15Z"), ("America/New_York", "18:15Z")],
)
def test_an_instant_has_its_day_where_that_is_another_one(zone: str, told: str) -> None:
    at = datetime(2026, 11, 29, 18, 15, tzinfo=UTC)
    assert spoken.utc(at, at.astimezone(ZoneInfo(zone))) == told
