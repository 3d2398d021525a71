"""The words of a value, one by one."""

import pytest

from qstash_sync.render import words


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
